//! Background work: sending messages, reading changes of other nodes and commands, purging.

mod purge;

use std::sync::Arc;
use std::time::Duration;

use super::App;
use super::tasks::{Need, Tasks};
use crate::accounts::Representations;
use crate::accounts::passwords::Passwords;
use crate::applications::Receipts;
use crate::audit::{Audit, Event, Kind};
use crate::grants::{Grants, Revocations};
use crate::ledger::Ledger;
use crate::life_events::{Clearing, Deaths, Enrolments, LifeEvents};
use crate::notices::Outbox;
use crate::notices::charges::Charges;
use crate::notices::email::Emails;
use crate::notices::inbox::Inbox;
use crate::oidc::{Ciba, LogoutEverywhere, LogoutNotifier, Provider};
use crate::platform::clock::Timestamp;
use crate::platform::clock_check::ClockCheck;
use crate::platform::ephemeral::Ephemeral;
use crate::platform::seal::KeySettings;
use crate::platform::telemetry::{self, Metrics, Route};
use crate::sign_in::SignIn;
use crate::signals::Signals;
use crate::staff::Staff;

/// Interval for reading other nodes' changes, so that they take effect here within a second.
const FOLLOW: Duration = Duration::from_millis(400);

/// Polling interval for due jobs. Whether one is due is decided by the injected clock.
const LOOK: Duration = Duration::from_secs(1);

/// Seconds between reads of what all nodes have sent, and of whom to tell of wrong codes.
const LIMITS: i64 = 5;

/// Seconds between purges of expired rows.
const PURGE: i64 = 10;

/// Between two looks at invoices whose notice may be lost, and at applications that nobody goes on with.
const SETTLING: i64 = 120;

/// Seconds between checks of the age of the signing keys.
const KEYS: i64 = 3600;

/// Seconds between warnings of contracts that end.
const WARNINGS: i64 = 86_400;

/// Seconds after which nobody learns any more what became of an SMS about a notice: twice as long as gateways are tried.
const LOST: i64 = 7200;

