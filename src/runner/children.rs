//! The children of a first process: its own, which it waits for, and those that others have left to it,
//! which it takes in when they have ended.

use std::collections::HashSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustix::process::{Pid, WaitOptions};

/// Tells the own children of the first process of a system or a container from others.
#[derive(Debug, Default)]
pub struct Children {
    /// Held by whoever starts one, so that nobody takes in a child that is not known yet.
    starting: RwLock<()>,
    own: Mutex<HashSet<u32>>,
}

/// That a child is somebody's, as long as this lives.
#[derive(Debug)]
pub(super) struct Own {
    of: Option<(Arc<Children>, u32)>,
}

impl Children {
    /// Starts `command`; where `children` are told apart, its process is an own one.
    pub(super) fn start(
        children: Option<&Arc<Self>>,
        command: &mut Command,
    ) -> io::Result<(Child, Own)> {
        let Some(children) = children else {
            return Ok((command.spawn()?, Own { of: None }));
        };
        let _starting = children.starting.read().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        children.own.lock().unwrap_or_else(PoisonError::into_inner).insert(child.id());
        let of = Some((children.clone(), child.id()));
        Ok((child, Own { of }))
    }

    /// Whether the kernel lists children, by which they are found.
    #[must_use]
    pub fn are_listed() -> bool {
        std::path::Path::new("/proc/thread-self/children").exists()
    }

    /// Takes in those that have ended and are nobody's.
    pub fn take_in(&self) {
        let _starting = self.starting.write().unwrap_or_else(PoisonError::into_inner);
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        for number in all() {
            let is_own = u32::try_from(number).is_ok_and(|number| own.contains(&number));
            if let Some(process) = Pid::from_raw(number).filter(|_| !is_own) {
                // One that goes on stays.
                let _ = rustix::process::waitpid(Some(process), WaitOptions::NOHANG);
            }
        }
    }
}

/// The children of this process, whichever thread they belong to.
fn all() -> Vec<i32> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let listed =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let numbers = |text: String| {
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<i32>>()
    };
    listed.flat_map(numbers).collect()
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some((children, number)) = self.of.take() {
            children.own.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        }
    }
}
