//! Failover between gateways: in the order of the settings, unhealthy ones last; to the next one only when
//! the message was certainly not sent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Gateway, OutgoingSms, SendOutcome};

/// Failed sends in a row that make a gateway unhealthy.
const FAILURES_UNTIL_UNHEALTHY: u32 = 3;
/// A slower send counts as failed, whatever its outcome: a person is waiting for the code.
const SLOW: Duration = Duration::from_secs(5);
/// How long an unhealthy gateway is tried after the others.
const UNHEALTHY_FOR: Duration = Duration::from_secs(30);

/// The gateways in use. Unhealthy gateways are tried last, never skipped.
#[derive(Debug)]
pub struct Gateways {
    members: Vec<(Gateway, Mutex<Health>)>,
}

/// The outcome of sending a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendReport {
    /// The gateway of the outcome, the last one tried; empty if there is none.
    pub gateway: &'static str,
    /// The outcome at that gateway.
    pub outcome: SendOutcome,
    /// All gateways that were tried, in order.
    pub tried: Vec<&'static str>,
}

impl Gateways {
    /// Gateways in order of preference.
    pub fn new(gateways: Vec<Gateway>) -> Self {
        Self { members: gateways.into_iter().map(|gateway| (gateway, Mutex::default())).collect() }
    }

    /// The Eskiz adapter, if in use: it confirms its delivery reports.
    pub fn eskiz(&self) -> Option<&super::Eskiz> {
        self.members.iter().find_map(|(gateway, _)| match gateway {
            Gateway::Eskiz(eskiz) => Some(eskiz),
            Gateway::PlayMobile(_) => None,
        })
    }

    /// Tries every gateway without sending a message: its name, and what was found.
    pub async fn try_access(&self) -> Vec<(&'static str, Result<&'static str, String>)> {
        let mut found = Vec::new();
        for (gateway, _) in &self.members {
            found.push((gateway.name(), gateway.try_access().await));
        }
        found
    }

    /// Sends the message through the first gateway that does not refuse it.
    pub async fn send(&self, sms: &OutgoingSms) -> SendReport {
        let reason = "no gateway is configured".to_owned();
        let mut report =
            SendReport { gateway: "", outcome: SendOutcome::Refused { reason }, tried: Vec::new() };
        for (gateway, health) in self.in_order(Instant::now()) {
            let begun = Instant::now();
            let outcome = gateway.send(sms).await;
            let ended = Instant::now();
            let turned_unhealthy = locked(health).record(&outcome, ended - begun, ended);
            report.gateway = gateway.name();
            report.tried.push(gateway.name());
            report.outcome = outcome;
            self.log(sms, &report, turned_unhealthy);
            if !matches!(report.outcome, SendOutcome::Refused { .. }) {
                break;
            }
        }
        report
    }

    /// Makes the request that would send a message, and drops it: the work before a send, without the send.
    pub fn rehearse(&self, sms: &OutgoingSms) {
        if let Some((gateway, _)) = self.in_order(Instant::now()).first() {
            gateway.rehearse(sms);
        }
    }

    /// Healthy gateways first, otherwise in the configured order.
    fn in_order(&self, now: Instant) -> Vec<&(Gateway, Mutex<Health>)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_cached_key(|(_, health)| locked(health).is_unhealthy_at(now));
        members
    }

    fn log(&self, sms: &OutgoingSms, report: &SendReport, turned_unhealthy: bool) {
        let (gateway, message_id) = (report.gateway, sms.id.as_str());
        match &report.outcome {
            SendOutcome::Accepted { .. } => {}
            SendOutcome::Refused { reason } => {
                tracing::warn!(
                    event = "sms.gateway_refused",
                    sms.gateway = gateway,
                    sms.id = message_id,
                    reason,
                    "a gateway refused a message"
                );
            }
            SendOutcome::Unknown { reason } => {
                tracing::warn!(
                    event = "sms.gateway_unknown",
                    sms.gateway = gateway,
                    sms.id = message_id,
                    reason,
                    "a gateway may have sent a message"
                );
            }
        }
        if turned_unhealthy && self.members.len() > 1 {
            tracing::warn!(
                event = "sms.gateway_unhealthy",
                sms.gateway = gateway,
                seconds = UNHEALTHY_FOR.as_secs(),
                "a gateway is unhealthy: others are tried first"
            );
        }
    }
}

