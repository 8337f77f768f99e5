//! What may be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::complete;

/// What the exit codes mean, for help and manual.
pub const EXIT_CODES: &str = "Exit codes: 0 ok · 1 it failed · 2 usage · 3 no such task or run · 69 no daemon answers · 75 the state directory is held by another daemon or cannot be used · 78 the file is wrong or not found";

/// Run commands at the times a TOML file declares.
#[derive(Debug, Parser)]
#[command(
    name = "taskd",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXIT_CODES
)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Args, Debug)]
pub struct Global {
    /// The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or
    /// `/etc/taskd/schedules.toml`, the first that exists
    #[arg(long, global = true, value_name = "FILE", env = "TASKD_FILE")]
    pub file: Option<PathBuf>,
    /// Where the daemon keeps its state; `none` keeps everything in memory
    #[arg(long, global = true, value_name = "DIR", env = "TASKD_STATE")]
    pub state: Option<PathBuf>,
    /// Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`,
    /// `$XDG_RUNTIME_DIR/taskd` or the state directory
    #[arg(long, global = true, value_name = "PATH", env = "TASKD_SOCKET")]
    pub socket: Option<PathBuf>,
    /// How log lines look; `auto` leaves out times and colours under systemd, which has its own
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "auto",
        env = "TASKD_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info
    #[arg(long, global = true, value_name = "LEVEL", env = "TASKD_LOG_LEVEL")]
    pub log_level: Option<tracing::level_filters::LevelFilter>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the tasks of a schedule file when they are due
    Run(Run),
    /// List the tasks: when they run, next when, and where they are written
    #[command(visible_alias = "ls")]
    List(List),
    /// Print what will run next, and when
    Next(Next),
    /// Check schedule files, and tell everything that is wrong with them
    #[command(visible_alias = "check")]
    Validate(Validate),
    /// Explain a task or an expression: in words, field by field, and where clocks change
    Explain(Explain),
    /// Tell how the daemon and its tasks are: what is not well first
    #[command(visible_alias = "ps")]
    Status(Status),
    /// Let tasks start nothing for now; what runs goes on
    Pause(Pause),
    /// Let tasks that are paused go on
    Resume(Resume),
    /// Run a task now
    Trigger(Trigger),
    /// Stop the runs of a task, or one run, and call off what waits
    Cancel(Cancel),
    /// Let the daemon take up its schedule file again: all of it, or nothing if it is wrong
    Reload(Plain),
    /// Tell what happens, as it happens, until Ctrl-C
    Events(Plain),
    /// Let the daemon end: runs may end, nothing more is started
    Stop(Plain),
    /// Tell what became of firings: the newest first
    History(History),
    /// Print what a run has written, or the latest run of a task
    Output(Output),
    /// Tell why a task did or did not run: the verdict of a firing, and what decided it
    Why(Why),
    /// Add a task to the schedule file, and to its daemon
    Add(Box<Add>),
    /// Change a key of a task in the schedule file, and in its daemon
    Set(Set),
    /// Remove tasks from the schedule file, and from its daemon
    #[command(visible_alias = "rm")]
    Remove(Remove),
    /// Open the schedule file in `$VISUAL` or `$EDITOR`; a wrong one never takes its place
    Edit(Edit),
    /// Run the command of a task here and now, on this terminal, as the daemon would; no record is kept
    Exec(Exec),
    /// Write a unit for systemd that runs this taskd on this file
    Install(Install),
    /// Tell what taskd finds on this machine: file, state, daemon, zone data, limits; ends with 1 if
    /// something is amiss
    Doctor(Plain),
    /// Print the completions for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the language of schedule files as a JSON Schema, for editors
    Schema,
    /// Print the manual page, or that of one verb
    Man {
        /// The verb
        verb: Option<String>,
    },
}

#[derive(Args, Debug)]
pub struct Run {
    /// The schedule file; `-` is standard input
    pub file: Option<PathBuf>,
    /// Decide and print what would run, as it comes due, but start nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: one JSON object a line
    #[arg(long, requires = "dry_run")]
    pub json: bool,
}

/// Some tasks of a file, or of its daemon.
#[derive(Args, Debug)]
pub struct Selected {
    /// Tasks by name or pattern (`db-*`); what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK", add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
    /// Only tasks with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    pub some: Selected,
}

