//! Infrastructure: what every subject uses, and what depends on none of them.
//!
//! Settings, time and randomness, SQL, short-lived state, encryption of personal data, signatures, guarded outbound
//! requests, web pages, PDF files and telemetry. No rule about people, clients or protocols is here.

pub mod bytes;
pub mod certificates;
pub mod clock;
pub mod clock_check;
pub mod config;
pub mod db;
pub mod ephemeral;
pub mod files;
pub mod jose;
pub mod outbound;
pub mod pdf;
pub mod plain_text;
pub mod seal;
pub mod service_error;
pub mod telemetry;
pub mod tlog;
pub mod web;
pub mod webauthn;
