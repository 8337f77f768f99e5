//! The tables `[pools]` and `[daemon]`: what holds for all tasks together.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use jiff::SignedDuration;

use super::inherit::{Found, LayerKind, Layers};
use super::keys::remedy;
use super::problem::Problem;
use super::raw::RawFile;
use super::validate::Reader;
use super::value::Value;
use crate::name::Name;
use crate::policy::{Keep, Limits};

const KEYS: [&str; 6] = ["state_dir", "socket", "max_runs", "shutdown_grace", "watch", "history"];
const HISTORY: [&str; 2] = ["keep_days", "keep_runs"];

/// How the daemon itself works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Where it keeps its state, if the file says.
    pub state_dir: Option<PathBuf>,
    /// Where it answers, if the file says.
    pub socket: Option<PathBuf>,
    /// How much may go on at once.
    pub limits: Limits,
    /// How long its end may take, from the first signal on.
    pub shutdown_grace: SignedDuration,
    /// Whether it takes up its files again when they change.
    pub watch: bool,
    /// How much of the history of each task is kept.
    pub history: Keep,
}

impl Daemon {
    /// A shutdown may take 25 s: less than the 30 s after which a container is killed.
    pub const SHUTDOWN_GRACE: SignedDuration = SignedDuration::from_secs(25);
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            state_dir: None,
            socket: None,
            limits: Limits::default(),
            shutdown_grace: Self::SHUTDOWN_GRACE,
            watch: false,
            history: Keep::default(),
        }
    }
}

impl Reader<'_> {
    /// Reads the pools of all files.
    pub(super) fn read_pools(&mut self, files: &[RawFile]) {
        self.duplicates("pool", files.iter().map(|raw| raw.pools.as_slice()));
        let mut pools = BTreeMap::new();
        let all = files
            .iter()
            .enumerate()
            .flat_map(|(file, raw)| raw.pools.iter().map(move |entry| (file, entry)));
        for (file, entry) in all {
            let Ok(name) = Name::new(&entry.name) else { continue };
            let mut limit = None;
            for (key, node) in &entry.table {
                let found = Found { file, layer: LayerKind::Own, key, node };
                if key.name == "limit" {
                    limit = Some(self.count(found));
                } else {
                    let help = remedy(&key.name, &["limit"]);
                    let problem = Problem::UnknownKey(key.name.clone(), help);
                    self.complain(file, key.span.clone(), problem);
                }
            }
            if limit.is_none() && !entry.broken {
                let problem = Problem::MissingKey("limit", "add `limit = 2`: so many at once");
                self.complain(file, entry.span.clone(), problem);
            }
            // A wrong limit is told; the name is there all the same.
            pools.insert(name, limit.flatten().unwrap_or(NonZeroU32::MIN));
        }
        self.pools = pools;
    }

    /// Reads `[daemon]`, which only the main file may have.
    pub(super) fn read_daemon(&mut self, files: &[RawFile]) -> Daemon {
        let limits = Limits { pools: self.pools.clone(), ..Limits::default() };
        let mut daemon = Daemon { limits, ..Daemon::default() };
        for (file, entry) in
            files.iter().enumerate().filter_map(|(file, raw)| Some((file, raw.daemon.as_ref()?)))
        {
            if file > 0 {
                self.complain(file, entry.span.clone(), Problem::MainFileOnly);
                continue;
            }
            for found in Layers::alone(file, entry).own() {
                match found.key.name.as_str() {
                    "state_dir" => daemon.state_dir = self.path(found, "state_dir"),
                    "socket" => daemon.socket = self.path(found, "socket"),
                    "max_runs" => {
                        if let Some(most) = self.whole(found, 0) {
                            daemon.limits.max_runs = NonZeroU32::new(most);
                        }
                    }
                    "shutdown_grace" => {
                        let grace = self.length(found);
                        daemon.shutdown_grace = grace.unwrap_or(daemon.shutdown_grace);
                    }
                    "watch" => match found.node.value {
                        Value::Boolean(watch) => daemon.watch = watch,
                        _ => {
                            let expected = "`true` or `false`, write `watch = true`";
                            self.wrong_type(found, found.node, expected);
                        }
                    },
                    "history" => daemon.history = self.history(found),
                    other => {
                        let problem = Problem::UnknownKey(other.into(), remedy(other, &KEYS));
                        self.complain(file, found.key.span.clone(), problem);
                    }
                }
            }
        }
        daemon
    }

    fn history(&mut self, found: Found<'_>) -> Keep {
        let mut keep = Keep::default();
        let Value::Table(table) = &found.node.value else {
            let expected = "a table, write `history = { keep_days = 30, keep_runs = 1000 }`";
            self.wrong_type(found, found.node, expected);
            return keep;
        };
        for (key, node) in table {
            let entry = Found { key, node, ..found };
            match key.name.as_str() {
                "keep_days" => keep.days = self.whole(entry, 1).unwrap_or(keep.days),
                "keep_runs" => keep.runs = self.whole(entry, 1).unwrap_or(keep.runs),
                other => {
                    let problem = Problem::UnknownKey(other.into(), remedy(other, &HISTORY));
                    self.complain(found.file, key.span.clone(), problem);
                }
            }
        }
        keep
    }
}
