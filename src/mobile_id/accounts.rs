//! What accounting is told of fees (clause 7, R15–R20): invoices and payments of some days, by day and place, with what each recipient
//! gets. Sums are whole tiyin, and the parts of a payment are always the whole of it.

use std::collections::BTreeMap;

use super::fee::{Invoice, Recipient};
use crate::people::CivilDate;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row};

/// Rows that are read at a time.
const PAGE: i64 = 2000;

/// The longest time from an application to its invoice, in seconds: applications that nobody goes on with are over by then.
const LONGEST_OPEN: i64 = 31 * 86_400;

const PAYMENTS: &str = "payments";
const IDENTIFICATIONS: &str = "identifications";

/// Who gets parts, in the order of the columns of an export.
pub const RECIPIENTS: [Recipient; 5] = [
    Recipient::IctFund,
    Recipient::UnifiedBilling,
    Recipient::ServicesFund,
    Recipient::IctCentre,
    Recipient::NotaryOffice,
];

/// A payment, and what it was for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentLine {
    /// Billing's reference.
    pub reference: String,
    /// The invoice.
    pub invoice: String,
    /// The day in Tashkent on which it was paid.
    pub day: CivilDate,
    /// At which place the application was made; none where no invoice of that number is known.
    pub place: Option<String>,
    /// Its kind.
    pub place_kind: Option<String>,
    /// How much was paid, in tiyin.
    pub tiyin: i64,
    /// What became of it: `applied`, `other_sum` or `too_late`.
    pub outcome: String,
    /// What each of [`RECIPIENTS`] gets of it, in tiyin; nothing of a payment that was not applied.
    pub parts: [i64; RECIPIENTS.len()],
}

impl PaymentLine {
    /// Whether it counts as the fee; otherwise it is to be given back.
    pub fn is_applied(&self) -> bool {
        self.outcome == "applied"
    }
}

/// An invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvoiceLine {
    /// The day in Tashkent on which it was made.
    pub day: CivilDate,
    /// At which place.
    pub place: String,
    /// Its kind.
    pub place_kind: String,
    /// How much it is over, in tiyin.
    pub tiyin: i64,
}

/// The sums of a day at a place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// How many invoices were made.
    pub invoices: i64,
    /// What they are over, in tiyin.
    pub invoiced: i64,
    /// How many payments were applied.
    pub payments: i64,
    /// What they are, in tiyin.
    pub paid: i64,
    /// What each of [`RECIPIENTS`] gets of it, in tiyin.
    pub parts: [i64; RECIPIENTS.len()],
    /// How many payments came too late, or were another sum.
    pub to_return: i64,
    /// What they are, in tiyin.
    pub to_return_tiyin: i64,
}

/// A day and a place, with its kind; no place for payments without a known invoice.
pub type Key = (CivilDate, Option<String>, Option<String>);

/// A sum is larger than anything that is counted here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the sum is too large")]
pub struct TooLarge;

/// Sums by day and place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account(BTreeMap<Key, Sums>);

fn add(to: &mut i64, more: i64) -> Result<(), TooLarge> {
    *to = to.checked_add(more).ok_or(TooLarge)?;
    Ok(())
}

impl Account {
    /// Adds an invoice.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn invoice(&mut self, line: InvoiceLine) -> Result<(), TooLarge> {
        let sums = self.0.entry((line.day, Some(line.place), Some(line.place_kind))).or_default();
        sums.invoices += 1;
        add(&mut sums.invoiced, line.tiyin)
    }

    /// Adds a payment.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn payment(&mut self, line: &PaymentLine) -> Result<(), TooLarge> {
        let sums = self.0.entry((line.day, line.place.clone(), line.place_kind.clone())).or_default();
        if !line.is_applied() {
            sums.to_return += 1;
            return add(&mut sums.to_return_tiyin, line.tiyin);
        }
        sums.payments += 1;
        add(&mut sums.paid, line.tiyin)?;
        sums.parts.iter_mut().zip(line.parts).try_for_each(|(sum, part)| add(sum, part))
    }

    /// The sums, by day and place.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Sums)> {
        self.0.iter()
    }

    /// The sums of all.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn total(&self) -> Result<Sums, TooLarge> {
        let mut total = Sums::default();
        for sums in self.0.values() {
            total.invoices += sums.invoices;
            total.payments += sums.payments;
            total.to_return += sums.to_return;
            add(&mut total.invoiced, sums.invoiced)?;
            add(&mut total.paid, sums.paid)?;
            add(&mut total.to_return_tiyin, sums.to_return_tiyin)?;
            total.parts.iter_mut().zip(sums.parts).try_for_each(|(sum, part)| add(sum, part))?;
        }
        Ok(total)
    }
}

