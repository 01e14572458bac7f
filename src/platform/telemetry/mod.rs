//! Telemetry for operators: logs, metrics, health, and request ids.
//!
//! No code, token, secret, full number or PINFL is ever logged; personal identifiers are omitted or masked by the code
//! that logs. Paths and queries of requests are not logged, since they contain such data: a request is identified by
//! its route. Evidence (consents, grants) is in the database, not in telemetry.

mod check;
mod connections;
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

pub use check::{Check, check, shared};
pub use connections::Connections;
pub use log::{Log, LogAlreadyStarted, lost_lines, start_log};
pub use metrics::Metrics;
pub use operations::{ClientPages, Operations, start};
pub(crate) use proxy::is_trusted;
pub use proxy::{ClientAddress, ForwardedHeader, client_address};
pub use request_id::{Entropy, RequestId};
pub use requests::{Requests, client_of, request_id_of};
pub use round_trips::{on_account_of, origin};
pub use routes::Route;
pub use sandbox_clock::SandboxClock;
pub use settings::{LogFormat, LogSettings};
