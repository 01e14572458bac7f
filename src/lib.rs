//! Yagona, an OpenID Connect provider.
//!
//! The modules are layers: a module may use lower layers, never higher ones
//! (see `docs/architecture.md`; a test enforces it). `sandbox` and `demo` are
//! separate, behind the feature `stand-ins`: they reach the provider over the network only.

pub mod accounts;
pub mod app;
pub mod applications;
pub mod audit;
pub mod cabinet;
pub mod cli;
pub mod clients;
#[cfg(feature = "stand-ins")]
pub mod demo;
pub mod desk;
pub mod first_party;
pub mod grants;
pub mod ledger;
pub mod life_events;
pub mod mobile_app;
pub mod mobile_id;
pub mod notices;
pub mod oidc;
pub mod oneid;
pub mod pages;
pub mod people;
pub mod platform;
pub mod registries;
pub mod release;
#[cfg(feature = "stand-ins")]
pub mod sandbox;
pub mod sign_in;
pub mod sign_up;
pub mod signals;
pub mod staff;
