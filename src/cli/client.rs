//! `yagona client`: relying parties. Changes take effect on running nodes within a second.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{Format, say};
use super::registration_output::{MOST_BYTES, fetch_icons, text_of};
use super::{doctor, operator, registrations};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::Event;
use crate::clients::{
    AuthenticationDocument, ClientFile, ClientId, ClientSecret, DataDocument, IdentityDocument,
    RedirectsDocument, Registered, Registration, Registry, Suspension, TokensDocument, UnderContract,
};
use crate::platform::files::read_text;

/// Registers and manages clients (relying parties).
#[derive(Subcommand)]
pub(super) enum Client {
    /// Registers a client; its secret is shown only once
    Add(Box<Add>),
    /// Lists the clients
    List,
    /// Shows a client's registration
    Show {
        /// The client's identifier
        client_id: String,
        /// Shows what waits for approval instead: the client, or a change that it would like
        #[arg(long)]
        waiting: bool,
    },
    /// Approves a client that registered itself, or the change that one would like
    Approve {
        /// The client's identifier
        client_id: String,
        /// The code that `client show --waiting` gave what you looked at: nothing else is approved
        #[arg(long, value_name = "CODE", allow_hyphen_values = true)]
        review: String,
        /// The contract that it is to live under from now on
        #[arg(long, value_name = "ID")]
        contract: Option<String>,
    },
    /// Rejects a client that registered itself, which is then gone, or the change that one would like
    Reject {
        /// The client's identifier
        client_id: String,
    },
    /// Says what is wrong with a client's set-up and its last refused requests, and how to mend it
    Doctor(doctor::Doctor),
    /// Manages tokens by which services register themselves
    #[command(subcommand)]
    Token(registrations::Token),
    /// Disables a client: no sign-in, no tokens
    Disable {
        /// The client's identifier
        client_id: String,
        /// Enables it again
        #[arg(long)]
        undo: bool,
    },
    /// Gives a client a new secret, shown only once
    RotateSecret {
        /// The client's identifier
        client_id: String,
        /// Hours for which the old secret works as well, at most 30 days; none after a leak
        #[arg(long, default_value_t = 0, value_name = "HOURS", value_parser = clap::value_parser!(i64).range(0..=720))]
        keep_old: i64,
    },
    /// Deletes a disabled client: all consents to it end, and its identifier is not given again
    Delete {
        /// The client's identifier
        client_id: String,
    },
    /// Fetches the icons of clients anew from their `logo_uri`
    Icons {
        /// Only this client
        client_id: Option<String>,
    },
    /// Registers all clients of a TOML file, or none if one is invalid
    Import {
        #[arg(help = "TOML file with an array [[clients]]; - is standard input")]
        file: PathBuf,
        /// Does not read the documents at `sector_identifier_uri`; you vouch for them
        #[arg(long)]
        offline: bool,
    },
    /// Writes all registrations as TOML
    Export {
        /// Only this client
        client_id: Option<String>,
    },
}

/// A registration as flags; a file has more members (`yagona client import`).
#[derive(Args)]
pub(super) struct Add {
    /// Identifier; generated if absent
    #[arg(long, default_value = "")]
    id: String,
    /// The service's name, as people know it
    #[arg(long)]
    name: String,
    /// The body or company responsible for it
    #[arg(long)]
    owner: String,
    /// Redirect URI; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Post-logout redirect URI; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// The service's front page
    #[arg(long, value_name = "URL")]
    home: Option<String>,
    /// state or commercial
    #[arg(long)]
    kind: Option<String>,
    /// consent, or statutory for a state body
    #[arg(long)]
    basis: Option<String>,
    /// The contract or law that the data rest on
    #[arg(long, value_name = "TEXT")]
    basis_reference: Option<String>,
    /// The contract that it lives under
    #[arg(long, value_name = "ID")]
    contract: Option<String>,
    /// What the data are for
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// The service's privacy policy
    #[arg(long, value_name = "URL")]
    policy: Option<String>,
    /// Scopes that may be requested; `openid` alone asks for no data
    #[arg(long)]
    scope: Option<String>,
    /// client_secret_basic, client_secret_post or none
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// Grant type; may be repeated
    #[arg(long = "grant-type", value_name = "GRANT")]
    grant_types: Vec<String>,
    /// Signature algorithm of ID tokens: RS256 (the default), PS256, ES256 or EdDSA
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// Requires PKCE, also where a nonce would do
    #[arg(long, conflicts_with = "no_pkce")]
    require_pkce: bool,
    /// Requires neither PKCE nor a nonce (confidential clients only)
    #[arg(long)]
    no_pkce: bool,
}

