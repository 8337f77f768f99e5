//! As whom a command runs, and within which limits: looked up before the fork, set after it.

use std::ffi::OsString;
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd;
use rustix::fs::{FileType, Mode};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use rustix::thread::{Gid, Uid};

/// As whom a command runs, and within which limits, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// A user by name or number; `None` is taskd's own.
    pub user: Option<String>,
    /// A group by name or number; `None` is that of the user.
    pub group: Option<String>,
    /// Which permissions new files do not get.
    pub umask: Option<u16>,
    /// How much others come first: -20 to 19.
    pub nice: Option<i8>,
    /// How much of what it may use.
    pub limits: Vec<(Limited, u64)>,
}

/// What a limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Bytes of address space.
    AddressSpace,
    /// Open files.
    OpenFiles,
    /// Processes of its user.
    Processes,
    /// Seconds of processor time.
    CpuTime,
    /// Bytes of a file that it writes.
    FileSize,
}

impl Limited {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::AddressSpace, Self::OpenFiles, Self::Processes, Self::CpuTime, Self::FileSize];

    /// The word for it in a file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AddressSpace => "address_space",
            Self::OpenFiles => "open_files",
            Self::Processes => "processes",
            Self::CpuTime => "cpu_time",
            Self::FileSize => "file_size",
        }
    }

    fn resource(self) -> Resource {
        match self {
            Self::AddressSpace => Resource::As,
            Self::OpenFiles => Resource::Nofile,
            Self::Processes => Resource::Nproc,
            Self::CpuTime => Resource::Cpu,
            Self::FileSize => Resource::Fsize,
        }
    }
}

/// A user of this machine.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its home.
    pub home: PathBuf,
    /// Its shell.
    pub shell: PathBuf,
    uid: u32,
    gid: u32,
}

impl User {
    /// The user of this name or number.
    ///
    /// # Errors
    ///
    /// Returns [`Refused`] if there is none, or nobody can tell.
    pub fn find(who: &str) -> Result<Self, Refused> {
        let found = match who.parse() {
            Ok(number) => unistd::User::from_uid(unistd::Uid::from_raw(number)),
            Err(_) => unistd::User::from_name(who),
        };
        let user = found.map_err(|error| Refused::Unknown(who.into(), error.into()))?;
        user.map(Into::into).ok_or_else(|| Refused::NoUser(who.into()))
    }

    /// The user that taskd itself is, if it has a name.
    #[must_use]
    pub fn own() -> Option<Self> {
        unistd::User::from_uid(unistd::geteuid()).ok().flatten().map(Into::into)
    }

    /// Whether what is in the file at `path` may be handed to this user: it is theirs, or everyone may
    /// read it, or the way to it is such that only root can have meant it.
    pub(super) fn may_have(&self, path: &Path, metadata: &Metadata) -> bool {
        let is_roots = |directory: &Path| {
            directory.symlink_metadata().is_ok_and(|directory| {
                let closed = directory.mode() & 0o022 == 0 || directory.mode() & 0o1000 != 0;
                directory.uid() == 0 && (closed || directory.is_symlink())
            })
        };
        metadata.uid() == self.uid
            || metadata.mode() & 0o004 != 0
            || path.ancestors().skip(1).all(is_roots)
    }

    /// Its number.
    pub(super) fn number(&self) -> u32 {
        self.uid
    }

    /// Whether it is the user that taskd itself is.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.uid == unistd::geteuid().as_raw()
    }

    /// What its programs find in their environment.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, OsString); 4] {
        [
            ("HOME", self.home.clone().into()),
            ("USER", self.name.clone().into()),
            ("LOGNAME", self.name.clone().into()),
            ("SHELL", self.shell.clone().into()),
        ]
    }
}

impl From<unistd::User> for User {
    fn from(user: unistd::User) -> Self {
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        Self { name: user.name, home: user.dir, shell: user.shell, uid, gid }
    }
}

/// What a child does before it becomes the program.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    groups: Option<Vec<Gid>>,
    gid: Option<Gid>,
    uid: Option<Uid>,
    umask: Option<Mode>,
    nice: Option<i32>,
    limits: Vec<(Limited, Rlimit)>,
}

