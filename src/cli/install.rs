//! `taskd install`: a unit for systemd that runs this taskd on this file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::{Global, Install};
use super::exit::{Exit, Failure};
use super::locate::{self, Located};
use super::{output, plan, selection, state};
use crate::clock;

/// The units as they are delivered, for a taskd and a file in the usual places.
const SYSTEM: &str = include_str!("../../contrib/systemd/system/taskd.service");
const USER: &str = include_str!("../../contrib/systemd/user/taskd.service");

pub fn install(global: &Global, install: &Install) -> Result<Exit, Failure> {
    selection::only_file("install", install.file.as_deref())?;
    let located = locate::locate(install.file.as_deref(), global)?;
    // A unit of a wrong file only fails later.
    plan::load(&located.path, clock::wall_clock())?;
    let file = std::path::absolute(&located.path)?;
    let program = std::env::current_exe()?;
    let name = if located.is_standard {
        "taskd.service".into()
    } else {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        format!("taskd-{}.service", escaped(&stem))
    };
    let unit = unit(&program, &located, &file, install.user);
    let mut out = output::results();
    if install.dry_run {
        write!(out, "{unit}")?;
        out.flush()?;
        return Ok(Exit::Ok);
    }
    let place = directory(install.user)?.join(&name);
    write_new(&place, &unit)?;
    let (systemctl, also) = if install.user {
        ("systemctl --user", " && loginctl enable-linger")
    } else {
        ("systemctl", "")
    };
    writeln!(out, "wrote {}", place.display())?;
    writeln!(
        out,
        "start it by: {systemctl} daemon-reload && {systemctl} enable --now {name}{also}"
    )?;
    out.flush()?;
    Ok(Exit::Ok)
}

/// Where units lie.
fn directory(user: bool) -> Result<PathBuf, Failure> {
    if !user {
        return Ok("/etc/systemd/system".into());
    }
    let config = locate::directory("XDG_CONFIG_HOME", ".config");
    let none = || Failure::new(Exit::Failed, "there is no home for a unit").help("set `$HOME`");
    Ok(config.ok_or_else(none)?.join("systemd/user"))
}

/// Writes a unit where none is, or the same.
fn write_new(place: &Path, unit: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("`{}` cannot be written: {error}", place.display());
        Failure::new(Exit::Failed, message)
            .help("`--system` wants root; `--dry-run` prints the unit, to put it where you like")
    };
    match fs::read_to_string(place) {
        Ok(there) if there == unit => return Ok(()),
        Ok(_) => {
            let message =
                format!("`{}` is there already, and says something else", place.display());
            let help = "remove it first, or compare it with what `--dry-run` prints";
            return Err(Failure::new(Exit::Failed, message).help(help));
        }
        Err(_) => {}
    }
    fs::create_dir_all(place.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
    fs::write(place, unit).map_err(failed)
}

/// The unit of `program` and `file`.
fn unit(program: &Path, located: &Located, file: &Path, user: bool) -> String {
    let (text, standard) =
        if user { (USER, "%E/taskd/schedules.toml") } else { (SYSTEM, locate::SYSTEM) };
    let shown = if user { "~/.config/taskd/schedules.toml" } else { standard };
    // What is standard for a user is that in their own directory.
    let is_own = user && located.is_standard && file != Path::new(locate::SYSTEM);
    let path = if is_own { standard.into() } else { quoted(file) };
    let mut unit = text
        .replace(&format!("runs what {shown}"), &format!("runs what {}", specifiers(file)))
        .replace(&format!("run {standard}"), &format!("run {path}"))
        .replace(&format!("reload {standard}"), &format!("reload {path}"))
        .replace("=/usr/bin/taskd ", &format!("={} ", quoted(program)));
    if !user && !located.is_standard {
        // Where clients look for the daemon of this file.
        unit = unit
            .replace("StateDirectory=taskd\n", &format!("StateDirectory=taskd/{}\n", state::name(located)))
            .replace("ConfigurationDirectory=taskd\n", "")
            .replace("RuntimeDirectory=taskd\nRuntimeDirectoryMode=0700\n# The socket of taskd.socket lies there, too, and stays.\nRuntimeDirectoryPreserve=yes\n", "");
    }
    unit
}

/// A path without what systemd would replace.
fn specifiers(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

/// A path as a word of a command line of systemd.
fn quoted(path: &Path) -> String {
    let path = specifiers(path).replace('$', "$$");
    if path.contains([' ', '\t', '"', '\'', '\\', ';']) {
        return format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""));
    }
    path
}

/// What may stand in the name of a unit.
fn escaped(stem: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    stem.chars().map(|c| if fine(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        for (path, expected) in [
            ("/usr/bin/taskd", "/usr/bin/taskd"),
            ("/opt/100% mine/$a", "\"/opt/100%% mine/$$a\""),
            ("/a\"b\\c", "\"/a\\\"b\\\\c\""),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }

    #[test]
    fn a_file_of_its_own_has_a_state_where_clients_look_for_it() {
        let file = Path::new("/srv/app jobs/nightly.toml");
        let located = Located { path: file.into(), is_standard: false };
        let unit = unit(Path::new("/opt/taskd"), &located, file, false);
        for line in [
            "ExecStart=/opt/taskd run \"/srv/app jobs/nightly.toml\"\n",
            "ExecReload=/opt/taskd reload \"/srv/app jobs/nightly.toml\"\n",
            "StateDirectory=taskd/nightly-",
            "Description=taskd: runs what /srv/app jobs/nightly.toml declares\n",
        ] {
            assert!(unit.contains(line), "{unit}");
        }
        assert!(!unit.contains("RuntimeDirectory") && !unit.contains("/etc/taskd"), "{unit}");
    }
}
