//! `yagona client`: relying parties. Changes are effective on running nodes within a second.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::clients::{ClientFile, Registered, Registration, Registry};
use crate::platform::db;

/// Registers and manages relying parties.
#[derive(Subcommand)]
pub(super) enum Client {
    /// Registers a client; its secret is shown once
    Add(Box<Add>),
    /// Lists the clients
    List,
    /// Shows a client's registration
    Show {
        /// The client's identifier
        client_id: String,
    },
    /// Shuts a client out
    Disable {
        /// The client's identifier
        client_id: String,
        /// Lets it in again
        #[arg(long)]
        undo: bool,
    },
    /// Gives a client a new secret, shown once; the former one stops working
    RotateSecret {
        /// The client's identifier
        client_id: String,
    },
    /// Registers all clients of a TOML file, or none if one is wrong
    Import {
        /// A file of [[clients]]
        file: PathBuf,
    },
    /// Writes all registrations as TOML
    Export {
        /// Only this client
        client_id: Option<String>,
    },
}

/// A registration in flags; a file says more (`yagona client import`).
#[derive(Args)]
pub(super) struct Add {
    /// Identifier; made up when absent
    #[arg(long, default_value = "")]
    id: String,
    /// The service's name, as people know it
    #[arg(long)]
    name: String,
    /// The body or company that answers for it
    #[arg(long)]
    owner: String,
    /// Where answers may go; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where people may go after signing out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// The service's front page
    #[arg(long, value_name = "URL")]
    home: Option<String>,
    /// state or commercial
    #[arg(long)]
    kind: Option<String>,
    /// consent or statutory
    #[arg(long)]
    basis: Option<String>,
    /// Scopes that may be asked for
    #[arg(long)]
    scope: Option<String>,
    /// client_secret_basic, client_secret_post or none
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// Grants; may be repeated
    #[arg(long = "grant-type", value_name = "GRANT")]
    grant_types: Vec<String>,
    /// Signature of ID tokens: ES256, RS256 or EdDSA
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// Does not demand PKCE (confidential clients only)
    #[arg(long)]
    no_pkce: bool,
}

impl Client {
    pub(super) async fn run(self, settings: Settings) -> Result<(), StartError> {
        let stores = Stores::open(settings).await?;
        db::migrate(&stores.db).await.map_err(cannot_start)?;
        let clients = stores.clients().await?;
        self.act(&clients).await?;
        stores.db.close().await;
        Ok(())
    }

    async fn act(self, clients: &Registry) -> Result<(), StartError> {
        match self {
            Self::Add(add) => {
                let taken = crate::clients::ClientId::parse(&add.id).and_then(|id| clients.find(&id));
                if taken.is_some() {
                    return Err(StartError(format!(
                        "there is a client `{0}` already: `yagona client show {0}` shows it, `yagona client import` changes it",
                        add.id
                    )));
                }
                let file = ClientFile { clients: vec![add.registration()] };
                print_registered(&clients.register(file).await.map_err(cannot_start)?);
            }
            Self::Import { file } => {
                let text = std::fs::read_to_string(&file)
                    .map_err(|error| StartError(format!("{} cannot be read: {error}", file.display())))?;
                let file = ClientFile::parse(&text)
                    .map_err(|error| StartError(format!("{} is no client file:\n{error}", file.display())))?;
                print_registered(&clients.register(file).await.map_err(cannot_start)?);
            }
            Self::List => list(clients),
            Self::Show { client_id } => print!("{}", document(clients, Some(&client_id)).await?),
            Self::Export { client_id } => print!("{}", document(clients, client_id.as_deref()).await?),
            Self::Disable { client_id, undo } => {
                clients.set_disabled(&client_id, !undo).await.map_err(cannot_start)?;
                if undo {
                    println!("{client_id} is let in again.");
                } else {
                    println!(
                        "{client_id} is shut out; `yagona client disable --undo {client_id}` lets it in again."
                    );
                }
            }
            Self::RotateSecret { client_id } => {
                let secret = clients.rotate_secret(&client_id).await.map_err(cannot_start)?;
                println!(
                    "client_id      {client_id}\nclient_secret  {}\n\nThe secret is shown this once.",
                    secret.expose()
                );
            }
        }
        Ok(())
    }
}

impl Add {
    fn registration(self) -> Registration {
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        Registration {
            client_id: self.id,
            client_name: self.name,
            owner: self.owner,
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            client_uri: self.home,
            kind: self.kind,
            basis: self.basis,
            scope: self.scope,
            token_endpoint_auth_method: self.auth_method,
            grant_types: some(self.grant_types),
            id_token_signed_response_alg: self.id_token_alg,
            require_pkce: self.no_pkce.then_some(false),
            ..Registration::default()
        }
    }
}

fn print_registered(done: &[Registered]) {
    for registered in done {
        println!("client_id      {}", registered.client_id);
        if let Some(secret) = &registered.secret {
            println!("client_secret  {}", secret.expose());
        }
    }
    if done.iter().any(|registered| registered.secret.is_some()) {
        println!("\nSecrets are shown this once.");
    }
}

fn list(clients: &Registry) {
    let all = clients.all();
    let mut all: Vec<_> = all.values().collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    if all.is_empty() {
        println!("There are no clients yet; `yagona client add` registers one.");
    }
    for client in all {
        let state = if client.disabled { "shut out" } else { "served" };
        println!("{:<24} {:<9} {} ({})", client.id, state, client.name.get("en"), client.owner.get("en"));
    }
}

async fn document(clients: &Registry, only: Option<&str>) -> Result<String, StartError> {
    let mut file = clients.export().await.map_err(cannot_start)?;
    if let Some(id) = only {
        file.clients.retain(|client| client.client_id == id);
        if file.clients.is_empty() {
            return Err(StartError(format!("there is no client `{id}`; `yagona client list` shows them")));
        }
    }
    file.write().map_err(cannot_start)
}
