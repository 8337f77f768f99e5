use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;

use super::*;
use crate::name::Name;
use crate::runner::FromHome;

fn setting() -> Setting {
    let berlin = TimeZone::get("Europe/Berlin").expect("a zone of the database");
    Setting {
        zones: jiff::tz::db().clone(),
        zone: Ok(Zone::new(berlin)),
        home: Some("/home/me".into()),
        search: None,
        now: "2026-01-01T00:00:00Z".parse().expect("an instant"),
    }
}

fn load(text: &str) -> Plan {
    let origin = Origin::Bytes("x.toml".into(), "/srv".into(), text.into());
    Plan::load(origin, Path::new("/srv"), &setting())
}

/// A plan without errors or warnings.
fn fine(text: &str) -> Plan {
    let plan = load(text);
    let told: Vec<_> = plan.diagnostics.iter().map(|found| found.problem.to_string()).collect();
    assert_eq!(told, Vec::<String>::new(), "{text}");
    plan
}

/// The codes of what is wrong, with their lines.
fn codes(plan: &Plan) -> Vec<String> {
    let code = |found: &Diagnostic| {
        let source = &plan.sources[found.file];
        let line = source.position(found.span.start).line;
        format!("{}:{line} {}", source.path.display(), found.problem.code())
    };
    plan.diagnostics.iter().map(code).collect()
}

/// The first firings of the only task after 2026-01-01 in UTC, in UTC.
fn firings(plan: &Plan, count: usize) -> Vec<String> {
    let schedules = plan.tasks.iter().map(|entry| &entry.schedule);
    let firings =
        crate::timetable::firings(schedules, setting().now, crate::timetable::Which::Runs);
    firings.take(count).map(|(_, firing)| firing.due.to_string()).collect()
}

/// A zone file (RFC 9636) without a history, in which the POSIX `rules` always hold.
fn zone_file(rules: &str) -> Vec<u8> {
    let mut block = b"TZif2".to_vec();
    block.extend([0; 15]);
    // Of these there are: none, none, none, no changes, one type, the four letters of its name.
    block.extend([0, 0, 0, 0, 1, 4].into_iter().flat_map(u32::to_be_bytes));
    block.extend([0; 6]);
    block.extend(b"LMT\0");
    // Once for old readers, once for all others.
    [block.clone(), block, format!("\n{rules}\n").into()].concat()
}

#[test]
fn a_zone_with_other_rules_is_noticed_and_the_loaded_text_is_judged_by_them() {
    let place = tempfile::tempdir().expect("a place");
    let put = |name: &str, rules: &str| {
        fs::create_dir_all(place.path().join("Here")).expect("a folder");
        fs::write(place.path().join(name), zone_file(rules)).expect("it can be written");
    };
    put("Here/There", "GMT0BST,M3.5.0/1,M10.5.0");
    put("Here/Elsewhere", "JST-9");
    let zones = TimeZoneDatabase::from_dir(place.path()).expect("it has zones");
    let setting = Setting { zones: zones.clone(), ..setting() };
    let text = "[tasks.a]\ntimezone = \"Here/There\"\ncron = \"0 9 * * *\"\ncommand = \"x\"\n\
                [tasks.b]\ntimezone = \"Here/Elsewhere\"\ndate = 2026-03-01\ncommand = \"x\"\n";
    let origin = Origin::Bytes("x.toml".into(), "/srv".into(), text.into());
    let plan = Plan::load(origin, Path::new("/srv"), &setting);
    let next = |plan: &Plan, index: usize| {
        let firing = plan.tasks[index].schedule.next_after(setting.now);
        firing.expect("it fires").due.to_string()
    };
    assert_eq!(next(&plan, 0), "2026-01-01T09:00:00Z");

    // Written anew, but with the same rules.
    put("Here/There", "GMT0BST,M3.5.0/1,M10.5.0");
    zones.reset();
    assert!(!plan.is_outdated(&setting), "nothing has changed");

    put("Here/There", "EST5EDT,M3.2.0,M11.1.0");
    zones.reset();
    assert!(plan.is_outdated(&setting), "the rules have changed");
    let again = plan.again(&setting);
    assert_eq!(next(&again, 0), "2026-01-01T14:00:00Z");
    assert_eq!(again.tasks[1], plan.tasks[1], "the other zone is as it was");
    assert!(!again.is_outdated(&setting), "once is enough");

    // The machine has been moved.
    let moved = Setting { zone: Ok(Zone::utc()), ..setting.clone() };
    assert!(again.is_outdated(&moved), "tasks without a zone of their own follow the machine");

    // A zone that is gone leaves what is known.
    fs::remove_file(place.path().join("Here/There")).expect("it was there");
    zones.reset();
    assert!(!again.is_outdated(&setting), "it still holds");
}

