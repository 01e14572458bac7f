//! What the provider tells its operators: logs, metrics, health, and the request ids that tie them together.
//!
//! No code, token, secret, full number or PINFL ever goes through here; what identifies a person is left out or
//! masked by whoever writes the line. Paths and queries of requests are not logged, since they carry such things:
//! a request is known by its route. The audit trail, which is evidence and not telemetry, lives elsewhere.

mod check;
mod log;
mod metrics;
mod operations;
mod process;
mod proxy;
mod request_id;
mod requests;
mod round_trips;
mod routes;
mod sandbox_clock;
mod settings;

pub use check::{Check, check};
pub use log::{LogAlreadyStarted, start_log};
pub use metrics::Metrics;
pub use operations::{Operations, start};
pub use proxy::{ClientAddress, ForwardedHeader, client_address};
pub use request_id::{Entropy, RequestId};
pub use requests::{Requests, client_of, request_id_of};
pub use routes::Route;
pub use sandbox_clock::SandboxClock;
pub use settings::{LogFormat, LogSettings};
