//! What a file says of a task, as one text: to be kept, shown and compared.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use serde::Serializer;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

use super::inherit::{Found, Layers};
use super::{Entry, Origin, Plan, Setting, keys};
use crate::name::Name;
use crate::zone::Zone;

/// Every key that holds for a task, as a JSON object, in the order of the manual. Values of its
/// environment, which may be secrets, are left out. `triggers` are those of `layers`, and it is put
/// together in `room`.
pub(super) fn text(
    layers: &Layers<'_>,
    triggers: &[Found<'_>],
    zone: &Zone,
    room: &mut Vec<u8>,
) -> Arc<str> {
    room.clear();
    // Memory takes all that is written, and every value of TOML is one of JSON, but for infinity.
    let _ = write(room, layers, triggers, zone);
    str::from_utf8(room).unwrap_or_default().into()
}

fn write(
    out: &mut Vec<u8>,
    layers: &Layers<'_>,
    triggers: &[Found<'_>],
    zone: &Zone,
) -> serde_json::Result<()> {
    let mut serializer = serde_json::Serializer::new(out);
    let mut all = serializer.serialize_map(None)?;
    let mut says_zone = false;
    for key in layers.keys().task_keys() {
        match key {
            "extends" => {}
            "timezone" if layers.get_or_false(key).is_some() => {
                says_zone = true;
                all.serialize_entry(key, zone.name())?;
            }
            trigger if keys::TRIGGERS.contains(&trigger) => {
                if let Some(found) = triggers.iter().find(|found| found.key.name == key) {
                    all.serialize_entry(key, found.node)?;
                }
            }
            "env" => {
                if let Some(names) = object(layers, key, |_| Value::Null) {
                    all.serialize_entry(key, &names)?;
                }
            }
            "metadata" | "params" => {
                if let Some(table) = object(layers, key, json) {
                    all.serialize_entry(key, &table)?;
                }
            }
            key => {
                if let Some(found) = layers.get_or_false(key) {
                    all.serialize_entry(key, found.node)?;
                }
            }
        }
    }
    if !says_zone {
        all.serialize_entry("timezone", zone.name())?;
    }
    all.end()
}

fn object(layers: &Layers<'_>, key: &str, value: impl Fn(&super::Node) -> Value) -> Option<Value> {
    let merged = layers.merged(key);
    let entries = merged.into_iter().map(|found| (found.key.name.clone(), value(found.node)));
    let object: Map<String, Value> = entries.collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

fn json(node: &super::Node) -> Value {
    // Every value of TOML is one of JSON, but for infinity.
    serde_json::to_value(node).unwrap_or_default()
}

/// Beside the triggers: what says when a task fires, and what becomes of a run of it that goes on.
const RECALLED: [&str; 10] = [
    "timezone",
    "start",
    "end",
    "jitter",
    "overlap",
    "timeout",
    "stop_signal",
    "stop_grace",
    "output",
    "user",
];

/// The task `name` by the rules of `zones`, of which this was kept; `None` if that cannot be told any
/// more. It is as it was in when it fires, and in what a run of it that goes on needs; it cannot be
/// run again.
#[must_use]
pub fn recall(name: &Name, text: &str, zones: &TimeZoneDatabase) -> Option<Entry> {
    let Ok(Value::Object(all)) = serde_json::from_str(text) else { return None };
    let is_recalled = |key: &str| keys::TRIGGERS.contains(&key) || RECALLED.contains(&key);
    let keys = all.iter().filter(|(key, _)| is_recalled(key));
    let lines: String = keys.map(|(key, value)| format!("{key} = {}\n", toml(value))).collect();
    let mut others = BTreeSet::new();
    all.get("after").into_iter().for_each(|after| names(after, &mut others));
    others.remove(name.as_str());
    // They are there, whatever they are.
    let other = |other| format!("[tasks.{other}]\nstartup = \"boot\"\ncommand = \"true\"\n");
    let others: String = others.into_iter().map(other).collect();
    let file = format!("{others}[tasks.{name}]\ncommand = \"true\"\n{lines}");
    let setting = Setting {
        zones: zones.clone(),
        zone: Ok(Zone::utc()),
        home: None,
        search: None,
        now: Timestamp::MIN,
    };
    let nowhere = std::path::PathBuf::from("/");
    let origin = Origin::Bytes("what was kept".into(), nowhere.clone(), file.into());
    let mut plan = Plan::load(origin, &nowhere, &setting);
    plan.tasks.pop().filter(|entry| entry.schedule.name == *name)
}

/// The names of tasks in the value of `after`.
fn names<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) if Name::new(text).is_ok() => drop(found.insert(text)),
        Value::Array(all) => all.iter().for_each(|value| names(value, found)),
        Value::Object(all) => {
            let tasks = all.iter().filter(|(key, _)| matches!(key.as_str(), "all" | "any"));
            tasks.for_each(|(_, value)| names(value, found));
        }
        _ => {}
    }
}

/// A value of JSON as TOML, which writes texts alike.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(all) => {
            let all: Vec<_> = all.iter().map(toml).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Object(all) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{} = {}", Value::from(key.as_str()), toml(value))
            };
            let all: Vec<_> = all.iter().map(entry).collect();
            format!("{{ {} }}", all.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_task_fired_is_told_by_what_was_kept_of_it() {
        let file = r#"
            timezone = "Europe/Berlin"
            [tasks.a]
            interval = { hours = 1, minutes = 30 }
            cron     = ["0 2 * * *", { day_of_week = "mon-fri", hour = 9 }]
            date     = [2026-12-24T18:00:00, "2027-01-01"]
            start    = 2026-01-01
            after    = { all = ["b", "c"], on = "finish", delay = "1s" }
            skip_on  = "x"
            stop_signal = "INT"
            env      = { SECRET = "swordfish" }
            command  = "printf '\"\\n'"
            [tasks]
            b = { interval = "1h", command = "true" }
            c = { interval = "1h", command = "true" }
            [calendars.x]
            weekdays = ["sun"]
        "#;
        let setting = Setting {
            zones: TimeZoneDatabase::from_env(),
            zone: Ok(Zone::utc()),
            home: None,
            search: None,
            now: Timestamp::MIN,
        };
        let origin = Origin::Bytes("f".into(), "/".into(), file.into());
        let plan = Plan::load(origin, std::path::Path::new("/"), &setting);
        let now = &plan.tasks[0].schedule;
        assert!(!now.text.contains("swordfish") && now.text.contains("SECRET"), "{}", now.text);
        let then = recall(&now.name, &now.text, &setting.zones).expect("it can be told");
        assert_eq!(then.schedule.when.identity(), now.when.identity());
        let command = then.command().expect("it is one");
        assert_eq!(command.execution.stop_signal, rustix::process::Signal::INT);
        assert!(recall(&now.name, "no JSON", &setting.zones).is_none());
    }
}
