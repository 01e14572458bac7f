//! The ground floor: what every subject above stands on and what knows nothing of any of them.

pub mod config;
pub mod telemetry;
pub mod web;