#[test]
fn every_spelling_of_a_table_is_the_same() {
    let header = fine("[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\nenv.A = \"b\"\n");
    for text in [
        "[tasks]\na = { interval = \"1h\", command = \"x\", env = { A = \"b\" } }\n",
        "[tasks]\na.interval = \"1h\"\na.command = \"x\"\na.env.A = \"b\"\n",
        "tasks.a.interval = \"1h\"\ntasks.a.command = \"x\"\ntasks.a.env.A = \"b\"\n",
        "tasks = { a = { interval = '1h', command = '''x''', env.A = \"b\" } }\n",
        "[tasks.\"a\"]\ninterval = \"1h\"\ncommand = \"x\"\n[tasks.a.env]\nA = \"b\"\n",
        "[tasks.a.env]\nA = \"b\"\n[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\n",
        "\u{feff}[tasks.a]\r\ninterval = \"1h\"\r\ncommand = \"x\"\r\nenv.A = \"b\"\r\n",
    ] {
        let plan = fine(text);
        assert_eq!(plan.tasks.len(), 1, "{text}");
        assert_eq!(plan.tasks[0].schedule, header.tasks[0].schedule, "{text}");
        assert_eq!(plan.tasks[0].what, header.tasks[0].what, "{text}");
    }
}

#[test]
fn every_form_of_a_trigger_is_read() {
    for (when, expected) in [
        ("interval = \"90m\"", &["2026-01-01T01:30:00Z"][..]),
        ("interval = { hours = 1, minutes = 30.0 }", &["2026-01-01T01:30:00Z"]),
        ("interval = { minutes = 0.5 }", &["2026-01-01T00:00:30Z"]),
        // The start is the first firing, and the phase.
        (
            "interval = \"1h\"\nstart = 2026-01-01T10:15:00Z",
            &["2026-01-01T10:15:00Z", "2026-01-01T11:15:00Z"],
        ),
        ("cron = \"30 9 * * *\"", &["2026-01-01T08:30:00Z"]),
        ("cron = \"15 30 9 * * *\"", &["2026-01-01T08:30:15Z"]),
        ("cron = { hour = 9, minute = 30 }", &["2026-01-01T08:30:00Z"]),
        (
            "cron = { hour = \"9-10\", minute = 30.0 }",
            &["2026-01-01T08:30:00Z", "2026-01-01T09:30:00Z"],
        ),
        (
            "cron = [\"0 9 * * *\", { hour = 10 }]",
            &["2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z"],
        ),
        ("cron = \"@every 90m\"", &["2026-01-01T01:30:00Z"]),
        ("cron = \"0 9 * * *\"\ntimezone = \"America/New_York\"", &["2026-01-01T14:00:00Z"]),
        // Dates of TOML and dates as text are the same.
        ("date = 2026-06-01", &["2026-05-31T22:00:00Z"]),
        ("date = 2026-06-01T12:00:00", &["2026-06-01T10:00:00Z"]),
        ("date = 2026-06-01 12:00:00+05:00", &["2026-06-01T07:00:00Z"]),
        ("date = \"2026-06-01 12:00\"", &["2026-06-01T10:00:00Z"]),
        ("date = [\"2026-06-02\", 2026-06-01]", &["2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z"]),
        // Counted from the start, at its time or at another.
        (
            "calendar = { months = 1 }\nstart = 2026-01-31T09:00:00",
            &["2026-01-31T08:00:00Z", "2026-03-31T07:00:00Z"],
        ),
        (
            "calendar = { years = 0.0, months = 1, at = \"10:30\", month_end = \"clamp\" }\nstart = 2025-12-31",
            &["2026-01-31T09:30:00Z", "2026-02-28T09:30:00Z"],
        ),
        (
            "calendar = { weeks = 1, days = 3, at = 07:00:00 }\nstart = 2025-12-31",
            &["2026-01-10T06:00:00Z"],
        ),
        // A bare date as the end means all of that day.
        ("cron = \"0 22 * * *\"\nend = 2026-01-01", &["2026-01-01T21:00:00Z"]),
        // Several kinds together; an instant named twice is one firing.
        (
            "interval = \"1h\"\ncron = \"0 2 * * *\"\ndate = 2026-01-01T01:30:00\nend = 2026-01-01T02:30:00",
            &["2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z"],
        ),
    ] {
        let plan = fine(&format!("[tasks.a]\ncommand = \"x\"\n{when}\n"));
        assert_eq!(firings(&plan, expected.len()), expected, "{when}");
    }
}

