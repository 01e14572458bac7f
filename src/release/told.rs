//! What people are told in their cabinets of what services may have and get.

use std::collections::{BTreeMap, BTreeSet};

use super::{Extent, NewConsent};
use crate::clients::{Basis, Client, Localized};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::DataSet;
use crate::platform::web::locale::Language;

/// That a client gets data that a law gives it (R70, D-i): one for each purpose, with its own sets of data and the law. None where
/// it gets none, or asked for consent.
pub fn release_notices(client: &Client, extent: &Extent) -> Vec<NewNotice> {
    if client.data.basis != Basis::Statutory {
        return Vec::new();
    }
    let law = texts(&client.data.basis_reference);
    let about = |sets: &BTreeSet<DataSet>| {
        about(NoticeKind::DataReleased, client, sets).map(|notice| notice.laws(law.clone()))
    };
    let detailed = extent.details.iter().filter_map(|detail| {
        let asked = &detail.asked;
        Some(about(&asked.data_sets.iter().copied().collect())?.purpose(&asked.purpose))
    });
    let general = about(&extent.released).map(|notice| notice.purposes(texts(&client.data.purpose)));
    detailed.chain(general).collect()
}

/// That a person let a client have data, or that a law does; none where it gets none.
pub fn consent_notices(client: &Client, new: &NewConsent) -> Vec<NewNotice> {
    match client.data.basis {
        Basis::Statutory => release_notices(client, &new.extent),
        Basis::Consent => about(NoticeKind::ConsentGiven, client, &new.extent.sets())
            .map(|notice| notice.until(new.expires_at))
            .into_iter()
            .collect(),
    }
}

fn about(kind: NoticeKind, client: &Client, sets: &BTreeSet<DataSet>) -> Option<NewNotice> {
    let notice = NewNotice::new(kind).service(client.id.as_str());
    (!sets.is_empty()).then(|| notice.data_sets(sets.iter().map(|set| set.name())))
}

/// A text by the tag of the language, where there is one.
fn texts(text: &Localized) -> BTreeMap<String, String> {
    let said = Language::ALL.iter().map(|language| (language.tag(), text.get(language.tag())));
    let said = said.filter(|(_, words)| !words.trim().is_empty());
    said.map(|(tag, words)| (tag.to_owned(), words.to_owned())).collect()
}
