//! The language of schedule files as a JSON Schema (draft 7), for editors that complete and check by it.
//!
//! It says which keys there are, what they take and what they mean; what `validate` finds beyond that, it
//! does not know.

use serde_json::{Map, Value, json};

use super::keys;

/// What keys of a task take, and what they mean.
fn task_keys() -> Vec<(&'static str, Value, &'static str)> {
    let text = || json!({ "type": "string" });
    let texts = || one_or_many(&text());
    let number = |least: i64| json!({ "type": "number", "minimum": least });
    let flag = || json!({ "type": "boolean" });
    let one_of = |words: &[&str]| json!({ "enum": words });
    let length = || reference("duration");
    vec![
        ("interval", reference("interval"), "every so much elapsed time: `1h 30m`, or units"),
        (
            "cron",
            one_or_many(&reference("cron")),
            "a crontab text (`30 9 * * mon-fri`), fields, or a list of these",
        ),
        (
            "date",
            one_or_many(&reference("time")),
            "once: a date, a date-time, the same as text, or a list",
        ),
        (
            "calendar",
            reference("calendar"),
            "every so many months or days of the calendar, from `start`",
        ),
        (
            "startup",
            reference("startup"),
            "at each start of the daemon, or the first one after a boot",
        ),
        ("after", reference("after"), "when others have ended"),
        ("timezone", text(), "the zone of its wall clock, as `Europe/Berlin`"),
        ("start", reference("time"), "nothing fires before that"),
        ("end", reference("time"), "nothing fires after that"),
        ("skip_on", texts(), "calendars on whose days it does not run"),
        ("only_on", texts(), "calendars on whose days alone it runs"),
        ("jitter", length(), "a delay of 0 up to this, by machine, task and instant"),
        ("enabled", flag(), "whether it fires at all"),
        (
            "overlap",
            one_of(&["skip", "queue", "replace", "parallel"]),
            "while the previous run goes on",
        ),
        ("max_parallel", number(1), "so many at once with `overlap = \"parallel\"`"),
        (
            "missed",
            one_of(&["skip", "latest", "all"]),
            "what becomes of firings that were due meanwhile",
        ),
        ("max_catch_up", number(1), "so many at most with `missed = \"all\"`"),
        ("grace", length(), "how late a firing still counts as on time"),
        ("pool", text(), "waits for a free place in `[pools.NAME]`"),
        ("timeout", length(), "how long an attempt may take"),
        ("stop_signal", text(), "what asks it to stop, as `TERM`"),
        ("stop_grace", length(), "how long it may take to stop before it is killed"),
        ("retry", reference("retry"), "how many attempts may follow the first, and when"),
        (
            "on_lost",
            one_of(&["leave", "rerun"]),
            "what becomes of a run that taskd has lost sight of",
        ),
        (
            "success_codes",
            json!({ "type": "array", "items": { "type": "integer", "minimum": 0, "maximum": 255 } }),
            "exit codes that count as success",
        ),
        ("output", reference("output"), "where its output goes"),
        ("command", texts(), "text for the shell, or a program and its arguments"),
        ("task", text(), "a task of the program that loads this file, instead of `command`"),
        ("params", json!({ "type": "object" }), "a free table, which that task reads"),
        ("shell", texts(), "what runs a text, as `[\"/bin/sh\", \"-c\"]`"),
        ("cwd", text(), "where it starts"),
        (
            "env",
            json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } }),
            "variables of its environment",
        ),
        (
            "env_file",
            texts(),
            "files of variables; `?` in front: it may be absent; `credential:NAME`",
        ),
        ("inherit_env", json!({ "anyOf": [flag(), texts()] }), "which variables of taskd it has"),
        ("stdin", text(), "what it reads"),
        ("user", text(), "who it runs as; only as root"),
        ("group", text(), "the group it runs as; only as root"),
        ("umask", text(), "an octal text, as `027`"),
        (
            "nice",
            json!({ "type": "number", "minimum": -20, "maximum": 19 }),
            "how much it gives way to others",
        ),
        ("limits", reference("limits"), "what it may use"),
        ("description", text(), "for people"),
        ("renamed_from", text(), "the name that it had before, whose history goes on"),
        ("tags", texts(), "for `--tag`"),
        ("metadata", json!({ "type": "object" }), "a free table, shown back in JSON"),
        ("allow", texts(), "codes of warnings that are meant"),
        ("extends", texts(), "templates, a later one wins"),
    ]
}

