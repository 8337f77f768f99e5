//! `taskd doctor`: what taskd finds on this machine, and what is amiss.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use super::args::{Global, Plain};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::locate::{self, Located};
use super::render::{self, Grid};
use super::{host, output, plan, selection, socket, state};
use crate::clock;
use crate::config::{Plan, Severity};
use crate::store;

/// Where the zone data of a system lies.
const ZONE_DATA: [&str; 2] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo"];

/// Fewer open files than that are few: a run with captured output takes some.
const FEW_FILES: u64 = 4_096;

/// Something that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    is_well: bool,
    found: String,
    help: Option<String>,
}

impl Finding {
    fn well(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, is_well: true, found: found.into(), help: None }
    }

    fn amiss(what: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what, is_well: false, found: found.into(), help: Some(help.into()) }
    }
}

pub fn doctor(global: &Global, plain: &Plain) -> Result<Exit, Failure> {
    selection::only_file("doctor", plain.file.as_deref())?;
    if plain.file.as_deref() == Some(Path::new("-")) {
        let message = "standard input has no daemon";
        return Err(Failure::new(Exit::Usage, message).help("name a schedule file"));
    }
    let mut findings = vec![Finding::well("version", version())];
    match locate::locate(plain.file.as_deref(), global) {
        Ok(located) => look_at_file(global, &located, &mut findings),
        Err(failure) => {
            let (message, help) = failure.words();
            findings.push(Finding::amiss("file", message, help.unwrap_or_default()));
        }
    }
    findings.push(zone());
    findings.push(zone_data());
    findings.extend(limits());
    let is_well = findings.iter().all(|finding| finding.is_well);
    let mut out = output::results();
    if plain.json {
        for finding in &findings {
            output::json_line(&mut out, finding)?;
        }
    } else {
        let mut grid = Grid::new(&["", "WHAT", "FOUND"], 2);
        for Finding { what, is_well, found, help } in &findings {
            let mark = if *is_well { "ok" } else { "!!" };
            grid.row(vec![mark.into(), (*what).into(), found.clone()]);
            if let Some(help) = help.as_ref().filter(|help| !help.is_empty()) {
                grid.row(vec![String::new(), String::new(), format!("help: {help}")]);
            }
        }
        grid.write(&mut out, render::width(), false)?;
    }
    out.flush()?;
    Ok(if is_well { Exit::Ok } else { Exit::Failed })
}

fn version() -> String {
    let system = rustix::system::uname();
    let (kernel, machine) =
        (system.release().to_string_lossy(), system.machine().to_string_lossy());
    format!("taskd {}, Linux {kernel}, {machine}", env!("CARGO_PKG_VERSION"))
}

/// The file, the state and the socket, and the daemon at it.
fn look_at_file(global: &Global, located: &Located, findings: &mut Vec<Finding>) {
    let path = located.path.display();
    let mut plan = match plan::read(&located.path, clock::wall_clock()) {
        Ok(plan) => plan,
        Err(failure) => {
            let (message, help) = failure.words();
            findings.push(Finding::amiss("file", message, help.unwrap_or_default()));
            return;
        }
    };
    host::judge_rights(&mut plan);
    host::judge(&mut plan);
    let tasks = plan::plural(plan.tasks.len(), "task");
    let count = |severity| plan.count(severity);
    findings.push(match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => Finding::well("file", format!("{path}: {tasks}")),
        _ => {
            let found = format!("{path}: {tasks}, {}", plan::summary(&plan, &located.path));
            Finding::amiss("file", found, "`taskd validate --host` tells more")
        }
    });
    findings.push(look_at_state(global, located, &plan));
    findings.push(look_at_daemon(global, located, &plan));
}

