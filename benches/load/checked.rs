//! The load program's pure parts, for the test target to run their tests: a bench target without harness runs none.

#![allow(dead_code)]

#[path = "comparison.rs"]
mod comparison;
#[path = "configuration.rs"]
mod configuration;
#[path = "cookies.rs"]
mod cookies;
#[path = "forms.rs"]
mod forms;
#[path = "metrics.rs"]
mod metrics;
#[path = "people.rs"]
mod people;
#[path = "process.rs"]
mod process;
#[path = "receipts.rs"]
mod receipts;
#[path = "statistics.rs"]
mod statistics;
#[path = "wire.rs"]
mod wire;
