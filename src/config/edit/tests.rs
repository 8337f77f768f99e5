use proptest::prelude::*;

use super::*;

fn name(task: &str) -> Name {
    Name::new(task).expect("a fine name")
}

fn value(text: &str) -> Value {
    readings(text).remove(0)
}

fn key(path: &str) -> Vec<String> {
    path.split('.').map(Into::into).collect()
}

fn set_to(task: &str, path: &str, text: &str) -> Edit {
    Edit::Set(name(task), key(path), value(text))
}

fn unset_of(task: &str, path: &str) -> Edit {
    Edit::Unset(name(task), key(path))
}

fn added(task: &str) -> Vec<Edit> {
    let set = |key, text| set_to(task, key, text);
    vec![Edit::Add(name(task)), set("cron", "0 3 * * *"), set("command", "true")]
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_change_is_made_where_the_task_is_written_and_as_it_is_written() {
    let set = |path, text| vec![set_to("a", path, text)];
    let remove = |task| vec![Edit::Remove(name(task))];
    for (reason, before, edits, after) in [
        (
            "a comment behind the value stays",
            "[tasks.a]\ncron='1'   # nightly\n",
            set("cron", "\"2\""),
            "[tasks.a]\ncron=\"2\"   # nightly\n",
        ),
        (
            "a new key stands below the others, with its sign below theirs",
            "[tasks.a]\ncron    = \"1\"\ncommand = \"x\"\n\n# about b\n[tasks.b]\n",
            set("nice", "5"),
            "[tasks.a]\ncron    = \"1\"\ncommand = \"x\"\nnice    = 5\n\n# about b\n[tasks.b]\n",
        ),
        (
            "a line stays a line",
            "[tasks]\na = { cron = \"1\", command = 'x' } # nightly\n",
            set("timeout", "5m"),
            "[tasks]\na = { cron = \"1\", command = 'x', timeout = \"5m\" } # nightly\n",
        ),
        (
            "dotted keys stay dotted",
            "tasks.a.cron = \"1\"\ntasks.a.command = 'x'\n",
            set("nice", "5"),
            "tasks.a.cron = \"1\"\ntasks.a.command = 'x'\ntasks.a.nice = 5\n",
        ),
        (
            "in a table of its own",
            "[tasks.a]\ncron = '1'\n[tasks.a.retry]\nmax = 3\n[pools.x]\nlimit = 1\n",
            set("retry.delay", "5s"),
            "[tasks.a]\ncron = '1'\n[tasks.a.retry]\nmax = 3\ndelay = \"5s\"\n[pools.x]\nlimit = 1\n",
        ),
        (
            "a table that is not there is one in a line",
            "[tasks.a]\ncron = '1'\n",
            set("env.PATH", "/bin"),
            "[tasks.a]\ncron = '1'\nenv = { PATH = \"/bin\" }\n",
        ),
        (
            "line ends are those of the file, and no others are touched",
            "\u{feff}# x\r\n[tasks.a]\r\ncron = '1'\r\nstdin = \"\"\"a\nb\"\"\"\r\n",
            set("nice", "5"),
            "\u{feff}# x\r\n[tasks.a]\r\ncron = '1'\r\nstdin = \"\"\"a\nb\"\"\"\r\nnice = 5\r\n",
        ),
        (
            "a byte order mark stays where the first line goes",
            "\u{feff}[tasks.a]\ncron = '1'\n\n[tasks.b]\ncron = '2'\n",
            remove("a"),
            "\u{feff}[tasks.b]\ncron = '2'\n",
        ),
        (
            "a last line without an end gets one",
            "[tasks.a]\ncron = '1'",
            set("nice", "5"),
            "[tasks.a]\ncron = '1'\nnice = 5\n",
        ),
        (
            "a new task stands at the end, behind what stands there",
            "[tasks.a]\ncron = '1'\n\n# the end\n",
            added("b"),
            "[tasks.a]\ncron = '1'\n\n# the end\n\n[tasks.b]\ncron = \"0 3 * * *\"\ncommand = true\n",
        ),
        ("the first of all", "", added("b"), "[tasks.b]\ncron = \"0 3 * * *\"\ncommand = true\n"),
        (
            "where all are lines, it is one",
            "[tasks]\na = { cron = '1' }\n\n[pools.x]\nlimit = 1\n",
            added("b"),
            "[tasks]\na = { cron = '1' }\nb = { cron = \"0 3 * * *\", command = true }\n\n[pools.x]\nlimit = 1\n",
        ),
        (
            "a task goes with all its tables and the comment at its head",
            "[tasks.a]\ncron = '1'\n\n# about b\n[tasks.b]\ncron = '2'\n\n[pools.x]\nlimit = 1\n[tasks.b.env]\nX = '1'\n",
            remove("b"),
            "[tasks.a]\ncron = '1'\n\n[pools.x]\nlimit = 1\n",
        ),
        (
            "the first one leaves no blank line behind",
            "[tasks.a]\ncron = '1'\n\n[tasks.b]\ncron = '2'\n",
            remove("a"),
            "[tasks.b]\ncron = '2'\n",
        ),
        (
            "a comment on its own is not about the task below",
            "[tasks.a]\ncron = '1'\n\n# --- nightly ---\n\n# about b\n[tasks.b]\ncron = '2'\n\n[tasks.c]\ncron = '3'\n",
            remove("b"),
            "[tasks.a]\ncron = '1'\n\n# --- nightly ---\n\n[tasks.c]\ncron = '3'\n",
        ),
        (
            "nor when it is the last",
            "[tasks.a]\ncron = '1'\n\n# --- nightly ---\n\n[tasks.b]\ncron = '2'\n",
            remove("b"),
            "[tasks.a]\ncron = '1'\n\n# --- nightly ---\n",
        ),
        (
            "a line goes, and its comment",
            "[tasks]\n# first\na = { cron = '1' } # x\nb = { cron = '2' }\n",
            remove("a"),
            "[tasks]\nb = { cron = '2' }\n",
        ),
        (
            "a key goes",
            "[tasks]\na = { cron = '1', nice = 5, command = 'x' }\n",
            vec![unset_of("a", "nice")],
            "[tasks]\na = { cron = '1', command = 'x' }\n",
        ),
    ] {
        assert_eq!(edited(before, &edits).as_deref(), Ok(after), "{reason}");
    }
}

#[test]
fn what_cannot_be_is_told() {
    let text = "[tasks.a]\ncron = '1'\nretry = 3\n";
    for (edit, message) in [
        (Edit::Add(name("a")), "there is a task `a` already"),
        (Edit::Remove(name("b")), "there is no task `b`"),
        (set_to("b", "nice", "5"), "there is no task `b`"),
        (set_to("a", "retry.delay", "5s"), "`retry` is no table, and has no keys"),
        (unset_of("a", "retry.delay"), "`a` has no key `retry.delay` of its own"),
    ] {
        let error = edited(text, &[edit]).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
    assert!(matches!(edited("[tasks", &[]), Err(EditError::Syntax(_))));
}

#[test]
fn keys_that_stand_apart_stay_where_they_are() {
    let far = "[tasks.a]\n# A\nenv.A='1' # a\n\n# d\ndescription='x'\n# B\nenv.B='2'\ncron='1'\n\n# b\n[tasks.b]\n";
    let mixed =
        "[tasks]\na.cron='1'\n# x\nb.cron='1'\n# x\na.command='x'\n# x\nb.command='x'\n# end\n";
    let line = "[tasks]\na = { env.A = '1', cron = '1', env.B = '2' } # x\nb.cron = '1'\n";
    for (reason, before, edits, after) in [
        (
            "a key behind them",
            far,
            vec![set_to("a", "nice", "5")],
            far.replace("cron='1'\n", "cron='1'\nnice = 5\n"),
        ),
        (
            "a key of the table whose keys they are",
            far,
            vec![set_to("a", "env.C", "x")],
            far.replace("B='2'\n", "B='2'\nenv.C = \"x\"\n"),
        ),
        (
            "each on its place, though they are printed together",
            far,
            vec![set_to("a", "env.A", "x"), set_to("a", "env.B", "y")],
            far.replace("'1' # a", "\"x\" # a").replace("'2'", "\"y\""),
        ),
        (
            "one of them goes, and what is said of it",
            far,
            vec![unset_of("a", "env.B")],
            far.replace("# B\nenv.B='2'\n", ""),
        ),
        (
            "the first of them goes, and not the head of their table",
            far,
            vec![unset_of("a", "env.A")],
            far.replace("# A\nenv.A='1' # a\n", ""),
        ),
        (
            "a table stands behind all of them",
            &far[..far.find("\n# b").expect("it is there")],
            added("c"),
            far.replace(
                "\n# b\n[tasks.b]\n",
                "\n[tasks.c]\ncron = \"0 3 * * *\"\ncommand = true\n",
            ),
        ),
        (
            "tasks whose keys stand between each other's",
            mixed,
            vec![set_to("a", "nice", "5")],
            mixed.replace("a.command='x'\n", "a.command='x'\na.nice = 5\n"),
        ),
        (
            "of which one goes",
            mixed,
            vec![Edit::Remove(name("a"))],
            "[tasks]\n# x\nb.cron='1'\n# x\nb.command='x'\n# end\n".into(),
        ),
        (
            "in a line, where another task is changed",
            line,
            vec![set_to("b", "cron", "@daily")],
            line.replace("b.cron = '1'", "b.cron = \"@daily\""),
        ),
    ] {
        assert_eq!(edited(before, &edits), Ok(after), "{reason}");
    }
}

#[test]
fn a_word_is_read_as_toml_first() {
    for (word, first, count) in [
        ("5", "5", 2),
        ("0 3 * * *", "\"0 3 * * *\"", 1),
        (" [1, 2] ", "[1, 2]", 2),
        ("{ max = 3 }", "{ max = 3 }", 2),
        ("2026-12-31", "2026-12-31", 2),
        ("2026-12-31 10:00", "2026-12-31 10:00", 2),
        ("", "\"\"", 1),
        ("a\"b", "'a\"b'", 1),
        ("\"5\"", "\"5\"", 2),
    ] {
        let all = readings(word);
        assert_eq!((all[0].to_string().as_str(), all.len()), (first, count), "{word}");
        assert_eq!(all[count - 1].as_str(), Some(word));
    }
}

/// A task in one of its spellings, with what people put around it.
fn any_task() -> impl Strategy<Value = (usize, [&'static str; 4])> {
    let blank = prop::sample::select(vec!["", "", "\n", "\n\n", "  \n"]);
    let head = prop::sample::select(vec!["", "# about it\n", "\n# far away\n\n", "# a\n#b\n"]);
    let sign = prop::sample::select(vec![" = ", "=", "   =\t"]);
    let behind = prop::sample::select(vec!["", "  # why", "\t"]);
    (0..6_usize, blank, head, sign, behind)
        .prop_map(|(spelling, blank, head, sign, behind)| (spelling, [blank, head, sign, behind]))
}

/// Files with tasks `t0`, `t1`, … in all spellings, some of them in lines of `[tasks]`.
fn any_file() -> impl Strategy<Value = (usize, String)> {
    let end = prop::sample::select(vec!["", "\n# the end\n", "\n\n"]);
    let tasks = prop::collection::vec(any_task(), 1..6);
    (tasks, end, any::<bool>()).prop_map(|(tasks, end, windows)| {
        let (mut lines, mut late, mut sections) = (String::new(), String::new(), String::new());
        for (index, (spelling, [blank, head, sign, behind])) in tasks.iter().enumerate() {
            let days = "[\n    \"0 1 * * *\", # early\n\n  '0 2 * * *',\n]";
            let (line, section) = match spelling {
                0 => (
                    format!("{blank}{head}t{index}{sign}{{ cron{sign}'1', \"command\" = \"\"\"x\"\"\" }}{behind}\n"),
                    String::new(),
                ),
                1 => (
                    format!("{blank}{head}t{index}.cron{sign}{days}{behind}\nt{index} . 'command'{sign}'x'\n"),
                    String::new(),
                ),
                2 => {
                    // Apart from what else is said of it, with others between them.
                    let apart = format!("{blank}{head}t{index}.command{sign}'x'{behind}\nt{index}.env.A = 'b'\n");
                    late += &apart;
                    (format!("{head}t{index}.cron{sign}{days}{behind}\n"), String::new())
                }
                3 => (
                    String::new(),
                    format!("{blank}{head}[tasks.t{index}]\n{head}env.A{sign}'a'{behind}\n{head}cron{sign}{days}\n{blank}{head}env.B{sign}'b'\ncommand = 'x'{behind}\n{head}env.C = 'c'\n"),
                ),
                4 => (
                    String::new(),
                    format!("{blank}{head}[tasks.t{index}]{behind}\ncron{sign}{days}{behind}\n{head}command{sign}'x'\n"),
                ),
                _ => (
                    String::new(),
                    format!("{blank}{head}[ tasks . \"t{index}\" ]\ncron{sign}'1'{behind}\ncommand = 'x'\n{blank}[tasks.t{index}.env]\nA{sign}'b'\n"),
                ),
            };
            lines += &line;
            sections += &section;
        }
        let head = if lines.is_empty() { "" } else { "[tasks] # all\n" };
        let text = format!("timezone = \"UTC\" # x\n{head}{lines}{late}{sections}{end}");
        let text = if windows { text.replace('\n', "\r\n") } else { text };
        (tasks.len(), text)
    })
}

proptest! {
    #[test]
    fn a_change_that_is_undone_leaves_every_byte((count, text) in any_file(), task: prop::sample::Index) {
        let task = format!("t{}", task.index(count));
        let document: DocumentMut = text.parse().expect("it is TOML");
        let has_env = document["tasks"][&task].get("env").is_some();
        let undone = |there: &[Edit], back: &[Edit]| {
            let changed = edited(&text, there).expect("it can be");
            assert_ne!(&changed, &text);
            edited(&changed, back).expect("it can be undone")
        };
        let cron = {
            let cron = document["tasks"][&task]["cron"].as_value().expect("it has one").clone();
            Edit::Set(name(&task), key("cron"), cron)
        };
        prop_assert_eq!(undone(&[set_to(&task, "cron", "@daily")], &[cron]), text.clone());
        prop_assert_eq!(undone(&[set_to(&task, "nice", "5")], &[unset_of(&task, "nice")]), text.clone());
        prop_assert_eq!(undone(&[set_to(&task, "env.Z", "z")], &[unset_of(&task, if has_env { "env.Z" } else { "env" })]), text.clone());
        prop_assert_eq!(undone(&added("new"), &[Edit::Remove(name("new"))]), text.clone());
        // What is left of a file without a task is what was not about it.
        let rest = edited(&text, &[Edit::Remove(name(&task))]).expect("it can be");
        let others: Vec<String> = tasks(&text).expect("TOML").into_iter().filter(|other| *other != task).collect();
        prop_assert_eq!(tasks(&rest).expect("it is TOML"), others);
        let lines: Vec<&str> = text.lines().collect();
        prop_assert!(rest.lines().all(|line| lines.contains(&line)), "{}", rest);
        let far = |text: &str| text.matches("# far away").count();
        // At most four of its own keys have something at their head.
        prop_assert!(far(&rest) + 4 >= far(&text), "{}", rest);
    }
}
