//! Which schedule file is meant.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::Global;
use super::exit::{Exit, Failure};
use crate::config::{Origin, ReadError};

/// The schedule file of the machine.
pub const SYSTEM: &str = "/etc/taskd/schedules.toml";

/// A schedule file that was found.
#[derive(Debug)]
pub struct Located {
    /// As it was named.
    pub path: PathBuf,
    /// Whether it is one of those that need no name, whose daemon has the base directories.
    pub is_standard: bool,
}

/// Where a file is looked for that nobody has named.
struct Place {
    path: PathBuf,
    is_standard: bool,
}

fn places() -> Vec<Place> {
    let mut places = vec![Place { path: "schedules.toml".into(), is_standard: false }];
    // systemd may name several; the first is ours.
    let configuration = std::env::var("CONFIGURATION_DIRECTORY").ok();
    let configuration = configuration.as_deref().and_then(|all| all.split(':').next());
    if let Some(directory) = configuration.map(Path::new).filter(|path| path.is_absolute()) {
        places.push(Place { path: directory.join("schedules.toml"), is_standard: false });
    }
    if let Some(config) = directory("XDG_CONFIG_HOME", ".config") {
        places.push(Place { path: config.join("taskd/schedules.toml"), is_standard: true });
    }
    places.push(Place { path: SYSTEM.into(), is_standard: true });
    places
}

/// A base directory of the user: the variable if it is absolute, else `below` the home.
pub fn directory(variable: &str, below: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| home().map(|home| home.join(below)))
}

/// The home of the user.
pub fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The file that `named` or the command line says, else the first that exists.
///
/// # Errors
///
/// Ends with 78, naming every place that was tried, if there is none.
pub fn locate(named: Option<&Path>, global: &Global) -> Result<Located, Failure> {
    let places = places();
    let standard = |path: &Path| places.iter().any(|place| place.is_standard && place.path == path);
    if let Some(path) = named.or(global.file.as_deref()) {
        return Ok(Located { path: path.into(), is_standard: standard(path) });
    }
    // What is there but cannot be read is an error, and not a reason to run something else.
    let is_there = |place: &&Place| {
        let found = place.path.symlink_metadata();
        !found.is_err_and(|error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        })
    };
    if let Some(found) = places.iter().find(is_there) {
        return Ok(Located { path: found.path.clone(), is_standard: standard(&found.path) });
    }
    let tried: Vec<_> = places.iter().map(|place| format!("`{}`", place.path.display())).collect();
    let message = format!("there is no schedule file; tried {}", tried.join(", "));
    let help = "name one with `--file`, or write `schedules.toml` with `[tasks.hello]`, `interval = \"10s\"` and `command = \"echo hello\"`";
    Err(Failure::new(Exit::Config, message).help(help))
}

/// Opens what `path` stands for: a file, or standard input for `-`.
///
/// # Errors
///
/// Ends with 78 if standard input cannot be read.
pub fn open(path: &Path, directory: &Path) -> Result<Origin, Failure> {
    if path != Path::new("-") {
        return Ok(Origin::File(path.into()));
    }
    let mut bytes = Vec::new();
    let most = crate::config::LARGEST + 1;
    std::io::stdin().take(most).read_to_end(&mut bytes).map_err(|error| {
        Failure::new(Exit::Config, format!("standard input: {}", ReadError::from(error)))
    })?;
    Ok(Origin::Bytes("stdin".into(), directory.into(), bytes))
}
