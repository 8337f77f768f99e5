//! How taskd ends: the exit codes, and what is said about a failure.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The ways to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// It failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such task or run.
    NoSuchTask = 3,
    /// No daemon answers.
    NoDaemon = 69,
    /// The state directory is taken, or cannot be used.
    Busy = 75,
    /// The file is wrong or not found.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What went wrong, and how to end for it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    /// What; nothing, if all was said already.
    error: Option<anyhow::Error>,
    help: Option<String>,
}

impl Failure {
    /// Ends with `exit`, saying `message`.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, error: Some(anyhow::anyhow!("{message}")), help: None }
    }

    /// Ends with `exit`; all has been said.
    pub fn said(exit: Exit) -> Self {
        Self { exit, error: None, help: None }
    }

    /// Says also what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }

    /// Whether it ends so.
    pub fn is(&self, exit: Exit) -> bool {
        self.exit == exit
    }

    /// What went wrong, and what to do about it.
    pub fn words(&self) -> (String, Option<String>) {
        let message = self.error.as_ref().map(|error| format!("{error:#}")).unwrap_or_default();
        (message, self.help.clone())
    }

    /// Says what went wrong, and returns how to end.
    pub fn report(self) -> Exit {
        let Some(error) = self.error else {
            return self.exit;
        };
        // Nobody reads any more what was asked for: that is no failure.
        let closed = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if closed {
            return Exit::Ok;
        }
        super::output::complain(&format!("error: {error:#}"));
        if let Some(help) = self.help {
            super::output::complain(&format!("help: {help}"));
        }
        self.exit
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, error: Some(error), help: None }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}