fn look_at_state(global: &Global, located: &Located, plan: &Plan) -> Finding {
    let named = plan.daemon.state_dir.as_deref();
    let Some(directory) = state::directory(global, located, named) else {
        return Finding::well("state", "none: everything is kept in memory");
    };
    let shown = directory.display();
    let database = directory.join(store::FILE);
    match fs::metadata(&database) {
        Ok(file) => {
            let size = file.len().div_ceil(1024);
            Finding::well("state", format!("{shown}: {} of {size} KiB", store::FILE))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::well("state", format!("{shown}: nothing yet"))
        }
        Err(error) => {
            let found = format!("{}: {error}", database.display());
            Finding::amiss("state", found, "look as the user of the daemon, or as root")
        }
    }
}

fn look_at_daemon(global: &Global, located: &Located, plan: &Plan) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    let asked = daemon::block_on(async {
        let mut daemon = Daemon::connect(Some(&located.path), global).await?;
        daemon.json("/v1/status").await
    });
    match asked {
        Ok(status) => {
            let named = plan.daemon.socket.as_deref();
            let directory = state::directory(global, located, plan.daemon.state_dir.as_deref());
            let socket = socket::expected(global, located, named, directory.as_deref());
            let socket = socket.map_or_else(String::new, |path| format!(" at {}", path.display()));
            let found = format!("pid {} answers{socket}", status["pid"]);
            if let Some(why) = status["degraded"].as_str() {
                let found = format!("{found}, degraded: {why}");
                return Finding::amiss("daemon", found, "mend that, and restart it");
            }
            match status["version"].as_str() {
                Some(version) if version != own => Finding::amiss(
                    "daemon",
                    format!("{found}, of version {version}"),
                    "restart it, so that it is the version that is installed",
                ),
                _ => Finding::well("daemon", found),
            }
        }
        Err(failure) => {
            let (message, help) = failure.words();
            Finding::amiss("daemon", message, help.unwrap_or_default())
        }
    }
}

/// The zone of this machine.
fn zone() -> Finding {
    match plan::setting(clock::wall_clock()).zone {
        Ok(zone) => Finding::well("zone", zone.name()),
        Err(why) => {
            let help = "set `$TZ`, link `/etc/localtime`, or write `timezone = …` in the file";
            Finding::amiss("zone", format!("not known: {why}"), help)
        }
    }
}

/// Which zone data is used, and of which version.
fn zone_data() -> Finding {
    let named = std::env::var_os("TZDIR").map(std::path::PathBuf::from);
    let places = named.into_iter().chain(ZONE_DATA.map(Into::into));
    match places.into_iter().find(|place| place.join("UTC").exists()) {
        Some(place) => {
            let version = zone_data_version(&place);
            let version = version.unwrap_or_else(|| "a version".into());
            Finding::well("zone data", format!("{version} in {}", place.display()))
        }
        None => Finding::well("zone data", "the copy that taskd brings; this machine has none"),
    }
}

/// The version of the zone data in a directory, where it tells.
fn zone_data_version(place: &Path) -> Option<String> {
    if let Ok(version) = fs::read_to_string(place.join("+VERSION")) {
        return Some(version.trim().into());
    }
    let zones = BufReader::new(fs::File::open(place.join("tzdata.zi")).ok()?);
    let first = zones.lines().next()?.ok()?;
    Some(first.strip_prefix("# version ")?.trim().into())
}

/// What this user may have of the system.
fn limits() -> Vec<Finding> {
    let shown =
        |limit: Option<u64>| limit.map_or_else(|| "no limit".into(), |limit| limit.to_string());
    let files = getrlimit(Resource::Nofile);
    let most = files.maximum.unwrap_or(u64::MAX);
    let found = format!("{}, may be raised to {}", shown(files.current), shown(files.maximum));
    let files = if most < FEW_FILES {
        let help = format!(
            "a burst of runs may want more: raise it above {FEW_FILES}, as by `LimitNOFILE=`"
        );
        Finding::amiss("open files", found, help)
    } else {
        Finding::well("open files", found)
    };
    let processes = Finding::well("processes", shown(getrlimit(Resource::Nproc).current));
    vec![files, processes]
}
