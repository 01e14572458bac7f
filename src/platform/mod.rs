//! platform

pub mod web;
