//! A person's data as pages name and show them.

use super::view::Datum;
use crate::clients::Client;
use crate::people::{Account, CivilDate, DataSet};
use crate::platform::web::{locale::Language, text::Text};
use crate::release::{values, warning};

/// A set of data with its values; `None` when there is nothing to release.
pub(super) fn datum(
    client: &Client,
    account: &Account,
    set: DataSet,
    text: Text,
    today: CivilDate,
) -> Option<Datum> {
    let values = values(account, set, text);
    if values.is_empty() {
        return None;
    }
    let why = client
        .data_set(set)
        .map(|policy| policy.why.get(text.language().tag()))
        .filter(|why| !why.is_empty());
    Some(Datum {
        id: set.name().to_owned(),
        label: text.get(label(set)).to_owned(),
        values,
        warning: warning(account, set, text, today),
        why: why.map(str::to_owned),
        is_new: false,
        had: false,
    })
}

/// The person's name in the script of the page.
pub(super) fn person_name(account: &Account, language: Language) -> String {
    let names = &account.person.names;
    match language {
        Language::UzCyrl | Language::Ru => names.cyrillic.for_pages().full(),
        Language::UzLatn | Language::En => names.latin.for_pages().full(),
    }
}

/// The key of a set's plain name.
pub(super) const fn label(set: DataSet) -> &'static str {
    match set {
        DataSet::Name => "data.name",
        DataSet::BirthDate => "data.birth_date",
        DataSet::Sex => "data.sex",
        DataSet::Citizenship => "data.citizenship",
        DataSet::Pinfl => "data.pinfl",
        DataSet::Document => "data.document",
        DataSet::Phone => "data.phone",
        DataSet::Address => "data.address",
        DataSet::BirthPlace => "data.birth_place",
        DataSet::TemporaryAddress => "data.temporary_address",
        DataSet::Tin => "data.tin",
        DataSet::Employment => "data.employment",
        DataSet::Photo => "data.photo",
        DataSet::DataUsage => "data.data_usage",
    }
}