/// Starts all background work. It stays on this thread, like all that counts its round trips by cause.
pub(super) fn begin(app: &App, tasks: &Tasks) {
    let outbox = app.outbox.clone();
    tasks.keep("outbox", Need::Vital, move || outbox.clone().run());
    let (inbox, metrics) = (app.inbox.clone(), Arc::clone(&app.metrics));
    tasks.keep("notices", Need::Deferrable, move || {
        let (inbox, metrics) = (inbox.clone(), Arc::clone(&metrics));
        async move { inbox.run(&metrics).await }
    });
    let notice_sms = app.notice_sms.clone();
    tasks.keep("notice_sms", Need::Deferrable, move || notice_sms.clone().run());
    if let Some(mailer) = app.mailer.clone() {
        tasks.keep("mails", Need::Deferrable, move || mailer.clone().run());
    }
    let transmitter = app.transmitter.clone();
    tasks.keep("signals", Need::Deferrable, move || transmitter.clone().run());
    let logouts = app.pages.sign_out.notifier().clone();
    let notifier = logouts.clone();
    tasks.keep("logout_deliveries", Need::Deferrable, move || notifier.clone().run());
    let everywhere = LogoutEverywhere {
        notifier: logouts.clone(),
        sessions: app.pages.sign_in.sessions.clone(),
        history: app.pages.sign_in.history.clone(),
    };
    tasks.keep("logouts_everywhere", Need::Deferrable, move || everywhere.clone().run());
    let history = app.pages.sign_in.history.clone();
    tasks.keep("sign_in_history", Need::Deferrable, move || history.clone().run());
    let audit = app.audit.clone();
    tasks.keep("audit", Need::Vital, move || audit.clone().run());
    let audit = app.audit.clone();
    tasks.keep("audit_tree", Need::Vital, move || audit.clone().sequence());
    let ledger = app.tokens.ledger.clone();
    tasks.keep("ledger_reads", Need::Deferrable, move || ledger.clone().keep_counts());
    let ledger = app.tokens.ledger.clone();
    tasks.keep("ledger", Need::Vital, move || ledger.clone().sequence());
    let (provider, revocations) = (app.tokens.provider.clone(), app.revocations.clone());
    let (db, sign_in) = (app.db.clone(), app.pages.sign_in.clone());
    tasks.keep("follow", Need::Vital, move || {
        let (db, provider, revocations) = (db.clone(), provider.clone(), revocations.clone());
        let sign_in = sign_in.clone();
        async move {
            loop {
                tokio::time::sleep(FOLLOW).await;
                if db.probe().await.is_ok() {
                    follow(&provider, &revocations, &sign_in).await;
                }
            }
        }
    });
    let upkeep = Arc::new(Upkeep {
        provider: app.tokens.provider.clone(),
        grants: app.tokens.grants.clone(),
        sign_in: app.pages.sign_in.clone(),
        ephemeral: app.ephemeral.clone(),
        outbox: app.outbox.clone(),
        inbox: app.inbox.clone(),
        emails: app.emails.clone(),
        charges: app.charges.clone(),
        signals: app.transmitter.signals().clone(),
        charge_days: app.settings.charges.keep_days,
        notice_days: app.settings.notices.keep_days,
        logouts,
        ciba: app.tokens.ciba.clone(),
        receipts: app.tokens.receipts.clone(),
        metrics: Arc::clone(&app.metrics),
        keys: app.settings.keys.clone(),
        audit: app.audit.clone(),
        warn_days: app.settings.contracts.warn_days,
        clock_check: app.clock_check.clone(),
        keep_days: app.settings.audit.keep_days,
        history_days: app.settings.sign_in.history_days,
        ledger: app.tokens.ledger.clone(),
        ledger_days: app.settings.ledger.keep_days,
        pending_days: app.settings.registration.pending_days,
        staff: app.desk.staff.clone(),
        photo_days: app.settings.desk.photo_days,
        passwords: app.pages.passwords.clone(),
        representations: app.pages.representations.clone(),
    });
    tasks.keep("upkeep", Need::Deferrable, move || Arc::clone(&upkeep).run());
    let (provider, life_events) = (app.tokens.provider.clone(), app.pages.life_events.clone());
    let (deaths, metrics) = (app.deaths.clone(), Arc::clone(&app.metrics));
    tasks.keep("deaths", Need::Deferrable, move || learn_of_deaths(deaths.clone(), Arc::clone(&metrics)));
    let enrolments = app.enrolments.clone();
    let billing = app.metrics.route("billing");
    tasks.keep("identifications", Need::Deferrable, move || settle(enrolments.clone(), billing.clone()));
    tasks.keep("contracts", Need::Deferrable, move || clear_contracts(provider.clone(), life_events.clone()));
}

/// Learns of deaths, and ends what they end.
async fn learn_of_deaths(deaths: Deaths, metrics: Arc<Metrics>) {
    let (mut due, clock) = (Every::new(LIMITS), deaths.life_events.clock.clone());
    loop {
        tokio::time::sleep(LOOK).await;
        if clock.is_doubted() || !due.is_due(clock.now()) {
            continue;
        }
        let mut settled = deaths.settle_some().await;
        while matches!(settled, Ok(true)) {
            settled = deaths.settle_some().await;
        }
        log_failure("deaths.unsettled", "settling reports of deaths", settled);
        log_failure("deaths.unasked", "asking the civil registry about deaths", deaths.ask_some().await);
        if let Ok(count) = deaths.exchange.contradictions().await {
            metrics.deaths_contradicted.set(count);
        }
    }
}

/// Asks for payments of which no notice came, and ends applications whose time is over. Billing may be slow: nothing else waits for it.
async fn settle(enrolments: Enrolments, billing: Route) {
    let (mut due, clock) = (Every::new(SETTLING), enrolments.life_events.clock.clone());
    loop {
        tokio::time::sleep(LOOK).await;
        if clock.is_doubted() || !due.is_due(clock.now()) {
            continue;
        }
        let settled = telemetry::on_account_of(&billing, enrolments.settle_in_turn()).await;
        log_failure("identifications.unsettled", "asking for payments and ending applications", settled);
    }
}

