//! The configuration: built-in defaults, then a TOML file, then `YAGONA__SECTION__KEY` variables.
//!
//! Here live the settings' types, one file per section, the table of keys that types, defaults and the reference
//! are made from, and the report of everything that is wrong. Nothing here opens a store or a socket; what a
//! setting does is the business of the part that reads it.

mod cidr;
mod context;
mod files;
mod issuer;
mod key;
mod keys;
mod layers;
mod limits;
mod load;
mod log;
mod network;
mod outbound;
mod problems;
mod reference;
mod sandbox;
mod secret;
mod server;
mod sign_in;
mod sms;
mod stores;
mod suggest;
mod support;
mod table;
mod tokens;
mod values;

pub use cidr::{Cidr, CidrError};
pub use issuer::{Issuer, IssuerError};
pub use keys::Keys;
pub use limits::Limits;
pub use load::{environment, load, load_before_keyring};
pub use log::{Log, LogFormat};
pub use outbound::{Allowed, Outbound};
pub use problems::{Origin, Problem, Problems};
pub use reference::reference;
pub use sandbox::Sandbox;
pub use secret::Secret;
pub use server::{ForwardedHeader, Server, Tls};
pub use sign_in::SignIn;
pub use sms::{Eskiz, Gateway, PlayMobile, Sms};
pub use stores::{Database, Redis};
pub use support::Support;
pub use tokens::Tokens;

use context::Context;
use values::Values;

/// Everything that can be set, checked as a whole.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether real people sign in here.
    pub environment: Environment,
    /// Nodes that serve together; embedded stores allow one.
    pub nodes: u32,
    /// `[server]`.
    pub server: Server,
    /// `[database]`.
    pub database: Database,
    /// `[redis]`.
    pub redis: Redis,
    /// `[keys]`.
    pub keys: Keys,
    /// `[sms]`.
    pub sms: Sms,
    /// `[sign_in]`.
    pub sign_in: SignIn,
    /// `[limits]`.
    pub limits: Limits,
    /// `[tokens]`.
    pub tokens: Tokens,
    /// `[sandbox]`; empty in production.
    pub sandbox: Sandbox,
    /// `[outbound]`.
    pub outbound: Outbound,
    /// `[log]`.
    pub log: Log,
    /// `[support]`.
    pub support: Support,
}

/// Whether real people sign in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Test people, test numbers and stand-ins; no real person's data.
    Sandbox,
    /// Real people: every insecure setting is refused.
    Production,
}
