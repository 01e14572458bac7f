//! A person's data as pages name and show them.

use super::view::Datum;
use crate::clients::Client;
use crate::people::{Account, CivilDate, DataSet};
use crate::platform::web::text::Text;
pub(super) use crate::release::{label, person_name};
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
