//! The operators with whom lists are exchanged, each with the codes that it was given. A number that was taken along to another operator
//! stands in the lists of the one that its code was given to: that is where it goes when it is given up.

use super::sheet::is_name;
use crate::people::PhoneNumber;
use crate::platform::config::{Fallback, Raw, SettingValue, ValueKind, WrongValue, mismatch};

/// An operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    /// Its name in lists and commands.
    pub name: String,
    /// Its codes: the two digits after 998.
    codes: Vec<String>,
}

impl Operator {
    /// Whether a number is of its codes.
    pub fn has(&self, number: &PhoneNumber) -> bool {
        let code = &number.digits()[3..5];
        self.codes.iter().any(|known| known == code)
    }
}

/// All of them.
#[derive(Clone, Default, Debug)]
pub struct Operators(Vec<Operator>);

impl Operators {
    /// The operator of a name.
    pub fn find(&self, name: &str) -> Option<&Operator> {
        self.0.iter().find(|operator| operator.name == name)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|operator| operator.name.as_str())
    }
}

fn code(raw: &Raw) -> Option<String> {
    let code = raw.as_str()?;
    (code.len() == 2 && code.bytes().all(|b| b.is_ascii_digit())).then(|| code.to_owned())
}

impl SettingValue for Operators {
    const KIND: ValueKind = ValueKind::Table("a table of operators, each with the codes of its numbers");
    const FALLBACK: Fallback = Fallback::Nothing("none: no lists are exchanged");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let table = raw.as_table().ok_or_else(|| mismatch(raw, "a table of operators"))?;
        let mut operators: Vec<Operator> = Vec::new();
        for (name, codes) in table {
            if !is_name(name) {
                return Err(format!(
                    "has \"{name}\", which is no name: small letters, digits and dashes, at most 32"
                )
                .into());
            }
            let codes = codes.as_array().and_then(|codes| codes.iter().map(code).collect::<Option<Vec<_>>>());
            let codes = codes.filter(|codes| !codes.is_empty());
            let codes = codes
                .ok_or_else(|| format!("needs a list of codes of two digits for {name}: [\"90\", \"91\"]"))?;
            if let Some(code) =
                codes.iter().find(|code| operators.iter().any(|other| other.codes.contains(code)))
            {
                return Err(format!("has the code {code} twice").into());
            }
            operators.push(Operator { name: name.clone(), codes });
        }
        Ok(Self(operators))
    }

    fn placeholder() -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Operators, String> {
        let raw: toml::Table = toml::from_str(&format!("operators = {text}")).unwrap();
        Operators::read(&raw["operators"], Operators::KIND).map_err(|wrong| wrong.wrong)
    }

    #[test]
    fn r87_a_number_stands_in_the_list_of_the_operator_of_its_code() {
        let operators = read(r#"{ beeline = ["90", "91"], ucell = ["93"] }"#).unwrap();
        let number = PhoneNumber::from_digits("998911234567").unwrap();
        let of = |name| operators.find(name).is_some_and(|operator| operator.has(&number));
        assert!(of("beeline") && !of("ucell") && !of("nobody"));
        assert_eq!(operators.names().collect::<Vec<_>>(), ["beeline", "ucell"]);
    }

    #[test]
    fn a_mistake_in_the_operators_is_told() {
        for (text, wrong) in [
            (r#"{ "Bee line" = ["90"] }"#, "no name"),
            ("{ beeline = [] }", "list of codes"),
            (r#"{ beeline = ["9"] }"#, "list of codes"),
            (r#"{ beeline = ["90"], ucell = ["93", "90"] }"#, "the code 90 twice"),
            (r#"["90"]"#, "table"),
        ] {
            assert!(read(text).unwrap_err().contains(wrong), "{text}");
        }
    }
}