/// Ends what contracts no longer allow, one bounded step after the other: however much that is, nothing else waits for it.
async fn clear_contracts(provider: Provider, life_events: LifeEvents) {
    let mut clearing = Clearing::default();
    loop {
        tokio::time::sleep(LOOK).await;
        // By a clock that is wrong, contracts would be over that are not.
        while !provider.clock.is_doubted()
            && life_events.clear_some(&provider.clients, &mut clearing).await.more
        {
            tokio::task::yield_now().await;
        }
    }
}

/// Reads what other nodes and commands changed.
pub(super) async fn follow(provider: &Provider, revocations: &Revocations, sign_in: &SignIn) {
    log_failure("clients.stale", "reading the clients", provider.clients.refresh().await);
    provider.metrics.clients_refused.set(i64::try_from(provider.clients.refused_count()).unwrap_or(i64::MAX));
    log_failure("keys.stale", "reading the signing keys", provider.keys.refresh().await);
    log_failure("revocations.stale", "reading the revocations", revocations.refresh().await);
    log_failure("sessions.stale", "reading the ended sessions", sign_in.sessions.ended.refresh().await);
    log_failure("browsers.stale", "reading the forgotten browsers", sign_in.forgotten.refresh().await);
}

/// A job that is due every so many seconds of the injected clock.
struct Every {
    seconds: i64,
    last: Option<Timestamp>,
}

impl Every {
    /// Due at the first look.
    const fn new(seconds: i64) -> Self {
        Self { seconds, last: None }
    }

