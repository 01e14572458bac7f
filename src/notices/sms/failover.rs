//! Several gateways as one: in the order of the settings, those that are unwell last; on to the next one only when
//! the message was certainly not taken.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Gateway, OutgoingSms, SendOutcome};

/// So many bad sends in a row make a gateway unwell.
const BAD_IN_A_ROW: u32 = 3;
/// A send that takes longer than this is a bad one, whatever its outcome: a person is waiting for the code.
const SLOW: Duration = Duration::from_secs(5);
/// How long an unwell gateway stands behind the others.
const REST: Duration = Duration::from_secs(30);

/// The gateways in use. Never drops a message for being unwell: when all are, all are still tried.
#[derive(Debug)]
pub struct Gateways {
    members: Vec<(Gateway, Mutex<Health>)>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendReport {
    /// The gateway that the outcome is from, the last one tried; empty when there is none.
    pub gateway: &'static str,
    pub outcome: SendOutcome,
    /// All gateways that were asked, in order.
    pub tried: Vec<&'static str>,
}

impl Gateways {
    /// Gateways in order of preference.
    pub fn new(gateways: Vec<Gateway>) -> Self {
        Self { members: gateways.into_iter().map(|gateway| (gateway, Mutex::default())).collect() }
    }

    /// The Eskiz adapter, if it is in use: its receipts must be confirmed by it.
    pub fn eskiz(&self) -> Option<&super::Eskiz> {
        self.members.iter().find_map(|(gateway, _)| match gateway {
            Gateway::Eskiz(eskiz) => Some(eskiz),
            Gateway::PlayMobile(_) => None,
        })
    }

    /// Sends the message by the first gateway that does not refuse it.
    pub async fn send(&self, sms: &OutgoingSms) -> SendReport {
        let reason = "no gateway is configured".to_owned();
        let mut report =
            SendReport { gateway: "", outcome: SendOutcome::Refused { reason }, tried: Vec::new() };
        for (gateway, health) in self.in_order(Instant::now()) {
            let begun = Instant::now();
            let outcome = gateway.send(sms).await;
            let ended = Instant::now();
            let rests = locked(health).record(&outcome, ended - begun, ended);
            report.gateway = gateway.name();
            report.tried.push(gateway.name());
            report.outcome = outcome;
            self.tell(sms, &report, rests);
            if !matches!(report.outcome, SendOutcome::Refused { .. }) {
                break;
            }
        }
        report
    }

    /// The well ones first, otherwise as configured.
    fn in_order(&self, now: Instant) -> Vec<&(Gateway, Mutex<Health>)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_cached_key(|(_, health)| locked(health).rests_at(now));
        members
    }

    fn tell(&self, sms: &OutgoingSms, report: &SendReport, rests: bool) {
        let (gateway, message_id) = (report.gateway, sms.id.as_str());
        match &report.outcome {
            SendOutcome::Accepted { .. } => {}
            SendOutcome::Refused { reason } => {
                tracing::warn!(gateway, message_id, reason, "sms refused by a gateway");
            }
            SendOutcome::Unknown { reason } => {
                tracing::warn!(gateway, message_id, reason, "sms sent, but without an answer");
            }
        }
        if rests && self.members.len() > 1 {
            tracing::warn!(gateway, seconds = REST.as_secs(), "sms gateway is unwell, others go first");
        }
    }
}

/// How a gateway has been doing.
#[derive(Debug, Default)]
struct Health {
    bad_in_a_row: u32,
    rests_until: Option<Instant>,
}

