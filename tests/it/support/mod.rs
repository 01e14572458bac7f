//! Test infrastructure: the real binary on free ports with its own stores, an SMS sandbox, a
//! client that behaves like a browser, and verbs for what people and services do. No test sends a raw request where a
//! verb exists. Expectations are in the tests, not here.

pub(crate) mod authenticator;
pub(crate) mod browser;
pub(crate) mod client_file;
pub(crate) mod database;
pub(crate) mod flow;
pub(crate) mod folder;
pub(crate) mod html;
pub(crate) mod http;
pub(crate) mod jwt;
pub(crate) mod listener;
pub(crate) mod mail_server;
pub(crate) mod oneid;
pub(crate) mod people;
pub(crate) mod process;
pub(crate) mod proofs;
pub(crate) mod publisher;
pub(crate) mod qr;
pub(crate) mod reaper;
pub(crate) mod recipient;
pub(crate) mod redis_server;
pub(crate) mod relay;
pub(crate) mod sandbox;
pub(crate) mod servers;
pub(crate) mod setup;
pub(crate) mod signer;
pub(crate) mod signing;
pub(crate) mod wait;
pub(crate) mod webdriver;
pub(crate) mod world;

pub(crate) use browser::{Browser, Page, Step};
pub(crate) use flow::{Asked, CALLBACK, Tokens, VERIFIER, code_of, param};
pub(crate) use people::Person;
pub(crate) use setup::Setup;
pub(crate) use world::{Backend, World};

/// One test per backend for each function named: `async fn(&World)`, on the provider that all tests share.
macro_rules! on_both_backends {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::support::{Backend, World};

            #[tokio::test]
            async fn embedded() {
                super::$name(World::shared(Backend::Embedded).await).await;
            }

            #[tokio::test]
            async fn servers() {
                super::$name(World::shared(Backend::Servers).await).await;
            }
        }
    )+};
}

/// As `on_both_backends`, but each test has a provider of its own: `async fn(Setup)` decides on its settings.
macro_rules! alone_on_both_backends {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::support::{Backend, Setup};

            #[tokio::test]
            async fn embedded() {
                super::$name(Setup::new(Backend::Embedded)).await;
            }

            #[tokio::test]
            async fn servers() {
                super::$name(Setup::new(Backend::Servers)).await;
            }
        }
    )+};
}

pub(crate) use {alone_on_both_backends, on_both_backends};
