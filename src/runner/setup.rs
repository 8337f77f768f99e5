//! The set-up of a child in a process of its own: taskd itself, started anew by `posix_spawn`. A fork
//! would copy what maps the memory of the daemon, and take the longer the larger that is.
//!
//! That process begins with nothing in its environment: what a task finds there must not act on one
//! that is still root. It reads its order from a socket in the place of its standard input, does it, and
//! becomes the program. What goes wrong goes back by the socket, which closes by itself when all went
//! well.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::children::{Children, Own};
use super::identity::{self, Change};
use super::spawn;

/// The only argument of a taskd that is started for this.
const ARGUMENT: &str = "--set-up-and-become";

/// What it answers first, as soon as it has read its order.
const UNDERSTOOD: &str = "+";

/// What such a process does, and what it becomes.
#[derive(Debug, PartialEq)]
pub(super) struct Order {
    pub change: Change,
    /// Whether its output is handed to its user.
    pub owns_output: bool,
    pub program: PathBuf,
    /// The words of the command, its name first.
    pub words: Vec<OsString>,
    pub environment: Vec<(OsString, OsString)>,
    pub stdin: Option<String>,
    /// Where it goes into its control group.
    pub door: Option<PathBuf>,
}

/// Starts `helper`, which is taskd, in `directory` and lets it do what the order says.
pub(super) fn start(
    helper: &Path,
    order: &Order,
    directory: &Path,
    (output, errors): (Stdio, Stdio),
    children: Option<&Arc<Children>>,
) -> io::Result<(Child, Own)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(helper);
    command.arg0("taskd").arg(ARGUMENT).env_clear().current_dir(directory);
    command.stdin(OwnedFd::from(theirs)).stdout(output).stderr(errors).process_group(0);
    let (mut child, own) = Children::start(children, &mut command)?;
    // Their end is theirs alone.
    drop(command);
    // One that has ended already takes nothing, and answers nothing.
    let _ = ours.write_all(&order.encode());
    let _ = ours.shutdown(Shutdown::Write);
    let mut answer = String::new();
    let _ = ours.read_to_string(&mut answer);
    let error = match answer.strip_prefix(UNDERSTOOD).map(str::parse) {
        Some(Err(_)) => return Ok((child, own)),
        Some(Ok(number)) => io::Error::from_raw_os_error(number),
        None => io::Error::other("its set-up has ended early"),
    };
    // It may hang where it should have ended.
    let _ = child.kill();
    child.wait()?;
    Err(error)
}

/// Whether a taskd with these arguments is one that is to [`become_program`]: nobody else gives it a
/// socket to read from.
pub fn is_order(arguments: impl IntoIterator<Item = OsString>) -> bool {
    arguments.into_iter().eq([OsStr::new(ARGUMENT)])
        && rustix::fs::fstat(rustix::stdio::stdin())
            .is_ok_and(|stdin| FileType::from_raw_mode(stdin.st_mode).is_socket())
}

/// Does what the order says that comes by standard input, and becomes the program. Returns only if that
/// cannot be; whoever has sent the order has been told why.
pub fn become_program() {
    let Ok(socket) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3) else { return };
    let mut socket = UnixStream::from(socket);
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes).ok();
    let Some(order) = read.and_then(|_| Order::decode(&bytes)) else { return };
    // From here on silence means that it has become the program. Whoever should read it may have gone.
    let _ = socket.write_all(UNDERSTOOD.as_bytes());
    let error = follow(order);
    let number = error.raw_os_error().unwrap_or(Errno::INVAL.raw_os_error());
    let _ = write!(socket, "{number}");
}

fn follow(order: Order) -> io::Error {
    let stdin = match &order.stdin {
        Some(text) => spawn::input(text),
        None => File::open("/dev/null"),
    };
    if let Some(door) = &order.door
        && let Err(error) = std::fs::write(door, "0")
    {
        return identity::no_entry(&error);
    }
    let replaced = stdin.and_then(|stdin| Ok(rustix::stdio::dup2_stdin(&stdin)?));
    if let Err(error) = replaced {
        return error;
    }
    let Some((name, arguments)) = order.words.split_first() else {
        return io::Error::from(io::ErrorKind::InvalidInput);
    };
    let mut command = Command::new(&order.program);
    command.arg0(name).args(arguments).env_clear().envs(order.environment);
    // Last of all: it may have no memory for anything more.
    order.change.prepare(&mut command, order.owns_output);
    command.exec()
}

impl Order {
    fn encode(&self) -> Vec<u8> {
        let mut fields: Vec<Vec<u8>> = Vec::new();
        let mut list = |items: Vec<&OsStr>| {
            fields.push(items.len().to_string().into_bytes());
            fields.extend(items.iter().map(|item| item.as_bytes().to_vec()));
        };
        let change = self.change.words();
        list(change.iter().map(OsStr::new).collect());
        list(self.owns_output.then_some(OsStr::new("owns")).into_iter().collect());
        list(vec![self.program.as_os_str()]);
        list(self.words.iter().map(OsString::as_os_str).collect());
        let pairs = self.environment.iter();
        list(pairs.flat_map(|(name, value)| [name.as_os_str(), value.as_os_str()]).collect());
        list(self.stdin.as_ref().map(OsStr::new).into_iter().collect());
        list(self.door.as_ref().map(|door| door.as_os_str()).into_iter().collect());
        let framed = |field: Vec<u8>| [&(field.len() as u64).to_le_bytes(), &field[..]].concat();
        fields.into_iter().flat_map(framed).collect()
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut field = || {
            let (length, rest) = bytes.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (field, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            Some(OsString::from_vec(field.to_vec()))
        };
        let mut list = || {
            let count: usize = field()?.to_str()?.parse().ok()?;
            (0..count).map(|_| field()).collect::<Option<Vec<_>>>()
        };
        let change = Change::of_words(&list()?)?;
        let owns_output = !list()?.is_empty();
        let program = list()?.pop()?.into();
        let words = list()?;
        let pairs = list()?;
        let pairs = pairs.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        let environment = pairs.collect();
        let stdin = match list()?.pop() {
            Some(text) => Some(text.into_string().ok()?),
            None => None,
        };
        let door = list()?.pop().map(PathBuf::from);
        Some(Self { change, owns_output, program, words, environment, stdin, door })
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::{Identity, Limited};
    use super::*;

    #[test]
    fn an_order_arrives_as_it_was_sent() {
        let identity = Identity {
            umask: Some(0o27),
            nice: Some(-5),
            limits: vec![(Limited::OpenFiles, 10), (Limited::FileSize, u64::MAX)],
            ..Identity::default()
        };
        for (identity, stdin) in [
            (identity, Some("a\0b\n".to_string())),
            (Identity { nice: Some(0), ..Identity::default() }, Some(String::new())),
            (Identity { umask: Some(0), ..Identity::default() }, None),
        ] {
            let change = identity.change(None).expect("nobody else").expect("there is one");
            let order = Order {
                change,
                owns_output: stdin.is_some(),
                program: "/bin/sh".into(),
                words: vec!["sh".into(), "-c".into(), OsString::from_vec(vec![255, 10])],
                environment: vec![("A".into(), "b=c".into()), ("B".into(), OsString::new())],
                door: stdin.as_ref().map(|_| "/sys/fs/cgroup/x".into()),
                stdin,
            };
            let bytes = order.encode();
            assert_eq!(Order::decode(&bytes), Some(order));
            for cut in 0..bytes.len() {
                assert_eq!(Order::decode(&bytes[..cut]), None, "half an order is none");
            }
        }
        assert_eq!(Order::decode(b"nonsense from somewhere else"), None);
    }
}