/// Equal texts share what they say; what stands beside them must not get lost with it.
#[test]
fn one_text_is_read_in_the_zone_of_each_task() {
    let task = |name: &str, more: &str| {
        format!("[tasks.{name}]\ncommand = \"x\"\ncron = \"0 9 * * *\"\n{more}\n")
    };
    let plan = fine(
        &[
            task("a", "timezone = \"Europe/Berlin\""),
            task("b", "timezone = \"Asia/Tokyo\""),
            task("c", "timezone = \"Europe/Berlin\""),
            task("d", "timezone = \"Europe/Berlin\""),
            task("e", "timezone = \"Europe/Berlin\"\nstart = \"2026-02-01\""),
            task("f", "timezone = \"Europe/Berlin\"\ninterval = \"1h\""),
        ]
        .concat(),
    );
    let first = |entry: &Entry| {
        let firing = entry.schedule.next_after(setting().now).expect("it fires");
        firing.due.to_string()
    };
    let expected = [
        "2026-01-01T08:00:00Z",
        "2026-01-02T00:00:00Z",
        "2026-01-01T08:00:00Z",
        // The one before it is in the same zone.
        "2026-01-01T08:00:00Z",
        "2026-02-01T08:00:00Z",
        "2026-01-01T01:00:00Z",
    ];
    assert_eq!(plan.tasks.iter().map(first).collect::<Vec<_>>(), expected);
}

#[test]
fn a_command_is_a_shell_line_or_a_program_with_arguments() {
    for (what, arguments, directory) in [
        ("command = \"a | b\"", &["/bin/sh", "-c", "a | b"][..], "/srv"),
        ("command = [\"a\", \"b c\"]", &["a", "b c"], "/srv"),
        ("command = \"a\"\nshell = [\"bash\", \"-ec\"]", &["bash", "-ec", "a"], "/srv"),
        ("command = \"a\"\ncwd = \"x/y\"", &["/bin/sh", "-c", "a"], "/srv/x/y"),
        ("command = \"a\"\ncwd = \"~/y\"", &["/bin/sh", "-c", "a"], "/home/me/y"),
        ("command = \"a\"\ncwd = \"~\"", &["/bin/sh", "-c", "a"], "/home/me/"),
        ("command = \"a\"\ncwd = \"/y\"", &["/bin/sh", "-c", "a"], "/y"),
    ] {
        let plan = fine(&format!("[tasks.a]\ninterval = \"1h\"\n{what}\n"));
        let command = plan.tasks[0].command().expect("it is one");
        assert_eq!(
            command.arguments.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
            arguments,
            "{what}"
        );
        assert_eq!(command.execution.directory, FromHome::Absolute(directory.into()), "{what}");
    }
}

