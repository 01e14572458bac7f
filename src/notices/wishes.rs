//! Of which notices a person wants an SMS as well (R73), and that they accepted the charge for it (R31, R76, R79): the warning is
//! shown first, and both times are kept. A wish can be withdrawn at any time; the history of consents to charges stays.

use std::collections::BTreeSet;

use super::inbox::NoticeKind;
use crate::people::{People, PersonId};
use crate::platform::bytes;
use crate::platform::clock::Clock;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::web::locale::Language;
use crate::platform::web::text::Text;

const CONSENTS: &str = "charge_consents";
const WISHES: &str = "notice_wishes";

/// All kinds, those of later versions included.
const ALL: &str = "*";

/// Of which notices an SMS is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Of all, those of kinds included that come later.
    All,
    /// Of these.
    Kinds(BTreeSet<NoticeKind>),
}

impl Wish {
    /// Whether it takes in a kind.
    pub fn includes(&self, kind: NoticeKind) -> bool {
        match self {
            Self::All => true,
            Self::Kinds(kinds) => kinds.contains(&kind),
        }
    }
}

/// The warning of charges, as the person saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChargeWarning {
    /// In which language it was shown. SMS about notices come in the same.
    pub language: Language,
    /// What one SMS cost, in tiyin, as it said; `None` where it named no sum.
    pub tiyin: Option<i64>,
    /// When it was shown, in milliseconds since the Unix epoch.
    pub shown_at_ms: i64,
}

/// The warning that stands before the wish (R31, R79): what one SMS costs, in tiyin, if that is set.
pub fn charge_warning(text: Text, tiyin: Option<i64>) -> String {
    match tiyin {
        None => text.get("notices.charge_warning_unknown").to_owned(),
        Some(tiyin) => text.with("notices.charge_warning", &[("price", &in_soms(tiyin))]),
    }
}

/// A sum as people write it: `8 800`, and `50,05` where it has a fraction. A soʻm has a hundred tiyin.
pub fn in_soms(tiyin: i64) -> String {
    let (whole, part) = (tiyin.div_euclid(100).to_string(), tiyin.rem_euclid(100));
    let mut said = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            // It is not to be broken at the end of a line.
            said.push('\u{a0}');
        }
        said.push(digit);
    }
    if part > 0 {
        said.push_str(&format!(",{part:02}"));
    }
    said
}

/// A consent to charges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChargeConsent {
    /// The warning that came before it.
    pub warning: ChargeWarning,
    /// When the person accepted, in milliseconds since the Unix epoch.
    pub accepted_at_ms: i64,
    /// When it was withdrawn, or another one took its place.
    pub withdrawn_at_ms: Option<i64>,
}

/// What a person wishes now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wished {
    /// Of which notices.
    pub wish: Wish,
    /// The consent that it rests on.
    pub consent: ChargeConsent,
}

/// The wishes of all people. Cheap to clone.
#[derive(Clone)]
pub struct SmsWishes {
    db: Db,
    clock: Clock,
}

