//! What each data set is (`config/data-sets.toml`), and where a value of it came from: registers by annex 3 of resolution 679
//! (R109–R111). None of them is connected yet; each value says whom it is really from.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{CivilDate, DataSet};

/// The definitions, compiled in.
const FILE: &str = include_str!("../../config/data-sets.toml");

/// Who holds or gave a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Register {
    /// The record that identification for Mobile-ID made.
    MobileId,
    /// A file of test people: nobody vouches for it.
    TestData,
    /// The State Personalisation Centre (679 A3-1).
    PersonalisationCentre,
    /// The Ministry of Internal Affairs (679 A3-2).
    InternalAffairs,
    /// The Tax Committee (679 A3-3).
    TaxCommittee,
    /// The ministry of employment (679 A3-4).
    EmploymentMinistry,
}

impl Register {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MobileId => "mobile_id",
            Self::TestData => "test_data",
            Self::PersonalisationCentre => "personalisation_centre",
            Self::InternalAffairs => "internal_affairs",
            Self::TaxCommittee => "tax_committee",
            Self::EmploymentMinistry => "employment_ministry",
        }
    }
}

/// What a data set is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Which.
    pub name: DataSet,
    /// The scope that requests it.
    pub scope: String,
    /// Its fields: names of claims.
    pub claims: Vec<String>,
    /// Where its values come from once that register is connected.
    pub register: Register,
    /// The clause of annex 3, if it is one of its sets.
    pub clause: Option<String>,
    names: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    set: Vec<Definition>,
}

/// In the order of [`DataSet::ALL`]. The file is embedded, so tests find an error in it.
static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    toml::from_str::<File>(FILE).unwrap_or_else(|error| panic!("embedded data sets: {error}")).set
});

impl DataSet {
    /// What it is.
    ///
    /// # Panics
    /// When the embedded file does not define it, which a test prevents.
    pub fn definition(self) -> &'static Definition {
        DEFINITIONS.iter().find(|definition| definition.name == self).expect("a definition of each set")
    }
}

impl Definition {
    /// Its plain name in a language (`uz-Latn`, `uz-Cyrl`, `ru`, `en`).
    pub fn plain_name(&self, language: &str) -> &str {
        self.names.get(language).or_else(|| self.names.get("uz-Latn")).map_or("", String::as_str)
    }
}

/// From whom a value is, and of which day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// Who gave it.
    pub source: Register,
    /// The day on which it was so; unknown where nobody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<CivilDate>,
}

impl Origin {
    /// Of values that say nothing of it: the record as identification made it.
    pub const UNSAID: Self = Self { source: Register::MobileId, as_of: None };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::web::{locale::Language, text::Text};

    #[test]
    fn r109_the_file_defines_each_data_set_once_and_the_code_agrees() {
        let named: Vec<DataSet> = DEFINITIONS.iter().map(|definition| definition.name).collect();
        assert_eq!(named, DataSet::ALL, "config/data-sets.toml and DataSet::ALL");
        for definition in DEFINITIONS.iter() {
            let set = definition.name;
            assert_eq!(DataSet::parse(set.name()), Some(set));
            assert_eq!(definition.scope, set.scope(), "{set:?}");
            assert_eq!(definition.claims.is_empty(), set == DataSet::DataUsage, "{set:?}");
            assert_eq!(serde_json::to_value(set).unwrap(), set.name());
            assert_eq!(serde_json::to_value(definition.register).unwrap(), definition.register.name());
            let by_law = definition.clause.as_ref().is_some_and(|clause| clause.starts_with("679 A3-"));
            assert_eq!(by_law, set.is_of_record(), "{set:?}: annex 3 has it");
        }
    }

    #[test]
    fn r109_pages_call_a_data_set_what_the_file_calls_it() {
        let keys = [
            "data.name",
            "data.birth_date",
            "data.birth_place",
            "data.sex",
            "data.citizenship",
            "data.pinfl",
            "data.document",
            "data.photo",
            "data.phone",
            "data.address",
            "data.temporary_address",
            "data.tin",
            "data.employment",
            "data.legal_entity",
            "data.data_usage",
        ];
        for (set, key) in DataSet::ALL.into_iter().zip(keys) {
            assert_eq!(key.strip_prefix("data."), Some(set.name()));
            for language in Language::ALL {
                let text = Text::new(language);
                assert_eq!(text.get(key), set.definition().plain_name(language.tag()), "{key}");
            }
            assert_eq!(set.definition().names.len(), Language::ALL.len());
        }
    }

    #[test]
    fn r111_annex_3_names_the_register_of_each_set() {
        let register = |set: DataSet| set.definition().register;
        assert_eq!(register(DataSet::Address), Register::InternalAffairs);
        assert_eq!(register(DataSet::TemporaryAddress), Register::InternalAffairs);
        assert_eq!(register(DataSet::Tin), Register::TaxCommittee);
        assert_eq!(register(DataSet::Employment), Register::EmploymentMinistry);
        for set in [DataSet::Name, DataSet::Document, DataSet::BirthPlace, DataSet::Photo, DataSet::Sex] {
            assert_eq!(register(set), Register::PersonalisationCentre);
        }
    }
}
