//! From tables to tasks: every key of every entry is read, and every problem told.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use foldhash::HashMapExt as _;
use jiff::tz::TimeZoneDatabase;

use super::about::Rename;
use super::after::Edge;
use super::days::Calendars;
use super::definition;
use super::diagnostic::Diagnostic;
use super::include::Files;
use super::inherit::{Found, Heritage, KeySet, LayerKind, Layers};
use super::keys;
use super::patterns::Patterns;
use super::problem::{Problem, Severity};
use super::raw::{RawEntry, RawFile, Tasks};
use super::source::Source;
use super::value::{Node, Value};
use super::{About, Daemon, Entry, Plan, Setting};
use crate::name::Name;
use crate::policy::Policy;
use crate::runner::Execution;
use crate::schedule::Schedule;
use crate::zone::Zone;

/// What all readers of entries share.
pub(super) struct Reader<'a> {
    pub sources: &'a [Source],
    pub setting: &'a Setting,
    pub patterns: Patterns,
    pub calendars: Calendars,
    pub pools: BTreeMap<Name, NonZeroU32>,
    /// Who comes after whom, as it was read so far.
    pub edges: Vec<Edge>,
    /// Which tasks have been renamed.
    pub renames: Vec<Rename>,
    pub abouts: Shared<About>,
    pub policies: Shared<Policy>,
    pub executions: Shared<Execution>,
    pub shells: Shared<Vec<Arc<str>>>,
    pub zones: HashMap<String, Option<Zone>>,
    pub default_zone: Zone,
    pub diagnostics: Vec<Diagnostic>,
    /// Whom the present problems are about.
    pub task: Option<Name>,
    /// Where a definition is put together.
    pub room: Vec<u8>,
}

/// Names that stand somewhere, each with its file and its place in it.
pub(super) type Known<'a> = foldhash::HashMap<&'a str, (usize, usize)>;

/// What tasks of a file, by its number, have in common that say nothing about it themselves; each thread
/// that reads has its own.
pub(super) type Shared<T> = BTreeMap<usize, Arc<T>>;

/// What kind of entry is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    Template,
    Defaults,
}

/// Judges `files`.
pub(super) fn validate(mut files: Files, setting: &Setting) -> Plan {
    // Calendars are read once: they may come through a pipe.
    if files.raw.iter().any(|raw| !raw.calendars.is_empty()) && !files.tell_alone() {
        files.read_whole();
    }
    let judged = loop {
        match judge(&files, setting) {
            Some(judged) => break judged,
            None => files.read_whole(),
        }
    };
    let Judged { tasks, diagnostics, zone, daemon, zones } = judged;
    let Files { sources, parents, directories, .. } = files;
    Plan { tasks, diagnostics, sources, parents, directories, zone, daemon, zones }
}

/// What becomes of files.
struct Judged {
    tasks: Vec<Entry>,
    diagnostics: Vec<Diagnostic>,
    zone: Zone,
    daemon: Daemon,
    zones: Vec<Zone>,
}

/// Judges `files`; `None` if a task among them cannot be read by itself.
fn judge(files: &Files, setting: &Setting) -> Option<Judged> {
    let Files { sources, raw: files, parents, diagnostics, .. } = files;
    let told = files.iter().flat_map(|raw| &raw.diagnostics).chain(diagnostics);
    let heritage = Heritage::new(files, parents);
    let mut reader = Reader::new(sources, setting);
    reader.diagnostics = told.cloned().collect();
    let zone = reader.file_zones(&heritage, files.len());
    reader.read_calendars(files);
    reader.read_pools(files);
    let daemon = reader.read_daemon(files);
    for (file, raw) in files.iter().enumerate() {
        if let Some(defaults) = &raw.defaults {
            reader.part(&heritage, file, defaults, Kind::Defaults);
        }
        for template in &raw.templates {
            reader.part(&heritage, file, template, Kind::Template);
        }
    }
    reader.duplicates("template", files.iter().map(|raw| raw.templates.as_slice()));
    let known = reader.task_names(files)?;
    let tasks = reader.tasks(&heritage, files)?;
    reader.judge_edges(&known);
    reader.judge_renames(&known);
    if reader.diagnostics.is_empty() && tasks.is_empty() {
        reader.complain(0, 0..0, Problem::NoTasks);
    }
    let mut zones: Vec<_> = reader.zones.into_values().flatten().collect();
    zones.extend(setting.zone.clone());
    Some(Judged { tasks, diagnostics: in_order(reader.diagnostics), zone, daemon, zones })
}

