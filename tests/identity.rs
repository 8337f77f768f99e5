//! With which environment, as whom and within which limits commands run, with the real binary.
//! Tests wait for states, never for a time.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::{Daemon, Place, is_root, text};

fn running(tasks: &str) -> (Place, Daemon) {
    support::running(tasks, &["--state", "none"])
}

/// The lines of `env` that a task has written.
fn environment(place: &Place, name: &str) -> Vec<String> {
    let mut lines: Vec<_> = place.read(name).lines().map(String::from).collect();
    lines.retain(|line| {
        !line.starts_with("TASKD_")
            && !line.starts_with("_=")
            && !line.starts_with("PWD=")
            && !line.starts_with("SHLVL=")
    });
    lines.sort();
    lines
}

/// The only end of a run of a daemon that runs one task once.
fn only_end(tasks: &str) -> (Place, String) {
    let (place, mut daemon) = running(tasks);
    let end = daemon.wait_for("run finished")["outcome"].as_str().expect("text").to_string();
    daemon.stop();
    (place, end)
}

#[test]
fn an_environment_is_inherited_read_from_files_and_given() {
    let place = Place::new();
    place.write("base.env", "# a comment\nA=file\nB=\"two words\"\nexport C='single $A'\nD=file\n");
    place.write("more.env", "D=later\n");
    let tasks = r#"
        [defaults]
        env_file = ["base.env", "?absent.env", "more.env"]

        [tasks.all]
        startup = "start"
        env     = { A = "own", OUTER = false }
        command = "env > all.new && mv all.new all"

        [tasks.none]
        after       = { any = "all" }
        inherit_env = false
        env_file    = false
        command     = "env > none.new && mv none.new none"

        [tasks.some]
        after       = { any = "none" }
        inherit_env = ["OUTER", "ABSENT"]
        env_file    = "base.env"
        command     = "env > some.new && mv some.new some"
    "#;
    place.write("schedules.toml", tasks);
    let mut command = place.command(["run", "--log-format", "json", "--state", "none"]);
    command.env("OUTER", "outer").env("D", "outer").env("NOTIFY_SOCKET", "x").env("TASKD_RUN", "x");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut daemon = Daemon::start(command);
    while daemon.wait_for("run finished")["task"] != "some" {}
    let all = environment(&place, "all");
    for expected in ["A=own", "B=two words", "C=single $A", "D=later", "OUTER=outer", "TZ=UTC"] {
        assert!(all.iter().any(|line| line == expected), "{expected} in {all:?}");
    }
    // What every login has is filled in.
    for name in ["HOME=", "USER=", "LOGNAME=", "SHELL=", "PATH="] {
        assert!(all.iter().any(|line| line.starts_with(name)), "{name} in {all:?}");
    }
    assert!(!all.iter().any(|line| line.starts_with("NOTIFY_SOCKET")), "{all:?}");
    let names = |name: &str| -> Vec<String> {
        environment(&place, name)
            .iter()
            .filter_map(|line| Some(line.split_once('=')?.0.into()))
            .collect()
    };
    assert_eq!(names("none"), ["PATH"]);
    assert_eq!(names("some"), ["A", "B", "C", "D", "OUTER", "PATH"]);
    daemon.stop();
}

#[test]
fn an_env_file_that_cannot_be_used_is_told_without_its_secrets() {
    for (file, expected) in [
        (None, "No such file"),
        (Some("SECRET hunter2\n"), "is not all `NAME=value`"),
        (Some("A=\"hunter2\n"), "is not all `NAME=value`"),
    ] {
        let place = Place::with(
            "schedules.toml",
            "[tasks.a]\nstartup = \"start\"\nenv_file = \"app.env\"\ncommand = \"true\"\n",
        );
        if let Some(text) = file {
            place.write("app.env", text);
        }
        let mut daemon = place.daemon(["--state", "none"]);
        let end = daemon.wait_for("run finished");
        let outcome = end["outcome"].as_str().expect("text");
        assert!(
            outcome.starts_with("not-started (the env file") && outcome.contains(expected),
            "{outcome}"
        );
        daemon.signal("TERM");
        let (_, _, log) = daemon.end();
        assert!(!outcome.contains("hunter2") && !log.contains("hunter2"), "{log}");
    }
}