impl SmsWishes {
    /// The store.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// What a person wishes; `None` when they want no SMS about notices.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of(&self, person: &PersonId) -> Result<Option<Wished>, DbError> {
        let kinds = "SELECT w.kind, c.language, c.tiyin, c.warned_at_ms, c.accepted_at_ms, c.withdrawn_at_ms \
                     FROM charge_consents c JOIN notice_wishes w ON w.person_id = c.person_id \
                     WHERE c.person_id = $1 AND c.withdrawn_at_ms IS NULL";
        let rows = self.db.read_all(db::statement(kinds).bind(person.as_str())).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let consent = consent(first)?;
        let names = rows.iter().map(|row| db::text(row, WISHES, "kind")).collect::<Result<Vec<_>, _>>()?;
        let wish = if names.iter().any(|name| name == ALL) {
            Wish::All
        } else {
            Wish::Kinds(names.iter().filter_map(|name| NoticeKind::parse(name)).collect())
        };
        Ok(Some(Wished { wish, consent }))
    }

    /// The language in which a person wants SMS about a kind of notices; `None` when they want none.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn language_for(
        &self,
        person: &PersonId,
        kind: &str,
    ) -> Result<Option<Language>, DbError> {
        let wanted = "SELECT c.language FROM charge_consents c WHERE c.person_id = $1 AND c.withdrawn_at_ms IS NULL \
                      AND EXISTS (SELECT 1 FROM notice_wishes w WHERE w.person_id = c.person_id AND w.kind IN ('*', $2))";
        let row = self.db.read_optional(db::statement(wanted).bind(person.as_str()).bind(kind)).await?;
        row.map(|row| language(&row)).transpose()
    }

    /// Every consent to charges that a person gave, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn consents(&self, person: &PersonId) -> Result<Vec<ChargeConsent>, DbError> {
        let all = "SELECT language, tiyin, warned_at_ms, accepted_at_ms, withdrawn_at_ms FROM charge_consents \
                   WHERE person_id = $1 ORDER BY accepted_at_ms DESC, charge_consent_id DESC LIMIT 1000";
        self.db.read_all(db::statement(all).bind(person.as_str())).await?.iter().map(consent).collect()
    }

    /// Records that a person, having seen `warning`, accepts the charges and wants an SMS of these notices. It takes the
    /// place of what they wished before. A wish for nothing is a withdrawal.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn accept(
        &self,
        person: &PersonId,
        wish: &Wish,
        warning: ChargeWarning,
    ) -> Result<(), DbError> {
        if matches!(wish, Wish::Kinds(kinds) if kinds.is_empty()) {
            return self.withdraw(person).await.map(|_| ());
        }
        let now_ms = self.clock.now_ms();
        let accept = db::statement(
            "INSERT INTO charge_consents (charge_consent_id, person_id, language, tiyin, warned_at_ms, accepted_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(bytes::random_alphanumeric::<26>())
        .bind(person.as_str())
        .bind(warning.language.tag())
        .bind(warning.tiyin)
        .bind(warning.shown_at_ms)
        .bind(now_ms);
        // Of two at once the second sees the first: its wishes rest on its own acceptance.
        let mut all = vec![People::hold(person), end_consent(person, now_ms), accept, end_wishes(person)];
        all.extend(wished(person, wish, now_ms));
        self.db.all_or_nothing(all).await
    }

    /// What records that a person accepted charges after `warning`, for the transaction in which they were identified (R31, R32). What
    /// they wish stays as it is.
    pub fn accepted_rows(person: &PersonId, warning: ChargeWarning, accepted_at_ms: i64) -> Vec<Statement> {
        let accept = db::statement(
            "INSERT INTO charge_consents (charge_consent_id, person_id, language, tiyin, warned_at_ms, accepted_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(bytes::random_alphanumeric::<26>())
        .bind(person.as_str())
        .bind(warning.language.tag())
        .bind(warning.tiyin)
        .bind(warning.shown_at_ms)
        .bind(accepted_at_ms);
        vec![end_consent(person, accepted_at_ms), accept]
    }

    /// Changes of which notices a person wants an SMS, on the consent to charges that they gave; `false` when there is none.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn change(&self, person: &PersonId, wish: &Wish) -> Result<bool, DbError> {
        if matches!(wish, Wish::Kinds(kinds) if kinds.is_empty()) {
            return self.withdraw(person).await;
        }
        let guard = db::statement(
            "UPDATE charge_consents SET withdrawn_at_ms = NULL WHERE person_id = $1 AND withdrawn_at_ms IS NULL \
             RETURNING charge_consent_id",
        )
        .bind(person.as_str());
        let mut then = vec![end_wishes(person)];
        then.extend(wished(person, wish, self.clock.now_ms()));
        Ok(self.db.guarded(guard, then).await?.is_some())
    }

    /// Ends all SMS about notices, those included that wait to be sent; `false` when there were none to end.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn withdraw(&self, person: &PersonId) -> Result<bool, DbError> {
        let guard = db::statement(
            "UPDATE charge_consents SET withdrawn_at_ms = $1 WHERE person_id = $2 AND withdrawn_at_ms IS NULL \
             RETURNING charge_consent_id",
        )
        .bind(self.clock.now_ms())
        .bind(person.as_str());
        let unwanted = db::statement("UPDATE notices SET sms = NULL WHERE person_id = $1 AND sms = 'wanted'");
        let then = vec![end_wishes(person), unwanted.bind(person.as_str())];
        Ok(self.db.guarded(guard, then).await?.is_some())
    }
}

fn end_consent(person: &PersonId, now_ms: i64) -> Statement {
    db::statement(
        "UPDATE charge_consents SET withdrawn_at_ms = $1 WHERE person_id = $2 AND withdrawn_at_ms IS NULL",
    )
    .bind(now_ms)
    .bind(person.as_str())
}

fn end_wishes(person: &PersonId) -> Statement {
    db::statement("DELETE FROM notice_wishes WHERE person_id = $1").bind(person.as_str())
}

