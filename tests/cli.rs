//! The real binary, from the outside: files, arguments, exit codes, JSON.

mod support;

use support::{Place, json_lines, text};

const TWO: &str = r#"
timezone = "Europe/Berlin"

[tasks.hello]
interval = "10s"
command  = "echo hello"
tags     = ["fast"]

[tasks.report]
cron        = "30 9 * * mon-fri"
command     = "report"
description = "the morning report"
metadata    = { owner = "ops" }
"#;

#[test]
fn next_tells_what_comes_in_json() {
    let place = Place::with("schedules.toml", TWO);
    let output = place.taskd(["next", "--after", "2026-01-05 09:29:55", "-n", "3", "--json"]);
    let expected = [
        r#"{"task":"hello","due":"2026-01-05T09:30:00+01:00","timezone":"Europe/Berlin","trigger":"interval"}"#,
        r#"{"task":"report","due":"2026-01-05T09:30:00+01:00","timezone":"Europe/Berlin","trigger":"cron"}"#,
        r#"{"task":"hello","due":"2026-01-05T09:30:10+01:00","timezone":"Europe/Berlin","trigger":"interval"}"#,
    ];
    assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), expected);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn next_picks_tasks_bounds_and_counts() {
    let place = Place::with("schedules.toml", TWO);
    let after = ["--after", "2026-01-05T00:00:00Z", "--json"];
    for (arguments, tasks) in [
        // Ten over all tasks, unless told otherwise.
        (&["next"][..], vec!["hello"; 10]),
        (&["next", "-n", "0"], vec![]),
        (&["next", "report", "-n", "2"], vec!["report"; 2]),
        (&["next", "r*", "-n", "1"], vec!["report"]),
        (&["next", "--tag", "fast", "-n", "1"], vec!["hello"]),
        (&["next", "schedules.toml", "report", "-n", "1"], vec!["report"]),
        // `--after` is exclusive, `--until` inclusive.
        (&["next", "--until", "2026-01-05T00:00:20Z"], vec!["hello"; 2]),
        (&["next", "--each", "-n", "1"], vec!["hello", "report"]),
    ] {
        let output = place.taskd(arguments.iter().chain(&after));
        let found: Vec<_> = json_lines(&output.stdout)
            .iter()
            .map(|row| row["task"].as_str().expect("text").to_string())
            .collect();
        assert_eq!(found, tasks, "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn tasks_without_firings_are_not_listed_and_an_empty_answer_is_fine() {
    let place = Place::with(
        "schedules.toml",
        "timezone = \"UTC\"\n[tasks.off]\ninterval = \"1s\"\nenabled = false\ncommand = \"x\"\n",
    );
    let output = place.taskd(["next", "--json"]);
    assert_eq!((text(&output.stdout), output.status.code()), (String::new(), Some(0)));
}

#[test]
fn list_tells_when_next_state_and_place() {
    let place = Place::with("schedules.toml", TWO);
    let rows = json_lines(&place.taskd(["list", "--json"]).stdout);
    let report = &rows[1];
    assert_eq!(report["task"], "report");
    assert_eq!(report["when"], "at 09:30 on monday to friday");
    assert_eq!(report["state"], "idle");
    assert_eq!((&report["file"], &report["line"]), (&"schedules.toml".into(), &9.into()));
    assert_eq!(report["description"], "the morning report");
    assert_eq!(report["metadata"]["owner"], "ops");
    let people = text(&place.taskd(["list"]).stdout);
    let heading = people.lines().next().expect("a heading");
    assert_eq!(
        heading.split_whitespace().collect::<Vec<_>>(),
        ["TASK", "WHEN", "NEXT", "STATE", "WHERE"]
    );
    assert!(people.lines().all(|line| line.chars().count() <= 80), "{people}");
}

#[test]
fn validate_says_how_many_tasks_are_fine_and_what_comes_next() {
    let place = Place::with("schedules.toml", TWO);
    let output = place.taskd(["validate", "--strict"]);
    let said = text(&output.stdout);
    assert!(
        said.starts_with("schedules.toml: 2 tasks in 1 file are fine, next hello at 20"),
        "{said}"
    );
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn validate_reads_several_files_and_standard_input() {
    let place = Place::with("good.toml", TWO);
    place.write("bad.toml", "[tasks.a]\ninterval = \"1h\"\n");
    let output = place.taskd(["validate", "good.toml", "bad.toml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(
        text(&output.stdout).starts_with("good.toml: 2 tasks"),
        "the good one is fine all the same"
    );
    assert!(text(&output.stderr).contains("--> bad.toml:1:1"), "{}", text(&output.stderr));
    let output = place.taskd_with_input(["validate", "-"], "[tasks.a]\ninterval = \"1h\"\n");
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("--> stdin:1:1"), "{}", text(&output.stderr));
}

#[test]
fn validate_host_tells_what_this_machine_lacks() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [defaults]
        interval = false
        [tasks]
        fine   = { interval = "1h", command = ["sh", "-c", "true"] }
        shell  = { interval = "1h", command = "true" }
        nobody = { interval = "1h", command = ["no-such-program-anywhere"] }
        nopath = { interval = "1h", command = ["./missing"] }
        nodir  = { interval = "1h", command = "true", cwd = "missing" }
        "#
        .replace("[defaults]\n        interval = false\n", "")
        .as_str(),
    );
    let plain = json_lines(&place.taskd(["validate", "--json"]).stdout);
    assert_eq!(plain, Vec::<serde_json::Value>::new(), "the file alone is fine");
    let rows = json_lines(&place.taskd(["validate", "--host", "--json"]).stdout);
    let lacking: Vec<_> = rows.iter().map(|row| row["task"].as_str().expect("text")).collect();
    assert_eq!(lacking, ["nobody", "nopath", "nodir"]);
    assert!(rows.iter().all(|row| row["code"] == "host" && row["severity"] == "warning"));
}

#[test]
fn the_exit_code_tells_what_is_wrong() {
    let place = Place::with("schedules.toml", TWO);
    place.write("bad.toml", "[tasks.a]\n");
    for (arguments, code, said) in [
        (&["next", "nobody"][..], 3, "there is no task `nobody`"),
        (&["next", "helo"], 3, "help: did you mean `hello`?"),
        (&["list", "--tag", "slow"], 3, "there is no tag `slow`"),
        (&["next", "hello@20260101T000000Z"], 2, "`hello@20260101T000000Z` names a run"),
        (&["next", "a.toml", "b.toml"], 2, "are two files"),
        (&["next", "--after", "yesterday"], 2, "`yesterday` is no time"),
        (&["next", "--count", "many"], 2, "invalid value 'many'"),
        (&["nonsense"], 2, "unrecognized subcommand"),
        (&["run", "hello"], 2, "`hello` reads as the name of a task"),
        (&["run", "bad.toml"], 78, "this task never says when to run"),
        (&["next", "bad.toml"], 78, "2 errors in bad.toml"),
        (&["next", "missing.toml"], 78, "there is no such file"),
        (&["validate", "."], 78, "this is a directory"),
        (&["run", "--json"], 2, "--dry-run"),
    ] {
        let output = place.taskd(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(said), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}: complaints are no results");
    }
}

#[test]
fn the_file_is_found_in_the_order_that_help_tells() {
    let place = Place::new();
    let output = place.taskd(["list"]);
    assert_eq!(output.status.code(), Some(78));
    let tried = text(&output.stderr);
    for path in ["schedules.toml", "config/taskd/schedules.toml", "/etc/taskd/schedules.toml"] {
        assert!(tried.contains(path), "{tried}");
    }
    let named = |task: &str| format!("[tasks.{task}]\ninterval = \"1h\"\ncommand = \"x\"\n");
    let first = |arguments: &[&str], file: Option<&str>| {
        let mut command = place.command(arguments);
        command.envs(file.map(|file| ("TASKD_FILE", file)));
        let rows = json_lines(&command.output().expect("taskd starts").stdout);
        rows[0]["task"].as_str().expect("text").to_string()
    };
    place.write("config/taskd/schedules.toml", &named("config"));
    assert_eq!(first(&["list", "--json"], None), "config");
    place.write("schedules.toml", &named("here"));
    assert_eq!(first(&["list", "--json"], None), "here");
    place.write("env.toml", &named("env"));
    assert_eq!(first(&["list", "--json"], Some("env.toml")), "env");
    place.write("flag.toml", &named("flag"));
    assert_eq!(first(&["list", "--json", "--file", "flag.toml"], Some("env.toml")), "flag");
    place.write("word.toml", &named("word"));
    assert_eq!(first(&["list", "./word.toml", "--json", "--file", "flag.toml"], None), "word");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::with("schedules.toml", TWO);
    for arguments in [
        "next --count 100000",
        "next --count 100000 --json",
        "list",
        "completions bash",
        "man",
        "--help",
    ] {
        let taskd = env!("CARGO_BIN_EXE_taskd");
        let line = format!("{{ {taskd} {arguments}; echo $? >&2; }} | head -n 1 >/dev/null");
        let output = place.shell(&line);
        assert_eq!(text(&output.stderr).trim(), "0", "{arguments}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let place = Place::with("schedules.toml", TWO);
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let output = place.shell(&format!("{taskd} next -n 1000 >/dev/full"));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
}

#[test]
fn a_zone_that_is_not_known_is_warned_of() {
    let place = Place::with("schedules.toml", "[tasks.a]\ncron = \"0 9 * * *\"\ncommand = \"x\"\n");
    let mut command = place.command(["validate", "--json"]);
    let rows =
        json_lines(&command.env("TZ", "Mars/Olympus").output().expect("taskd starts").stdout);
    assert_eq!(rows[0]["code"], "no-timezone");
    let mut command = place.command(["next", "-n", "1", "--json"]);
    let rows = json_lines(&command.env("TZ", "Asia/Tokyo").output().expect("taskd starts").stdout);
    assert_eq!(rows[0]["timezone"], "Asia/Tokyo");
}

#[test]
fn an_environment_value_is_never_shown() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\ninterval = \"1h\"\ncommand = \"true\"\nenv = { TOKEN = \"hunter2\" }\n",
    );
    for arguments in
        [&["list"][..], &["list", "--json"], &["next"], &["validate"], &["validate", "--host"]]
    {
        let output = place.taskd(arguments);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(!all.contains("hunter2"), "{arguments:?}: {all}");
    }
}

#[test]
fn next_leaves_out_what_a_calendar_excludes_unless_asked() {
    let text = "timezone = \"UTC\"\n[calendars.off]\nweekdays = [\"sun\"]\n[tasks.a]\ncron = \"0 9 * * *\"\nskip_on = \"off\"\ncommand = \"x\"\n";
    let place = Place::with("schedules.toml", text);
    let after = ["next", "--after", "2026-01-03", "-n", "2", "--json"];
    let due = |rows: &[serde_json::Value]| {
        rows.iter().map(|row| row["due"].to_string()[9..11].to_string()).collect::<Vec<_>>()
    };
    let rows = json_lines(&place.taskd(after).stdout);
    assert_eq!(due(&rows), ["03", "05"]);
    let rows = json_lines(&place.taskd(after.iter().chain(&["--all"])).stdout);
    assert_eq!(due(&rows), ["03", "04"]);
    assert_eq!(
        (&rows[0]["excluded"], &rows[1]["excluded"]),
        (&serde_json::Value::Null, &"on off".into())
    );
}

#[test]
fn a_number_beyond_all_bounds_is_told_and_makes_no_task_vanish() {
    for value in [
        "interval = { seconds = 99999999999999999999 }",
        "interval = \"1h\"\nenabled = 99999999999999999999",
        "interval = \"1h\"\nmetadata = { a = 99999999999999999999 }",
    ] {
        let place =
            Place::with("schedules.toml", &format!("[tasks.a]\ncommand = \"x\"\n{value}\n"));
        let output = place.taskd(["validate"]);
        assert_eq!(output.status.code(), Some(78), "{value}");
        assert!(text(&output.stderr).contains("this number is too large"), "{value}");
    }
}

#[test]
fn a_task_of_a_program_is_told_and_not_run() {
    let file = "[tasks.a]\ncron = \"@daily\"\ntask = \"cleanup\"\nparams = { days = 30 }\n";
    let place = Place::with("schedules.toml", file);
    let output = place.taskd(["validate"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("warning[rust-task]"), "{}", text(&output.stderr));
    assert_eq!(place.taskd(["next", "--count", "1"]).status.code(), Some(0));
    let explained = text(&place.taskd(["explain", "a"]).stdout);
    assert!(explained.contains("params.days") && explained.contains("30"), "{explained}");
    for (words, expected) in [
        (&["run"][..], "which `taskd run` cannot run"),
        (&["exec", "a"], "`a` is a task of a program, and no command"),
    ] {
        // Also where the warning is allowed.
        for allow in ["", "allow = \"rust-task\"\n"] {
            place.write("schedules.toml", &format!("{file}{allow}"));
            let output = place.taskd(words);
            assert_eq!(output.status.code(), Some(78), "{words:?}");
            assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        }
    }
}

#[test]
fn an_empty_variable_is_none() {
    let place = Place::with("schedules.toml", TWO);
    let mut command = place.command(["validate"]);
    for name in ["TASKD_FILE", "TASKD_STATE", "TASKD_SOCKET", "TASKD_LOG_FORMAT", "TASKD_LOG_LEVEL"]
    {
        command.env(name, "");
    }
    let output = command.output().expect("taskd starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn the_verbs_of_other_tools_are_answered() {
    let place = Place::new();
    for (verb, ours) in [
        ("jobs", "taskd status"),
        ("start", "taskd run"),
        ("logs", "taskd output"),
        ("kill", "taskd cancel"),
        ("restart", "taskd reload"),
        ("enable", "enabled false"),
        ("create", "taskd add"),
    ] {
        let output = place.taskd([verb]);
        assert_eq!(output.status.code(), Some(2), "{verb}");
        let said = text(&output.stderr);
        assert!(
            said.lines().any(|line| line.starts_with("help: ") && line.contains(ours)),
            "{verb}: {said}"
        );
    }
}

#[test]
fn a_file_that_is_there_but_cannot_be_read_is_no_reason_to_take_another() {
    let place = Place::with("config/taskd/schedules.toml", TWO);
    std::os::unix::fs::symlink("/gone/x", place.path("schedules.toml")).expect("it can be made");
    let output = place.taskd(["list"]);
    assert_eq!(output.status.code(), Some(78), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("schedules.toml"), "{}", text(&output.stderr));
}

#[test]
fn many_tasks_and_many_faults_do_not_take_for_ever() {
    let tasks: String =
        (0..20_000).map(|n| format!("[tasks.t{n}]\ninterval = \"1h\"\ncomand = \"x\"\n")).collect();
    let place = Place::with("schedules.toml", &tasks);
    assert_eq!(json_lines(&place.taskd(["validate", "--json"]).stdout).len(), 20_000);
    place.write("schedules.toml", &tasks.replace("comand", "command"));
    assert_eq!(json_lines(&place.taskd(["list", "--json"]).stdout).len(), 20_000);
    // A diamond of templates has two to the power of its height of ways through it.
    let diamond: String = (0..40)
        .map(|n| format!("[templates.t{n}]\nextends = [\"t{0}\", \"t{0}\"]\n", n + 1))
        .collect();
    place.write("schedules.toml", &format!("{diamond}[templates.t40]\ninterval = \"1h\"\n[tasks.a]\nextends = \"t0\"\ncommand = \"x\"\n"));
    assert_eq!(place.taskd(["validate"]).status.code(), Some(0));
}

#[test]
fn an_expression_is_explained_with_its_next_gap_and_fold() {
    let place = Place::new();
    let explain = |expression: &str| {
        let arguments = ["explain", expression, "--timezone", "America/New_York", "--json"];
        json_lines(&place.taskd(arguments).stdout).remove(0)
    };
    let fixed = explain("30 2 * * *");
    assert_eq!(fixed["words"], "at 02:30 every day");
    assert_eq!(fixed["triggers"][0]["fixed"], true);
    assert_eq!(fixed["triggers"][0]["fields"]["hour"], "2");
    assert_eq!(fixed["next"].as_array().map(Vec::len), Some(5));
    // In the gap it fires as the gap ends.
    let gap = &fixed["gap"];
    assert!(gap["from"].as_str().is_some_and(|from| from.ends_with("02:00")), "{gap}");
    assert_eq!(gap["firings"], serde_json::json!([gap["at"]]));
    // A rhythm comes by twice in a fold.
    let rhythm = explain("*/30 1 * * *");
    let fold = rhythm["fold"]["firings"].as_array().expect("a list").len();
    assert_eq!((&rhythm["triggers"][0]["fixed"], fold), (&false.into(), 4));
    for (expression, words) in [
        ("1h 30m", "every 1h 30m"),
        ("{ hour = 9 }", "at 09:00 every day"),
        ("2199-01-01 10:00", "once at 2199-01-01 10:00:00"),
        ("@reboot", "after each boot"),
    ] {
        assert_eq!(explain(expression)["words"], words);
    }
    let wrong = place.taskd(["explain", "30 25 * * *"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("the hour `25` is not in 0 to 23"));
}

#[test]
fn a_task_is_explained_with_every_key_and_where_it_was_set() {
    let place = Place::with(
        "schedules.toml",
        "timezone = \"UTC\"\n[defaults]\nenv = { TOKEN = \"hunter2\" }\n[templates.t]\ncron = \"*/7 * * * *\"\n[tasks.a]\nextends = \"t\"\ncommand = \"true\"\n",
    );
    let output = place.taskd(["explain", "a", "--json"]);
    assert!(!text(&output.stdout).contains("hunter2"));
    let row = json_lines(&output.stdout).remove(0);
    let keys: Vec<_> = row["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| format!("{} {} {}", key["key"], key["set_by"], key["line"]).replace('"', ""))
        .collect();
    assert_eq!(
        keys,
        [
            "cron template t 5",
            "command the task 8",
            "env.TOKEN defaults 3",
            "extends the task 7",
            "timezone the file 1"
        ]
    );
    assert_eq!(place.taskd(["explain", "b"]).status.code(), Some(3));
}
