//! The end of a child, with what it has used.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};

use jiff::SignedDuration;
use nix::libc;

use crate::task::Usage;

/// Waits for `child`, and takes it in: nobody may wait for it again. The kernel counts the memory of a
/// process that was begun by `posix_spawn` from before it became its program, so that no peak is less
/// than that of taskd itself was.
///
/// # Errors
///
/// Returns the error of the kernel: it is no child.
#[expect(unsafe_code, reason = "no library tells what a child has used")]
pub(super) fn wait(child: &Child) -> io::Result<(ExitStatus, Usage)> {
    let process = child.id().cast_signed();
    let mut status = 0;
    // SAFETY: all of it is numbers, of which zero is one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both places are ours and outlive the call.
        let taken = unsafe { libc::wait4(process, &raw mut status, 0, &raw mut usage) };
        if taken == process {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let time = |time: libc::timeval| {
        SignedDuration::from_secs(time.tv_sec) + SignedDuration::from_micros(time.tv_usec)
    };
    let usage = Usage {
        user: time(usage.ru_utime),
        system: time(usage.ru_stime),
        // In KiB.
        peak_memory: usage.ru_maxrss.unsigned_abs().saturating_mul(1024),
    };
    Ok((ExitStatus::from_raw(status), usage))
}