impl Client {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let stores = super::existing(settings).await?;
        let clients = stores.clients().await?;
        match self.name() {
            Some(name) => {
                let id = self.client_id();
                let about = |event: Event<'static>| match id {
                    Some(id) => event.client(id),
                    None => event,
                };
                operator::recorded(&stores, name, about, self.act(&stores, &clients, format)).await?;
            }
            None => self.act(&stores, &clients, format).await?,
        }
        stores.db.close().await;
        Ok(())
    }

    /// The command's name, if it changes something.
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Add(_) => Some("client add"),
            Self::Import { .. } => Some("client import"),
            Self::Disable { undo: false, .. } => Some("client disable"),
            Self::Disable { undo: true, .. } => Some("client disable --undo"),
            Self::RotateSecret { .. } => Some("client rotate-secret"),
            Self::Delete { .. } => Some("client delete"),
            Self::Icons { .. } => Some("client icons"),
            Self::Approve { .. } => Some("client approve"),
            Self::Reject { .. } => Some("client reject"),
            Self::Token(token) => token.name(),
            Self::List | Self::Show { .. } | Self::Export { .. } | Self::Doctor(_) => None,
        }
    }

    /// The client that it is about, if it names one.
    fn client_id(&self) -> Option<String> {
        match self {
            Self::Add(add) => (!add.id.is_empty()).then(|| add.id.clone()),
            Self::Disable { client_id, .. }
            | Self::RotateSecret { client_id, .. }
            | Self::Approve { client_id, .. }
            | Self::Reject { client_id }
            | Self::Delete { client_id } => Some(client_id.clone()),
            _ => None,
        }
    }

    async fn act(self, stores: &Stores, clients: &Registry, format: Format) -> Result<(), StartError> {
        match self {
            Self::Add(add) => {
                let taken = ClientId::parse(&add.id).and_then(|id| clients.find(&id));
                if taken.is_some() {
                    return Err(StartError(format!(
                        "client `{0}` exists already: `yagona client show {0}` shows it, `yagona client import` changes it",
                        add.id
                    )));
                }
                let file = ClientFile { clients: vec![add.registration()] };
                register(stores, clients, file, format).await
            }
            Self::Import { file, offline } => {
                let text = read(&file)
                    .map_err(|error| StartError(format!("{} cannot be read: {error}", file.display())))?;
                let file = ClientFile::parse(&text).map_err(|error| {
                    StartError(format!("{} is not a client file:\n{error}", file.display()))
                })?;
                if !offline {
                    check_sectors(stores, clients, &file).await?;
                }
                register(stores, clients, file, format).await
            }
            Self::Icons { client_id } => icons(stores, clients, client_id.as_deref(), format).await,
            Self::List => list(clients, format).await,
            Self::Approve { client_id, review, contract } => {
                let with = (review.as_str(), contract.as_deref());
                registrations::approve(&client_id, with, clients, format).await
            }
            Self::Reject { client_id } => registrations::reject(&client_id, clients, format).await,
            Self::Doctor(doctor) => doctor.act(stores, clients, format).await,
            Self::Token(token) => token.act(stores, clients, format).await,
            Self::Show { client_id, waiting: true } => registrations::show(&client_id, clients, format).await,
            Self::Show { client_id, waiting: false } => {
                let mut file = document(clients, Some(&client_id)).await?;
                let Some(shown) = file.clients.pop() else { return Ok(()) };
                format.print(&shown, || text_of(&ClientFile { clients: vec![shown.clone()] }))
            }
            Self::Export { client_id } => {
                let file = document(clients, client_id.as_deref()).await?;
                format.print(&file, || text_of(&file))
            }
            Self::Disable { client_id, undo } => {
                clients.set_disabled(&client_id, !undo).await.map_err(cannot_start)?;
                format.print(&json!({ "client_id": client_id, "disabled": !undo }), || {
                    if undo {
                        say!("{client_id} is enabled again.");
                    } else {
                        say!("{client_id} is disabled; `yagona client disable --undo {client_id}` enables it again.");
                    }
                    Ok(())
                })
            }
            Self::RotateSecret { client_id, keep_old } => {
                let secret =
                    clients.rotate_secret(&client_id, keep_old * 3600).await.map_err(cannot_start)?;
                let told = json!({
                    "client_id": client_id, "client_secret": secret.expose(), "old_secret_hours": keep_old,
                });
                format.print(&told, || {
                    let old = match keep_old {
                        0 => "The old secret has stopped working.".to_owned(),
                        hours => format!("The old secret works for {hours} more hour(s)."),
                    };
                    say!(
                        "client_id      {client_id}\nclient_secret  {}\n\nThe secret is shown only once. {old}",
                        secret.expose()
                    );
                    Ok(())
                })
            }
            Self::Delete { client_id } => {
                clients.check_deletable(&client_id).await.map_err(cannot_start)?;
                // A client may have millions: in parts, so that none holds up the database. What fails can be repeated.
                let release = stores.life_events().await?.release;
                while release.end_of_client(&client_id, 1000).await.map_err(cannot_start)? > 0 {}
                clients.delete(&client_id).await.map_err(cannot_start)?;
                format.print(&json!({ "client_id": client_id, "deleted": true }), || {
                    say!("{client_id} is deleted, and all consents to it have ended. Its identifier is not given again.");
                    Ok(())
                })
            }
        }
    }
}

