//! SQL of the table `places`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PlaceId, PlaceKind, Staff};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row};
use crate::platform::web::locale::Language;

const TABLE: &str = "places";

/// What a place is called, in four languages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceNames {
    /// Uzbek, Latin script.
    pub uz_latn: String,
    /// Uzbek, Cyrillic script.
    pub uz_cyrl: String,
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
}

impl PlaceNames {
    /// The name in a language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::UzLatn => &self.uz_latn,
            Language::UzCyrl => &self.uz_cyrl,
            Language::Ru => &self.ru,
            Language::En => &self.en,
        }
    }

    /// All four.
    pub fn all(&self) -> [&str; 4] {
        [&self.uz_latn, &self.uz_cyrl, &self.ru, &self.en]
    }
}

/// A place where people are identified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Place {
    /// Its name for operators.
    pub id: PlaceId,
    /// What it is.
    pub kind: PlaceKind,
    /// What people call it.
    pub names: PlaceNames,
    /// Region or city of republican rank.
    pub region: String,
    /// Accounts to which the place's and the funds' shares of a fee go (R17, R18), by the recipient's name.
    pub accounts: BTreeMap<String, String>,
    /// Since when.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

impl Staff {
    /// Stores a place. `false` if there is one of that name, open or closed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn add_place(&self, place: &Place) -> Result<bool, DbError> {
        let add = db::statement(
            "INSERT INTO places (place_id, kind, names, region, accounts, opened_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (place_id) DO NOTHING RETURNING place_id",
        )
        .bind(place.id.as_str())
        .bind(place.kind.name())
        .bind(db::to_json(&place.names)?)
        .bind(&place.region)
        .bind(db::to_json(&place.accounts)?)
        .bind(self.clock.now().0);
        Ok(self.db.change(add).await?.is_some())
    }

    /// Closes a place: nobody works there any more, and their sessions end. `false` if there is no open one of that name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn close_place(&self, id: &PlaceId) -> Result<bool, DbError> {
        let close = db::statement(
            "UPDATE places SET closed_at = $1 WHERE place_id = $2 AND closed_at IS NULL RETURNING place_id",
        );
        Ok(self.db.change(close.bind(self.clock.now().0).bind(id.as_str())).await?.is_some())
    }

    /// All places, by name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn places(&self) -> Result<Vec<Place>, DbError> {
        let all = "SELECT place_id, kind, names, region, accounts, opened_at, closed_at FROM places ORDER BY place_id";
        self.db.read_all(db::statement(all)).await?.iter().map(read).collect()
    }

    /// The place of that name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn place(&self, id: &PlaceId) -> Result<Option<Place>, DbError> {
        let one = "SELECT place_id, kind, names, region, accounts, opened_at, closed_at FROM places WHERE place_id = $1";
        let row = self.db.read_optional(db::statement(one).bind(id.as_str())).await?;
        row.as_ref().map(read).transpose()
    }
}

/// The kind in a row of a place.
pub(super) fn kind(row: &Row) -> Result<PlaceKind, DbError> {
    let kind = db::text(row, TABLE, "kind")?;
    PlaceKind::parse(&kind).ok_or_else(|| row.corrupt(TABLE, "kind", "no kind of place"))
}

fn read(row: &Row) -> Result<Place, DbError> {
    Ok(Place {
        id: PlaceId::stored(db::text(row, TABLE, "place_id")?),
        kind: kind(row)?,
        names: db::json(row, TABLE, "names")?,
        region: db::text(row, TABLE, "region")?,
        accounts: db::json(row, TABLE, "accounts")?,
        opened_at: Timestamp(db::int(row, TABLE, "opened_at")?),
        closed_at: db::maybe_int(row, TABLE, "closed_at")?.map(Timestamp),
    })
}
