//! Yagona, an OpenID Connect provider for a country.
//!
//! The folders below are floors of one house: a module may use those beneath it, never those above
//! (`docs/architecture.md` has the picture, and a test holds the edges to it). `sandbox` and `demo` stand
//! apart, behind the feature `stand-ins`: they reach the provider over the network only.

pub mod app;
pub mod cli;
pub mod clients;
#[cfg(feature = "stand-ins")]
pub mod demo;
pub mod grants;
pub mod life_events;
pub mod notices;
pub mod oidc;
pub mod pages;
pub mod people;
pub mod platform;
pub mod release;
#[cfg(feature = "stand-ins")]
pub mod sandbox;
pub mod sign_in;
