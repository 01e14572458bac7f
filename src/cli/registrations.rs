//! `yagona client token`, `approve`, `reject`: services that register themselves (RFC 7591), and who lets them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::output::{Format, say};
use super::registration_output::{MOST_BYTES, text_of};
use crate::app::settings::Environment;
use crate::app::{StartError, Stores, cannot_start};
use crate::clients::{Approved, ClientFile, ListedToken, NewToken, Registry, Rejected, Waiting};
use crate::platform::clock::Timestamp;
use crate::platform::files::read_text;

/// Tokens by which services register themselves.
#[derive(Subcommand)]
pub(super) enum Token {
    /// Makes a token, shown only once
    Create(Create),
    /// Lists the tokens
    List,
    /// Revokes a token: nobody registers, or changes the registration, by it any more; its clients stay
    Revoke {
        /// The token's name, as `client token list` shows it, or a client whose registration access token it is
        name: String,
    },
}

/// What a token lets somebody do.
#[derive(Args)]
pub(super) struct Create {
    /// The body or company responsible for the services that register by it
    #[arg(long, required_unless_present = "members")]
    owner: Option<String>,
    /// How many clients may register
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    uses: i64,
    /// How long it works
    #[arg(long, default_value_t = 7, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=365))]
    days: i64,
    /// oidc, fapi2 or fapi2-message-signing: what the clients are held to
    #[arg(long)]
    profile: Option<String>,
    /// TOML file of members that each client gets and none can change: owner, kind, basis, data_sets, …; in a table [defaults], what a client may say otherwise
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// The clients need no approval; only in the sandbox
    #[arg(long)]
    approved: bool,
}

impl Create {
    fn members(&self) -> Result<Map<String, Value>, StartError> {
        let mut members: Map<String, Value> = match &self.members {
            None => Map::new(),
            Some(path) => {
                let text = read_text(path, MOST_BYTES)
                    .map_err(|error| StartError(format!("{} cannot be read: {error}", path.display())))?;
                toml::from_str(&text).map_err(|error| {
                    StartError(format!("{} is no TOML file of members:\n{error}", path.display()))
                })?
            }
        };
        let given = [("owner", &self.owner), ("profile", &self.profile)];
        members.extend(
            given
                .into_iter()
                .filter_map(|(member, value)| Some((member.to_owned(), Value::String(value.clone()?)))),
        );
        Ok(members)
    }
}

impl Token {
    /// The command's name, if it changes something.
    pub(super) const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Create(_) => Some("client token create"),
            Self::Revoke { .. } => Some("client token revoke"),
            Self::List => None,
        }
    }

    pub(super) async fn act(
        self,
        stores: &Stores,
        clients: &Registry,
        format: Format,
    ) -> Result<(), StartError> {
        match self {
            Self::Create(create) => make(&create, stores, clients, format).await,
            Self::List => {
                let tokens = clients.initial_tokens().await.map_err(cannot_start)?;
                let now = stores.clock.now();
                let told: Vec<Value> = tokens.iter().map(|token| document(token, now)).collect();
                format.print(&json!({ "tokens": told }), || {
                    if tokens.is_empty() {
                        say!("There are no tokens; `yagona client token create` makes one.");
                    }
                    for token in &tokens {
                        say!("{}", line(token, now));
                    }
                    Ok(())
                })
            }
            Self::Revoke { name } => revoke(&name, clients, format).await,
        }
    }
}

async fn make(
    create: &Create,
    stores: &Stores,
    clients: &Registry,
    format: Format,
) -> Result<(), StartError> {
    if create.approved && stores.settings.environment != Environment::Sandbox {
        return Err(StartError(
            "--approved is for the sandbox: no service meets citizens before an operator has looked at it"
                .to_owned(),
        ));
    }
    let new = NewToken {
        members: create.members()?,
        approved: create.approved,
        uses: create.uses,
        days: create.days,
    };
    let made = clients.create_initial_token(&new).await.map_err(StartError)?;
    let told = json!({
        "token_id": made.id, "token": made.token, "uses": new.uses, "expires_at": made.expires_at.to_rfc3339(),
    });
    format.print(&told, || {
        say!(
            "token_id  {}\ntoken     {}\nuses      {}\nexpires   {}\n\nThe token is shown only once. Give it to whoever registers at /oidc/register.",
            made.id,
            made.token,
            new.uses,
            made.expires_at.to_rfc3339()
        );
        Ok(())
    })
}

async fn revoke(name: &str, clients: &Registry, format: Format) -> Result<(), StartError> {
    let initial = clients.revoke_initial_token(name).await.map_err(cannot_start)?;
    if !initial && !clients.revoke_management(name).await.map_err(cannot_start)? {
        return Err(StartError(format!(
            "there is no token `{name}` that could be revoked, nor a client `{name}` that has one; `yagona client token list` shows the tokens"
        )));
    }
    format.print(&json!({ "name": name, "revoked": true }), || {
        if initial {
            say!("{name} is revoked: nobody registers by it any more. Clients that have stay as they are.");
        } else {
            say!("{name} cannot manage its registration any more; nothing else of it changes.");
        }
        Ok(())
    })
}