impl Identity {
    /// What a child has to do to be this, as `user`, which was found by its name; `None` if it has
    /// nothing to do, and needs no fork.
    pub(super) fn change(&self, user: Option<&User>) -> Result<Option<Change>, Refused> {
        let own = *self == Self::default();
        if own {
            return Ok(None);
        }
        let other = user.filter(|user| !user.is_own());
        if (other.is_some() || self.group.is_some()) && !unistd::geteuid().is_root() {
            let who = user
                .map_or_else(|| self.group.clone().unwrap_or_default(), |user| user.name.clone());
            return Err(Refused::NotRoot(who));
        }
        let gid = match &self.group {
            Some(group) => Some(find_group(group)?),
            None => other.map(|user| user.gid),
        };
        let groups = match (other, gid) {
            (Some(user), Some(gid)) => Some(groups_of(user, gid)?),
            // Of a group alone: no others either.
            (None, Some(gid)) => Some(vec![Gid::from_raw(gid)]),
            _ => None,
        };
        let limit = |(what, most): &(Limited, u64)| {
            (*what, Rlimit { current: Some(*most), maximum: Some(*most) })
        };
        Ok(Some(Change {
            groups,
            gid: gid.map(Gid::from_raw),
            uid: other.map(|user| Uid::from_raw(user.uid)),
            umask: self.umask.map(|umask| Mode::from_bits_truncate(umask.into())),
            nice: self.nice.map(Into::into),
            limits: self.limits.iter().map(limit).collect(),
        }))
    }
}

fn find_group(who: &str) -> Result<u32, Refused> {
    if let Ok(number) = who.parse() {
        return Ok(number);
    }
    let found = unistd::Group::from_name(who);
    let group = found.map_err(|error| Refused::Unknown(who.into(), error.into()))?;
    group.map(|group| group.gid.as_raw()).ok_or_else(|| Refused::NoGroup(who.into()))
}

fn groups_of(user: &User, gid: u32) -> Result<Vec<Gid>, Refused> {
    let unknown = |error: io::Error| Refused::Unknown(user.name.clone(), error);
    let name = std::ffi::CString::new(user.name.clone()).map_err(|error| unknown(error.into()))?;
    let groups = unistd::getgrouplist(&name, unistd::Gid::from_raw(gid));
    let groups = groups.map_err(|error| unknown(error.into()))?;
    Ok(groups.into_iter().map(|gid| Gid::from_raw(gid.as_raw())).collect())
}

/// The steps of a change, as the parent learns of them: a number in what is else an errno.
const STEPS: [&str; 7] =
    ["limits", "niceness", "groups", "group", "user", "user or group", "control group"];
const STEP: i32 = 1 << 16;

impl Change {
    /// Lets the child of `command`, a fork, or this process, where that becomes it, do this before it is the
    /// program; its output becomes its user's, if it `owns_output`.
    pub(super) fn prepare(self, command: &mut Command, owns_output: bool) {
        let act = move || self.act(owns_output);
        #[expect(unsafe_code, reason = "between fork and exec only some calls are allowed")]
        // SAFETY: `act` makes system calls on what was allocated before the fork, and nothing else.
        unsafe {
            command.pre_exec(act);
        }
    }

    /// Does it, for this process; its output becomes its user's, if it `owns_output`.
    ///
    /// # Errors
    ///
    /// Returns an error in which [`failed_step`] finds what failed.
    fn act(&self, owns_output: bool) -> io::Result<()> {
        // What was opened for it alone, and not a device that it got instead.
        let is_its_own = rustix::fs::fstat(rustix::stdio::stdout()).is_ok_and(|output| {
            let kind = FileType::from_raw_mode(output.st_mode);
            kind.is_file() || kind.is_fifo()
        });
        if owns_output && is_its_own && self.uid.is_some() {
            // Some file systems know no owners, and then anybody may write.
            let _ = rustix::fs::fchown(rustix::stdio::stdout(), self.uid, self.gid);
        }
        self.take_steps().map_err(|(step, error)| at_step(step, error.raw_os_error()))
    }