/// The zone that somebody who wrote `name` may have meant: by the place in it, or by a slip of the
/// pen. Abbreviations and offsets are near to others that are hours away.
fn nearest_zone(name: &str, zones: &TimeZoneDatabase) -> Option<String> {
    let names: Vec<_> = zones.available().map(|name| name.to_string()).collect();
    let places = || {
        names
            .iter()
            .map(String::as_str)
            .filter(|name| name.contains('/') && !name.starts_with("Etc/"))
    };
    let place = name.replace(' ', "_");
    let same = places()
        .find(|name| name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&place)));
    let near =
        same.or_else(|| if name.contains('/') { keys::nearest(name, places()) } else { None });
    near.map(Into::into)
}

/// The diagnostics by file and place; a value that many tasks inherit is complained about once.
fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics
        .sort_by_key(|diagnostic| (diagnostic.file, diagnostic.span.start, diagnostic.span.end));
    diagnostics.dedup_by(|later, earlier| {
        (later.file, &later.span, &later.problem) == (earlier.file, &earlier.span, &earlier.problem)
    });
    diagnostics
}

impl<'a> Reader<'a> {
    /// The names of all tasks, right or wrong, with the places where they stand; each is told that
    /// stands in more than one. `None` if that has to be told by a file that was not read as a whole.
    fn task_names(&mut self, files: &'a [RawFile]) -> Option<Known<'a>> {
        let count = files.iter().map(|raw| raw.tasks.len()).sum();
        let mut known = Known::with_capacity(count);
        let is_cut = files.iter().any(|raw| matches!(raw.tasks, Tasks::Unread(_)));
        for (file, (raw, source)) in files.iter().zip(self.sources).enumerate() {
            for (name, span) in raw.tasks.names(source) {
                let place = (file, span.start);
                let Some(first) = known.insert(name, place) else { continue };
                if is_cut {
                    return None;
                }
                self.twice("task", name, first, (file, span));
            }
        }
        Some(known)
    }

    /// One that has not read anything yet.
    pub(super) fn new(sources: &'a [Source], setting: &'a Setting) -> Self {
        Self {
            sources,
            setting,
            patterns: Patterns::default(),
            calendars: Calendars::new(),
            pools: BTreeMap::new(),
            edges: Vec::new(),
            renames: Vec::new(),
            abouts: Shared::new(),
            policies: Shared::new(),
            executions: Shared::new(),
            shells: Shared::new(),
            zones: HashMap::new(),
            default_zone: setting.zone.clone().unwrap_or_else(|_| Zone::utc()),
            diagnostics: Vec::new(),
            task: None,
            room: Vec::new(),
        }
    }
}

impl Reader<'_> {
    pub(super) fn complain(&mut self, file: usize, span: Range<usize>, problem: Problem) {
        let task = self.task.clone();
        self.diagnostics.push(Diagnostic { problem, file, span, task });
    }

    /// Tells that `node`, at the key of `found` or within its value, is of the wrong type, unless
    /// the parser has told already that it is broken. `expected` is what belongs there; after a
    /// comma, how to write it.
    pub(super) fn wrong_type(&mut self, found: Found<'_>, node: &Node, expected: &'static str) {
        if node.value != Value::Broken {
            let problem = Problem::WrongType {
                key: found.key.name.clone(),
                expected,
                found: node.value.kind(),
            };
            self.complain(found.file, node.span.clone(), problem);
        }
    }

