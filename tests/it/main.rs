//! Black-box tests of the real binary, in one test binary. `scripts/test` starts the servers that they need.

mod support;

mod attempts;
mod audit;
mod authorize;
mod browser;
mod budget;
mod caps;
mod cli;
mod clock;
mod code;
mod conformance;
mod consent;
mod consent_ends;
mod consent_terms;
mod cors;
mod crash;
mod database;
mod demo;
mod discovery;
mod edges;
mod ended_sessions;
mod floors;
mod gateways;
mod icons;
mod introspection_revocation;
mod keyring;
mod life_events;
mod lifetimes;
mod limits;
mod logout;
mod logout_deliveries;
mod logs;
mod number;
mod oneid;
mod outage;
mod pages;
mod permission;
mod policies;
mod readiness;
mod redemption;
mod refresh;
mod session;
mod snapshots;
mod strangers;
mod third_party_clients;
mod tls;
mod token;
mod two_nodes;
mod upkeep;
mod userinfo;
mod walk;
mod wrong_clock;

#[path = "../../benches/load/checked.rs"]
mod load_program;
