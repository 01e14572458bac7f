//! Which entries are listed, and where a page begins.

use super::entry::Listed;
use crate::clients::ClientId;

/// Which entries of a person are listed: all, unless something is set.
#[derive(Clone, Default, Debug)]
pub struct Filter {
    /// Those of this client.
    pub client: Option<ClientId>,
    /// Those of this moment or later, in milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// Those of before this moment.
    pub until_ms: Option<i64>,
}

/// A place in a person's list, which is ordered by time and name: the next page begins after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// When the last entry of the page happened, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Its name.
    pub id: String,
}

impl Place {
    /// Before the newest entry.
    pub fn newest() -> Self {
        Self { at_ms: i64::MAX, id: String::new() }
    }

    /// After an entry that was listed.
    pub fn after(listed: &Listed) -> Self {
        Self { at_ms: listed.leaf.at_ms, id: listed.leaf.id.as_str().to_owned() }
    }
}