#[test]
fn the_task_is_stronger_than_its_templates_and_they_than_the_defaults() {
    let plan = fine(
        r#"
        [defaults]
        env = { A = "default", B = "default", C = "default" }
        tags = ["default"]
        cwd = "/default"
        timezone = "UTC"

        [templates.first]
        interval = "1h"
        env = { B = "first", C = "first" }
        tags = ["first"]
        shell = ["sh", "-c"]

        [templates.second]
        extends = "first"
        cron = "0 9 * * *"
        env = { C = "second" }

        [tasks.plain]
        extends = ["first", "second"]
        command = "x"

        [tasks.own]
        extends = "second"
        date = 2026-06-01
        command = "x"
        env = { A = false, C = "own" }
        tags = ["own"]
        cwd = false
        "#,
    );
    let [plain, own] = plan.tasks.as_slice() else { panic!("two tasks") };
    let variable = |name: &str, value: &str| (name.to_string(), value.to_string());
    // Tables merge by key, lists replace.
    let mut environment = plain.command().expect("it is one").execution.environment.clone();
    environment.sort();
    let expected = [variable("A", "default"), variable("B", "first"), variable("C", "second")];
    assert_eq!(environment, expected);
    assert_eq!(plain.about.tags, ["first"]);
    assert_eq!(
        plain.command().expect("it is one").execution.directory,
        FromHome::Absolute("/default".into())
    );
    // The strongest that names a trigger names them all: the interval of `first` is not meant.
    assert_eq!(plain.schedule.when.in_words(&plain.zone), "at 09:00 every day");
    // `false` takes away, and a trigger of one's own leaves no other.
    let mut environment = own.command().expect("it is one").execution.environment.clone();
    environment.sort();
    assert_eq!(environment, [variable("B", "first"), variable("C", "own")]);
    assert_eq!(own.about.tags, ["own"]);
    assert_eq!(
        own.command().expect("it is one").execution.directory,
        FromHome::Absolute("/srv".into())
    );
    assert_eq!(own.schedule.when.in_words(&own.zone), "once at 2026-06-01 00:00:00");
    assert_eq!(own.zone.name(), "UTC");
}

#[test]
fn one_of_two_inherited_triggers_can_be_taken_away() {
    let template = "[templates.t]\ninterval = \"1h\"\ncron = \"0 9 * * *\"\n";
    let plan =
        fine(&format!("{template}[tasks.a]\nextends = \"t\"\ninterval = false\ncommand = \"x\"\n"));
    assert_eq!(plan.tasks[0].schedule.when.in_words(&plan.zone), "at 09:00 every day");
}

#[test]
fn a_value_that_many_inherit_is_complained_about_once() {
    let tasks: String =
        (0..50).map(|n| format!("[tasks.t{n}]\ninterval = \"1h\"\ncommand = \"x\"\n")).collect();
    let plan = load(&format!("[defaults]\nenabled = \"maybe\"\n{tasks}"));
    assert_eq!(codes(&plan), ["x.toml:2 wrong-type"]);
    // What they inherit is wrong, so none of them is fit to run.
    assert!(plan.tasks.is_empty());
}

/// Files in a directory of their own.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a place");
    for (name, text) in files {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    place
}

fn load_main(place: &tempfile::TempDir) -> Plan {
    Plan::load(Origin::File("main.toml".into()), place.path(), &setting())
}

#[test]
fn included_files_have_zones_and_defaults_of_their_own() {
    let place = files(&[
        (
            "main.toml",
            "timezone = \"UTC\"\ninclude = [\"conf.d/*.toml\", \"none.d/*\"]\n[defaults]\nshell = [\"m\"]\ntags = [\"m\"]\n[tasks.m]\ncron = \"0 9 * * *\"\ncommand = \"x\"\n",
        ),
        (
            "conf.d/a.toml",
            "timezone = \"Asia/Tokyo\"\n[defaults]\ntags = [\"a\"]\n[tasks.a]\ncron = \"0 9 * * *\"\ncommand = \"x\"\ncwd = \"here\"\n",
        ),
        ("conf.d/b.toml", "[tasks.b]\ncron = \"0 9 * * *\"\ncommand = \"x\"\n"),
        ("conf.d/ignored.txt", "this is no TOML"),
    ]);
    let plan = load_main(&place);
    assert_eq!(codes(&plan), Vec::<String>::new());
    let told = |entry: &Entry| {
        let directory = entry.command().expect("it is one").execution.directory.resolve(None);
        let directory = directory.strip_prefix(place.path()).expect("it lies there");
        format!(
            "{} {} {:?} {} {}",
            entry.schedule.name,
            entry.zone,
            entry.about.tags,
            entry.command().expect("it is one").arguments[0],
            directory.display()
        )
    };
    let expected =
        ["m UTC [\"m\"] m ", "a Asia/Tokyo [\"a\"] m conf.d/here", "b UTC [\"m\"] m conf.d"];
    assert_eq!(plan.tasks.iter().map(told).collect::<Vec<_>>(), expected);
    let shown: Vec<_> =
        plan.sources.iter().map(|source| source.path.display().to_string()).collect();
    assert_eq!(shown, ["main.toml", "conf.d/a.toml", "conf.d/b.toml"]);
}

