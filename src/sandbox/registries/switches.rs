//! Switches that make a played register misbehave.

use std::time::Duration;

use serde_json::{Map, Value};

/// A played register, by the name of the provider's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Played {
    Personalisation,
    Interior,
    Tax,
    Employment,
    CivilRegistry,
    Social,
    Disability,
    Biometrics,
    Operators,
    Billing,
    Eimzo,
    Myid,
}

impl Played {
    pub(super) const ALL: [Self; 12] = [
        Self::Personalisation,
        Self::Interior,
        Self::Tax,
        Self::Employment,
        Self::CivilRegistry,
        Self::Social,
        Self::Disability,
        Self::Biometrics,
        Self::Operators,
        Self::Billing,
        Self::Eimzo,
        Self::Myid,
    ];

    /// The name in JSON and forms.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Personalisation => "personalisation",
            Self::Interior => "interior",
            Self::Tax => "tax",
            Self::Employment => "employment",
            Self::CivilRegistry => "civil_registry",
            Self::Social => "social",
            Self::Disability => "disability",
            Self::Biometrics => "biometrics",
            Self::Operators => "operators",
            Self::Billing => "billing",
            Self::Eimzo => "eimzo",
            Self::Myid => "myid",
        }
    }

    /// The name on pages.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Personalisation => "State Personalisation Centre",
            Self::Interior => "Ministry of Internal Affairs",
            Self::Tax => "Tax Committee",
            Self::Employment => "Ministry of employment",
            Self::CivilRegistry => "Civil registry",
            Self::Social => "Register of social protection",
            Self::Disability => "Commissions on disability",
            Self::Biometrics => "Comparison of faces and fingerprints",
            Self::Operators => "Mobile operators",
            Self::Billing => "Unified billing",
            Self::Eimzo => "E-IMZO",
            Self::Myid => "MyID",
        }
    }
}

/// How an answer is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// HTTP 500.
    Fail,
    /// A page of HTML with 200.
    Html,
    /// Half of the answer.
    Cut,
    /// An answer of two megabytes.
    Huge,
    /// The service says that it will not answer.
    Refuse,
    /// The answer is about somebody else, or has other figures.
    Contradict,
    /// The answer says of itself that it failed.
    Deny,
}

impl Fault {
    pub(super) const ALL: [Self; 7] =
        [Self::Fail, Self::Html, Self::Cut, Self::Huge, Self::Refuse, Self::Contradict, Self::Deny];

    /// The name in JSON and forms.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Html => "html",
            Self::Cut => "cut",
            Self::Huge => "huge",
            Self::Refuse => "refuse",
            Self::Contradict => "contradict",
            Self::Deny => "deny",
        }
    }

    /// What it does, for the page.
    pub(super) const fn effect(self) -> &'static str {
        match self {
            Self::Fail => "Fail: HTTP 500",
            Self::Html => "HTML: a page of a proxy, with status 200",
            Self::Cut => "Cut: half of the answer",
            Self::Huge => "Huge: an answer of two megabytes",
            Self::Refuse => "Refuse: the service says that it will not answer",
            Self::Contradict => "Contradict: the answer is about somebody else, or has other figures",
            Self::Deny => "Deny: the answer is there, and its flag says that it failed",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The behaviour of one register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Behaviour {
    delay_ms: u64,
    on: u8,
}

impl Behaviour {
    pub(super) const fn is(self, fault: Fault) -> bool {
        self.on & fault.bit() != 0
    }

    pub(super) const fn delay(self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// The behaviour of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Switches {
    each: [Behaviour; Played::ALL.len()],
    /// Tokens of the gateway of an earlier generation are refused.
    pub generation: u64,
}

impl Switches {
    pub(super) const fn of(&self, played: Played) -> Behaviour {
        self.each[played as usize]
    }

    /// Applies changes such as `tax.fail=1`, `all.delay_ms=5000`, `gateway.expire_tokens=1` or `reset=1` in order: all or none.
    ///
    /// # Errors
    /// A message with the first change that is none.
    pub(super) fn apply(&mut self, changes: &[(String, String)]) -> Result<(), String> {
        let mut next = self.clone();
        for (key, value) in changes {
            next.change(key, value).map_err(|reason| format!("{key}: {reason}"))?;
        }
        *self = next;
        Ok(())
    }

    fn change(&mut self, key: &str, value: &str) -> Result<(), String> {
        if key == "reset" {
            if truth(value)? {
                *self = Self { generation: self.generation, ..Self::default() };
            }
            return Ok(());
        }
        if key == "gateway.expire_tokens" {
            self.generation += u64::from(truth(value)?);
            return Ok(());
        }
        let unknown = || "there is no such switch".to_owned();
        let (name, what) = key.split_once('.').ok_or_else(unknown)?;
        let mut known = false;
        for played in Played::ALL {
            if name != "all" && name != played.name() {
                continue;
            }
            known = true;
            let behaviour = &mut self.each[played as usize];
            if what == "delay_ms" {
                let most = super::super::switches::LONGEST_DELAY_MS;
                let value = if value.is_empty() { "0" } else { value };
                let delay = value.parse().ok().filter(|delay| *delay <= most);
                behaviour.delay_ms =
                    delay.ok_or_else(|| format!("expected milliseconds from 0 to {most}"))?;
                continue;
            }
            let fault = Fault::ALL.into_iter().find(|fault| fault.name() == what).ok_or_else(unknown)?;
            if truth(value)? {
                behaviour.on |= fault.bit();
            } else {
                behaviour.on &= !fault.bit();
            }
        }
        if known { Ok(()) } else { Err(unknown()) }
    }

    /// The whole state: `{"tax":{"delay_ms":0,"fail":false,…},…}`.
    pub(super) fn to_json(&self) -> Value {
        let each = Played::ALL.map(|played| {
            let behaviour = self.of(played);
            let mut members = Map::new();
            members.insert("delay_ms".into(), behaviour.delay_ms.into());
            for fault in Fault::ALL {
                members.insert(fault.name().into(), behaviour.is(fault).into());
            }
            (played.name().to_owned(), Value::Object(members))
        });
        Value::Object(each.into_iter().collect())
    }
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" | "on" => Ok(true),
        "0" | "false" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
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
    fn one_register_or_all_of_them_are_switched_and_a_mistake_changes_nothing() {
        let mut switches = Switches::default();
        apply(&mut switches, &[("tax.fail", "1"), ("all.delay_ms", "5000")]).unwrap();
        assert!(switches.of(Played::Tax).is(Fault::Fail) && !switches.of(Played::Social).is(Fault::Fail));
        assert_eq!(switches.of(Played::Eimzo).delay(), Duration::from_secs(5));
        for mistake in ["taxes.fail", "tax.fial", "fail"] {
            let refused = apply(&mut switches, &[("tax.fail", "0"), (mistake, "1")]).unwrap_err();
            assert!(refused.starts_with(mistake), "{refused}");
        }
        assert!(switches.of(Played::Tax).is(Fault::Fail));
        apply(&mut switches, &[("gateway.expire_tokens", "1"), ("reset", "1")]).unwrap();
        assert_eq!((switches.to_json(), switches.generation), (Switches::default().to_json(), 1));
    }
}