    /// Whether the job is due at `now`, which then counts as its last run.
    fn is_due(&mut self, now: Timestamp) -> bool {
        // A clock that was set back must not keep a job from running until it has caught up.
        let due = self.last.is_none_or(|last| now.since(last) >= self.seconds || now < last);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// What every node does from time to time.
struct Upkeep {
    provider: Provider,
    grants: Grants,
    sign_in: SignIn,
    ephemeral: Ephemeral,
    outbox: Outbox,
    inbox: Inbox,
    emails: Option<Emails>,
    charges: Charges,
    signals: Signals,
    /// How long records of charges are kept.
    charge_days: u32,
    /// How long notices are kept.
    notice_days: u32,
    logouts: LogoutNotifier,
    ciba: Ciba,
    receipts: Receipts,
    metrics: Arc<Metrics>,
    keys: KeySettings,
    audit: Audit,
    /// How long before its end a contract is warned of.
    warn_days: u32,
    clock_check: ClockCheck,
    /// How long the rows of the audit log are kept.
    keep_days: u32,
    /// How long people's own history of sign-ins is kept.
    history_days: u32,
    ledger: Ledger,
    /// How long the contents of entries of the ledger are kept.
    ledger_days: u32,
    /// How long a client that registered itself waits for approval.
    pending_days: u32,
    staff: Staff,
    /// How long photos of revocations are kept.
    photo_days: u32,
    passwords: Passwords,
    representations: Representations,
}

impl Upkeep {
    async fn run(self: Arc<Self>) {
        let (mut limits, mut purge, mut keys) = (Every::new(LIMITS), Every::new(PURGE), Every::new(KEYS));
        let mut warnings = Every::new(WARNINGS);
        let (mut receipt_keys, mut lost) = (Every::new(PURGE), 0);
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.provider.clock.now();
            self.ephemeral.purge();
            lost = tell_lost_lines(lost);
            if receipt_keys.is_due(now) {
                let read = self.receipts.keys().refresh().await;
                log_failure("receipts.keys_unread", "reading the keys of receipts", read);
            }
            let believed = self.clock_check.look().await;
            if self.provider.clock.is_doubted() {
                // Sums of the last hour, delays and ages would all be wrong.
                continue;
            }
            let limited = limits.is_due(now);
            if limited {
                let read = self.sign_in.limits.refresh().await;
                log_failure("limits.unread", "reading the send totals", read);
                for (what, brake) in [
                    ("counting codes entered right", &self.sign_in.brake),
                    ("counting passwords that were right", &self.sign_in.password_brake),
                ] {
                    log_failure("brake.unread", what, brake.refresh().await);
                }
                log_failure(
                    "notices.unsent",
                    "telling people of wrong codes",
                    self.sign_in.tell_holders().await,
                );
                log_failure("outbox.unmeasured", "measuring the outbox", self.outbox.measure().await);
                if let Some(emails) = &self.emails {
                    let waiting = emails.count_waiting().await;
                    let waiting = waiting.map(|count| self.metrics.mails_waiting.set(count));
                    log_failure("mails.unmeasured", "counting mails", waiting);
                }
                log_failure("logouts.unmeasured", "counting logout deliveries", self.logouts.measure().await);
            }
            if limited {
                let told = self.ciba.tell_untold().await;
                log_failure("ciba.untold", "telling services what people decided", told);
                self.contracts(warnings.is_due(now)).await;
            }
            if purge.is_due(now) {
                let lost = self.inbox.give_up_lost(now.minus(LOST), purge::SWEEP).await;
                log_failure("notices.unended", "ending SMS about notices that were lost", lost);
                self.purge().await;
            }
            if believed && keys.is_due(now) {
                let (bits, days) = (self.keys.rsa_bits, self.keys.rotation_days.into());
                let rotated = self
                    .provider
                    .keys
                    .rotate_old(bits, days, |kid, alg| {
                        self.audit.record(Event::new(Kind::KeyRotated).key(kid).alg(alg.name()));
                    })
                    .await;
                log_failure("keys.unrotated", "rotating the signing keys", rotated);
            }
        }
    }

    /// Adds up what was released under contracts, and says which end soon; `warns` in the log as well.
    async fn contracts(&self, warns: bool) {
        let clients = &self.provider.clients;
        log_failure("usage.unadded", "adding up releases under contracts", clients.add_usage().await);
        let ending = clients.ending_contracts(self.warn_days);
        self.metrics.contracts_ending.set(i64::try_from(ending.len()).unwrap_or(i64::MAX));
        let suspension = clients.all().values().filter(|client| client.suspension.is_some()).count();
        self.metrics.clients_suspended.set(i64::try_from(suspension).unwrap_or(i64::MAX));
        for (contract, end) in ending.iter().filter(|_| warns) {
            tracing::warn!(
                event = "contract.ending",
                contract.id = contract.id(),
                until = end.0,
                "a contract ends soon: its services are suspended then"
            );
        }
    }
}

/// Logs that lines of the log were lost, if more were than `before`; returns how many there are.
fn tell_lost_lines(before: u64) -> u64 {
    let lost = telemetry::lost_lines();
    if lost > before {
        tracing::warn!(
            event = "log.lost",
            count = lost - before,
            "lines of the log were lost: nobody read them in time"
        );
    }
    lost
}

/// Logs a failed job; it runs again when it is next due.
fn log_failure<T>(event: &str, job: &str, result: Result<T, impl std::fmt::Display>) {
    if let Err(error) = result {
        tracing::warn!(event, job, %error, "background work failed and will be retried");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_due_at_first_and_then_by_the_clock() {
        let mut job = Every::new(10);
        assert!(job.is_due(Timestamp(100)));
        assert!(!job.is_due(Timestamp(109)));
        assert!(job.is_due(Timestamp(110)));
        assert!(job.is_due(Timestamp(90_000)), "the clock was moved");
        assert!(!job.is_due(Timestamp(90_001)), "one run, however far it was moved");
        assert!(job.is_due(Timestamp(50)), "the clock was set back");
        assert!(!job.is_due(Timestamp(59)));
    }
}
