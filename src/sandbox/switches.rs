//! Fault injection: switches that make a gateway fail.

use std::time::Duration;

use serde_json::{Map, Value};

use super::messages::Gateway;

/// Maximum delay; longer than any sender's timeout.
pub(super) const LONGEST_DELAY_MS: u64 = 60_000;

/// A fault that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    /// Every request gets HTTP 500.
    Fail,
    /// Sending is refused with the gateway's own error.
    Refuse,
    /// Messages and delivery reports arrive twice.
    Duplicate,
    /// No delivery reports are sent.
    LoseReceipts,
    /// Messages are accepted and never delivered.
    Drop,
    /// Eskiz's tokens expire at once.
    ExpireTokens,
}

impl Switch {
    /// All of them, in the order of the page.
    pub(super) const ALL: [Self; 6] =
        [Self::Fail, Self::Refuse, Self::Duplicate, Self::LoseReceipts, Self::Drop, Self::ExpireTokens];

    /// The name in JSON and forms.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Refuse => "refuse",
            Self::Duplicate => "duplicate",
            Self::LoseReceipts => "lose_receipts",
            Self::Drop => "drop",
            Self::ExpireTokens => "expire_tokens",
        }
    }

    /// What it does, for the page.
    pub(super) fn effect(self) -> &'static str {
        match self {
            Self::Fail => "Fail: every call is answered with HTTP 500",
            Self::Refuse => "Refuse: messages are refused with HTTP 400, in the gateway's own words",
            Self::Duplicate => "Duplicate: each message arrives twice, and so does each receipt",
            Self::LoseReceipts => "Lose receipts: messages arrive, their delivery is never reported",
            Self::Drop => "Drop: messages are accepted and never arrive",
            Self::ExpireTokens => {
                "Expire tokens: all tokens given out so far are expired for good, \
                 and so is every new one while this is on"
            }
        }
    }

    /// Whether `gateway` has this switch.
    pub(super) fn belongs_to(self, gateway: Gateway) -> bool {
        self != Self::ExpireTokens || gateway == Gateway::Eskiz
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The behaviour of a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Behaviour {
    delay_ms: u64,
    on: u8,
}

impl Behaviour {
    /// Whether `switch` is on.
    pub(super) fn is(self, switch: Switch) -> bool {
        self.on & switch.bit() != 0
    }

    /// The delay of every response.
    pub(super) fn delay(self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// How many times an accepted message is delivered.
    pub(super) fn arrivals(self) -> u8 {
        if self.is(Switch::Drop) {
            0
        } else if self.is(Switch::Duplicate) {
            2
        } else {
            1
        }
    }

    fn turn(&mut self, switch: Switch, on: bool) {
        if on {
            self.on |= switch.bit();
        } else {
            self.on &= !switch.bit();
        }
    }
}

/// The behaviour of all gateways.
#[derive(Clone, Debug, Default)]
pub(super) struct Switches {
    eskiz: Behaviour,
    playmobile: Behaviour,
    token_generation: u64,
}

impl Switches {
    /// The current behaviour of `gateway`.
    pub(super) fn of(&self, gateway: Gateway) -> Behaviour {
        match gateway {
            Gateway::Eskiz => self.eskiz,
            Gateway::PlayMobile => self.playmobile,
        }
    }

    /// Incremented when Eskiz's tokens are made to expire; tokens of an earlier generation are expired.
    pub(super) fn token_generation(&self) -> u64 {
        self.token_generation
    }

    /// Applies changes such as `eskiz.fail=1` or `reset=1` in order: all or none.
    ///
    /// # Errors
    /// A message with the first invalid change.
    pub(super) fn apply(&mut self, changes: &[(String, String)]) -> Result<(), String> {
        let mut next = self.clone();
        for (key, value) in changes {
            next.change(key, value).map_err(|reason| format!("{key}: {reason}"))?;
        }
        *self = next;
        Ok(())
    }

    /// The whole state: `{"eskiz":{"delay_ms":0,"fail":false,…},"playmobile":{…}}`.
    pub(super) fn to_json(&self) -> Value {
        let gateways = Gateway::ALL.map(|gateway| {
            let behaviour = self.of(gateway);
            let mut members = Map::new();
            members.insert("delay_ms".into(), behaviour.delay_ms.into());
            for switch in Switch::ALL.into_iter().filter(|switch| switch.belongs_to(gateway)) {
                members.insert(switch.name().into(), behaviour.is(switch).into());
            }
            (gateway.name().to_owned(), Value::Object(members))
        });
        Value::Object(gateways.into_iter().collect())
    }

    fn change(&mut self, key: &str, value: &str) -> Result<(), String> {
        if key == "reset" {
            if truth(value)? {
                *self = Self { token_generation: self.token_generation, ..Self::default() };
            }
            return Ok(());
        }
        let unknown = || "there is no such switch".to_owned();
        let (gateway, name) = key.split_once('.').ok_or_else(unknown)?;
        let gateway = Gateway::ALL.into_iter().find(|known| known.name() == gateway).ok_or_else(unknown)?;
        let behaviour = match gateway {
            Gateway::Eskiz => &mut self.eskiz,
            Gateway::PlayMobile => &mut self.playmobile,
        };
        if name == "delay_ms" {
            behaviour.delay_ms = delay(value)?;
            return Ok(());
        }
        let switch = Switch::ALL
            .into_iter()
            .find(|switch| switch.name() == name && switch.belongs_to(gateway))
            .ok_or_else(unknown)?;
        let on = truth(value)?;
        behaviour.turn(switch, on);
        if switch == Switch::ExpireTokens && on {
            self.token_generation += 1;
        }
        Ok(())
    }
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" | "on" => Ok(true),
        "0" | "false" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

fn delay(value: &str) -> Result<u64, String> {
    if value.is_empty() {
        return Ok(0);
    }
    match value.parse() {
        Ok(milliseconds) if milliseconds <= LONGEST_DELAY_MS => Ok(milliseconds),
        _ => Err(format!("expected milliseconds from 0 to {LONGEST_DELAY_MS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(switches: &mut Switches, changes: &[(&str, &str)]) -> Result<(), String> {
        let changes: Vec<_> = changes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        switches.apply(&changes)
    }

    #[test]
    fn a_change_touches_only_what_it_names() {
        let mut switches = Switches::default();
        apply(&mut switches, &[("eskiz.fail", "1"), ("playmobile.delay_ms", "250")]).unwrap();
        apply(&mut switches, &[("eskiz.drop", "true")]).unwrap();
        let eskiz = switches.of(Gateway::Eskiz);
        assert!(eskiz.is(Switch::Fail) && eskiz.is(Switch::Drop) && !eskiz.is(Switch::Refuse));
        assert_eq!(switches.of(Gateway::PlayMobile).delay(), Duration::from_millis(250));
        assert!(!switches.of(Gateway::PlayMobile).is(Switch::Fail));
    }

    #[test]
    fn a_list_with_one_mistake_changes_nothing() {
        let mut switches = Switches::default();
        for mistake in ["eskiz.fial", "playmobile.expire_tokens", "sms.fail", "fail"] {
            let refused = apply(&mut switches, &[("eskiz.fail", "1"), (mistake, "1")]).unwrap_err();
            assert!(refused.starts_with(mistake), "{refused}");
        }
        assert!(apply(&mut switches, &[("eskiz.fail", "1"), ("eskiz.delay_ms", "60001")]).is_err());
        assert!(!switches.of(Gateway::Eskiz).is(Switch::Fail));
    }

    #[test]
    fn a_reset_turns_everything_off_and_revives_no_token() {
        let mut switches = Switches::default();
        apply(&mut switches, &[("eskiz.expire_tokens", "1"), ("playmobile.refuse", "on")]).unwrap();
        let generation = switches.token_generation();
        apply(&mut switches, &[("reset", "1")]).unwrap();
        assert_eq!(switches.to_json(), Switches::default().to_json());
        assert_eq!((generation, switches.token_generation()), (1, 1));
    }
}
