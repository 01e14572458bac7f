//! Telling services when everything of a person ended: what ended it noted the person, and here the sessions are found that it left
//! behind, each with the services that it was used for.

use std::time::Duration;

use super::LogoutNotifier;
use crate::platform::service_error::ServiceError;
use crate::sign_in::{History, Sessions, UntoldEnd};

/// How often a node looks.
const LOOK: Duration = Duration::from_secs(1);

/// People whom one look tells of.
const PART: i64 = 100;

/// Sessions of one person that are looked at; nobody has as many browsers.
const MOST: i64 = 100;

/// Tells services of the sessions of people all of whose sessions ended. Cheap to clone.
#[derive(Clone)]
pub struct LogoutEverywhere {
    /// Stores and sends logout tokens.
    pub notifier: LogoutNotifier,
    /// SSO sessions.
    pub sessions: Sessions,
    /// By which they are found.
    pub history: History,
}

impl LogoutEverywhere {
    /// Looks until the process ends.
    pub async fn run(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.notifier.provider.clock.is_doubted() {
                continue;
            }
            if let Err(error) = self.tell().await {
                tracing::warn!(event = "logout.untold", %error, "services wait to be told that everything of a person ended");
            }
        }
    }

    /// Stores what services are to be told of the ends that were noted before this second.
    async fn tell(&self) -> Result<(), ServiceError> {
        let (db, now) = (&self.notifier.db, self.notifier.provider.clock.now());
        for end in UntoldEnd::due(db, now, PART).await? {
            let since = now.minus(self.sessions.bounds.absolute);
            let opened = self.history.opened_since(&end.person, since, MOST).await?;
            let digests: Vec<_> = opened.iter().filter_map(|row| row.session).collect();
            let found = self.sessions.find_each(&digests).await?.into_iter();
            let ended = found.filter(|open| open.session.epoch.0 < end.epoch.0);
            let rows: Vec<_> = ended.flat_map(|open| self.notifier.ending(&open.session)).collect();
            if db.guarded(end.taking(), rows).await?.is_some() {
                self.notifier.wake();
            }
        }
        Ok(())
    }
}
