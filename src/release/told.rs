//! What people are told in their cabinets of what services may have and get.

use super::{Extent, NewConsent};
use crate::clients::{Basis, Client};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::DataSet;

/// That a client gets data that a law gives it (R70, D-i); `None` where it gets none, or asked for consent.
pub fn release_notice(client: &Client, extent: &Extent) -> Option<NewNotice> {
    if client.data.basis != Basis::Statutory {
        return None;
    }
    let notice = about(NoticeKind::DataReleased, client, extent)?;
    Some(match extent.details.first() {
        Some(detail) => notice.purpose(&detail.asked.purpose),
        None => notice,
    })
}

/// That a person let a client have data, or that a law does; `None` where it gets none.
pub fn consent_notice(client: &Client, new: &NewConsent) -> Option<NewNotice> {
    match client.data.basis {
        Basis::Statutory => release_notice(client, &new.extent),
        Basis::Consent => {
            about(NoticeKind::ConsentGiven, client, &new.extent).map(|notice| notice.until(new.expires_at))
        }
    }
}

fn about(kind: NoticeKind, client: &Client, extent: &Extent) -> Option<NewNotice> {
    let sets = extent.sets();
    let notice = NewNotice::new(kind).service(client.id.as_str());
    (!sets.is_empty()).then(|| notice.data_sets(sets.into_iter().map(DataSet::name)))
}
