//! SQL of the table `payments`: what Unified billing said was paid. A payment is known by billing's reference, so what is told twice is
//! stored once.

use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Statement};

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
    /// what an enrolment would end by that: an operator gives it back, and the person applies anew.
    Unagreed,
}

impl PaymentOutcome {
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

impl Payment {
    /// What stores it; stored again it stays as it was.
    pub fn row(&self, outcome: PaymentOutcome, now: Timestamp) -> Statement {
        db::statement(
            "INSERT INTO payments (payment_id, invoice_number, tiyin, paid_at, learnt_at, outcome) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (payment_id) DO NOTHING RETURNING payment_id",
        )
        .bind(&self.reference)
        .bind(&self.invoice)
        .bind(self.tiyin)
        .bind(self.paid_at.0)
        .bind(now.0)
        .bind(outcome.name())
    }
}