    /// The text at `found`, if it is one.
    pub(super) fn text<'n>(
        &mut self,
        found: Found<'n>,
        node: &'n Node,
        expected: &'static str,
    ) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            _ => {
                self.wrong_type(found, node, expected);
                None
            }
        }
    }

    /// The texts of a list, or one text alone.
    pub(super) fn texts<'n>(
        &mut self,
        found: Found<'n>,
        expected: &'static str,
    ) -> Vec<(&'n str, &'n Node)> {
        let nodes = match &found.node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(found.node),
        };
        nodes.iter().filter_map(|node| Some((self.text(found, node, expected)?, node))).collect()
    }

    /// Checks the `timezone` of each file, and returns that of the main one.
    fn file_zones(&mut self, heritage: &Heritage<'_>, files: usize) -> Zone {
        for file in 1..files {
            self.file_zone(heritage, file);
        }
        if let Err(why) = &self.setting.zone
            && heritage.timezone(0).is_none()
        {
            self.complain(0, 0..0, Problem::NoZone(why.clone()));
        }
        self.file_zone(heritage, 0)
    }

    fn file_zone(&mut self, heritage: &Heritage<'_>, file: usize) -> Zone {
        let Some((file, node)) = heritage.timezone(file) else {
            return self.default_zone.clone();
        };
        let key = super::value::Key { name: "timezone".into(), span: node.span.clone() };
        self.zone_at(Found { file, layer: LayerKind::Own, key: &key, node })
            .unwrap_or_else(|| self.default_zone.clone())
    }

    /// The zone that is named at `found`.
    fn zone_at(&mut self, found: Found<'_>) -> Option<Zone> {
        let name = self.text(
            found,
            found.node,
            "the name of a zone, write `timezone = \"Europe/Berlin\"`",
        )?;
        let known = self.zones.entry(name.to_string()).or_insert_with(|| {
            self.setting.zones.get(name).ok().filter(|zone| !zone.is_unknown()).map(Zone::new)
        });
        if known.is_none() {
            let near = nearest_zone(name, &self.setting.zones);
            let span = found.node.span.clone();
            self.complain(found.file, span, Problem::UnknownZone(name.into(), near));
            return None;
        }
        known.clone()
    }

    /// Complains about names that stand in more than one place.
    pub(super) fn duplicates<'a>(
        &mut self,
        what: &'static str,
        files: impl Iterator<Item = &'a [RawEntry]>,
    ) {
        let mut seen = Known::default();
        for (file, entries) in files.enumerate() {
            for entry in entries {
                let (name, span) = (entry.name.as_str(), entry.span.clone());
                if let Some(first) = seen.insert(name, (file, span.start)) {
                    self.twice(what, name, first, (file, span));
                }
            }
        }
    }

    /// Complains about `name`, which stands in one place and again in another.
    fn twice(
        &mut self,
        what: &'static str,
        name: &str,
        (first, offset): (usize, usize),
        (file, span): (usize, Range<usize>),
    ) {
        let source = &self.sources[first];
        let first = format!("{}:{}", source.path.display(), source.position(offset).line);
        self.complain(file, span, Problem::Duplicate { what, name: name.into(), first });
    }

    /// Reads a template or defaults, only to tell what is wrong with it.
    fn part(&mut self, heritage: &Heritage<'_>, file: usize, entry: &RawEntry, kind: Kind) {
        let mark = self.diagnostics.len();
        let layers = Layers::alone(file, entry);
        self.check_keys(&layers, kind);
        if kind == Kind::Template {
            self.layers(heritage, file, entry);
        }
        let zone = self.zone_of(heritage, &layers, file);
        self.read_when(&layers, &layers.triggers(), &zone);
        self.read_what(&layers, &zone, file, None);
        self.read_about(&layers);
        self.renamed_from(&layers);
        self.enabled(&layers);
        self.read_how(&layers);
        self.filter(&layers, &zone);
        self.allow(&layers, mark);
    }

    pub(super) fn task(
        &mut self,
        heritage: &Heritage<'_>,
        file: usize,
        entry: &RawEntry,
    ) -> Option<Entry> {
        let mark = self.diagnostics.len();
        let name = Name::new(&entry.name).ok()?;
        self.task = Some(name.clone());
        let layers = self.layers(heritage, file, entry);
        let meant = self.check_keys(&layers, Kind::Task);
        let zone = self.zone_of(heritage, &layers, file);
        let triggers = layers.triggers();
        let when = self.read_when(&layers, &triggers, &zone);
        // A fault is told once: what a misspelt key stands for is not missing as well.
        let missing = (!entry.broken && !meant.contains(&"command")).then_some(&entry.span);
        let what = self.read_what(&layers, &zone, file, missing);
        let about = self.read_about(&layers);
        let renamed_from = self.renamed_from(&layers);
        let enabled = self.enabled(&layers);
        let meant_trigger = keys::TRIGGERS.iter().any(|key| meant.contains(key));
        if triggers.is_empty() && !entry.broken && !meant_trigger {
            self.complain(file, entry.span.clone(), Problem::NoTrigger);
        }
        let policy = self.read_how(&layers);
        let filter = self.filter(&layers, &zone);
        let schedule = when.zip(policy).map(|(when, policy)| Schedule {
            name,
            when,
            enabled,
            filter: filter.map(Arc::new),
            policy,
            text: definition::text(&layers, &triggers, &zone, &mut self.room),
            renamed_from,
        });
        let wrong = |diagnostic: &Diagnostic| diagnostic.problem.severity() == Severity::Error;
        let sound = !entry.broken && !self.diagnostics[mark..].iter().any(wrong);
        if let Some(schedule) = &schedule
            && sound
            && enabled
            && schedule.when.has_clock()
            && schedule.next_run_after(self.setting.now).is_none()
        {
            let ahead = schedule.when.end().is_some_and(|end| end > self.setting.now);
            let problem = if ahead { Problem::Outside } else { Problem::Past };
            self.complain(file, entry.span.clone(), problem);
        }
        let allow = self.allow(&layers, mark);
        self.task = None;
        if !sound {
            return None;
        }
        let place = entry.span.clone();
        Some(Entry { schedule: schedule?, what: what?, zone, about, allow, file, place })
    }

    /// What `read` makes of the keys `of`, shared by the tasks of a file that have none of them.
    pub(super) fn shared<T>(
        &mut self,
        layers: &Layers<'_>,
        of: KeySet,
        known: fn(&mut Self) -> &mut Shared<T>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Arc<T>> {
        let usual = layers.usual(of);
        if let Some(known) = usual.and_then(|file| known(self).get(&file)) {
            return Some(known.clone());
        }
        let told = self.diagnostics.len();
        let read = Arc::new(read(self)?);
        // What there is to tell, a task may allow and another not.
        if let Some(file) = usual.filter(|_| self.diagnostics.len() == told) {
            known(self).insert(file, read.clone());
        }
        Some(read)
    }

    fn layers<'a>(
        &mut self,
        heritage: &Heritage<'a>,
        file: usize,
        entry: &'a RawEntry,
    ) -> Layers<'a> {
        heritage.layers(file, entry, &mut |found, node, problem| {
            self.complain(found.file, node.span.clone(), problem);
        })
    }

    /// Tells which of the entry's own keys are none, and returns those that they stand for.
    fn check_keys(&mut self, layers: &Layers<'_>, kind: Kind) -> Vec<&'static str> {
        let mut meant = Vec::new();
        for found in layers.own() {
            let key = found.key.name.as_str();
            let problem = if kind == Kind::Defaults && keys::NO_DEFAULTS.contains(&key) {
                Problem::NoDefault(key.into())
            } else if keys::TASK.contains(&key) {
                continue;
            } else {
                let (known, help) = keys::task_remedy(key);
                meant.extend(known);
                Problem::UnknownKey(key.into(), help)
            };
            self.complain(found.file, found.key.span.clone(), problem);
        }
        meant
    }

    fn zone_of(&mut self, heritage: &Heritage<'_>, layers: &Layers<'_>, file: usize) -> Zone {
        match layers.get("timezone") {
            Some(found) => self.zone_at(found).unwrap_or_else(|| self.default_zone.clone()),
            None => match heritage.timezone(file) {
                // A wrong one was complained about with its file.
                Some((_, Node { value: Value::Text(name), .. })) => self
                    .zones
                    .get(name)
                    .cloned()
                    .flatten()
                    .unwrap_or_else(|| self.default_zone.clone()),
                _ => self.default_zone.clone(),
            },
        }
    }
}
