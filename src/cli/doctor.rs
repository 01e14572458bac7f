//! `yagona client doctor`: what is wrong with a client, and what mends it.

use clap::Args;

use super::output::{Format, say};
use crate::app::doctor::{self, Examination, Failure, Place};
use crate::app::{StartError, Stores, cannot_start};
use crate::clients::Registry;

/// What to look at.
#[derive(Args)]
pub(super) struct Doctor {
    /// The client's identifier
    #[arg(required_unless_present = "code")]
    client_id: Option<String>,
    /// The code of a problem page (4J7W-9D2F), or the X-Request-Id of an answer, instead of a client
    #[arg(long, value_name = "CODE", conflicts_with = "client_id")]
    code: Option<String>,
    /// Also asks the addresses that the client registered: keys, icon, sector, back-channel logout
    #[arg(long)]
    online: bool,
}

impl Doctor {
    pub(super) async fn act(
        self,
        stores: &Stores,
        clients: &Registry,
        format: Format,
    ) -> Result<(), StartError> {
        let now = stores.clock.now();
        if let Some(code) = &self.code {
            let found = doctor::by_code(&stores.audit, code, now).await.map_err(cannot_start)?;
            let Some(failure) = found else {
                return Err(StartError(format!(
                    "no request of the last 14 days that was refused has the code {code}; the log may know more: grep {code}"
                )));
            };
            return format.print(&failure, || print_failure(&failure));
        }
        let id = self.client_id.unwrap_or_default();
        let outbound = self.online.then(|| stores.outbound());
        let place = Place::of(&stores.settings);
        let examined = doctor::examine((clients, &stores.audit), &id, (now, place), outbound.as_ref()).await;
        let Some(examination) = examined.map_err(cannot_start)? else {
            return Err(StartError(format!("there is no client `{id}`; `yagona client list` shows them")));
        };
        format.print(&examination.document(), || print(&examination))
    }
}

fn print(examination: &Examination) -> Result<(), StartError> {
    let Examination { client_id, name, state, findings, failures } = examination;
    say!("{client_id} ({name}): {state}");
    if findings.is_empty() {
        say!("\nNothing is wrong with its set-up.");
    } else {
        say!("\nSet-up:");
    }
    for finding in findings {
        let weight = if finding.wrong { "WRONG" } else { "note" };
        say!("  {weight:<6} {}\n         -> {}", finding.what, finding.remedy);
    }
    if failures.is_empty() {
        say!("\nNone of its requests was refused in the last 14 days.");
    } else {
        say!("\nIts last requests that were refused:");
    }
    for failure in failures {
        print_failure(failure)?;
    }
    Ok(())
}

fn print_failure(failure: &Failure) -> Result<(), StartError> {
    let Failure { at, client_id, event, error, reason, detail, code, remedy } = failure;
    say!("  {at} {code} {client_id} {event} {error}\n         {reason}");
    if !detail.is_empty() {
        say!("         {detail}");
    }
    say!("         -> {remedy}");
    Ok(())
}
