//! The real daemon while the clock of the machine is set, and a life that begins with a clock that is
//! hours behind that of the one before.
//!
//! Only with `TASKD_PROOF=clock` and as root, for it sets the clock of this machine; it puts it right
//! afterwards, even if it fails. Without that, the same is played with a simulated clock
//! (`src/engine/tests.rs`) and in random histories (`src/scheduler/tests/histories.rs`).

mod support;

use std::process::Command;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use support::{Place, is_root, json_lines, text};

/// Sets the clock of the machine, and puts it right in the end.
struct Clock {
    right: Timestamp,
    since: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "it is the real clock that is set")]
    fn new() -> Self {
        Self { right: Timestamp::now(), since: Instant::now() }
    }

    /// The clock is `by` so much ahead of the right time.
    fn set(&self, by: SignedDuration) {
        let passed = SignedDuration::try_from(self.since.elapsed()).expect("not that long");
        let at = self.right + passed + by;
        let at = format!("@{}.{:09}", at.as_second(), at.subsec_nanosecond());
        let set = Command::new("date").args(["-u", "-s", &at]).output().expect("there is a `date`");
        assert!(set.status.success(), "{}", text(&set.stderr));
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.set(SignedDuration::ZERO);
    }
}

#[test]
fn a_clock_that_is_set_repeats_nothing_and_forgets_nothing() {
    if std::env::var_os("TASKD_PROOF").is_none_or(|proof| proof != "clock") || !is_root() {
        return;
    }
    let place = Place::with(
        "schedules.toml",
        "[tasks.t]\ninterval = \"1s\"\ncommand = \"echo $TASKD_DUE >> runs\"\n",
    );
    let start = || place.daemon(["--state", "state", "--socket", "s"]);
    let runs = || place.read("runs").lines().count();
    let more_runs = |before: usize| place.wait_for("runs", |text| text.lines().count() > before);
    let hours = SignedDuration::from_hours;
    let clock = Clock::new();
    let mut daemon = start();
    more_runs(0);
    clock.set(hours(1));
    daemon.wait_for("the wall clock was set");
    daemon.wait_for("firings missed");
    more_runs(runs());
    // A little back: until that hour comes again nothing runs. Far back: the clock was wrong.
    clock.set(hours(-1));
    daemon.wait_for("the wall clock was set");
    clock.set(hours(-5));
    daemon.wait_for("the wall clock was set");
    more_runs(runs());
    // It is right again, and then a life ends in a year that has not come.
    clock.set(hours(0));
    daemon.wait_for("the wall clock was set");
    clock.set(hours(24 * 3_650));
    daemon.wait_for("the wall clock was set");
    more_runs(runs());
    daemon.kill_all();
    clock.set(hours(0));
    let mut daemon = start();
    daemon.wait_for("the wall clock was set");
    more_runs(runs());
    daemon.stop();
    let all = place.read("runs");
    let mut dues: Vec<_> = all.lines().collect();
    let count = dues.len();
    dues.sort_unstable();
    dues.dedup();
    assert_eq!(dues.len(), count, "none runs twice");
    let history = ["history", "--json", "--limit", "100000", "--state", "state", "--socket", "s"];
    let output = place.taskd(history);
    let rows = json_lines(&output.stdout);
    let mut judged: Vec<_> = rows.iter().map(|row| row["due"].to_string()).collect();
    let count = judged.len();
    judged.sort_unstable();
    judged.dedup();
    assert_eq!(judged.len(), count, "none has two verdicts");
}
