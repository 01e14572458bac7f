//! What must work for a node to be sent requests: the checks of `/health/ready`, by name.
//!
//! A check fails where this node cannot do what others may be able to do. It is cheap however often it is asked for, and
//! asks for a change where a change is what sign-ins need: a store that is full or read-only still answers questions.

use std::time::Duration;

use super::App;
use super::tasks::Need;
use crate::platform::telemetry::{Check, check, shared};

/// How long an answer of a store stands, whoever asks.
const PAUSE: Duration = Duration::from_secs(1);

/// The checks that decide.
pub(super) fn checks(app: &App) -> Vec<(&'static str, Check)> {
    let (db, ephemeral, tasks) = (app.db.clone(), app.ephemeral.clone(), app.tasks.clone());
    let database = check(move || {
        let db = db.clone();
        async move { db.check_writable().await.map_err(|error| error.to_string()) }
    });
    let short_lived_state = check(move || {
        let ephemeral = ephemeral.clone();
        async move { ephemeral.probe().await.map_err(|error| error.to_string()) }
    });
    let clock_check = app.clock_check.clone();
    let clock = check(move || std::future::ready(clock_check.verdict().map_err(|skew| skew.to_string())));
    let work = check(move || std::future::ready(tasks.check(Need::Vital)));
    vec![
        ("database", shared(PAUSE, database)),
        ("short_lived_state", shared(PAUSE, short_lived_state)),
        ("clock", clock),
        ("background_work", work),
    ]
}

/// What is shown beside them and decides nothing.
pub(super) fn remarks(app: &App) -> Vec<(&'static str, Check)> {
    let tasks = app.tasks.clone();
    vec![("deferrable_work", check(move || std::future::ready(tasks.check(Need::Deferrable))))]
}