/// Health of a gateway.
#[derive(Debug, Default)]
struct Health {
    failures_in_a_row: u32,
    unhealthy_until: Option<Instant>,
}

impl Health {
    fn is_unhealthy_at(&self, now: Instant) -> bool {
        self.unhealthy_until.is_some_and(|until| now < until)
    }

    /// Records a send; true if it makes the gateway unhealthy. After that period one more failed send is
    /// enough, and one good send makes it healthy.
    fn record(&mut self, outcome: &SendOutcome, took: Duration, now: Instant) -> bool {
        if matches!(outcome, SendOutcome::Accepted { .. }) && took <= SLOW {
            *self = Self::default();
            return false;
        }
        let was_unhealthy = self.is_unhealthy_at(now);
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        if self.failures_in_a_row >= FAILURES_UNTIL_UNHEALTHY {
            self.unhealthy_until = Some(now + UNHEALTHY_FOR);
        }
        !was_unhealthy && self.is_unhealthy_at(now)
    }
}

/// A counter is never half-written, so a poisoned lock is safe to use.
fn locked(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::gateway_double::{Double, message};
    use super::super::{Eskiz, EskizSettings, PlayMobile, PlayMobileSettings, client};
    use super::*;

    fn gateways(eskiz: &Double, playmobile: &Double, timeout: Duration) -> Gateways {
        let client = client(timeout).unwrap();
        let password = secrecy::SecretString::from("p");
        let settings = EskizSettings {
            base_url: eskiz.url("").parse().unwrap(),
            email: "e".into(),
            password: password.clone(),
            from: "4546".into(),
        };
        let eskiz = Gateway::Eskiz(Eskiz::new(client.clone(), settings, None));
        let settings = PlayMobileSettings {
            reply_number: None,
            url: playmobile.url("/send").parse().unwrap(),
            login: "l".into(),
            password,
            originator: "3700".into(),
        };
        Gateways::new(vec![eskiz, Gateway::PlayMobile(PlayMobile::new(client, settings))])
    }

    /// An Eskiz whose login works and whose sends get this answer.
    fn eskiz(status: u16, body: &'static str) -> Double {
        Double::start(move |seen| match seen.path.as_str() {
            "/auth/login" => (200, r#"{"data":{"token":"t"}}"#.into()),
            _ => (status, body.into()),
        })
    }

    fn playmobile(status: u16) -> Double {
        Double::start(move |_| (status, "Request is received".into()))
    }

    const TIMEOUT: Duration = Duration::from_secs(5);

    #[actix_web::test]
    async fn the_first_gateway_that_takes_a_message_is_the_only_one_asked() {
        let (first, second) = (eskiz(200, r#"{"id":"g1","status":"waiting"}"#), playmobile(200));
        let report = gateways(&first, &second, TIMEOUT).send(&message("a1")).await;
        assert_eq!(report.outcome, SendOutcome::Accepted { gateway_id: "g1".into() });
        assert_eq!((report.gateway, report.tried), ("eskiz", vec!["eskiz"]));
        assert!(second.calls().is_empty());
    }

    #[actix_web::test]
    async fn a_rehearsal_asks_nobody() {
        let (first, second) = (eskiz(200, "{}"), playmobile(200));
        let gateways = gateways(&first, &second, TIMEOUT);
        gateways.rehearse(&message("a1"));
        Gateways::new(Vec::new()).rehearse(&message("a1"));
        // What comes after it is the first that they hear.
        gateways.send(&message("a2")).await;
        assert_eq!(first.calls(), ["POST /auth/login", "POST /message/sms/send"]);
        assert!(second.calls().is_empty());
    }

    #[actix_web::test]
    async fn a_refused_message_goes_to_the_next_gateway_exactly_once() {
        for first in [eskiz(400, r#"{"message":"not moderated"}"#), eskiz(500, ""), Double::closed()] {
            let second = playmobile(200);
            let report = gateways(&first, &second, TIMEOUT).send(&message("a1")).await;
            assert_eq!(report.outcome, SendOutcome::Accepted { gateway_id: "a1".into() });
            assert_eq!((report.gateway, report.tried), ("playmobile", vec!["eskiz", "playmobile"]));
            assert_eq!(second.calls(), ["POST /send"]);
        }
    }

    #[actix_web::test]
    async fn a_message_that_may_have_been_sent_is_not_sent_again() {
        for first in [eskiz(504, ""), eskiz(200, "{}")] {
            let second = playmobile(200);
            let report = gateways(&first, &second, TIMEOUT).send(&message("a1")).await;
            assert!(matches!(report.outcome, SendOutcome::Unknown { .. }), "{report:?}");
            assert_eq!(report.tried, ["eskiz"]);
            assert!(second.calls().is_empty());
        }
    }

    #[actix_web::test]
    async fn when_all_refuse_the_last_refusal_is_reported() {
        let (first, second) = (eskiz(500, ""), playmobile(400));
        let report = gateways(&first, &second, TIMEOUT).send(&message("a1")).await;
        assert_eq!(report.outcome, SendOutcome::Refused { reason: "HTTP 400:".into() });
        assert_eq!((report.gateway, report.tried), ("playmobile", vec!["eskiz", "playmobile"]));
        let none = Gateways::new(Vec::new()).send(&message("a1")).await;
        assert!(matches!(none.outcome, SendOutcome::Refused { .. }) && none.tried.is_empty());
    }

    #[actix_web::test]
    async fn a_gateway_that_keeps_failing_is_tried_last() {
        let (first, second) = (eskiz(500, ""), playmobile(200));
        let gateways = gateways(&first, &second, TIMEOUT);
        for n in 0..3 {
            assert_eq!(gateways.send(&message(&format!("a{n}"))).await.tried, ["eskiz", "playmobile"]);
        }
        assert_eq!(gateways.send(&message("a4")).await.tried, ["playmobile"]);
    }

    #[test]
    fn sending_can_be_a_task_of_its_own() {
        fn is_send<T: Send>(_: &T) {}
        let (gateways, sms) = (Gateways::new(Vec::new()), message("a1"));
        is_send(&gateways.send(&sms));
    }

    #[test]
    fn three_failures_in_a_row_make_a_gateway_unhealthy() {
        let (now, quick) = (Instant::now(), Duration::from_millis(80));
        let refused = SendOutcome::Refused { reason: String::new() };
        let unknown = SendOutcome::Unknown { reason: String::new() };
        let accepted = SendOutcome::Accepted { gateway_id: "g".into() };
        let mut health = Health::default();
        for outcome in [&refused, &unknown, &accepted, &refused, &unknown] {
            assert!(!health.record(outcome, quick, now));
        }
        assert!(!health.is_unhealthy_at(now));
        assert!(health.record(&accepted, SLOW + quick, now), "slow counts as failed");
        assert!(
            health.is_unhealthy_at(now + UNHEALTHY_FOR - quick)
                && !health.is_unhealthy_at(now + UNHEALTHY_FOR)
        );
    }

    #[test]
    fn after_the_unhealthy_period_one_failure_is_enough_and_one_success_heals() {
        let (now, quick) = (Instant::now(), Duration::from_millis(80));
        let refused = SendOutcome::Refused { reason: String::new() };
        let accepted = SendOutcome::Accepted { gateway_id: "g".into() };
        let mut health = Health { failures_in_a_row: FAILURES_UNTIL_UNHEALTHY, unhealthy_until: Some(now) };
        assert!(!health.is_unhealthy_at(now));
        assert!(health.record(&refused, quick, now) && health.is_unhealthy_at(now));
        let later = now + UNHEALTHY_FOR;
        assert!(!health.record(&accepted, quick, later) && !health.is_unhealthy_at(later));
        assert!(!health.record(&refused, quick, later));
    }
}