/// The text of a file, or of standard input.
pub(super) fn read(file: &Path) -> std::io::Result<String> {
    if file != Path::new("-") {
        return read_text(file, MOST_BYTES);
    }
    let mut text = String::new();
    std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Holds redirect URIs against the documents of their sectors.
async fn check_sectors(stores: &Stores, clients: &Registry, file: &ClientFile) -> Result<(), StartError> {
    clients.check_sectors(file, &stores.outbound()).await.map_err(|wrong| {
        StartError(format!(
            "{wrong}nothing was stored; where the document cannot be read from this machine, `--offline` registers without it"
        ))
    })
}

/// Registers clients, fetches their icons, and tells their identifiers and new secrets.
async fn register(
    stores: &Stores,
    clients: &Registry,
    file: ClientFile,
    format: Format,
) -> Result<(), StartError> {
    let done = clients.register(file).await.map_err(cannot_start)?;
    let told: Vec<Value> = done
        .iter()
        .map(|registered| {
            let secret = registered.secret.as_ref().map(ClientSecret::expose);
            json!({
                "client_id": registered.client_id, "created": registered.created, "client_secret": secret,
                "secret_of_file": registered.brought, "sector_changed": registered.sectors.is_some(),
            })
        })
        .collect();
    format.print(&json!({ "clients": told }), || print_registered(&done))?;
    for registered in &done {
        if let Some((old, new)) = &registered.sectors {
            let id = &registered.client_id;
            eprintln!(
                "warning: the sector of {id} was {old} and is {new}: {id} sees every person by another `sub` from now on. \
                 `sector` in its registration gives the former one back."
            );
        }
    }
    for registered in &done {
        let client = ClientId::parse(&registered.client_id).and_then(|id| clients.find(&id));
        if let Some(suspension) = client.and_then(|client| client.suspension) {
            eprintln!("warning: nobody signs in to {}: {}", registered.client_id, suspension.description());
        }
    }
    fetch_icons(clients, &stores.outbound(), &with_icons(&done)).await;
    Ok(())
}

/// Fetches icons anew.
async fn icons(
    stores: &Stores,
    clients: &Registry,
    only: Option<&str>,
    format: Format,
) -> Result<(), StartError> {
    let all = clients.all();
    let wanted = |id: &str| only.is_none_or(|only| only == id);
    // Of one that waits the icon waits with it.
    let with_icon = all.values().filter(|client| client.identity.logo_uri.is_some() && !client.pending);
    let mut ids: Vec<&str> = with_icon.map(|client| client.id.as_str()).filter(|id| wanted(id)).collect();
    ids.sort_unstable();
    if let (Some(id), true) = (only, ids.is_empty()) {
        return Err(StartError(format!("there is no client `{id}` with a logo_uri")));
    }
    let failed = fetch_icons(clients, &stores.outbound(), &ids).await;
    let fetched = ids.len() - failed;
    format.print(&json!({ "fetched": fetched, "failed": failed }), || {
        say!("{fetched} fetched, {failed} not.");
        Ok(())
    })?;
    if failed > 0 {
        return Err(StartError("not every icon could be fetched".to_owned()));
    }
    Ok(())
}

impl Add {
    fn registration(self) -> Registration {
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        Registration {
            client_id: self.id,
            identity: IdentityDocument {
                client_name: self.name,
                owner: self.owner,
                client_uri: self.home,
                kind: self.kind,
                policy_uri: self.policy,
                ..IdentityDocument::default()
            },
            redirects: RedirectsDocument {
                redirect_uris: self.redirect_uris,
                post_logout_redirect_uris: self.post_logout_redirect_uris,
                ..RedirectsDocument::default()
            },
            authentication: AuthenticationDocument {
                token_endpoint_auth_method: self.auth_method,
                require_pkce: (self.require_pkce || self.no_pkce).then_some(self.require_pkce),
                ..AuthenticationDocument::default()
            },
            tokens: TokensDocument {
                grant_types: some(self.grant_types),
                id_token_signed_response_alg: self.id_token_alg,
                ..TokensDocument::default()
            },
            data: DataDocument {
                basis: self.basis,
                basis_reference: self.basis_reference,
                purpose: self.purpose,
                scope: self.scope,
                ..DataDocument::default()
            },
            under: UnderContract { contract: self.contract, first_party: None },
            ..Registration::default()
        }
    }
}

fn with_icons(done: &[Registered]) -> Vec<&str> {
    done.iter().filter(|client| client.has_icon).map(|client| client.client_id.as_str()).collect()
}

fn print_registered(done: &[Registered]) -> Result<(), StartError> {
    for registered in done {
        let what = match registered {
            Registered { created: true, .. } => "new",
            Registered { secret: Some(_), .. } => "replaced, new secret",
            Registered { brought: true, .. } => "replaced, and its secret by that of the file",
            _ => "replaced, secret kept",
        };
        say!("client_id      {} ({what})", registered.client_id);
        if let Some(secret) = &registered.secret {
            say!("client_secret  {}", secret.expose());
        }
    }
    if done.iter().any(|registered| registered.secret.is_some()) {
        say!("\nSecrets are shown only once.");
    }
    Ok(())
}

async fn list(clients: &Registry, format: Format) -> Result<(), StartError> {
    let all = clients.all();
    let waiting = clients.waiting().await.map_err(cannot_start)?;
    let change_waits =
        |client: &ClientId| waiting.iter().any(|it| !it.is_new && it.client_id == client.as_str());
    if clients.refused_count() > 0 {
        eprintln!(
            "warning: {} more are stored and not served; `yagona check` says why",
            clients.refused_count()
        );
    }
    let mut all: Vec<_> = all.values().collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let told: Vec<Value> = all
        .iter()
        .map(|client| {
            let who = &client.identity;
            json!({
                "client_id": client.id.as_str(), "client_name": who.name.get("en"),
                "owner": who.owner.get("en"), "disabled": client.disabled, "pending": client.pending,
                "change_pending": change_waits(&client.id), "contract": client.under.contract,
                "suspension": client.suspension.map(Suspension::name),
            })
        })
        .collect();
    format.print(&json!({ "clients": told }), || {
        if all.is_empty() {
            say!("There are no clients yet; `yagona client add` registers one.");
        }
        for client in &all {
            let who = &client.identity;
            let state = match (client.pending, client.suspension, client.disabled) {
                (true, ..) => "pending",
                (false, Some(_), _) => "suspended",
                (false, None, true) => "disabled",
                (false, None, false) => "enabled",
            };
            let change = if change_waits(&client.id) { "; a change waits for approval" } else { "" };
            let (name, owner) = (who.name.get("en"), who.owner.get("en"));
            say!("{:<24} {:<9} {name} ({owner}){change}", client.id, state);
        }
        Ok(())
    })
}

async fn document(clients: &Registry, only: Option<&str>) -> Result<ClientFile, StartError> {
    let (file, unreadable) = clients.export(only).await.map_err(cannot_start)?;
    for error in unreadable {
        eprintln!("warning: {error}: this client is left out, and it is not served");
    }
    match only {
        Some(id) if file.clients.is_empty() => {
            Err(StartError(format!("there is no client `{id}`; `yagona client list` shows them")))
        }
        _ => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        add: Add,
    }

    #[test]
    fn pkce_is_demanded_or_waived_by_a_flag_and_left_to_the_default_without() {
        let member = |flags: &[&str]| {
            let words = [&["add", "--name", "Shop", "--owner", "Shop LLC"], flags].concat();
            let line = <Line as clap::Parser>::try_parse_from(words).ok()?;
            Some(line.add.registration().authentication.require_pkce)
        };
        assert_eq!(member(&[]), Some(None));
        assert_eq!(member(&["--require-pkce"]), Some(Some(true)));
        assert_eq!(member(&["--no-pkce"]), Some(Some(false)));
        assert_eq!(member(&["--no-pkce", "--require-pkce"]), None, "they exclude each other");
    }
}