fn state(token: &ListedToken, now: Timestamp) -> &'static str {
    match token {
        ListedToken { revoked_at: Some(_), .. } => "revoked",
        token if token.expires_at <= now => "expired",
        token if token.used >= token.uses => "used up",
        _ => "works",
    }
}

fn document(token: &ListedToken, now: Timestamp) -> Value {
    json!({
        "token_id": token.id, "state": state(token, now), "uses": token.uses, "used": token.used,
        "expires_at": token.expires_at.to_rfc3339(), "approved": token.approved, "members": token.members,
    })
}

fn line(token: &ListedToken, now: Timestamp) -> String {
    let owner = token.members.get("owner").and_then(Value::as_str).unwrap_or("-");
    let approved = if token.approved { ", its clients need no approval" } else { "" };
    format!(
        "{} {:<8} {} of {} used, until {}: {owner}{approved}",
        token.id,
        state(token, now),
        token.used,
        token.uses,
        token.expires_at.to_rfc3339()
    )
}

/// Approves a client, or the change that it would like.
pub(super) async fn approve(
    id: &str,
    (review, contract): (&str, Option<&str>),
    clients: &Registry,
    format: Format,
) -> Result<(), StartError> {
    let approved = clients.approve(id, review, contract).await.map_err(cannot_start)?;
    let what = if matches!(approved, Approved::Client) { "client" } else { "change" };
    let served = crate::clients::ClientId::parse(id).and_then(|id| clients.find(&id));
    let suspension = served.as_ref().and_then(|client| client.suspension);
    let disabled = served.is_some_and(|client| client.disabled && client.suspension.is_none());
    if let Some(suspension) = suspension {
        eprintln!("warning: nobody signs in to {id}: {}", suspension.description());
    }
    format.print(&json!({ "client_id": id, "approved": what, "disabled": disabled }), || {
        match approved {
            Approved::Client if disabled => {
                say!("{id} is approved, and disabled: `yagona client disable --undo {id}` lets people sign in to it.");
            }
            Approved::Client => say!("{id} is approved: people can sign in to it."),
            Approved::Change => say!("The change of {id} is approved and in use."),
        }
        Ok(())
    })
}

/// Rejects a client, or the change that it would like.
pub(super) async fn reject(id: &str, clients: &Registry, format: Format) -> Result<(), StartError> {
    let rejected = clients.reject(id).await.map_err(cannot_start)?;
    let what = if matches!(rejected, Rejected::Client) { "client" } else { "change" };
    format.print(&json!({ "client_id": id, "rejected": what }), || {
        match rejected {
            Rejected::Client => say!("{id} is rejected and gone; nobody has met it."),
            Rejected::Change => say!("The change of {id} is rejected; its registration goes on as it was."),
        }
        Ok(())
    })
}

/// An address, of which a picture in itself is no address to be read.
fn shortened(uri: &str) -> &str {
    if uri.starts_with("data:") { "the registration itself" } else { uri }
}

/// Shows what waits of a client, with the code that approves exactly that.
pub(super) async fn show(id: &str, clients: &Registry, format: Format) -> Result<(), StartError> {
    let waiting = clients.waiting().await.map_err(cannot_start)?;
    let Some(waiting) = waiting.into_iter().find(|waiting| waiting.client_id == id) else {
        return Err(StartError(format!("nothing of the client `{id}` waits for approval")));
    };
    let Waiting { is_new, registration, icon, sector, shared_with, review, .. } = waiting;
    let what = if is_new { "client" } else { "change" };
    let picture = icon.as_ref().map(|icon| json!({ "uri": icon.uri, "digest": icon.digest }));
    let told = json!({
        "waits": what, "review": review, "registration": registration, "icon": picture, "sector": sector,
        "shared_with": shared_with,
    });
    format.print(&told, || {
        say!("# What waits for approval: the {what}.");
        text_of(&ClientFile { clients: vec![registration.clone()] })?;
        say!("");
        match (&icon, &registration.identity.logo_uri) {
            (Some(icon), _) => say!("# New icon: {} from {}", icon.digest, shortened(&icon.uri)),
            (None, Some(_)) if is_new => {
                say!("# Icon: it could not be fetched; people see the service's initial until `yagona client icons {id}`.");
            }
            (None, Some(_)) => say!("# Icon: as it is, or none where logo_uri is another one."),
            (None, None) => {}
        }
        match &sector {
            Some(sector) if shared_with.is_empty() => say!("# Sector: {sector}, of no other client."),
            Some(sector) => say!(
                "# Sector: {sector}, and of {} as well: they know every person by the same `sub`.",
                shared_with.join(", ")
            ),
            None => say!("# Sector: none; people get the `sub` that all public clients see."),
        }
        say!("\n# yagona client approve {id} --review {review}");
        Ok(())
    })
}
