//! platform

pub mod config;
pub mod telemetry;
