//! Test infrastructure: the real binary on free ports with its own stores, an SMS sandbox, a
//! client that behaves like a browser, and verbs for what people and services do. No test sends a raw request where a
//! verb exists. Expectations are in the tests, not here.

pub mod browser;
pub mod client_file;
pub mod database;
pub mod flow;
pub mod folder;
pub mod html;
pub mod http;
pub mod jwt;
pub mod listener;
pub mod people;
pub mod process;
pub mod reaper;
pub mod relay;
pub mod sandbox;
pub mod servers;
pub mod setup;
pub mod wait;
pub mod webdriver;
pub mod world;

pub use browser::{Browser, Page, Step};
pub use flow::{Asked, CALLBACK, Tokens, VERIFIER, code_of, param};
pub use people::Person;
pub use setup::Setup;
pub use world::{Backend, World};

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
