//! `taskd explain`: what a task or an expression means, by the code that decides.

use std::io::{self, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::args::{Explain, Global};
use super::exit::{Exit, Failure};
use super::{locate, output, plan, time};
use crate::clock;
use crate::config::{Entry, Origin, Plan, nearest};
use crate::duration;
use crate::name::Name;
use crate::timetable::{self, Which};
use crate::trigger::cron::Expression;
use crate::trigger::{Moment, Trigger};
use crate::zone::{Jump, Zone};

/// So far from a jump its firings are told.
const AROUND: SignedDuration = SignedDuration::from_hours(3);
/// So many of them at most.
const MOST_AROUND: usize = 8;

/// What is told, as `--json` prints it.
#[derive(Serialize)]
struct Explanation {
    task: Option<Name>,
    words: String,
    timezone: String,
    triggers: Vec<Part>,
    next: Vec<String>,
    gap: Option<Change>,
    fold: Option<Change>,
    warnings: Vec<Warning>,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Part {
    trigger: &'static str,
    words: String,
    /// How a cron trigger behaves where clocks change.
    fixed: Option<bool>,
    fields: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Change {
    at: String,
    from: String,
    to: String,
    firings: Vec<String>,
}

#[derive(Serialize)]
struct Warning {
    code: &'static str,
    message: String,
    help: Option<String>,
}

#[derive(Serialize)]
struct Key {
    key: String,
    value: String,
    set_by: String,
    file: String,
    line: usize,
}

pub fn explain(global: &Global, explain: &Explain) -> Result<Exit, Failure> {
    let text = explain.words.join(" ");
    let now = clock::wall_clock();
    let is_task = Name::new(&text).is_ok();
    let plan = if is_task {
        plan::load(&locate::locate(None, global)?.path, now)?
    } else {
        expression(&text, explain.timezone.as_deref(), now)?
    };
    let found = if is_task {
        plan.tasks.iter().find(|entry| entry.schedule.name.as_str() == text)
    } else {
        plan.tasks.first()
    };
    let Some(entry) = found else {
        let failure = Failure::new(Exit::NoSuchTask, format!("there is no task `{text}`"));
        let names = plan.tasks.iter().map(|entry| entry.schedule.name.as_str());
        return Err(match nearest(&text, names) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("an expression has blanks, as in `taskd explain '0 9 * * *'`"),
        });
    };
    let explanation = about(&plan, entry, is_task, explain.count, now);
    let mut out = output::results();
    if explain.json {
        output::json_line(&mut out, &explanation)?;
    } else {
        print(&explanation, &text, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Ok)
}

/// A plan of one task that fires as `text` says.
fn expression(text: &str, zone: Option<&str>, now: Timestamp) -> Result<Plan, Failure> {
    let quoted = || format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let when = if text.trim_start().starts_with('{') {
        format!("cron = {text}")
    } else if duration::parse(text).is_ok() {
        format!("interval = {}", quoted())
    } else if Moment::parse(text).is_ok() {
        format!("date = {}", quoted())
    } else {
        format!("cron = {}", quoted())
    };
    let zone = zone.map_or_else(String::new, |zone| format!("timezone = {zone:?}\n"));
    let file = format!("{when}\n{zone}command = \"true\"\n");
    let file = format!("[tasks.expression]\n{file}");
    let here = Path::new("/");
    let origin = Origin::Bytes("expression".into(), here.into(), file.into_bytes());
    let plan = Plan::load(origin, here, &plan::setting(now));
    if plan.is_valid() {
        return Ok(plan);
    }
    plan::show(&plan, |_| true);
    Err(Failure::said(Exit::Usage))
}

fn about(plan: &Plan, entry: &Entry, is_task: bool, count: usize, now: Timestamp) -> Explanation {
    let (schedule, zone) = (&entry.schedule, &entry.zone);
    let next = timetable::firings([entry], now, Which::Runs).take(count);
    let change = |is_gap: bool| {
        // What no clock names does not care for clocks.
        let mut jumps = zone.jumps(now).take_while(|_| schedule.when.has_clock());
        jumps.find(|jump| (jump.to > jump.from) == is_gap).map(|jump| change(entry, jump))
    };
    let own = plan.diagnostics.iter().filter(|found| found.task.as_ref() == Some(&schedule.name));
    let keys = if is_task { plan.keys_in_force(&schedule.name) } else { Vec::new() };
    Explanation {
        task: is_task.then(|| schedule.name.clone()),
        words: schedule.in_words(zone),
        timezone: zone.name().into(),
        triggers: schedule.when.triggers().iter().map(|trigger| part(trigger, zone)).collect(),
        next: next.map(|(_, firing)| time::rfc3339(firing.due, zone)).collect(),
        gap: change(true),
        fold: change(false),
        warnings: own
            .map(|found| Warning {
                code: found.problem.code(),
                message: found.problem.to_string(),
                help: found.problem.help(),
            })
            .collect(),
        keys: keys
            .into_iter()
            .map(|key| Key {
                line: plan.sources[key.file].position(key.offset).line,
                file: plan.sources[key.file].path.display().to_string(),
                key: key.key,
                value: key.value,
                set_by: key.set_by,
            })
            .collect(),
    }
}

fn part(trigger: &Trigger, zone: &Zone) -> Part {
    let expression = match trigger {
        Trigger::Cron(cron) => Some(cron.pattern().expression()),
        _ => None,
    };
    let fields = expression.map_or_else(Vec::new, Expression::fields);
    Part {
        trigger: trigger.kind().word(),
        words: trigger.in_words(zone),
        fixed: expression.map(Expression::is_fixed),
        fields: fields
            .into_iter()
            .map(|(field, text)| (field.key().to_string(), text.into()))
            .collect(),
    }
}

/// What fires around a jump of the clock.
fn change(entry: &Entry, jump: Jump) -> Change {
    let zone = &entry.zone;
    let from = jump.at.checked_sub(AROUND).unwrap_or(jump.at);
    let to = jump.at.checked_add(AROUND).unwrap_or(jump.at);
    let firings = timetable::firings([entry], from, Which::All);
    let firings = firings.map(|(_, firing)| firing.due).take_while(|due| *due <= to);
    let wall = |wall: jiff::civil::DateTime| wall.strftime("%F %H:%M").to_string();
    Change {
        at: time::rfc3339(jump.at, zone),
        from: wall(jump.from),
        to: wall(jump.to),
        firings: firings.take(MOST_AROUND).map(|due| time::rfc3339(due, zone)).collect(),
    }
}

fn print(explanation: &Explanation, text: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{text}: {} ({})", explanation.words, explanation.timezone)?;
    for part in &explanation.triggers {
        if part.fields.is_empty() {
            continue;
        }
        writeln!(out, "\nfields")?;
        for (field, text) in &part.fields {
            writeln!(out, "  {field:<12} {}", text.as_str().unwrap_or_default())?;
        }
    }
    writeln!(out, "\nnext")?;
    for due in &explanation.next {
        writeln!(out, "  {due}")?;
    }
    if explanation.next.is_empty() {
        writeln!(out, "  nothing that a clock names")?;
    }
    print_changes(explanation, out)?;
    if !explanation.keys.is_empty() {
        writeln!(out, "\nkeys")?;
    }
    for Key { key, value, set_by, file, line } in &explanation.keys {
        let value = value.lines().next().unwrap_or_default();
        writeln!(out, "  {key} = {value}  ({set_by}, {file}:{line})")?;
    }
    for Warning { code, message, help } in &explanation.warnings {
        writeln!(out, "\nwarning[{code}]: {message}")?;
        if let Some(help) = help {
            writeln!(out, "help: {help}")?;
        }
    }
    Ok(())
}

/// How it behaves where clocks change next.
fn print_changes(explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    let rhythm = explanation.triggers.iter().any(|part| part.fixed == Some(false));
    let fixed = explanation.triggers.iter().any(|part| part.fixed == Some(true));
    let changes = [("gap", &explanation.gap), ("fold", &explanation.fold)];
    if changes.iter().all(|(_, change)| change.is_none()) {
        if explanation.next.is_empty() {
            return Ok(());
        }
        return writeln!(out, "\nno clock change is known in {}", explanation.timezone);
    }
    writeln!(out, "\nwhere clocks change")?;
    if fixed {
        writeln!(out, "  fixed: in a gap once, as it ends; in a fold once, at the first pass")?;
    }
    if rhythm {
        writeln!(out, "  follows real time: nothing in a gap, both passes of a fold")?;
    }
    for (kind, change) in changes {
        let Some(Change { from, to, firings, .. }) = change else { continue };
        let told =
            if firings.is_empty() { "nothing fires around it".into() } else { firings.join(", ") };
        writeln!(out, "  next {kind}, {from} becomes {to}: {told}")?;
    }
    Ok(())
}