/// What was invoiced and paid. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
}

impl Accounts {
    /// Of a database.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Hands each payment of the days from `from` to `to`, both included, to `each`, oldest first.
    ///
    /// # Errors
    /// [`DbError`], or what `each` says.
    pub async fn payments<E: From<DbError>>(
        &self,
        (from, to): (CivilDate, CivilDate),
        mut each: impl FnMut(PaymentLine) -> Result<(), E>,
    ) -> Result<(), E> {
        let some = "SELECT p.payment_id, p.invoice_number, p.tiyin, p.paid_at, p.outcome, i.invoice, i.place_id, i.place_kind \
                    FROM payments p LEFT JOIN identifications i ON i.invoice_number = p.invoice_number \
                    WHERE p.paid_at >= $1 AND p.paid_at < $2 AND (p.paid_at, p.payment_id) > ($3, $4) \
                    ORDER BY p.paid_at, p.payment_id LIMIT $5";
        let (mut at, mut id) = (i64::MIN, String::new());
        loop {
            let page = db::statement(some).bind(from.begins().0).bind(end(to)).bind(at).bind(&id).bind(PAGE);
            let rows = self.db.read_all(page).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            (at, id) = (db::int(last, PAYMENTS, "paid_at")?, db::text(last, PAYMENTS, "payment_id")?);
            for row in &rows {
                each(payment(row)?)?;
            }
        }
    }

    /// Hands each invoice that was made on those days to `each`.
    ///
    /// # Errors
    /// As [`Accounts::payments`].
    pub async fn invoices<E: From<DbError>>(
        &self,
        (from, to): (CivilDate, CivilDate),
        mut each: impl FnMut(InvoiceLine) -> Result<(), E>,
    ) -> Result<(), E> {
        let some = "SELECT identification_id, opened_at, invoice, place_id, place_kind FROM identifications \
                    WHERE opened_at >= $1 AND opened_at < $2 AND (opened_at, identification_id) > ($3, $4) \
                    AND invoice IS NOT NULL ORDER BY opened_at, identification_id LIMIT $5";
        let (mut at, mut id) = (i64::MIN, String::new());
        loop {
            let begin = from.begins().minus(LONGEST_OPEN).0;
            let page = db::statement(some).bind(begin).bind(end(to)).bind(at).bind(&id).bind(PAGE);
            let rows = self.db.read_all(page).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            at = db::int(last, IDENTIFICATIONS, "opened_at")?;
            id = db::text(last, IDENTIFICATIONS, "identification_id")?;
            for row in &rows {
                let invoice: Invoice = db::json(row, IDENTIFICATIONS, "invoice")?;
                let day = CivilDate::of(invoice.issued_at);
                if (from..=to).contains(&day) {
                    each(InvoiceLine {
                        day,
                        place: db::text(row, IDENTIFICATIONS, "place_id")?,
                        place_kind: db::text(row, IDENTIFICATIONS, "place_kind")?,
                        tiyin: invoice.fee.tiyin,
                    })?;
                }
            }
        }
    }

    /// The sums of the days from `from` to `to`, both included.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn account(&self, days: (CivilDate, CivilDate)) -> Result<Account, AccountError> {
        let mut account = Account::default();
        self.invoices(days, |line| account.invoice(line).map_err(AccountError::from)).await?;
        self.payments(days, |line| account.payment(&line).map_err(AccountError::from)).await?;
        Ok(account)
    }
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A sum is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// The first second after a day.
fn end(day: CivilDate) -> i64 {
    day.begins().0 + 86_400
}