#[test]
fn what_is_wrong_with_an_include_is_told_where_it_stands() {
    let task = "[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\n";
    for (main, other, expected) in [
        ("include = \"missing.toml\"", "", &["main.toml:1 unreadable"][..]),
        ("include = \"dir\"", "", &["main.toml:1 unreadable"]),
        ("include = \"main.toml\"", "", &["main.toml:1 include-circle"]),
        (
            "include = \"dir/other.toml\"",
            "include = \"../main.toml\"",
            &["dir/other.toml:1 include-circle"],
        ),
        ("include = [\"dir/*.toml\", \"dir/other.toml\"]", "", &["main.toml:1 included-twice"]),
        ("include = \"dir/***\"", "", &["main.toml:1 bad-include"]),
        // Names are one space over all files.
        ("include = \"dir/*.toml\"", task, &["dir/other.toml:1 duplicate-name"]),
        // The main file's own things stay there.
        ("include = \"dir/*.toml\"", "tsks = {}", &["dir/other.toml:1 unknown-key"]),
    ] {
        let place = files(&[("main.toml", &format!("{main}\n{task}")), ("dir/other.toml", other)]);
        assert_eq!(codes(&load_main(&place)), expected, "{main} and {other}");
    }
}

#[test]
fn a_deep_file_is_refused_and_not_a_stack_overflow() {
    let deep = format!(
        "[tasks.a]\nmetadata = {{ x = {}1{} }}\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let plan = load(&deep);
    assert!(codes(&plan).iter().any(|code| code.ends_with("syntax")), "{:?}", codes(&plan));
    let dotted = format!("[tasks.a.metadata{}]\n", ".x".repeat(100_000));
    assert!(!load(&dotted).is_valid());
}

#[test]
fn metadata_is_kept_as_it_is() {
    let plan = fine(
        "[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\nmetadata = { n = 1, f = 1.5, l = [true, 2026-01-01], t.u = \"v\" }\n",
    );
    let json = serde_json::to_value(&plan.tasks[0].about.metadata).expect("it is JSON");
    assert_eq!(
        json,
        serde_json::json!({"n": 1, "f": 1.5, "l": [true, "2026-01-01"], "t": {"u": "v"}})
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Whatever is in a file, the answer is a plan or diagnostics that can be shown.
    #[test]
    fn no_text_breaks_the_reader(text in "(?s)(\\[?\\[?(tasks|templates|defaults)?(\\.a|\\.\"b\")?\\]?\\]?[ \n]|(interval|cron|date|start|end|command|env|include|extends|timezone|x)( = |\\.)?|\"|'''|\"1h\"|\"\\* \\* \\* \\* \\*\"|\\{|\\}|,|\n|2026-01-01|07:30|true|1\\.5|.){0,40}") {
        let plan = load(&text);
        for diagnostic in &plan.diagnostics {
            let source = &plan.sources[diagnostic.file];
            proptest::prop_assert!(source.text.get(diagnostic.span.clone()).is_some(), "{:?}", diagnostic);
            proptest::prop_assert!(!diagnostic.render(source, Colour::No).is_empty());
        }
    }
}

#[test]
fn what_no_clock_names_and_what_spreads_is_read() {
    for (when, expected) in [
        ("startup = \"start\"", "at each start of taskd"),
        ("startup = \"boot\"", "after each boot"),
        ("startup = { on = \"boot\", delay = \"30s\" }", "after each boot, 30s later"),
        ("cron = \"@reboot\"", "after each boot"),
        ("cron = [\"@reboot\", \"@hourly\"]", "after each boot; every hour"),
        ("interval = \"1h\"\njitter = \"5m\"", "every 1h, up to 5m later"),
        ("interval = \"1h\"\njitter = \"0s\"", "every 1h"),
    ] {
        let plan = fine(&format!("[tasks.a]\ncommand = \"x\"\n{when}\n"));
        assert_eq!(plan.tasks[0].schedule.in_words(&plan.zone), expected, "{when}");
    }
    for when in [
        "startup = \"never\"",
        "startup = {}",
        "startup = { on = \"boot\", after = 1 }",
        "interval = \"1h\"\njitter = \"1month\"",
    ] {
        assert!(!load(&format!("[tasks.a]\ncommand = \"x\"\n{when}\n")).is_valid(), "{when}");
    }
}

#[test]
fn calendars_leave_days_out_or_keep_to_them() {
    let place = files(&[
        (
            "main.toml",
            r#"
            timezone = "Europe/Berlin"
            include = "more/*.toml"
            [calendars]
            holidays = { dates = [2026-01-01, "2026-01-06"], file = "days.ics" }
            weekend = { weekdays = ["sat", "Sunday"] }
            [tasks]
            work = { cron = "0 9 * * *", skip_on = ["holidays", "weekend"], command = "x" }
            rest = { cron = "0 9 * * *", only_on = "weekend", skip_on = "away", command = "x" }
            "#,
        ),
        (
            "days.ics",
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260102\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        ),
        // One space over all files.
        ("more/away.toml", "[calendars.away]\ndates = [2026-01-03]\n"),
    ]);
    let plan = load_main(&place);
    assert_eq!(codes(&plan), Vec::<String>::new());
    let days = |task: usize| {
        let runs = crate::timetable::firings(
            [&plan.tasks[task].schedule],
            setting().now,
            crate::timetable::Which::Runs,
        );
        runs.take(4).map(|(_, firing)| firing.due.strftime("%d").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(days(0), ["05", "07", "08", "09"]);
    assert_eq!(days(1), ["04", "10", "11", "17"]);
}

#[test]
fn a_wrong_calendar_is_told_where_it_is_wrong() {
    for (text, expected) in [
        ("[calendars.a]", &["x.toml:1 empty"][..]),
        (
            "[calendars.a]\ndates = [\"2026-02-30\", 2026-01-01T10:00:00, 1]",
            &["x.toml:2 bad-date", "x.toml:2 bad-date", "x.toml:2 wrong-type"],
        ),
        ("[calendars.a]\nweekdays = [\"weekend\"]", &["x.toml:2 bad-value"]),
        ("[calendars.a]\nfile = \"missing.ics\"", &["x.toml:2 unreadable"]),
        ("[calendars.a]\nfile = \"/dev/null\"", &["x.toml:2 bad-ics"]),
        ("[calendars.a]\nday = 1", &["x.toml:2 unknown-key"]),
        (
            "[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\nskip_on = \"holidays\"",
            &["x.toml:4 unknown-calendar"],
        ),
    ] {
        let plan = load(text);
        let told: Vec<_> =
            codes(&plan).into_iter().filter(|code| !code.ends_with("no-tasks")).collect();
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn a_task_whose_days_never_come_is_past_and_found_at_once() {
    let plan = load(
        "[calendars.once]\ndates = [2020-01-01]\n[tasks.a]\ninterval = \"1s\"\nonly_on = \"once\"\ncommand = \"x\"\n",
    );
    assert_eq!(codes(&plan), ["x.toml:3 past"]);
}

#[test]
fn how_a_task_is_run_is_read() {
    use crate::policy::{Missed, Overlap, Policy, Retry};
    use jiff::SignedDuration;
    use std::num::NonZeroU32;

    let number = |number| NonZeroU32::new(number).expect("not zero");
    let seconds = SignedDuration::from_secs;
    let policy = |text: &str| {
        let text = format!(
            "[pools.db]\nlimit = 2\n[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\n{text}\n"
        );
        fine(&text).tasks.remove(0).schedule.policy
    };
    let default = Policy::default;
    for (text, expected) in [
        ("", default()),
        ("overlap = \"queue\"", Policy { overlap: Overlap::Queue, ..default() }),
        ("overlap = \"replace\"", Policy { overlap: Overlap::Replace, ..default() }),
        ("overlap = \"parallel\"", Policy { overlap: Overlap::Parallel(number(8)), ..default() }),
        (
            "overlap = \"parallel\"\nmax_parallel = 3.0",
            Policy { overlap: Overlap::Parallel(number(3)), ..default() },
        ),
        ("missed = \"latest\"", Policy { missed: Missed::Latest, ..default() }),
        ("missed = \"all\"", Policy { missed: Missed::All(number(100)), ..default() }),
        (
            "missed = \"all\"\nmax_catch_up = 5",
            Policy { missed: Missed::All(number(5)), ..default() },
        ),
        // Graces and jitter may be nothing at all.
        ("grace = \"0s\"", Policy { grace: seconds(0), ..default() }),
        ("jitter = \"5m\"", Policy { jitter: seconds(300), ..default() }),
        ("stop_grace = \"1m\"", Policy { stop_grace: seconds(60), ..default() }),
        ("timeout = \"1h\"", Policy { timeout: Some(seconds(3600)), ..default() }),
        ("pool = \"db\"", Policy { pool: Some(Name::new("db").expect("fine")), ..default() }),
        ("retry = 3", Policy { retry: Some(Retry::new(3)), ..default() }),
        ("retry = false", default()),
        (
            "retry = { max = 2, delay = \"1s\", backoff = 1, max_delay = \"5s\", jitter = 0 }",
            Policy {
                retry: Some(Retry {
                    max: 2,
                    delay: seconds(1),
                    backoff: 1.0,
                    max_delay: seconds(5),
                    jitter: 0.0,
                }),
                ..default()
            },
        ),
    ] {
        assert_eq!(*policy(text), expected, "{text}");
    }
    // Tables do not merge into one policy by accident: a task takes an inherited value away.
    let text = "[defaults]\ntimeout = \"1h\"\n[tasks.a]\ninterval = \"1h\"\ntimeout = false\ncommand = \"x\"\n";
    assert_eq!(*fine(text).tasks[0].schedule.policy, default());
}

#[test]
fn what_comes_after_what_is_read() {
    use crate::trigger::{After, AfterEnd, AfterTasks, Trigger};
    use jiff::SignedDuration;

    let names = |names: &[&str]| names.iter().map(|name| Name::new(name).expect("fine")).collect();
    for (text, tasks, on, delay) in [
        ("\"b\"", AfterTasks::All(names(&["b"])), AfterEnd::Success, 0),
        ("[\"b\", \"c\", \"b\"]", AfterTasks::All(names(&["b", "c"])), AfterEnd::Success, 0),
        (
            "{ all = [\"b\"], delay = \"5m\" }",
            AfterTasks::All(names(&["b"])),
            AfterEnd::Success,
            300,
        ),
        (
            "{ any = [\"c\", \"b\"], on = \"finish\" }",
            AfterTasks::Any(names(&["b", "c"])),
            AfterEnd::Finish,
            0,
        ),
        ("{ any = [\"*\"], on = \"failure\" }", AfterTasks::Every, AfterEnd::Failure, 0),
        // Itself, a while later.
        ("{ any = \"a\", delay = \"1s\" }", AfterTasks::Any(names(&["a"])), AfterEnd::Success, 1),
    ] {
        let plan = fine(&format!(
            "[tasks]\na = {{ after = {text}, command = \"x\" }}\nb = {{ interval = \"1h\", command = \"x\" }}\nc = {{ interval = \"1h\", command = \"x\" }}\n"
        ));
        let expected = After { tasks, on, delay: SignedDuration::from_secs(delay) };
        assert_eq!(plan.tasks[0].schedule.when.triggers(), [Trigger::After(expected)], "{text}");
    }
}

#[test]
fn the_daemon_is_set_up_by_the_main_file_alone() {
    let text = "[daemon]\nstate_dir = \"state\"\nmax_runs = 0\nshutdown_grace = \"1m\"\nhistory = { keep_days = 7 }\n[pools.db]\nlimit = 2\n[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\n";
    let daemon = fine(text).daemon;
    assert_eq!(daemon.state_dir.as_deref(), Some(Path::new("/srv/state")));
    assert_eq!(daemon.limits.max_runs, None, "none is no limit");
    assert_eq!(daemon.limits.pools.len(), 1);
    assert_eq!(daemon.shutdown_grace.as_secs(), 60);
    assert_eq!((daemon.history.days, daemon.history.runs), (7, 1000));
    let place = tempfile::tempdir().expect("a place");
    fs::write(place.path().join("b.toml"), "[daemon]\nmax_runs = 1\n").expect("it can be written");
    fs::write(place.path().join("a.toml"), "include = \"b.toml\"\n").expect("it can be written");
    let plan = Plan::load(Origin::File("a.toml".into()), place.path(), &setting());
    assert_eq!(codes(&plan), ["b.toml:1 main-file-only"]);
}

#[test]
fn where_output_goes_is_read() {
    use crate::runner::{Output, Target};

    let kept = |log, capture| Target::Kept { log, capture };
    let default = Output::default;
    for (text, expected) in [
        ("", Output { to: kept(true, true), keep: 20, max_size: 1 << 20 }),
        ("output = \"log\"", Output { to: kept(true, false), ..default() }),
        ("output = [\"capture\"]", Output { to: kept(false, true), ..default() }),
        ("output = [\"log\", \"capture\"]", default()),
        ("output = \"inherit\"", Output { to: Target::Inherit, ..default() }),
        ("output = \"discard\"", Output { to: Target::Discard, ..default() }),
        ("output = { keep = 3 }", Output { keep: 3, ..default() }),
        (
            "output = { to = \"capture\", max_size = \"10MiB\" }",
            Output { to: kept(false, true), max_size: 10 << 20, ..default() },
        ),
    ] {
        let text = format!("[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\n{text}\n");
        assert_eq!(
            fine(&text).tasks[0].command().expect("it is one").execution.output,
            expected,
            "{text}"
        );
    }
    // Its table is merged as every table.
    let text = "[defaults]\noutput = { keep = 3, max_size = \"1K\" }\n[tasks.a]\ninterval = \"1h\"\ncommand = \"x\"\noutput = { max_size = \"2K\" }\n";
    let expected = Output { keep: 3, max_size: 2048, ..default() };
    assert_eq!(fine(text).tasks[0].command().expect("it is one").execution.output, expected);
}

#[test]
fn many_tasks_are_read_side_by_side_as_one_after_the_other() {
    let task = |number: usize| {
        let wrong = match number {
            // One of each half is not like the others.
            700 | 4_900 => "timeout = \"never\"\n",
            900 | 4_800 => "renamed_from = \"old\"\n",
            100 | 4_700 => "after = \"nobody\"\n",
            1_000 => "allow = [\"days-ored\"]\n",
            _ => "",
        };
        let cron = if matches!(number, 1_000 | 4_600) { "0 9 1 * mon" } else { "0 9 * * *" };
        format!("[tasks.t{number}]\ncron = \"{cron}\"\ncommand = \"x\"\n{wrong}")
    };
    let plan = load(&(0..5_000).map(task).collect::<String>());
    let place = |diagnostic: &Diagnostic| {
        let task = diagnostic.task.as_ref().map(ToString::to_string).unwrap_or_default();
        (diagnostic.problem.code(), task)
    };
    let told: Vec<_> = plan.diagnostics.iter().map(place).collect();
    let expected = [
        ("unknown-task", "t100"),
        ("bad-duration", "t700"),
        ("days-ored", "t4600"),
        ("unknown-task", "t4700"),
        ("bad-rename", "t4800"),
        ("bad-duration", "t4900"),
    ];
    assert_eq!(told, expected.map(|(code, task)| (code, task.to_string())));
    let names: Vec<_> = plan.tasks.iter().map(|entry| entry.schedule.name.to_string()).collect();
    let fine = (0..5_000).filter(|number| ![700, 4_900].contains(number));
    assert_eq!(names, fine.map(|number| format!("t{number}")).collect::<Vec<_>>());
}

#[test]
fn what_a_text_over_several_lines_says_is_nobodys_key() {
    for header in ["[include]", "[[include]]", "[tasks.a]", "[defaults]", "[calendars.x]"] {
        let text = format!(
            "[tasks.a]\ncron = \"0 9 * * *\"\ncommand = \"cat\"\nstdin = \"\"\"\n{header}\n[tasks.b]\n\"\"\"\n"
        );
        assert_eq!(fine(&text).tasks.len(), 1, "{text}");
    }
}
