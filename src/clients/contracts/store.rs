//! SQL of institutions and contracts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::book::Book;
use super::contract::{Contract, ContractDocument};
use super::institution::Institution;
use crate::clients::ClientId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(in crate::clients) const TABLES: &[&str] = &[INSTITUTIONS, CONTRACTS, USAGE];

const INSTITUTIONS: &str = "institutions";
const CONTRACTS: &str = "contracts";
const USAGE: &str = "contract_usage";

/// The list by which nodes follow both.
const LIST: &str = "contracts";

/// Institutions that can be read, with their versions; and why others cannot.
type Institutions = (BTreeMap<String, (Institution, i64)>, Vec<String>);

/// The newest version of each institution.
pub(super) async fn institutions(db: &Db) -> Result<Institutions, DbError> {
    let rows = db
        .read_all(db::statement(
            "SELECT institution_id, document, version FROM institutions i WHERE version = (SELECT MAX(version) FROM institutions n \
             WHERE n.institution_id = i.institution_id)",
        ))
        .await?;
    let (mut all, mut faults) = (BTreeMap::new(), Vec::new());
    for row in &rows {
        // One that cannot be read shuts out its own services and nobody else.
        match db::json::<Institution>(row, INSTITUTIONS, "document") {
            Ok(institution) => {
                let version = db::int(row, INSTITUTIONS, "version")?;
                all.insert(institution.id.clone(), (institution, version));
            }
            Err(error) => unreadable(&error, &mut faults),
        }
    }
    Ok((all, faults))
}

/// All contracts as they are, with their institutions.
pub(in crate::clients) async fn book(db: &Db, usual: Option<Arc<Contract>>) -> Result<Book, DbError> {
    let (institutions, mut faults) = institutions(db).await?;
    let rows = db
        .read_all(db::statement(
            "SELECT contract_id, version, document, recorded_at, ended_at, cleared FROM contracts c WHERE version = (SELECT MAX(version) \
             FROM contracts n WHERE n.contract_id = c.contract_id)",
        ))
        .await?;
    let mut contracts = Vec::with_capacity(rows.len());
    for row in &rows {
        match version(row) {
            Ok(read) => {
                let Some((institution, _)) = institutions.get(&read.document.institution) else { continue };
                contracts.push(Contract {
                    document: read.document,
                    institution: institution.clone(),
                    ended_at: read.ended_at,
                    recorded_at: read.recorded_at,
                    version: read.version,
                    cleared: db::int(row, CONTRACTS, "cleared")?,
                    built_in: false,
                });
            }
            Err(error) => unreadable(&error, &mut faults),
        }
    }
    let institutions = institutions.into_iter().map(|(id, (institution, _))| (id, institution)).collect();
    Ok(Book::new(institutions, contracts.into_iter(), usual).without(faults))
}

fn unreadable(error: &DbError, faults: &mut Vec<String>) {
    tracing::error!(event = "contract.invalid", %error, "a stored contract or institution is not in force");
    faults.push(error.to_string());
}

/// What is known of the newest version of a contract, whether its document can be read or not.
pub(super) struct Head {
    pub version: i64,
    pub institution: String,
    pub ended_at: Option<Timestamp>,
}

/// The newest version of each contract.
pub(super) async fn heads(db: &Db) -> Result<BTreeMap<String, Head>, DbError> {
    let rows = db
        .read_all(db::statement(
            "SELECT contract_id, version, institution_id, ended_at FROM contracts c WHERE version = (SELECT MAX(version) \
             FROM contracts n WHERE n.contract_id = c.contract_id)",
        ))
        .await?;
    let head = |row: &Row| {
        let head = Head {
            version: db::int(row, CONTRACTS, "version")?,
            institution: db::text(row, CONTRACTS, "institution_id")?,
            ended_at: db::maybe_int(row, CONTRACTS, "ended_at")?.map(Timestamp),
        };
        Ok((db::text(row, CONTRACTS, "contract_id")?, head))
    };
    rows.iter().map(head).collect()
}

/// The number of the newest version of each institution.
pub(super) async fn institution_versions(db: &Db) -> Result<BTreeMap<String, i64>, DbError> {
    let newest = "SELECT institution_id, CAST(MAX(version) AS BIGINT) AS version FROM institutions GROUP BY institution_id";
    let rows = db.read_all(db::statement(newest)).await?;
    let version = |row: &Row| {
        Ok((db::text(row, INSTITUTIONS, "institution_id")?, db::int(row, INSTITUTIONS, "version")?))
    };
    rows.iter().map(version).collect()
}

/// One version of a contract.
#[derive(Clone, Debug)]
pub struct Version {
    /// Counted from 1.
    pub version: i64,
    /// What it said.
    pub document: ContractDocument,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Since when an operator had ended it.
    pub ended_at: Option<Timestamp>,
}

fn version(row: &Row) -> Result<Version, DbError> {
    Ok(Version {
        version: db::int(row, CONTRACTS, "version")?,
        document: db::json(row, CONTRACTS, "document")?,
        recorded_at: Timestamp(db::int(row, CONTRACTS, "recorded_at")?),
        ended_at: db::maybe_int(row, CONTRACTS, "ended_at")?.map(Timestamp),
    })
}