fn wished(person: &PersonId, wish: &Wish, now_ms: i64) -> Vec<Statement> {
    let kinds: Vec<&str> = match wish {
        Wish::All => vec![ALL],
        Wish::Kinds(kinds) => kinds.iter().map(|kind| kind.name()).collect(),
    };
    let row = |kind| {
        db::statement(
            "INSERT INTO notice_wishes (person_id, kind, since_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(person.as_str())
        .bind(kind)
        .bind(now_ms)
    };
    kinds.into_iter().map(row).collect()
}

fn consent(row: &Row) -> Result<ChargeConsent, DbError> {
    Ok(ChargeConsent {
        warning: ChargeWarning {
            language: language(row)?,
            tiyin: db::maybe_int(row, CONSENTS, "tiyin")?,
            shown_at_ms: db::int(row, CONSENTS, "warned_at_ms")?,
        },
        accepted_at_ms: db::int(row, CONSENTS, "accepted_at_ms")?,
        withdrawn_at_ms: db::maybe_int(row, CONSENTS, "withdrawn_at_ms")?,
    })
}

fn language(row: &Row) -> Result<Language, DbError> {
    let tag = db::text(row, CONSENTS, "language")?;
    Language::parse(&tag).ok_or_else(|| row.corrupt(CONSENTS, "language", "it is none of this version"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Timestamp;
    use crate::platform::db::test_db::TestDb;

    const NOW: Timestamp = Timestamp(1_795_244_400);

    async fn wishes() -> (SmsWishes, Clock, TestDb) {
        let (db, clock) = (TestDb::migrated().await, Clock::manual(NOW));
        (SmsWishes::new(db.clone(), clock.clone()), clock, db)
    }

    fn warning(shown_at: Timestamp) -> ChargeWarning {
        ChargeWarning { language: Language::Ru, tiyin: Some(5000), shown_at_ms: shown_at.0 * 1000 }
    }

    fn kinds(kinds: &[NoticeKind]) -> Wish {
        Wish::Kinds(kinds.iter().copied().collect())
    }

    #[actix_web::test]
    async fn r73_nobody_gets_an_sms_who_has_not_accepted_the_charge_and_a_wish_can_be_withdrawn() {
        let (wishes, clock, _db) = wishes().await;
        let (one, other) = (PersonId::random(), PersonId::random());
        assert_eq!(wishes.of(&one).await.unwrap(), None);
        assert!(!wishes.change(&one, &Wish::All).await.unwrap(), "no warning was accepted");
        assert_eq!(wishes.of(&one).await.unwrap(), None);
        clock.advance(30);
        let some = kinds(&[NoticeKind::NewDevice, NoticeKind::DataReleased]);
        wishes.accept(&one, &some, warning(NOW)).await.unwrap();
        let wished = wishes.of(&one).await.unwrap().unwrap();
        assert_eq!(wished.wish, some);
        assert_eq!(wished.consent.warning, warning(NOW), "R79: the warning came first");
        assert_eq!(wished.consent.accepted_at_ms, NOW.plus(30).0 * 1000);
        let language = async |who, kind| wishes.language_for(who, kind).await.unwrap();
        assert_eq!(language(&one, "new_device").await, Some(Language::Ru));
        assert_eq!(language(&one, "access_ended").await, None);
        assert_eq!(language(&other, "new_device").await, None);
        assert!(wishes.change(&one, &Wish::All).await.unwrap());
        assert_eq!(language(&one, "of_a_later_version").await, Some(Language::Ru));
        assert!(wishes.withdraw(&one).await.unwrap() && !wishes.withdraw(&one).await.unwrap());
        assert_eq!((wishes.of(&one).await.unwrap(), language(&one, "new_device").await), (None, None));
    }

    #[actix_web::test]
    async fn r73_with_the_wish_goes_what_waits_to_be_sent() {
        let (wishes, _clock, db) = wishes().await;
        let (one, other) = (PersonId::random(), PersonId::random());
        for (n, person) in [&one, &other].into_iter().enumerate() {
            wishes.accept(person, &Wish::All, warning(NOW)).await.unwrap();
            let waits = "INSERT INTO notices (notice_id, person_id, kind, about, arrived_at_ms, sms) \
                         VALUES ($1, $2, 'new_device', '{}', 1, 'wanted')";
            db.execute(db::statement(waits).bind(n.to_string()).bind(person.as_str())).await.unwrap();
        }
        assert!(wishes.withdraw(&one).await.unwrap());
        let left = db.read_all(db::statement("SELECT person_id FROM notices WHERE sms = 'wanted'")).await;
        let left = left.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(db::text(&left[0], "notices", "person_id").unwrap(), other.as_str());
    }

    #[test]
    fn r79_the_warning_names_the_sum() {
        let said = |tiyin| charge_warning(Text::new(Language::En), tiyin);
        assert!(said(Some(880_000)).contains("8\u{a0}800 soʻm"), "{}", said(Some(880_000)));
        assert!(said(Some(5005)).contains("50,05 soʻm"), "{}", said(Some(5005)));
        assert!(said(Some(5000)).contains(" 50 soʻm"), "{}", said(Some(5000)));
        assert!(!said(None).contains('{'), "{}", said(None));
    }

    #[actix_web::test]
    async fn consents_to_charges_are_a_history() {
        let (wishes, clock, _db) = wishes().await;
        let person = PersonId::random();
        for n in 0..3 {
            clock.advance(10);
            wishes.accept(&person, &Wish::All, warning(NOW.plus(n))).await.unwrap();
        }
        wishes.accept(&person, &kinds(&[]), warning(NOW)).await.unwrap();
        let all = wishes.consents(&person).await.unwrap();
        assert_eq!(all.len(), 3, "a wish for nothing is a withdrawal");
        assert!(all.iter().all(|consent| consent.withdrawn_at_ms.is_some()));
        assert_eq!(all[2].withdrawn_at_ms, Some(all[1].accepted_at_ms));
        assert!(wishes.consents(&PersonId::random()).await.unwrap().is_empty());
    }
}