#[test]
fn input_umask_niceness_and_limits_are_as_written() {
    let (place, end) = only_end(
        r#"
        [tasks.a]
        startup = "start"
        stdin   = "line one\nline two\n"
        umask   = "077"
        nice    = 7
        limits  = { open_files = 50, cpu_time = "1h 1s", file_size = "10MiB", address_space = "4GiB" }
        command = '''
        cat > input
        nice > nice
        ulimit -n > files; ulimit -t > time; ulimit -f > size; ulimit -v > space
        '''
        "#,
    );
    assert_eq!(end, "success");
    assert_eq!(place.read("input"), "line one\nline two\n");
    let mode = fs::metadata(place.path("input")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(place.read("nice").trim(), "7");
    assert_eq!(place.read("files").trim(), "50");
    assert_eq!(place.read("time").trim(), "3601");
    // In blocks of 512 bytes, and of 1 KiB.
    assert_eq!(place.read("size").trim(), "20480");
    assert_eq!(place.read("space").trim(), "4194304");
}

#[test]
fn a_child_has_the_limit_of_open_files_that_taskd_had() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\nstartup = \"start\"\ncommand = \"while ! [ -e go ] || [ $(ulimit -n) -gt 100 ]; do sleep 0.01; done; ulimit -n > files.new; mv files.new files\"\n",
    );
    let taskd = env!("CARGO_BIN_EXE_taskd");
    let script = format!("ulimit -S -n 100; exec {taskd} run --state none 2> log");
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env("XDG_RUNTIME_DIR", place.path("run"));
    let mut child = command.spawn().expect("there is a shell");
    place.wait_for("log", |log| log.contains("running"));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("it goes on");
    let own = limits.lines().find(|line| line.starts_with("Max open files")).expect("it is there");
    assert!(!own.contains(" 100 "), "taskd itself has more: {own}");
    place.write("go", "");
    assert_eq!(place.wait_for("files", |files| !files.is_empty()).trim(), "100");
    place.shell(&format!("kill {}", child.id()));
    child.wait().expect("it ends");
}

#[test]
fn no_descriptor_reaches_a_child() {
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\nstartup = \"start\"\ncommand = [\"ls\", \"-l\", \"/proc/self/fd\"]\noutput = \"capture\"\n",
    );
    let taskd = env!("CARGO_BIN_EXE_taskd");
    // taskd itself is started with some that are open.
    let script = format!("exec {taskd} run --state here 7< schedules.toml 9>> other 2> log");
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env("XDG_RUNTIME_DIR", place.path("run"));
    let mut child = command.spawn().expect("there is a shell");
    place.wait_for("log", |log| log.contains("run finished"));
    let directory = place.path("here/output");
    let file =
        fs::read_dir(directory).expect("it is there").next().expect("one").expect("readable");
    let listed = fs::read_to_string(file.path()).expect("it is text");
    // Its own three, and that of reading the directory.
    let count = listed.lines().filter(|line| line.contains(" -> ")).count();
    assert_eq!(count, 4, "{listed}");
    place.shell(&format!("kill {}", child.id()));
    child.wait().expect("it ends");
}

