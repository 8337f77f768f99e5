//! How many runs of `/bin/true` begin and end in a second, one after the other, by a program of 10 MiB
//! and by one of 1 GiB: by `posix_spawn` alone, with something to be done before by another taskd, and by
//! a fork.
//!
//! `TASKD_BENCH_ROUNDS` says how often, in turn; five rounds by default, of `TASKD_BENCH_RUNS` runs each,
//! 300 by default.

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use taskd::event::{RunId, TriggerKind};
use taskd::name::Name;
use taskd::runner::{
    Bounds, CommandTask, Execution, FromHome, Identity, Inherit, Output, Prepared, Surroundings,
    Target,
};
use taskd::task::{Attempt, Context, Execute, Given, Outcome};
use taskd::zone::Zone;

const MIB: usize = 1 << 20;

fn prepared(nice: Option<i8>, helper: bool) -> Prepared {
    let command = CommandTask {
        arguments: vec!["/bin/true".into()],
        execution: Execution {
            directory: FromHome::Absolute("/".into()),
            inherit: Inherit::All,
            env_files: Vec::new(),
            environment: Vec::new(),
            stdin: None,
            identity: Identity { nice, ..Identity::default() },
            bounds: Bounds::default(),
            zone: Zone::utc(),
            stop_signal: rustix::process::Signal::TERM,
            success_codes: vec![0],
            output: Output { to: Target::Discard, ..Output::default() },
            search: None,
        }
        .into(),
    };
    let helper = helper.then(|| env!("CARGO_BIN_EXE_taskd").into());
    Arc::new(command).within(&Arc::new(Surroundings { helper, ..Surroundings::default() }))
}

/// How many runs a second.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
async fn rate(prepared: &Prepared, runs: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..runs {
        let run = RunId { task: Name::new("a").expect("a name"), due: Timestamp::UNIX_EPOCH };
        let (context, _switch) = Context::new(Attempt {
            run,
            number: 1,
            trigger: TriggerKind::Manual,
            cause: None,
            previous_success: None,
            timeout: None,
            stop_grace: SignedDuration::from_secs(10),
            given: Given::default(),
        });
        assert_eq!(prepared.execute(context).await.outcome, Outcome::Success);
    }
    f64::from(runs) / start.elapsed().as_secs_f64()
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    let (rounds, runs) = (number("TASKD_BENCH_ROUNDS", 5), number("TASKD_BENCH_RUNS", 300));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("it starts");
    let ways =
        [("posix_spawn", None, true), ("another taskd", Some(1), true), ("fork", Some(1), false)];
    let mut rates = [const { [const { Vec::new() }; 2] }; 3];
    for _ in 0..rounds {
        for (way, (_, nice, helper)) in ways.iter().enumerate() {
            let prepared = prepared(*nice, *helper);
            for (size, mib) in [10, 1024].into_iter().enumerate() {
                // Each page is there.
                let mut memory = vec![0_u8; mib * MIB];
                memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
                rates[way][size].push(runtime.block_on(rate(&prepared, runs)));
                std::hint::black_box(&memory);
            }
        }
    }
    println!("runs of /bin/true a second, medians of {rounds} rounds of {runs} runs");
    for ((name, ..), [small, large]) in ways.iter().zip(rates) {
        let (small, large) = (median(small), median(large));
        println!(
            "{name:<15} 10 MiB {small:>6.0}   1 GiB {large:>6.0}   ratio {:.2}",
            large / small
        );
    }
}