fn payment(row: &Row) -> Result<PaymentLine, DbError> {
    let known = db::maybe_text(row, PAYMENTS, "invoice")?.is_some();
    let invoice: Option<Invoice> = if known { Some(db::json(row, PAYMENTS, "invoice")?) } else { None };
    let outcome = db::text(row, PAYMENTS, "outcome")?;
    let tiyin = db::int(row, PAYMENTS, "tiyin")?;
    let mut parts = [0; RECIPIENTS.len()];
    if outcome == "applied" {
        let shares = invoice.as_ref().map(|invoice| invoice.fee.shares.as_slice()).unwrap_or_default();
        for share in shares {
            if let Some(at) = RECIPIENTS.iter().position(|known| *known == share.to) {
                parts[at] += share.tiyin;
            }
        }
        if parts.iter().sum::<i64>() != tiyin {
            return Err(row.corrupt(PAYMENTS, "tiyin", "the parts of its invoice are not what was paid"));
        }
    }
    Ok(PaymentLine {
        reference: db::text(row, PAYMENTS, "payment_id")?,
        invoice: db::text(row, PAYMENTS, "invoice_number")?,
        day: CivilDate::of(Timestamp(db::int(row, PAYMENTS, "paid_at")?)),
        place: db::maybe_text(row, PAYMENTS, "place_id")?,
        place_kind: db::maybe_text(row, PAYMENTS, "place_kind")?,
        tiyin,
        outcome,
        parts,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mobile_id::door::Channel;
    use crate::mobile_id::fee::{BhmTable, Discount, due};
    use crate::platform::db::test_db::TestDb;
    use crate::staff::PlaceKind;

    fn day(text: &str) -> CivilDate {
        CivilDate::parse(text).unwrap()
    }

    fn invoice(number: &str, place: PlaceKind, issued: CivilDate, discount: Option<Discount>) -> Invoice {
        let fee = due(&BhmTable::known(), Channel::Place(place), issued, discount).unwrap();
        let issued_at = issued.begins().plus(3600);
        Invoice { number: number.to_owned(), fee, issued_at, until: issued_at.plus(3 * 86_400) }
    }

    async fn store(db: &Db, invoice: &Invoice, place: (&str, PlaceKind)) {
        let insert = "INSERT INTO identifications (identification_id, reference, door, place_id, place_kind, opener, language, \
             number_index, pinfl_index, state, version, consents, sealed, invoice_number, invoice, opened_at, updated_at) \
             VALUES ($1, $2, 'place', $3, $4, 's', 'ru', 'n', 'p', 'enrolled', 1, '[]', '', $5, $6, $7, $8)";
        let insert = db::statement(insert)
            .bind(&invoice.number)
            .bind(&invoice.number)
            .bind(place.0)
            .bind(place.1.name())
            .bind(&invoice.number)
            .bind(db::to_json(invoice).unwrap())
            .bind(invoice.issued_at.0)
            .bind(invoice.issued_at.0);
        db.execute(insert).await.unwrap();
    }

    async fn pay(db: &Db, reference: &str, invoice: &str, tiyin: i64, at: Timestamp, outcome: &str) {
        let insert = "INSERT INTO payments (payment_id, invoice_number, tiyin, paid_at, learnt_at, outcome) \
                      VALUES ($1, $2, $3, $4, $5, $6)";
        let insert = db::statement(insert)
            .bind(reference)
            .bind(invoice)
            .bind(tiyin)
            .bind(at.0)
            .bind(at.0)
            .bind(outcome);
        db.execute(insert).await.unwrap();
    }

    #[actix_web::test]
    async fn r17_r18_r20_an_account_has_the_parts_of_what_was_paid_by_day_and_place() {
        let db = TestDb::migrated().await;
        let (first, second) = (day("2026-11-26"), day("2026-11-27"));
        let centre = invoice("I1", PlaceKind::ServiceCentre, first, None);
        let half = invoice("I2", PlaceKind::ServiceCentre, first, Some(Discount::DisabilityFirst));
        let notary = invoice("I3", PlaceKind::NotaryOffice, second, None);
        store(&db, &centre, ("dxm-1", PlaceKind::ServiceCentre)).await;
        store(&db, &half, ("dxm-1", PlaceKind::ServiceCentre)).await;
        store(&db, &notary, ("notary-7", PlaceKind::NotaryOffice)).await;
        // The last second of a day in Tashkent, and the first of the next one.
        pay(&db, "P1", "I1", centre.fee.tiyin, Timestamp(second.begins().0 - 1), "applied").await;
        pay(&db, "P2", "I2", half.fee.tiyin, second.begins(), "applied").await;
        pay(&db, "P3", "I3", 5, second.begins(), "other_sum").await;
        pay(&db, "P4", "I9", 7, second.begins(), "too_late").await;
        let accounts = Accounts::new((*db).clone());
        let account = accounts.account((first, second)).await.unwrap();
        let rows: Vec<_> =
            account.rows().map(|((day, place, _), sums)| (*day, place.as_deref(), sums)).collect();
        let [none, one, two, three] = rows.as_slice() else { panic!("{rows:?}") };
        let head = |(day, place, sums): &(CivilDate, Option<&str>, &Sums)| {
            (day.to_string(), place.map(str::to_owned), sums.invoices, sums.paid, sums.to_return_tiyin)
        };
        assert_eq!(head(none), ("2026-11-26".into(), Some("dxm-1".into()), 2, 880_000, 0));
        assert_eq!(head(one), ("2026-11-27".into(), None, 0, 0, 7), "no invoice of that number");
        assert_eq!(head(two), ("2026-11-27".into(), Some("dxm-1".into()), 0, 440_000, 0));
        assert_eq!(head(three), ("2026-11-27".into(), Some("notary-7".into()), 1, 0, 5));
        assert_eq!(
            none.2.parts,
            [127_600, 4400, 132_000, 616_000, 0],
            "15 %, of which 0.5 %, 15 % and the rest"
        );
        let total = account.total().unwrap();
        assert_eq!(total.parts.iter().sum::<i64>(), total.paid);
        assert_eq!((total.invoices, total.payments, total.to_return), (3, 2, 2));
        assert!(
            accounts.account((day("2026-11-28"), day("2026-11-30"))).await.unwrap().rows().next().is_none()
        );
    }

    #[actix_web::test]
    async fn r20_a_payment_whose_parts_are_not_the_whole_is_no_account() {
        let db = TestDb::migrated().await;
        let issued = day("2026-11-26");
        store(&db, &invoice("I1", PlaceKind::NotaryOffice, issued, None), ("n", PlaceKind::NotaryOffice))
            .await;
        pay(&db, "P1", "I1", 1, issued.begins(), "applied").await;
        assert!(Accounts::new((*db).clone()).account((issued, issued)).await.is_err());
    }

    proptest! {
        #[test]
        fn r20_the_sum_of_the_parts_is_the_sum_that_was_paid(
            paid in prop::collection::vec((0_usize..2, any::<bool>(), 0_i64..1400), 0..40),
        ) {
            let mut account = Account::default();
            for (at, half, days) in paid {
                let kind = [PlaceKind::ServiceCentre, PlaceKind::NotaryOffice][at];
                let on = CivilDate::of(day("2023-01-01").begins().plus(days * 86_400));
                let invoice = invoice("I", kind, on, half.then_some(Discount::SocialRegister));
                let mut parts = [0; RECIPIENTS.len()];
                for share in &invoice.fee.shares {
                    parts[RECIPIENTS.iter().position(|known| *known == share.to).unwrap()] += share.tiyin;
                }
                let line = PaymentLine {
                    reference: "P".to_owned(), invoice: "I".to_owned(), day: on,
                    place: Some("x".to_owned()), place_kind: Some(kind.name().to_owned()),
                    tiyin: invoice.fee.tiyin, outcome: "applied".to_owned(), parts,
                };
                account.payment(&line).unwrap();
            }
            for (_, sums) in account.rows() {
                prop_assert_eq!(sums.parts.iter().sum::<i64>(), sums.paid);
            }
            let total = account.total().unwrap();
            prop_assert_eq!(total.parts.iter().sum::<i64>(), total.paid);
        }
    }
}