#[derive(Args, Debug)]
pub struct Next {
    #[command(flatten)]
    pub some: Selected,
    /// So many firings
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub count: usize,
    /// Strictly after this time, else after now: RFC 3339, `2026-12-31 23:59`, `23:59` or `2h`
    #[arg(long, value_name = "TIME")]
    pub after: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// So many firings of every task, not over all tasks
    #[arg(long)]
    pub each: bool,
    /// Also what a calendar excludes, and why
    #[arg(long)]
    pub all: bool,
}

#[derive(Args, Debug)]
pub struct Explain {
    /// A task, or a crontab text (`30 9 * * mon-fri`), fields (`{ hour = 9 }`), a duration or a date
    #[arg(value_name = "TASK|EXPR", required = true, add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
    /// So many of the next firings
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5)]
    pub count: usize,
    /// The zone of an expression, else that of this machine
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct History {
    /// Tasks by name or pattern (`db-*`); what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK", add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
    /// Only runs that went wrong
    #[arg(long)]
    pub failed: bool,
    /// Only this verdict
    #[arg(long, value_name = "VERDICT", value_parser = VERDICTS)]
    pub verdict: Option<String>,
    /// Only runs that ended so
    #[arg(long, value_name = "OUTCOME", value_parser = OUTCOMES)]
    pub outcome: Option<String>,
    /// Due at this time or later: RFC 3339, `2026-12-31 23:59`, `23:59` or `24h` ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Due at this time or earlier
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// So many at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Exec {
    /// The task; what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK", required = true, num_args = 1..=2, add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
}

/// What every verb takes that changes the schedule file.
#[derive(Args, Debug)]
pub struct Changing {
    /// Print what would change, and change nothing
    #[arg(long, conflicts_with = "json")]
    pub dry_run: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Add {
    /// The name of the task; what has a `.` or `/` in it is the schedule file, else `./schedules.toml` is
    /// begun where there is none
    #[arg(value_name = "FILE|TASK", required = true, num_args = 1..=2, add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
    /// Every so much time: `1h 30m`
    #[arg(long, value_name = "DURATION")]
    pub interval: Option<String>,
    /// When a crontab text says: `0 3 * * *`; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub cron: Vec<String>,
    /// Once: `2026-12-31 23:59:59`; may be given several times
    #[arg(long, value_name = "TIME")]
    pub date: Vec<String>,
    /// At each `start` of the daemon, or the first one after a `boot`
    #[arg(long, value_name = "START|BOOT")]
    pub startup: Option<String>,
    /// When this task has run well; may be given several times
    #[arg(long, value_name = "TASK", add = ArgValueCompleter::new(complete::tasks))]
    pub after: Vec<String>,
    /// The zone of its wall clock: `Europe/Berlin`
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// For `--tag`; may be given several times
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Where it runs
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<String>,
    /// A variable of its environment; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Who it runs as
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// While the previous run goes on: `skip`, `queue`, `replace` or `parallel`
    #[arg(long, value_name = "POLICY")]
    pub overlap: Option<String>,
    /// What was due meanwhile: `skip`, `latest` or `all`
    #[arg(long, value_name = "POLICY")]
    pub missed: Option<String>,
    /// How long an attempt may take
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// How many attempts may follow the first, or `{ max = 3, delay = "10s" }`
    #[arg(long, value_name = "NUMBER")]
    pub retry: Option<String>,
    /// Where it waits for a place
    #[arg(long, value_name = "POOL")]
    pub pool: Option<String>,
    /// Any other key, the value as TOML or as a text: `nice=5`, `output.keep=3`
    #[arg(long, value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::keys))]
    pub set: Vec<String>,
    #[command(flatten)]
    pub changing: Changing,
    /// What to run: one word is a line for the shell, several are a program and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Args, Debug)]
pub struct Set {
    /// The task, a key (`timeout`, `env.NAME`) and its value, as TOML or as a text; several values are a
    /// list. A first word that has a `.` or `/` in it is the schedule file
    #[arg(value_name = "TASK KEY VALUE", required = true, allow_negative_numbers = true, add = ArgValueCompleter::new(complete::task_and_key))]
    pub words: Vec<String>,
    /// Take the key away
    #[arg(long)]
    pub unset: bool,
    #[command(flatten)]
    pub changing: Changing,
}

#[derive(Args, Debug)]
pub struct Edit {
    /// A task, for the file that it is written in; what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK", add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
    #[command(flatten)]
    pub changing: Changing,
}

#[derive(Args, Debug)]
pub struct Remove {
    /// Tasks by name or pattern (`db-*`); what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK", add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
    /// Tasks with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    #[command(flatten)]
    pub changing: Changing,
}

const VERDICTS: [&str; 5] = ["run", "skipped", "missed", "coalesced", "paused"];
#[derive(Args, Debug)]
pub struct Why {
    /// The task, or a run (`backup@20260105T083000Z`); what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK|RUN", required = true, num_args = 1..=2, add = ArgValueCompleter::new(complete::tasks_and_runs))]
    pub words: Vec<String>,
    /// The firing nearest to this time, else the latest: RFC 3339, `2026-12-31 23:59`, `23:59` or `24h`
    /// ago
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Status {
    #[command(flatten)]
    pub some: Selected,
    /// Tell it again every second, until Ctrl-C
    #[arg(long, conflicts_with = "check")]
    pub watch: bool,
    /// Tell only what is not well, and end with 1 if there is any: a last run that failed, a firing that
    /// is overdue, a daemon that is degraded
    #[arg(long)]
    pub check: bool,
}

#[derive(Args, Debug)]
pub struct Pause {
    #[command(flatten)]
    pub some: Selected,
    /// Everything, by a switch of its own
    #[arg(long, conflicts_with_all = ["tag"])]
    pub all: bool,
    /// For so long: `2h`
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "until")]
    pub length: Option<String>,
    /// Until this time: RFC 3339, `2026-12-31 23:59`, `23:59` or `2h`
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Why, for whoever looks
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Args, Debug)]
pub struct Resume {
    #[command(flatten)]
    pub some: Selected,
    /// Everything; tasks that were paused by themselves stay so
    #[arg(long, conflicts_with_all = ["tag"])]
    pub all: bool,
}

