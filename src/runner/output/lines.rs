//! Bytes as lines of a log: each as text, none too long.

/// A longer line becomes several, of so many bytes at most.
pub const LONGEST: usize = 8 * 1024;

/// Puts together lines from the pieces in which they come.
#[derive(Debug, Default)]
pub struct Lines {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
}

impl Lines {
    /// Takes `bytes`, and calls `tell` for each line that is complete.
    pub fn push(&mut self, bytes: &[u8], mut tell: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let mut text = text;
            while self.begun.len() + text.len() > LONGEST {
                let (now, later) = text.split_at(LONGEST - self.begun.len());
                self.begun.extend_from_slice(now);
                self.tell_part(&mut tell);
                text = later;
            }
            self.begun.extend_from_slice(text);
            if ends {
                let line = std::mem::take(&mut self.begun);
                tell(&String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)));
            }
        }
    }

    /// Tells what has begun and gets no end.
    pub fn finish(&mut self, mut tell: impl FnMut(&str)) {
        let line = std::mem::take(&mut self.begun);
        if !line.is_empty() {
            tell(&String::from_utf8_lossy(&line));
        }
    }

    /// Tells the beginning of a line that is too long, without cutting a character in two.
    fn tell_part(&mut self, tell: &mut impl FnMut(&str)) {
        let is_inner = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let inner = self.begun.iter().rev().take(3).take_while(|byte| is_inner(byte)).count();
        let begins = self.begun.len().saturating_sub(inner + 1);
        // Of a character of several bytes the first tells how many; if all are there, it stays.
        let wanted = match self.begun.get(begins) {
            Some(0xC0..=0xDF) => 2,
            Some(0xE0..=0xEF) => 3,
            Some(0xF0..=0xF7) => 4,
            _ => 1,
        };
        let complete = wanted <= inner + 1;
        let cut = if complete { self.begun.len() } else { begins };
        let rest = self.begun.split_off(cut);
        tell(&String::from_utf8_lossy(&self.begun));
        self.begun = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut told = Vec::new();
        for piece in pieces {
            lines.push(piece, |line| told.push(line.to_string()));
        }
        lines.finish(|line| told.push(line.to_string()));
        told
    }

    #[test]
    fn lines_are_put_together_and_long_ones_cut() {
        let long = "x".repeat(LONGEST);
        // The character lies across the limit.
        let across = format!("{}ä", "x".repeat(LONGEST - 1));
        for (pieces, expected) in [
            (&[&b"a\nb"[..], b"c\n\nd"][..], &["a", "bc", "", "d"][..]),
            (&[b"a\r\nb\r\n"], &["a", "b"]),
            (&[b"\xffbin\xfe\n"], &["\u{fffd}bin\u{fffd}"]),
            (&[long.as_bytes(), b"\n"], &[&long]),
            (&[long.as_bytes(), b"yz\n"], &[&long, "yz"]),
            (&[across.as_bytes(), b"\n"], &[&long[1..], "ä"]),
            (&[], &[]),
        ] {
            assert_eq!(all(pieces), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However it comes, and however long it is.
        #[test]
        fn nothing_of_a_text_is_lost(text in "[a-zä€🦀]{0,40}", times in 1..400_usize, width in 1..20_000_usize) {
            let line = text.repeat(times);
            let pieces: Vec<&[u8]> = line.as_bytes().chunks(width).collect();
            let told = all(&pieces);
            prop_assert!(told.iter().all(|line| line.len() <= LONGEST));
            prop_assert_eq!(told.concat(), line);
        }
    }
}