/// All versions of a contract, the newest first.
pub(super) async fn history(db: &Db, id: &str) -> Result<Vec<Version>, DbError> {
    let all = db::statement(
        "SELECT contract_id, version, document, recorded_at, ended_at FROM contracts WHERE contract_id = $1 ORDER BY version DESC",
    );
    db.read_all(all.bind(id)).await?.iter().map(version).collect()
}

/// The next version of an institution.
pub(super) fn add_institution(
    institution: &Institution,
    version: i64,
    now: Timestamp,
) -> Result<Statement, DbError> {
    let insert = db::statement(
        "INSERT INTO institutions (institution_id, version, document, recorded_at) VALUES ($1, $2, $3, $4)",
    );
    Ok(insert.bind(&institution.id).bind(version).bind(db::to_json(institution)?).bind(now.0))
}

/// The next version of a contract, of which nothing is cleared yet.
pub(super) fn add_contract(
    document: &ContractDocument,
    (version, ended_at): (i64, Option<Timestamp>),
    now: Timestamp,
) -> Result<Statement, DbError> {
    let insert = db::statement(
        "INSERT INTO contracts (contract_id, version, institution_id, document, recorded_at, ended_at, cleared) \
         VALUES ($1, $2, $3, $4, $5, $6, 0)",
    );
    Ok(insert
        .bind(&document.id)
        .bind(version)
        .bind(&document.institution)
        .bind(db::to_json(document)?)
        .bind(now.0)
        .bind(ended_at.map(|at| at.0)))
}

/// What tells all nodes that something changed: last in its transaction.
pub(in crate::clients) fn changed() -> Statement {
    db::take_number(LIST)
}

/// Lets what people agreed to be held against a contract again: a client came to it. The same words are recorded as its next version,
/// so that a walk that is under way does not note that all of it was looked at, and nodes that do not know it yet have their time.
/// Whoever records one in the same moment does that as well.
pub(in crate::clients) fn uncleared(contract: &str, now: Timestamp) -> Statement {
    db::statement(
        "INSERT INTO contracts (contract_id, version, institution_id, document, recorded_at, ended_at, cleared) \
         SELECT contract_id, version + 1, institution_id, document, CAST($1 AS BIGINT), ended_at, 0 FROM contracts \
         WHERE contract_id = $2 AND version = (SELECT MAX(version) FROM contracts n WHERE n.contract_id = $3) \
         ON CONFLICT (contract_id, version) DO NOTHING",
    )
    .bind(now.0)
    .bind(contract)
    .bind(contract)
}

/// Notes that everything was ended that a version does not allow, or all because it is over.
pub(super) async fn cleared(db: &Db, (contract, version): (&str, i64), state: i64) -> Result<(), DbError> {
    let note = db::statement(
        "UPDATE contracts SET cleared = $1 WHERE contract_id = $2 AND version = $3 AND cleared < $4",
    );
    let note = note.bind(state).bind(contract).bind(version).bind(state);
    db.all_or_nothing(vec![note, changed()]).await
}

/// Adds releases of a client on a day.
pub(super) fn add_usage((day, contract): (i64, &str), client: &ClientId, releases: i64) -> Statement {
    db::statement(
        "INSERT INTO contract_usage (day, contract_id, client_id, releases) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (day, contract_id, client_id) DO UPDATE SET releases = contract_usage.releases + excluded.releases",
    )
    .bind(day)
    .bind(contract)
    .bind(client.as_str())
    .bind(releases)
}

/// Releases of each contract on a day, and from the first day of its month to it.
pub(super) async fn sums(db: &Db, (first, day): (i64, i64)) -> Result<BTreeMap<String, (u64, u64)>, DbError> {
    let sums = db::statement(
        "SELECT contract_id, CAST(SUM(CASE WHEN day = $1 THEN releases ELSE 0 END) AS BIGINT) AS of_day, \
         CAST(SUM(releases) AS BIGINT) AS of_month FROM contract_usage WHERE day >= $2 AND day <= $3 GROUP BY contract_id",
    );
    let rows = db.read_all(sums.bind(day).bind(first).bind(day)).await?;
    rows.iter()
        .map(|row| {
            let sum = |column| db::int(row, USAGE, column).map(|sum| u64::try_from(sum).unwrap_or(0));
            Ok((db::text(row, USAGE, "contract_id")?, (sum("of_day")?, sum("of_month")?)))
        })
        .collect()
}

/// Releases by contract, client and month.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageRow {
    /// `YYYY-MM`, of Tashkent.
    pub month: String,
    /// The contract.
    pub contract: String,
    /// The client.
    pub client: String,
    /// How often data were released.
    pub releases: i64,
}

/// Releases by contract, client and month, the oldest first.
pub(super) async fn usage(db: &Db) -> Result<Vec<UsageRow>, DbError> {
    let rows = db
        .read_all(db::statement(
            "SELECT day / 100 AS month, contract_id, client_id, CAST(SUM(releases) AS BIGINT) AS releases FROM contract_usage \
             GROUP BY day / 100, contract_id, client_id ORDER BY month, contract_id, client_id",
        ))
        .await?;
    rows.iter()
        .map(|row| {
            let month = db::int(row, USAGE, "month")?;
            Ok(UsageRow {
                month: format!("{:04}-{:02}", month / 100, month % 100),
                contract: db::text(row, USAGE, "contract_id")?,
                client: db::text(row, USAGE, "client_id")?,
                releases: db::int(row, USAGE, "releases")?,
            })
        })
        .collect()
}
