//! Changing a schedule file by a verb: read, changed, judged as a whole, written in one piece, and taken
//! up by the daemon. Whoever else changes it by a verb waits.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde_json::{Value, json};
use similar::TextDiff;

use super::args::{Changing, Global};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::locate::{self, Located};
use super::{output, plan, selection, time};
use crate::clock;
use crate::config::edit::{self, Edit, EditError};
use crate::config::{Origin, Plan, Severity, Source};
use crate::name::Name;

/// How often, and how far apart, it is tried to be the only one who changes a file.
const TURNS: u32 = 500;
const TURN: Duration = Duration::from_millis(20);

/// A schedule file that nobody else changes by a verb meanwhile.
pub struct Change<'a> {
    global: &'a Global,
    located: Located,
    pub plan: Plan,
    /// The files as they are, byte for byte.
    texts: Vec<String>,
    /// Gone before the locks are: nobody else has it meanwhile.
    _begun: Option<Begun>,
    /// Locks live as long as this does.
    locks: Vec<File>,
}

/// A file that was begun: it goes if nothing comes of it.
struct Begun(PathBuf);

impl Drop for Begun {
    fn drop(&mut self) {
        if fs::metadata(&self.0).is_ok_and(|file| file.len() == 0) {
            // What is empty does no harm.
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// The texts of files, by their number in the plan.
pub type Texts = BTreeMap<usize, String>;

impl<'a> Change<'a> {
    /// Begins to change the schedule file that `named` or the command line says. Where there is none,
    /// and one `may_begin`, it is `schedules.toml` here.
    ///
    /// # Errors
    ///
    /// Ends with 78 if there is none or it cannot be read, with 75 if somebody else changes it.
    pub fn begin(
        global: &'a Global,
        named: Option<&Path>,
        may_begin: bool,
    ) -> Result<Self, Failure> {
        let located = match locate::locate(named, global) {
            Ok(located) => located,
            Err(_) if may_begin => Located { path: "schedules.toml".into(), is_standard: false },
            Err(failure) => return Err(failure),
        };
        if located.path == Path::new("-") {
            let message = "standard input cannot be changed";
            return Err(Failure::new(Exit::Usage, message).help("name a schedule file"));
        }
        let path = &located.path;
        // A pipe, a device.
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            let message = format!("`{}` is no file that can be changed", path.display());
            return Err(Failure::new(Exit::Usage, message).help("name a schedule file"));
        }
        let (file, is_new) = lock(path, may_begin)?;
        let locks = vec![file];
        // Where a link leads, not the link.
        let begun = is_new.then(|| Begun(path.canonicalize().unwrap_or_else(|_| path.clone())));
        let plan = plan::read(path, clock::wall_clock())?;
        // What cannot be read is told as what is wrong with the plan.
        let text = |source: &Source| {
            let is_file = fs::metadata(&source.path).is_ok_and(|there| there.is_file());
            let read = is_file.then(|| fs::read_to_string(&source.path).ok()).flatten();
            read.unwrap_or_else(|| source.text.clone())
        };
        let texts = plan.sources.iter().map(text).collect();
        Ok(Self { global, located, plan, texts, locks, _begun: begun })
    }

    /// Lets others change it.
    pub fn release(&mut self) {
        self.locks.clear();
    }

    /// A file as it is, byte for byte.
    pub fn text(&self, file: usize) -> &str {
        &self.texts[file]
    }

    /// The file in which `task` is written, and its name there.
    ///
    /// # Errors
    ///
    /// Ends with 3 if it is nowhere, with 78 if a file is no TOML.
    pub fn find(&self, task: &str) -> Result<(usize, Name), Failure> {
        let tasks = self.tasks()?;
        let found = tasks.iter().find(|(_, name)| name == task);
        let known = tasks.iter().map(|(_, name)| name.as_str());
        let (file, _) = found.ok_or_else(|| selection::no_such("task", task, known))?;
        Ok((*file, name(task)?))
    }

    /// All tasks as they are written, right or wrong, with their files.
    pub fn tasks(&self) -> Result<Vec<(usize, String)>, Failure> {
        let mut all = Vec::new();
        for (index, text) in self.texts.iter().enumerate() {
            let tasks = edit::tasks(text).map_err(|error| self.impossible(index, &error))?;
            all.extend(tasks.into_iter().map(|name| (index, name)));
        }
        Ok(all)
    }

    /// The text of a file after `edits`.
    pub fn edited(&self, file: usize, edits: &[Edit]) -> Result<String, Failure> {
        edit::edited(&self.texts[file], edits).map_err(|error| self.impossible(file, &error))
    }

    fn impossible(&self, file: usize, error: &EditError) -> Failure {
        let path = self.plan.sources[file].path.display();
        match error {
            EditError::Syntax(_) => {
                let failure = Failure::new(Exit::Config, format!("`{path}`: {error}"));
                failure.help("`taskd validate` tells where; mend it, then it can be changed")
            }
            EditError::NoTask(_) => Failure::new(Exit::NoSuchTask, error),
            EditError::Exists(task) => Failure::new(Exit::Usage, error)
                .help(format!("`taskd set {task} KEY VALUE` changes it")),
            EditError::Unfaithful => {
                let failure = Failure::new(Exit::Config, format!("`{path}`: {error}"));
                failure.help("change it by `taskd edit`; nothing is changed")
            }
            EditError::NoTable(key) => Failure::new(Exit::Usage, error)
                .help(format!("write all of it: `taskd set TASK {key} '{{ … }}'`")),
            EditError::NoKey(..) => Failure::new(Exit::Usage, error)
                .help("`taskd explain TASK` tells where each key in force is set"),
        }
    }

    /// The plan as it would be with these texts.
    pub fn judge(&self, texts: &Texts) -> Plan {
        let setting = plan::setting(clock::wall_clock());
        if let (Some(text), 1) = (texts.get(&0), texts.len()) {
            // It may include other files than before.
            let main = &self.plan.sources[0];
            let bytes = text.clone().into_bytes();
            let origin = Origin::Bytes(main.path.clone(), main.directory.clone(), bytes);
            return Plan::load(origin, &main.directory, &setting);
        }
        self.plan.instead(texts, &setting)
    }

    /// Writes these texts, unless a plan of them would be wrong, and lets the daemon take them up; or
    /// only shows what would change.
    ///
    /// # Errors
    ///
    /// Ends with 78 if it would be wrong, and nothing is changed.
    pub fn finish(
        mut self,
        texts: &Texts,
        wants: &Changing,
        told: impl FnOnce(&Plan) -> Vec<(String, Value)>,
    ) -> Result<Exit, Failure> {
        let then = self.judge(texts);
        if !then.is_valid() {
            plan::show(&then, |diagnostic| diagnostic.problem.severity() == Severity::Error);
            let message = format!(
                "nothing is changed: there would be {}",
                plan::summary(&then, &self.located.path)
            );
            return Err(Failure::new(Exit::Config, message));
        }
        let known: Vec<_> = self.plan.diagnostics.iter().map(|known| &known.problem).collect();
        plan::show(&then, |new| !known.contains(&&new.problem));
        let mut out = output::results();
        if wants.dry_run {
            for (file, text) in texts {
                let path = self.plan.sources[*file].path.display().to_string();
                let difference = TextDiff::from_lines(self.texts[*file].as_str(), text);
                write!(out, "{}", difference.unified_diff().header(&path, &path))?;
            }
            out.flush()?;
            return Ok(Exit::Ok);
        }
        // All are as they were before any of them is another.
        let places: Result<Vec<_>, _> = texts.keys().map(|file| self.hold(*file)).collect();
        for (place, text) in places?.iter().zip(texts.values()) {
            replace(place, text).map_err(|error| unwritten(place, &error))?;
        }
        let reload = self.reload()?;
        for (line, mut row) in told(&then) {
            if wants.json {
                row["reload"] = reload.clone().unwrap_or(Value::Null);
                output::json_line(&mut out, &row)?;
            } else {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        if reload.is_none() && !wants.json {
            output::complain("no daemon answers: `taskd run` starts one");
        }
        Ok(Exit::Ok)
    }

    /// Where a file really lies; nobody else changes it, or has since it was read.
    fn hold(&mut self, file: usize) -> Result<PathBuf, Failure> {
        let Source { path, directory, .. } = &self.plan.sources[file];
        let place = directory.join(path.file_name().unwrap_or_default());
        if file > 0 {
            self.locks.push(lock(&place, false)?.0);
        }
        // A link stays one.
        let real = place.canonicalize().map_err(|error| unwritten(path, &error))?;
        let now = fs::read_to_string(&real).map_err(|error| unwritten(path, &error))?;
        if now == self.texts[file] {
            return Ok(real);
        }
        let message = format!("`{}` has changed meanwhile", path.display());
        Err(Failure::new(Exit::Busy, message).help("do it once more"))
    }

    /// Lets the daemon take the file up; tells what it has, nothing if there is none.
    fn reload(&self) -> Result<Option<Value>, Failure> {
        daemon::block_on(async {
            let path = Some(self.located.path.as_path());
            let mut daemon = match Daemon::connect(path, self.global).await {
                Ok(daemon) => daemon,
                Err(failure) if failure.is(Exit::NoDaemon) => return Ok(None),
                Err(failure) => return Err(failure),
            };
            let answer = daemon.try_post("/v1/reload").await?;
            let is_taken_up = answer.status.is_success();
            let answer = answer.json().await?;
            if is_taken_up {
                return Ok(Some(answer));
            }
            let why = answer["error"]["message"].as_str().unwrap_or("it refuses").to_string();
            let message = format!("the file is changed, but the daemon does not take it up: {why}");
            Err(Failure::new(Exit::Failed, message).help("`taskd reload` tells more"))
        })
    }
}

/// The name of a task.
///
/// # Errors
///
/// Ends with 2 if it cannot be one.
pub fn name(text: &str) -> Result<Name, Failure> {
    Name::new(text).map_err(|error| Failure::new(Exit::Usage, format!("`{text}`: {error}")))
}

/// What is told of a task that is `what` in the plan: where it is, and when it fires.
pub fn of_task(plan: &Plan, task: &Name, what: &str) -> Option<(String, Value)> {
    let entry = plan.tasks.iter().find(|entry| entry.schedule.name == *task)?;
    let source = &plan.sources[entry.file];
    let (file, line) = (source.path.display(), source.position(entry.place.start).line);
    let now = clock::wall_clock();
    let when = entry.schedule.in_words(&entry.zone);
    let next = entry.schedule.next_run_after(now);
    let next_in_words = next.map(|next| {
        let (at, relative) = (time::rfc3339(next.due, &entry.zone), time::relative(next.due, now));
        format!(", next at {at} ({relative})")
    });
    let told = format!("{what} {task}, {file}:{line}: {when}{}", next_in_words.unwrap_or_default());
    let row = json!({
        "task": task,
        "change": what,
        "file": file.to_string(),
        "line": line,
        "next": next.map(|next| time::rfc3339(next.due, &entry.zone)),
    });
    Some((told, row))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let message = format!("`{}` cannot be written: {error}", path.display());
    Failure::new(Exit::Failed, message).help("nothing is changed in it")
}

/// Locks the file at `path` against others who change it by a verb; where there is none, one `may_begin`
/// it. Tells also whether it was begun.
fn lock(path: &Path, may_begin: bool) -> Result<(File, bool), Failure> {
    let failed = |error: io::Error| {
        Failure::new(Exit::Config, format!("`{}` cannot be opened: {error}", path.display()))
    };
    let mut is_new = false;
    for _ in 0..TURNS {
        let file = match File::open(path) {
            // Somebody else who begins it may give up, and take it away again.
            Err(error) if may_begin && error.kind() == io::ErrorKind::NotFound => {
                File::options().append(true).create(true).open(path).map_err(failed)?;
                is_new = true;
                continue;
            }
            opened => opened.map_err(failed)?,
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Another may have come in its place since.
            Ok(()) if is_at(&file, path) => return Ok((file, is_new)),
            Ok(()) | Err(Errno::WOULDBLOCK) => std::thread::sleep(TURN),
            Err(error) => return Err(failed(error.into())),
        }
    }
    let message = format!("somebody else changes `{}`", path.display());
    Err(Failure::new(Exit::Busy, message).help("try again when they are done"))
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().ok().zip(fs::metadata(path).ok()).is_some_and(|(a, b)| same(a, b))
}

/// Puts `text` in the place of the file at `path`, in one piece: with its owner and its mode, and on the
/// disk.
///
/// # Errors
///
/// Returns the error, and nothing is changed.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden, so that no pattern of an `include` means it.
    let prefix = format!(".{name}.taskd-");
    remove_left(directory, &prefix);
    // For its owner alone until it is as the other: there may be secrets in it.
    let mut aside = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory)?;
    aside.write_all(text.as_bytes())?;
    let (there, own) = (fs::metadata(path)?, aside.as_file().metadata()?);
    if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
        fchown(aside.as_file(), Some(there.uid()), Some(there.gid()))?;
    }
    aside.as_file().set_permissions(there.permissions())?;
    aside.as_file().sync_all()?;
    aside.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Removes what somebody has left who was killed in the middle.
fn remove_left(directory: &Path, prefix: &str) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let left = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let paths: Vec<PathBuf> = left.map(|entry| entry.path()).collect();
    for path in paths {
        // Another error comes up with the file itself.
        let _ = fs::remove_file(path);
    }
}
