//! The load program: virtual users in a closed loop over real HTTP/1.1 on loopback, and what the provider spends
//! on each of their flows.
//!
//!     cargo bench --bench load -- --scenario sign-in --users 16 --seconds 10
//!
//! It starts a provider of its own in a temporary folder, on core 0, and stays on core 1 itself; `--base` measures
//! one that is running already. Here live the users, the clock and the counters; nothing of the provider is
//! linked in, and the SMS gateway is one that answers at once, sends nothing and
//! reports each message as delivered.

// This target has no test harness, so its test modules are empty when built for tests: `checked.rs` lets the test
// target run them.
#![cfg_attr(test, allow(unused_imports, dead_code))]

mod comparison;
mod configuration;
mod cookies;
mod courier;
mod drive;
mod flags;
mod flood;
mod flows;
mod forms;
mod gateway;
mod http;
mod metrics;
mod people;
mod process;
mod proofs;
mod receipts;
mod report;
mod run;
mod scenario;
mod server;
mod statistics;
mod stores;
mod tell_apart;
mod turns;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // `cargo bench` says --bench; `cargo test` runs this binary without it, and must not wait for a measurement.
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = asked.iter().any(|argument| argument == "--bench" || argument == "--run");
    if !wanted || asked.iter().any(|argument| argument == "--test") {
        println!("load: nothing measured; use `cargo bench --bench load`, or --run when started directly");
        return ExitCode::SUCCESS;
    }
    let flags = flags::Flags::parse();
    if flags.list {
        scenario::list();
        return ExitCode::SUCCESS;
    }
    // Before the runtime begins, so that everything it starts stays on the core of the load.
    process::pin_self(flags.own_core);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(tokio::task::LocalSet::new().run_until(run::run(flags))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem),
    }
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("load: {problem}");
    ExitCode::FAILURE
}
