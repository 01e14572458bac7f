//! The ground floor: what every subject above stands on and what knows nothing of any of them.
//!
//! How settings are read, time and randomness, SQL, short-lived state, sealing of personal data, signatures, guarded calls
//! to the outside, the pieces of web pages and telemetry. No rule about people, services or protocols lives here.

pub mod bytes;
pub mod clock;
pub mod config;
pub mod db;
pub mod ephemeral;
pub mod jose;
pub mod outbound;
pub mod seal;
pub mod service_error;
pub mod telemetry;
pub mod web;
