//! What commands about clients share: the text of registrations, and the icons of clients.

use super::output::say;
use crate::app::{StartError, cannot_start};
use crate::clients::{ClientFile, Registry};
use crate::platform::outbound::Outbound;

/// The longest client file: some ten thousand registrations.
pub(super) const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Fetches the icons of clients and warns of those that cannot be had; returns how many.
pub(super) async fn fetch_icons(clients: &Registry, outbound: &Outbound, ids: &[&str]) -> usize {
    let mut failed = 0;
    for id in ids {
        if let Err(why) = clients.renew_icon(outbound, id).await {
            failed += 1;
            eprintln!(
                "warning: the icon of {id} was not fetched: {why}. Pages show the icon that was fetched before from the same logo_uri, or else the service's initial; `yagona client icons {id}` tries again."
            );
        }
    }
    failed
}

/// Prints registrations as a client file.
///
/// # Errors
/// [`StartError`] when standard output cannot be written.
pub(super) fn text_of(file: &ClientFile) -> Result<(), StartError> {
    let text = file.write().map_err(cannot_start)?;
    say!("{}", text.trim_end());
    Ok(())
}
