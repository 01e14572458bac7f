//! `yagona receipts`: receipts of applications that people confirmed, and the keys that sign them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::operator;
use super::output::{Format, say};
use super::people::{account_of, parse};
use crate::app::{StartError, Stores, cannot_start};
use crate::applications::{self, PUBLISH_AHEAD, Receipt, ReceiptKey, ReceiptKeys};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;

/// The most receipts that are listed.
const MOST: i64 = 1000;

/// The longest receipt or set of keys that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Receipts of applications that people confirmed.
#[derive(Subcommand)]
pub(super) enum Receipts {
    /// Verifies a receipt by published keys alone, without this provider's configuration or network
    Verify {
        /// The receipt: a file with the JWS, or - for standard input
        file: PathBuf,
        /// The published keys: a file with the JWK set of /receipts/jwks
        #[arg(long, value_name = "FILE")]
        keys: PathBuf,
        /// The document: the receipt must have its hash
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
    },
    /// Lists the receipts of a person, the newest first
    List {
        /// The person's enrolled number
        number: String,
    },
    /// Prints a receipt
    Show {
        /// Its identifier, as `receipts list` shows it
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Lists the keys that sign receipts; none is ever removed
    Keys,
    /// Adds a key that signs receipts; the former ones stay published for good
    Rotate {
        /// Seconds until it signs, at most 30 days; whoever verifies may cache the published keys that long
        #[arg(long, default_value_t = PUBLISH_AHEAD, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=2_592_000))]
        active_in: i64,
    },
}

impl Receipts {
    pub(super) async fn run(self, file: Option<&Path>, format: Format) -> Result<(), StartError> {
        if let Self::Verify { file, keys, document } = &self {
            return verify((file, keys), document.as_deref(), format);
        }
        let settings = super::settings(file)?;
        match self {
            Self::Verify { .. } => {}
            Self::List { number } => {
                let number = parse(&number, &settings)?;
                let stores = super::existing(settings).await?;
                let account = account_of(&stores, &number).await?;
                let person = account.person_id.as_str();
                let list = async {
                    let receipts = stores.receipts().await?;
                    receipts.of_person(&account.person_id, None, MOST).await.map_err(cannot_start)
                };
                let found =
                    operator::recorded(&stores, "receipts list", |event| event.person(person), list).await?;
                let told: Vec<Value> = found.iter().map(document_of).collect();
                format.print(&json!({ "receipts": told }), || {
                    if found.is_empty() {
                        say!("There are no receipts.");
                    }
                    for receipt in &found {
                        let at = receipt.confirmed_at.to_rfc3339();
                        say!("{} {:<24} confirmed {at}", receipt.id, receipt.client_id);
                    }
                    Ok(())
                })?;
                stores.db.close().await;
            }
            Self::Show { id } => {
                let stores = super::existing(settings).await?;
                let find = async {
                    let found = stores.receipts().await?.find(&id).await.map_err(cannot_start)?;
                    found.ok_or_else(|| StartError(format!("there is no receipt `{id}`; `yagona receipts list` with a number shows those of a person")))
                };
                let found = operator::recorded(&stores, "receipts show", |event| event, find).await?;
                format.print(&document_of(&found), || {
                    say!("{}", found.text);
                    Ok(())
                })?;
                stores.db.close().await;
            }
            Self::Keys => {
                let stores = super::existing(settings).await?;
                print_keys(&keys(&stores).await?.list(), stores.clock.now(), format)?;
                stores.db.close().await;
            }
            Self::Rotate { active_in } => {
                let stores = super::existing(settings).await?;
                let rotate = async {
                    let keys = keys(&stores).await?;
                    keys.rotate(stores.clock.now().plus(active_in)).await.map_err(cannot_start)?;
                    Ok(keys.list())
                };
                let keys = operator::recorded(&stores, "receipts rotate", |event| event, rotate).await?;
                print_keys(&keys, stores.clock.now(), format)?;
                stores.db.close().await;
            }
        }
        Ok(())
    }
}

async fn keys(stores: &Stores) -> Result<ReceiptKeys, StartError> {
    ReceiptKeys::load(stores.db.clone(), &stores.keyring, stores.clock.clone()).await.map_err(cannot_start)
}

fn document_of(receipt: &Receipt) -> Value {
    json!({
        "receipt_id": receipt.id, "client_id": receipt.client_id.as_str(),
        "confirmed_at": receipt.confirmed_at.to_rfc3339(), "issued_at": receipt.issued_at.to_rfc3339(),
        "receipt": receipt.text,
    })
}

fn print_keys(keys: &[ReceiptKey], now: Timestamp, format: Format) -> Result<(), StartError> {
    let told: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!({
                "kid": key.kid, "created_at": key.created_at.to_rfc3339(),
                "active_from": key.active_from.to_rfc3339(),
            })
        })
        .collect();
    format.print(&json!({ "keys": told }), || {
        for key in keys {
            let state = if key.active_from > now { "will sign from" } else { "signs or signed from" };
            say!(
                "{} created {}, {state} {}",
                key.kid,
                key.created_at.to_rfc3339(),
                key.active_from.to_rfc3339()
            );
        }
        Ok(())
    })
}

/// What is in a file, or on standard input.
fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    let failed = |error: std::io::Error| StartError(format!("{}: {error}", path.display()));
    let mut content = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_end(&mut content).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(LONGEST).read_to_end(&mut content).map_err(failed)?;
    }
    Ok(content)
}

fn verify((file, keys): (&Path, &Path), document: Option<&Path>, format: Format) -> Result<(), StartError> {
    let text = String::from_utf8(read(file)?)
        .map_err(|_| StartError(format!("{}: it is no receipt: it is not text", file.display())))?;
    let claims = applications::verify(&text, &read(keys)?).map_err(|error| {
        StartError(format!("{}: it is no receipt of these keys: {error}", file.display()))
    })?;
    let hash = claims["application"]["document_hash"]["value"].as_str().unwrap_or_default().to_owned();
    if let Some(path) = document {
        let document =
            std::fs::read(path).map_err(|error| StartError(format!("{}: {error}", path.display())))?;
        if Digest::of(&document).encode() != hash {
            return Err(StartError(format!(
                "{} is not the document of this receipt: its hash is another",
                path.display()
            )));
        }
    }
    format.print(&Value::Object(claims.clone()), || print_claims(&claims, document.is_some()))
}

fn print_claims(claims: &Map<String, Value>, same_document: bool) -> Result<(), StartError> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let time = |name: &str| {
        claims.get(name).and_then(Value::as_i64).map_or_else(String::new, |at| Timestamp(at).to_rfc3339())
    };
    let none = Value::Null;
    let claim = |name: &str| text(claims.get(name).unwrap_or(&none));
    say!("The receipt is valid.");
    say!("issued by     {} at {}", claim("iss"), time("iat"));
    say!("for           {}", claim("aud"));
    say!("person        {} (as the service knows them)", claim("sub"));
    say!("confirmed     {} by {} ({})", time("confirmed_at"), claim("method"), claim("acr"));
    let application = claims.get("application").unwrap_or(&none);
    say!("title         {}", text(&application["title"]));
    say!("reference     {}", text(&application["reference"]));
    let same = if same_document { ": that of the document" } else { "" };
    say!("SHA-256       {}{same}", text(&application["document_hash"]["value"]));
    Ok(())
}
