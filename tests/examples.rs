//! The examples run, and show what they say they do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

/// `cargo test` builds them beside the binary.
fn example(name: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_taskd"));
    Command::new(binary.with_file_name("examples").join(name))
}

fn run(name: &str) -> String {
    let output = example(name).output().expect("`cargo build --examples` builds it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn old_rows_of_a_database_are_deleted_at_their_times() {
    let told = run("database_cleanup");
    let expected = "\
100 rows
nightly  delete old rows: at 03:00 on monday to saturday
often    delete old rows: every 12h
once     delete old rows: once at 2026-12-31 23:59:59
2026-12-25T00:00:00Z  often    40 rows deleted
";
    assert!(told.starts_with(expected), "{told}");
    for line in [
        // 03:00 in Berlin.
        "2026-12-25T02:00:00Z  nightly  30 rows deleted",
        "2026-12-26T12:00:00Z  often is paused",
        "2026-12-28T12:00:00Z  often goes on",
        "2026-12-29T12:00:00Z  often is removed",
        // On a date, once; what is left is from the last ten days.
        "2026-12-31T22:59:59Z  once     21 rows deleted",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(
        !told.contains("2026-12-27T"),
        "nothing runs on a Sunday while the other is paused: {told}"
    );
    assert!(told.ends_with("3 rows, tasks: nightly, once\n"), "{told}");
}

#[test]
fn a_file_schedules_tasks_of_the_program_beside_commands() {
    let expected = "\
nightly is loaded
weekly is loaded
report is loaded
2026-01-04T02:00:00Z  nightly keeps 30 days
2026-01-05T02:00:00Z  nightly keeps 30 days
2026-01-05T03:00:00Z  weekly keeps 7 days, and tidies up
weekly@20260105T030000Z  success
nightly@20260105T020000Z  success
report@20260105T020000Z  success
nightly@20260104T020000Z  success
report@20260104T020000Z  success
";
    assert_eq!(run("from_file"), expected);
}

#[test]
fn a_web_service_tells_its_tasks_and_runs_them() {
    let mut service = example("axum_app")
        .stdout(Stdio::piped())
        .spawn()
        .expect("`cargo build --examples` builds it");
    let mut told = BufReader::new(service.stdout.take().expect("it is a pipe"));
    let mut line = String::new();
    told.read_line(&mut line).expect("it is text");
    let address = line.trim().strip_prefix("listening on http://").expect("it says where");
    let ask = |method: &str, path: &str| {
        let mut stream = TcpStream::connect(address).expect("it answers");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    };
    let tasks = ask("GET", "/tasks");
    assert!(tasks.contains(r#""task":"report","when":"at 09:30 on monday to friday""#), "{tasks}");
    assert!(ask("POST", "/tasks/report/run").contains(r#"{"run":"report@"#));
    let missing = ask("POST", "/tasks/nobody/run");
    assert!(
        missing.starts_with("HTTP/1.1 404 ") && missing.contains("no task `nobody`"),
        "{missing}"
    );
    while !ask("GET", "/tasks").contains(r#""reports":1"#) {
        std::thread::yield_now();
    }
    let pid = service.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(sent.expect("there is a `kill`").success());
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("it is text");
    assert_eq!(rest, "all runs have ended\n");
    assert!(service.wait().expect("it ends").success());
}

/// A crate of its own, with nothing of taskd but what a dependency gives it.
#[test]
fn a_program_of_somebody_else_does_all_that_it_did_with_its_own_scheduler() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--locked", "--manifest-path", "tests/embedder/Cargo.toml"]);
    // It is built beside the rest, and once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embedder");
    let output = cargo.arg("--target-dir").arg(target).output().expect("there is cargo");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all is well\n", "{errors}");
}