impl Health {
    fn rests_at(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// Takes one send into account; true when the gateway becomes unwell by it. After its rest one more bad send is
    /// enough, one good send makes it well.
    fn record(&mut self, outcome: &SendOutcome, took: Duration, now: Instant) -> bool {
        if matches!(outcome, SendOutcome::Accepted { .. }) && took <= SLOW {
            *self = Self::default();
            return false;
        }
        let rested = self.rests_at(now);
        self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
        if self.bad_in_a_row >= BAD_IN_A_ROW {
            self.rests_until = Some(now + REST);
        }
        !rested && self.rests_at(now)
    }
}

/// A counter is never half-written: what a panicking holder left is as good as any.
fn locked(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::gateway_double::{Double, message};
    use super::super::{Eskiz, EskizSettings, PlayMobile, PlayMobileSettings, client};
    use super::*;

    fn gateways(eskiz: &Double, playmobile: &Double, patience: Duration) -> Gateways {
        let client = client(patience).unwrap();
        let password = secrecy::SecretString::from("p");
        let settings = EskizSettings {
            base_url: eskiz.url("").parse().unwrap(),
            email: "e".into(),
            password: password.clone(),
            from: "4546".into(),
        };
        let eskiz = Gateway::Eskiz(Eskiz::new(client.clone(), settings, None));
        let settings = PlayMobileSettings {
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

    const PATIENCE: Duration = Duration::from_secs(5);

    #[actix_web::test]
    async fn the_first_gateway_that_takes_a_message_is_the_only_one_asked() {
        let (first, second) = (eskiz(200, r#"{"id":"g1","status":"waiting"}"#), playmobile(200));
        let report = gateways(&first, &second, PATIENCE).send(&message("a1")).await;
        assert_eq!(report.outcome, SendOutcome::Accepted { gateway_id: "g1".into() });
        assert_eq!((report.gateway, report.tried), ("eskiz", vec!["eskiz"]));
        assert!(second.calls().is_empty());
    }

    #[actix_web::test]
    async fn a_refused_message_goes_to_the_next_gateway_exactly_once() {
        for first in [eskiz(400, r#"{"message":"not moderated"}"#), eskiz(500, ""), Double::closed()] {
            let second = playmobile(200);
            let report = gateways(&first, &second, PATIENCE).send(&message("a1")).await;
            assert_eq!(report.outcome, SendOutcome::Accepted { gateway_id: "a1".into() });
            assert_eq!((report.gateway, report.tried), ("playmobile", vec!["eskiz", "playmobile"]));
            assert_eq!(second.calls(), ["POST /send"]);
        }
    }

    #[actix_web::test]
    async fn a_message_that_may_have_been_taken_goes_nowhere_else() {
        for first in [eskiz(504, ""), eskiz(200, "{}")] {
            let second = playmobile(200);
            let report = gateways(&first, &second, PATIENCE).send(&message("a1")).await;
            assert!(matches!(report.outcome, SendOutcome::Unknown { .. }), "{report:?}");
            assert_eq!(report.tried, ["eskiz"]);
            assert!(second.calls().is_empty());
        }
    }

    #[actix_web::test]
    async fn when_all_refuse_the_last_refusal_is_reported() {
        let (first, second) = (eskiz(500, ""), playmobile(400));
        let report = gateways(&first, &second, PATIENCE).send(&message("a1")).await;
        assert_eq!(report.outcome, SendOutcome::Refused { reason: "HTTP 400:".into() });
        assert_eq!((report.gateway, report.tried), ("playmobile", vec!["eskiz", "playmobile"]));
        let none = Gateways::new(Vec::new()).send(&message("a1")).await;
        assert!(matches!(none.outcome, SendOutcome::Refused { .. }) && none.tried.is_empty());
    }

    #[actix_web::test]
    async fn a_gateway_that_keeps_failing_stands_behind_the_other() {
        let (first, second) = (eskiz(500, ""), playmobile(200));
        let gateways = gateways(&first, &second, PATIENCE);
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
    fn three_bad_sends_in_a_row_make_unwell_and_one_good_one_between_does_not() {
        let (now, quick) = (Instant::now(), Duration::from_millis(80));
        let refused = SendOutcome::Refused { reason: String::new() };
        let unknown = SendOutcome::Unknown { reason: String::new() };
        let accepted = SendOutcome::Accepted { gateway_id: "g".into() };
        let mut health = Health::default();
        for outcome in [&refused, &unknown, &accepted, &refused, &unknown] {
            assert!(!health.record(outcome, quick, now));
        }
        assert!(!health.rests_at(now));
        assert!(health.record(&accepted, SLOW + quick, now), "slow counts as bad");
        assert!(health.rests_at(now + REST - quick) && !health.rests_at(now + REST));
    }

    #[test]
    fn after_its_rest_one_bad_send_is_enough_and_one_good_send_heals() {
        let (now, quick) = (Instant::now(), Duration::from_millis(80));
        let refused = SendOutcome::Refused { reason: String::new() };
        let accepted = SendOutcome::Accepted { gateway_id: "g".into() };
        let mut health = Health { bad_in_a_row: BAD_IN_A_ROW, rests_until: Some(now) };
        assert!(!health.rests_at(now));
        assert!(health.record(&refused, quick, now) && health.rests_at(now));
        let later = now + REST;
        assert!(!health.record(&accepted, quick, later) && !health.rests_at(later));
        assert!(!health.record(&refused, quick, later));
    }
}