#[derive(Args, Debug)]
pub struct Trigger {
    /// The task; what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK", required = true, num_args = 1..=2, add = ArgValueCompleter::new(complete::tasks))]
    pub words: Vec<String>,
    /// Give a variable to this run; it is kept until that has ended, and shown nowhere
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Beside whatever goes on, whatever `overlap` says
    #[arg(long)]
    pub force: bool,
    /// Print what it writes, and end when it has ended: with 0 if that went well, else with 1
    #[arg(long)]
    pub wait: bool,
    /// One JSON object: the firing, or with --wait the run
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Cancel {
    /// A task, or a run (`backup@20260105T083000Z`); what has a `.` or `/` in it is the schedule file
    #[arg(value_name = "FILE|TASK|RUN", required = true, num_args = 1..=2, add = ArgValueCompleter::new(complete::tasks_and_runs))]
    pub words: Vec<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Install {
    /// The schedule file
    pub file: Option<PathBuf>,
    /// For you alone: below `~/.config/systemd/user`
    #[arg(long, required_unless_present = "system", conflicts_with = "system")]
    pub user: bool,
    /// For the machine: in `/etc/systemd/system`
    #[arg(long)]
    pub system: bool,
    /// Print the unit, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Nothing but which daemon.
#[derive(Args, Debug)]
pub struct Plain {
    /// The schedule file of the daemon
    pub file: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

const OUTCOMES: [&str; 6] = ["success", "failed", "timed-out", "stopped", "not-started", "lost"];

#[derive(Args, Debug)]
pub struct Output {
    /// A run (`backup@20260105T083000Z`), or a task: its latest run; what has a `.` or `/` in it is
    /// the schedule file
    #[arg(value_name = "FILE|TASK|RUN", required = true, num_args = 1..=2, add = ArgValueCompleter::new(complete::tasks_and_runs))]
    pub words: Vec<String>,
    /// Go on until the run has ended
    #[arg(short, long)]
    pub follow: bool,
}

#[derive(Args, Debug)]
pub struct Validate {
    /// The schedule files; `-` is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    pub strict: bool,
    /// Look also for what this machine lacks: directories, shells and programs
    #[arg(long)]
    pub host: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}
