//! Loading a schedule file for a verb.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::exit::{Exit, Failure};
use super::{locate, output};
use crate::config::{Diagnostic, Plan, Problem, Setting, Severity};
use crate::zone::Zone;

/// The directory that relative paths start from.
///
/// # Errors
///
/// Ends with 1 if it has been removed meanwhile.
pub fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir()
        .map_err(|error| Failure::new(Exit::Failed, format!("the working directory: {error}")))
}

/// What a file's meaning depends on, on this machine and at `now`.
pub fn setting(now: Timestamp) -> Setting {
    let zone = TimeZone::try_system().map(Zone::new).map_err(|_| match std::env::var("TZ") {
        Ok(named) => format!("`$TZ` is `{}`, which is none", named.escape_debug()),
        Err(_) => "the system does not tell it".into(),
    });
    let zones = jiff::tz::db().clone();
    Setting { zones, zone, home: locate::home(), search: std::env::var_os("PATH"), now }
}

/// Reads the schedule file at `path`, right or wrong.
pub fn read(path: &Path, now: Timestamp) -> Result<Plan, Failure> {
    // An absolute path needs no directory to start from.
    let here = if path.is_absolute() { PathBuf::from("/") } else { here()? };
    let origin = locate::open(path, &here)?;
    Ok(Plan::load(origin, &here, &setting(now)))
}

/// Reads the schedule file at `path`, and says what is wrong with it.
///
/// # Errors
///
/// Ends with 78 if anything is wrong; warnings are not.
pub fn load(path: &Path, now: Timestamp) -> Result<Plan, Failure> {
    let plan = read(path, now)?;
    if plan.is_valid() {
        // Of all warnings, this one changes what is about to be printed.
        show(&plan, |diagnostic| matches!(diagnostic.problem, Problem::NoZone(_)));
        return Ok(plan);
    }
    show(&plan, |diagnostic| diagnostic.problem.severity() == Severity::Error);
    output::complain(&summary(&plan, path));
    Err(Failure::said(Exit::Config))
}

/// Shows those problems that `which` picks, on standard error.
pub fn show(plan: &Plan, which: impl Fn(&Diagnostic) -> bool) {
    let colour = output::colour();
    for diagnostic in plan.diagnostics.iter().filter(|diagnostic| which(diagnostic)) {
        output::complain(&diagnostic.render(&plan.sources[diagnostic.file], colour));
        output::complain("");
    }
}

/// How much is wrong: `2 errors and 1 warning in schedules.toml`.
pub fn summary(plan: &Plan, path: &Path) -> String {
    let count = |severity: Severity| {
        let count = plan.count(severity);
        (count > 0).then(|| plural(count, severity.word()))
    };
    let counts: Vec<_> =
        [Severity::Error, Severity::Warning].into_iter().filter_map(count).collect();
    format!("{} in {}", counts.join(" and "), path.display())
}

/// `1 task`, `2 tasks`.
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