    /// As words, for another process.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for (what, Rlimit { current, maximum }) in &self.limits {
            let told = |limit: &Option<u64>| limit.map_or_else(String::new, |at| at.to_string());
            words.push(format!("{}={}:{}", what.word(), told(current), told(maximum)));
        }
        let mut say = |what: &str, value: Option<String>| {
            words.extend(value.map(|value| format!("{what}={value}")));
        };
        say("nice", self.nice.map(|nice| nice.to_string()));
        say("umask", self.umask.map(|umask| umask.as_raw_mode().to_string()));
        let groups = self.groups.as_ref().map(|groups| {
            let groups: Vec<_> = groups.iter().map(|group| group.as_raw().to_string()).collect();
            groups.join(",")
        });
        say("groups", groups);
        say("gid", self.gid.map(|gid| gid.as_raw().to_string()));
        say("uid", self.uid.map(|uid| uid.as_raw().to_string()));
        words
    }

    /// What these words say; `None` if they are none of [`Change::words`].
    pub(super) fn of_words(words: &[OsString]) -> Option<Self> {
        let mut change = Self::default();
        for word in words {
            let (what, value) = word.to_str()?.split_once('=')?;
            match what {
                "nice" => change.nice = Some(value.parse().ok()?),
                "umask" => change.umask = Some(Mode::from_bits_truncate(value.parse().ok()?)),
                "groups" => {
                    let groups = value.split(',').filter(|group| !group.is_empty());
                    let group = |group: &str| group.parse().ok().map(Gid::from_raw);
                    change.groups = Some(groups.map(group).collect::<Option<_>>()?);
                }
                "gid" => change.gid = Some(Gid::from_raw(value.parse().ok()?)),
                "uid" => change.uid = Some(Uid::from_raw(value.parse().ok()?)),
                limited => {
                    let limited = Limited::ALL.into_iter().find(|all| all.word() == limited)?;
                    let (current, maximum) = value.split_once(':')?;
                    let limit = |text: &str| match text {
                        "" => Some(None),
                        text => text.parse().ok().map(Some),
                    };
                    let limit = Rlimit { current: limit(current)?, maximum: limit(maximum)? };
                    change.limits.push((limited, limit));
                }
            }
        }
        Some(change)
    }

    /// Lets it begin with a limit on open files that another is stronger than.
    pub(super) fn with_open_files(mut self, limit: Option<Rlimit>) -> Self {
        self.limits.splice(0..0, limit.map(|limit| (Limited::OpenFiles, limit)));
        self
    }

    /// Limits first, while it still may; then groups, group and user, each looked at afterwards.
    fn take_steps(&self) -> Result<(), (usize, Errno)> {
        for (what, limit) in &self.limits {
            rustix::process::setrlimit(what.resource(), *limit).map_err(|error| (0, error))?;
        }
        if let Some(nice) = self.nice {
            rustix::process::setpriority_process(None, nice).map_err(|error| (1, error))?;
        }
        if let Some(umask) = self.umask {
            rustix::process::umask(umask);
        }
        if let Some(groups) = &self.groups {
            rustix::thread::set_thread_groups(groups).map_err(|error| (2, error))?;
        }
        if let Some(gid) = self.gid {
            rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(|error| (3, error))?;
            let became = [rustix::process::getgid(), rustix::process::getegid()];
            if became.iter().any(|now| *now != gid) {
                return Err((5, Errno::PERM));
            }
        }
        if let Some(uid) = self.uid {
            rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(|error| (4, error))?;
            let became = [rustix::process::getuid(), rustix::process::geteuid()];
            // Nor is there a way back.
            let back = !uid.is_root() && rustix::thread::set_thread_uid(Uid::ROOT).is_ok();
            if became.iter().any(|now| *now != uid) || back {
                return Err((5, Errno::PERM));
            }
        }
        Ok(())
    }
}

/// The error of a process that could not enter its control group.
pub(super) fn no_entry(error: &io::Error) -> io::Error {
    at_step(6, error.raw_os_error().unwrap_or_default())
}

fn at_step(step: usize, number: i32) -> io::Error {
    let step = i32::try_from(step + 1).unwrap_or(1) * STEP;
    io::Error::from_raw_os_error(step + number)
}

/// What of a change failed, and why, if `error` of a spawn tells of one.
pub(super) fn failed_step(error: &io::Error) -> Option<(&'static str, io::Error)> {
    let code = error.raw_os_error()?;
    let step = usize::try_from(code / STEP).ok()?.checked_sub(1)?;
    Some((STEPS.get(step)?, io::Error::from_raw_os_error(code % STEP)))
}

/// Why nobody can be what is written.
#[derive(Debug)]
pub enum Refused {
    /// There is no such user.
    NoUser(String),
    /// There is no such group.
    NoGroup(String),
    /// Nobody can tell.
    Unknown(String, io::Error),
    /// Only root may be somebody else.
    NotRoot(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser(who) => write!(f, "no such user: `{who}`"),
            Self::NoGroup(who) => write!(f, "no such group: `{who}`"),
            Self::Unknown(who, error) => write!(f, "`{who}` cannot be looked up: {error}"),
            Self::NotRoot(who) => write!(f, "only root may run a command as `{who}`"),
        }
    }
}

impl std::error::Error for Refused {}
