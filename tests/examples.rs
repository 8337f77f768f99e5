//! The examples run, and show what they say they do.

use std::path::Path;
use std::process::Command;

fn run(example: &str) -> String {
    // `cargo test` builds them beside the binary.
    let binary = Path::new(env!("CARGO_BIN_EXE_taskd"));
    let example = binary.with_file_name("examples").join(example);
    let output = Command::new(example).output().expect("it is built");
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
