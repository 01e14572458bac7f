//! SQL of the table `payments`: what Unified billing said was paid. A payment is known by billing's reference, so what is told twice is
//! stored once.

use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};

/// The name of the table.
pub(super) const TABLE: &str = "payments";

/// What billing said about an invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// Billing's reference of the payment.
    pub reference: String,
    /// The invoice.
    pub invoice: String,
    /// The sum, in tiyin.
    pub tiyin: i64,
    /// When it was paid.
    pub paid_at: Timestamp,
}

/// What became of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaymentOutcome {
    /// It enrolled the applicant.
    Applied,
    /// It is another sum than the invoice's: nothing follows, and an operator is told.
    OtherSum,
    /// The application was over already: an operator gives it back.
    TooLate,
    /// Since the pre-check the number became another person's, or the person got another number, and the applicant did not agree to
    /// what an enrolment would end by that: they agree to it afterwards at the desk, or an operator gives it back.
    Unagreed,
}

impl PaymentOutcome {
    /// All.
    pub const ALL: [Self; 4] = [Self::Applied, Self::OtherSum, Self::TooLate, Self::Unagreed];

    /// Its name in the store and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::OtherSum => "other_sum",
            Self::TooLate => "too_late",
            Self::Unagreed => "unagreed",
        }
    }
}

/// A payment as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptPayment {
    /// What billing said.
    pub payment: Payment,
    /// What became of it; `None` for what a later version knows.
    pub outcome: Option<PaymentOutcome>,
    /// When an operator noted that it was given back.
    pub returned_at: Option<Timestamp>,
}

impl KeptPayment {
    /// Whether an operator is to give it back: it enrolled nobody, and was not given back yet.
    pub fn is_to_return(&self) -> bool {
        self.outcome != Some(PaymentOutcome::Applied) && self.returned_at.is_none()
    }

    /// Whether it enrols as soon as the applicant agrees to what changed since the pre-check.
    pub fn is_unagreed(&self) -> bool {
        self.outcome == Some(PaymentOutcome::Unagreed) && self.returned_at.is_none()
    }

    pub(super) fn read(row: &Row) -> Result<Self, DbError> {
        let outcome = db::text(row, TABLE, "outcome")?;
        Ok(Self {
            payment: Payment {
                reference: db::text(row, TABLE, "payment_id")?,
                invoice: db::text(row, TABLE, "invoice_number")?,
                tiyin: db::int(row, TABLE, "tiyin")?,
                paid_at: Timestamp(db::int(row, TABLE, "paid_at")?),
            },
            outcome: PaymentOutcome::ALL.into_iter().find(|known| known.name() == outcome),
            returned_at: db::maybe_int(row, TABLE, "returned_at")?.map(Timestamp),
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT payment_id, invoice_number, tiyin, paid_at, outcome, returned_at FROM payments ",
            $rest
        )
    };
}

/// Those of an invoice, the first first.
pub(super) fn of_invoice(number: &str) -> Statement {
    db::statement(select!("WHERE invoice_number = $1 ORDER BY paid_at, payment_id LIMIT 100")).bind(number)
}

/// The one with that reference.
pub(super) fn of_reference(reference: &str) -> Statement {
    db::statement(select!("WHERE payment_id = $1")).bind(reference)
}

/// Those that an operator is to give back, the first first.
pub(super) fn to_return(most: i64) -> Statement {
    db::statement(select!(
        "WHERE outcome <> 'applied' AND returned_at IS NULL ORDER BY paid_at, payment_id LIMIT $1"
    ))
    .bind(most)
}

/// Notes that one was given back, if it is to be: a guard, with `RETURNING`.
pub(super) fn returned(reference: &str, now: Timestamp) -> Statement {
    db::statement(
        "UPDATE payments SET returned_at = $1 WHERE payment_id = $2 AND outcome <> 'applied' AND returned_at IS NULL \
         RETURNING payment_id",
    )
    .bind(now.0)
    .bind(reference)
}

impl Payment {
    /// What stores it; stored again it stays as it was, but that one to which the applicant had not agreed is applied once they have.
    pub fn row(&self, outcome: PaymentOutcome, now: Timestamp) -> Statement {
        db::statement(if outcome == PaymentOutcome::Applied {
            "INSERT INTO payments (payment_id, invoice_number, tiyin, paid_at, learnt_at, outcome) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (payment_id) DO UPDATE SET outcome = excluded.outcome \
             WHERE payments.outcome = 'unagreed' AND payments.returned_at IS NULL RETURNING payment_id"
        } else {
            "INSERT INTO payments (payment_id, invoice_number, tiyin, paid_at, learnt_at, outcome) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (payment_id) DO NOTHING RETURNING payment_id"
        })
        .bind(&self.reference)
        .bind(&self.invoice)
        .bind(self.tiyin)
        .bind(self.paid_at.0)
        .bind(now.0)
        .bind(outcome.name())
    }
}
