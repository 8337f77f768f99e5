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
    for path in [Some(&file), Some(&program), global.state.as_ref(), global.socket.as_ref()] {
        let fits = |path: &str| !path.contains(char::is_control);
        if path.is_some_and(|path| !path.to_str().is_some_and(fits)) {
            let message = "a path has characters that no unit can hold";
            return Err(Failure::new(Exit::Usage, message).help("rename the file or the directory"));
        }
    }
    let name = if located.is_standard {
        "taskd.service".into()
    } else {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        format!("taskd-{}.service", escaped(&stem))
    };
    let unit = unit(global, &program, (&located, &file), install.user)?;
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

/// The unit of `program` and `file`, with what the command line says of its state and its socket.
fn unit(
    global: &Global,
    program: &Path,
    (located, file): (&Located, &Path),
    user: bool,
) -> Result<String, Failure> {
    let (text, standard) =
        if user { (USER, "%E/taskd/schedules.toml") } else { (SYSTEM, locate::SYSTEM) };
    let shown = if user { "~/.config/taskd/schedules.toml" } else { standard };
    // What is standard for a user is that in their own directory.
    let is_own = user && located.is_standard && file != Path::new(locate::SYSTEM);
    let mut path = if is_own { standard.into() } else { quoted(file) };
    for (flag, named) in [("--state", &global.state), ("--socket", &global.socket)] {
        if let Some(named) = named {
            let is_memory = flag == "--state" && named == Path::new("none");
            let named = if is_memory { named.clone() } else { std::path::absolute(named)? };
            path.extend([" ", flag, " ", &quoted(&named)]);
        }
    }
    let mut unit = text
        .replace(&format!("runs what {shown}"), &format!("runs what {}", specifiers(file)))
        .replace(&format!("run {standard}"), &format!("run {path}"))
        .replace(&format!("reload {standard}"), &format!("reload {path}"))
        .replace("=/usr/bin/taskd ", &format!("={} ", quoted(program)));
    if !user && !located.is_standard {
        // Where clients look for the daemon of this file.
        unit = unit
            .replace("StateDirectory=taskd\n", &format!("StateDirectory={}\n", word(&format!("taskd/{}", state::name(located)))))
            .replace("ConfigurationDirectory=taskd\n", "")
            .replace("RuntimeDirectory=taskd\nRuntimeDirectoryMode=0700\n# The socket of taskd.socket lies there, too, and stays.\nRuntimeDirectoryPreserve=yes\n", "");
    }
    Ok(unit)
}

/// A path without what systemd would replace.
fn specifiers(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

/// A path as a word of a command line of systemd.
fn quoted(path: &Path) -> String {
    word(&path.display().to_string().replace('$', "$$"))
}

/// A text as one of several words in a unit.
fn word(text: &str) -> String {
    let text = text.replace('%', "%%");
    if text.contains([' ', '\t', '"', '\'', '\\', ';']) {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    text
}

/// What may stand in the name of a unit.
fn escaped(stem: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    stem.chars().map(|c| if fine(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed() -> Global {
        use clap::Parser;
        super::super::args::Arguments::parse_from(["taskd", "stop"]).global
    }

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
        let file = Path::new("/srv/app jobs/each night.toml");
        let located = Located { path: file.into(), is_standard: false };
        let state = Some("/srv/state of it".into());
        let global = Global { state, ..parsed() };
        let unit = unit(&global, Path::new("/opt/taskd"), (&located, file), false);
        let unit = unit.expect("it can be written");
        for line in [
            "ExecStart=/opt/taskd run \"/srv/app jobs/each night.toml\" --state \"/srv/state of it\"\n",
            "ExecReload=/opt/taskd reload \"/srv/app jobs/each night.toml\" --state \"/srv/state of it\"\n",
            "StateDirectory=\"taskd/each night-",
            "Description=taskd: runs what /srv/app jobs/each night.toml declares\n",
        ] {
            assert!(unit.contains(line), "{unit}");
        }
        assert!(!unit.contains("RuntimeDirectory") && !unit.contains("/etc/taskd"), "{unit}");
    }
}