/// What else has a name: `definitions`.
fn parts() -> Vec<(&'static str, Value)> {
    let text = || json!({ "type": "string" });
    let whole = || json!({ "type": "number", "minimum": 0 });
    let field = || json!({ "type": ["string", "number"] });
    let size = || json!({ "type": ["string", "number"] });
    let object = |keys: Value| json!({ "type": "object", "properties": keys, "additionalProperties": false });
    let units = json!({ "weeks": whole(), "days": whole(), "hours": whole(), "minutes": whole(), "seconds": whole() });
    let fields = json!({
        "year": field(), "month": field(), "day": field(), "week": field(),
        "day_of_week": field(), "hour": field(), "minute": field(), "second": field(),
    });
    let when = json!({ "delay": reference("duration"), "on": { "enum": ["start", "boot"] } });
    let after = json!({
        "all": one_or_many(&text()), "any": one_or_many(&text()),
        "on": { "enum": ["success", "failure", "finish"] }, "delay": reference("duration"),
    });
    let retry = json!({
        "max": whole(), "delay": reference("duration"), "backoff": whole(),
        "max_delay": reference("duration"), "jitter": whole(),
    });
    let to = json!({ "enum": ["log", "capture", "inherit", "discard"] });
    let output = json!({ "to": one_or_many(&to), "keep": whole(), "max_size": size() });
    let limits = json!({
        "address_space": size(), "open_files": whole(), "processes": whole(),
        "cpu_time": reference("duration"), "file_size": size(),
        "memory": size(), "cpu": whole(), "tasks": whole(),
    });
    let calendar = json!({
        "years": whole(), "months": whole(), "weeks": whole(), "days": whole(),
        "at": text(), "month_end": { "enum": ["skip", "clamp"] },
    });
    let days = json!({
        "dates": { "type": "array" }, "weekdays": one_or_many(&text()), "file": one_or_many(&text()),
    });
    let daemon = json!({
        "state_dir": text(), "socket": text(), "max_runs": whole(), "shutdown_grace": reference("duration"),
        "watch": { "type": "boolean" },
        "history": object(json!({ "keep_days": whole(), "keep_runs": whole() })),
    });
    vec![
        ("duration", json!({ "type": "string", "examples": ["90s", "5m", "1h 30m"] })),
        // What TOML has for times, editors hand on as texts.
        ("time", json!({ "type": "string" })),
        ("interval", json!({ "anyOf": [reference("duration"), object(units)] })),
        ("cron", json!({ "anyOf": [text(), object(fields)] })),
        ("calendar", object(calendar)),
        ("startup", json!({ "anyOf": [{ "enum": ["start", "boot"] }, object(when)] })),
        ("after", json!({ "anyOf": [one_or_many(&text()), object(after)] })),
        ("retry", json!({ "anyOf": [whole(), object(retry)] })),
        ("output", json!({ "anyOf": [one_or_many(&to), object(output)] })),
        ("limits", object(limits)),
        ("days", object(days)),
        ("pool", object(json!({ "limit": { "type": "number", "minimum": 1 } }))),
        ("daemon", object(daemon)),
    ]
}

/// The language of schedule files.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    definitions.extend(parts().into_iter().map(|(name, part)| (name.into(), part)));
    let entry = |may: &dyn Fn(&str) -> bool| {
        let keys = task_keys().into_iter().filter(|(key, ..)| may(key));
        let keys: Map<String, Value> =
            keys.map(|(key, takes, means)| (key.into(), described(&takes, means))).collect();
        json!({ "type": "object", "properties": keys, "additionalProperties": false })
    };
    definitions.insert("task".into(), entry(&|_| true));
    definitions.insert("defaults".into(), entry(&|key| !keys::NO_DEFAULTS.contains(&key)));
    let many = |name: &str| json!({ "type": "object", "additionalProperties": reference(name) });
    let top = json!({
        "timezone": { "type": "string", "description": "the zone of the file, as `Europe/Berlin`" },
        "include": described(&one_or_many(&json!({ "type": "string" })), "other files, as `conf.d/*.toml`"),
        "defaults": described(&reference("defaults"), "what holds for all tasks of this file"),
        "templates": described(&many("task"), "what tasks take by `extends`"),
        "calendars": described(&many("days"), "days, for `skip_on` and `only_on`"),
        "pools": described(&many("pool"), "how many may run at once, for `pool`"),
        "daemon": described(&reference("daemon"), "how the daemon itself works"),
        "tasks": described(&many("task"), "the tasks, by name"),
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "a schedule file of taskd",
        "type": "object",
        "properties": top,
        "additionalProperties": false,
        "definitions": definitions,
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn one_or_many(one: &Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one }] })
}

/// With what it means; `false` takes an inherited value away, whatever else it takes.
fn described(takes: &Value, means: &str) -> Value {
    json!({ "description": means, "anyOf": [takes, { "const": false }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_language_is_in_the_schema_and_no_other() {
        let schema = schema();
        let names = |at: &str| -> Vec<String> {
            let keys = schema.pointer(at).and_then(Value::as_object).expect("it is there");
            keys.keys().cloned().collect()
        };
        assert_eq!(names("/definitions/task/properties"), keys::TASK);
        assert_eq!(names("/properties"), keys::TOP);
        let defaults = names("/definitions/defaults/properties");
        assert_eq!(defaults.len(), keys::TASK.len() - keys::NO_DEFAULTS.len());
    }
}