#[test]
fn a_command_runs_as_another_user_with_what_is_theirs() {
    if !is_root() {
        return;
    }
    let (place, mut daemon) = running(
        r#"
        [tasks.a]
        startup = "start"
        user    = "nobody"
        cwd     = "/"
        output  = "capture"
        command = "id -u; id -g; id -G; env | sort; grep -E '^(Uid|Gid|CapEff)' /proc/self/status; echo by its name >> /dev/stderr"

        [tasks.home]
        after   = { any = "a" }
        user    = "daemon"
        command = "pwd"

        [tasks.group]
        after   = { any = "a" }
        group   = "daemon"
        command = "id -u; id -g; id -G"
        "#,
    );
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() < 3 {
        let end = daemon.wait_for("run finished");
        assert_eq!(end["outcome"], "success", "{end}");
        ended.insert(end["task"].as_str().expect("text").to_string());
    }
    let read = |task: &str| {
        let output = place.taskd(["output", task]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let told = read("a");
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(&lines[..3], ["65534", "65534", "65534"], "{told}");
    for expected in
        ["USER=nobody", "LOGNAME=nobody", "HOME=/nonexistent", "CapEff:\t0000000000000000"]
    {
        assert!(lines.contains(&expected), "{expected} in {told}");
    }
    assert!(lines.contains(&"by its name"), "it may open its own output: {told}");
    // Real, effective, saved and of the file system: there is no way back.
    assert!(lines.contains(&"Uid:\t65534\t65534\t65534\t65534"), "{told}");
    assert!(!told.contains("XDG_STATE_HOME"), "nothing of root's is inherited: {told}");
    assert_eq!(read("home").trim(), "/usr/sbin", "the home of that user");
    assert_eq!(read("group"), "0\n1\n1\n");
    daemon.stop();
}

#[test]
fn who_is_not_there_is_told_by_name() {
    let root = is_root();
    for (key, expected) in
        [("user", "no such user: `nobody-here`"), ("group", "no such group: `nobody-here`")]
    {
        if !root && key == "group" {
            continue;
        }
        let tasks = format!(
            "[tasks.a]\nstartup = \"start\"\n{key} = \"nobody-here\"\ncwd = \"/\"\ncommand = \"true\"\n"
        );
        if root {
            let (_, end) = only_end(&tasks);
            assert_eq!(end, format!("not-started ({expected})"));
        }
    }
    // What the kernel refuses is told by what it is.
    if !root {
        let (_, end) = only_end("[tasks.a]\nstartup = \"start\"\nnice = -5\ncommand = \"true\"\n");
        assert!(end.contains("does not get its niceness"), "{end}");
    }
}

#[test]
fn only_root_may_run_commands_as_others() {
    if !is_root() {
        return;
    }
    let place = Place::with(
        "schedules.toml",
        "[tasks.a]\ninterval = \"1h\"\nuser = \"root\"\ncwd = \"/\"\ncommand = \"true\"\n",
    );
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs::copy(env!("CARGO_BIN_EXE_taskd"), place.path("taskd")).expect("it can be copied");
    let ask = |line: &str| {
        place.shell(&format!("setpriv --reuid=65534 --regid=65534 --clear-groups ./taskd {line}"))
    };
    let run = ask("run --state none");
    assert_eq!(run.status.code(), Some(78));
    assert!(
        text(&run.stderr).contains("only root may run a command as `root`"),
        "{}",
        text(&run.stderr)
    );
    // It also runs in CI, where nobody is root.
    let validate = ask("validate");
    assert_eq!(validate.status.code(), Some(0));
    assert!(text(&validate.stderr).contains("warning[not-root]"), "{}", text(&validate.stderr));
    assert_eq!(ask("validate --strict").status.code(), Some(78));
}

#[test]
fn root_does_not_run_what_everyone_may_write() {
    if !is_root() {
        return;
    }
    let place = Place::with(
        "schedules.toml",
        "include = \"more.toml\"\n[tasks.a]\ninterval = \"1h\"\nenv_file = \"app.env\"\ncommand = \"true\"\n",
    );
    place.write("more.toml", "");
    place.write("app.env", "");
    let set = |name: &str, mode| {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode))
            .expect("it is ours");
    };
    for name in ["schedules.toml", "more.toml", "app.env"] {
        set(name, 0o666);
        let output = place.taskd(["run", "--state", "none"]);
        assert_eq!(output.status.code(), Some(78), "{name}");
        let said = text(&output.stderr);
        assert!(
            said.contains(name)
                && said.contains("everyone may write")
                && said.contains("chmod o-w"),
            "{said}"
        );
        set(name, 0o644);
    }
    set("", 0o777);
    let output = place.taskd(["run", "--state", "none"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("everyone may replace"), "{}", text(&output.stderr));
    // As in /tmp: nobody may replace another's file.
    set("", 0o1777);
    place.shell("chown nobody more.toml");
    let mut daemon = place.daemon(["--state", "none"]);
    daemon.wait_for("the user 65534 may write this file, and so run commands as root");
    daemon.wait_for("running");
    daemon.stop();
}

#[test]
fn exec_runs_a_command_here_and_now() {
    let place = Place::with(
        "schedules.toml",
        r#"
        [tasks.a]
        interval = "1h"
        env      = { A = "own" }
        umask    = "077"
        command  = 'echo "$A $TASKD_TASK $TASKD_TRIGGER"; read line; echo "got $line"; exit 3'

        [tasks.knows]
        interval = "1h"
        command  = 'echo "$TASKD_FILE $TASKD_STATE $TASKD_SOCKET"'

        [tasks.absent]
        interval = "1h"
        command  = ["no-such-program-anywhere"]
        "#,
    );
    let output = place.taskd_with_input(["exec", "a"], "typed\n");
    assert_eq!(text(&output.stdout), "own a manual\ngot typed\n");
    assert_eq!(output.status.code(), Some(3), "its own code");
    let output = place.taskd(["exec", "knows", "--state", "here", "--socket", "s"]);
    let expected = ["schedules.toml", "here", "s"].map(|name| place.path(name));
    let expected: Vec<_> = expected.iter().map(|path| path.to_string_lossy()).collect();
    assert_eq!(text(&output.stdout).trim(), expected.join(" "), "as the daemon would tell it");
    let output = place.taskd(["exec", "absent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no such program"), "{}", text(&output.stderr));
    let output = place.taskd(["exec", "nobody"]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn an_env_file_tells_nobody_what_is_not_theirs() {
    let place = Place::new();
    place.write("schedules.toml", "[tasks.a]\nstartup = \"start\"\ninherit_env = false\nenv_file = \"app.env\"\ncommand = \"printenv GIVEN > told\"\n");
    // A `$` is literal: it reaches for nothing of taskd's own environment.
    place.write("app.env", "GIVEN=\"${OUTER}$OUTER\\$x\"\n");
    let mut command = place.command(["run", "--log-format", "json", "--state", "none"]);
    command.env("OUTER", "secret");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut daemon = Daemon::start(command);
    assert_eq!(daemon.wait_for("run finished")["outcome"], "success");
    assert_eq!(place.read("told"), "${OUTER}$OUTER$x\n");
    daemon.stop();
    if !is_root() {
        return;
    }
    // A user names a file of root's in a directory of theirs, by a link and by a link to its directory.
    place.write("roots/secret.env", "GIVEN=secret\n");
    fs::set_permissions(place.path("roots/secret.env"), fs::Permissions::from_mode(0o600))
        .expect("it is ours");
    place.shell("mkdir theirs; ln -s ../roots/secret.env theirs/link.env; ln -s ../roots theirs/more; chown -h nobody theirs theirs/*");
    for path in ["theirs/link.env", "theirs/more/secret.env"] {
        let task = format!(
            "[tasks.a]\nstartup = \"start\"\nuser = \"nobody\"\ncwd = \"/\"\nenv_file = \"{path}\"\ncommand = \"true\"\n"
        );
        place.write("schedules.toml", &task);
        let mut daemon = place.daemon(["--state", "none"]);
        let end = daemon.wait_for("run finished");
        let outcome = end["outcome"].as_str().expect("text");
        assert!(outcome.starts_with("not-started (the env file"), "{path}: {outcome}");
        daemon.stop();
    }
}
