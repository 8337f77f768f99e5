//! The one hash of taskd: SHA-256, which is the same on every machine and in every version.

use sha2::{Digest, Sha256};

/// The first 64 bits of the SHA-256 of `parts`, with a zero byte between them.
#[must_use]
pub fn stable(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update([0]);
        }
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_never_changes() {
        // printf 'backup\0minute' | sha256sum
        assert_eq!(stable(&[b"backup", b"minute"]), 0x4c6c_dfe0_aacd_689a);
        assert_ne!(stable(&[b"ab", b"c"]), stable(&[b"a", b"bc"]));
    }
}
