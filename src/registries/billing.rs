//! Unified billing: invoices, and whether they are paid (479 cl. 6, 7). No public format of it is known; this one is ours (`docs/registries.md`).
//!
//! Its notice that something happened is a hint from whoever sends it: nothing is believed but what [`Billing::state_of`] answers.

use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::wire::{self, Heard};
use super::{Asker, Registries};
use crate::people::Pinfl;
use crate::platform::clock::Timestamp;

/// The longest notice, in bytes.
const LONGEST_NOTICE: usize = 4096;

/// Unified billing. Cheap to clone.
#[derive(Clone)]
pub struct Billing {
    registries: Registries,
}

/// The number of an invoice: 6 to 32 characters of `A-Z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvoiceNumber(String);

/// An invoice as it is registered. Its figures are frozen (D-c): registering it again with others is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its number, which this provider gives.
    pub number: InvoiceNumber,
    /// The sum, in tiyin.
    pub amount: u64,
    /// Who pays.
    pub payer: Pinfl,
    /// What for, as it stands on the payment.
    pub purpose: String,
    /// Until when it can be paid.
    pub due: Timestamp,
    /// Who gets how much of it (479 cl. 7); the sums make the amount.
    pub shares: Vec<Share>,
    /// Where billing may say that something happened.
    pub notice_url: String,
}

/// A part of the sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The account that it goes to, by its name at billing.
    pub account: String,
    /// The part, in tiyin.
    pub amount: u64,
}

/// That an invoice can be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Billing's own name of it, which people enter to pay.
    pub reference: String,
}

/// What billing says of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvoiceState {
    /// There is none of this number.
    Unknown,
    /// It can be paid.
    Open,
    /// It was paid.
    Paid(Payment),
    /// It can no longer be paid.
    Cancelled,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The sum that was paid, in tiyin. Whether it is the invoice's is for who asked.
    pub amount: u64,
    /// When.
    pub paid_at: Timestamp,
    /// Billing's name of the payment.
    pub reference: String,
}

impl InvoiceNumber {
    /// A number; `None` for any other form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        ((6..=32).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Invoice {
    /// Whether the shares make the sum.
    pub fn is_whole(&self) -> bool {
        self.shares.iter().try_fold(0_u64, |sum, share| sum.checked_add(share.amount)) == Some(self.amount)
    }
}

impl Billing {
    pub(super) const fn new(registries: Registries) -> Self {
        Self { registries }
    }

    /// Registers an invoice. The same invoice may be registered again: it is still one.
    ///
    /// # Errors
    /// [`RegistryError`]; [`Contradiction::Figures`] for shares that do not make the sum, without a call, and where billing has
    /// another invoice of this number.
    pub async fn open_invoice(&self, invoice: &Invoice, asker: &Asker) -> Result<Registered, RegistryError> {
        let figures =
            RegistryError::new(RegisterName::Billing, ErrorKind::Contradiction(Contradiction::Figures));
        if !invoice.is_whole() {
            return Err(figures);
        }
        let line = self.registries.line(RegisterName::Billing)?;
        let shares: Vec<Value> = invoice
            .shares
            .iter()
            .map(|share| json!({ "account": share.account, "amount": share.amount }))
            .collect();
        let body = json!({
            "number": invoice.number.as_str(),
            "amount": invoice.amount,
            "currency": "UZS",
            "payer_pinfl": invoice.payer.digits(),
            "purpose": invoice.purpose,
            "due": invoice.due.to_rfc3339(),
            "shares": shares,
            "notice_url": invoice.notice_url,
        });
        let read = |heard: &Heard| read_registered(heard, invoice);
        let call = line.post("/v1/invoices", body, Repeat::May);
        self.registries.ask(line, asker, &[], call, read).await.map(|answer| answer.value)
    }

    /// What became of an invoice. The answer is never one of before.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn state_of(
        &self,
        number: &InvoiceNumber,
        asker: &Asker,
    ) -> Result<InvoiceState, RegistryError> {
        let line = self.registries.line(RegisterName::Billing)?;
        let path = format!("/v1/invoices/{}", number.as_str());
        let call = line.call(Repeat::May, |client, base| client.get(format!("{base}{path}")));
        let read = |heard: &Heard| read_state(heard, number);
        self.registries.ask(line, asker, &[], call, read).await.map(|answer| answer.value)
    }

    /// Takes an invoice back, and says what it is now: one that was paid in the meantime stays paid.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn cancel(&self, number: &InvoiceNumber, asker: &Asker) -> Result<InvoiceState, RegistryError> {
        let line = self.registries.line(RegisterName::Billing)?;
        let path = format!("/v1/invoices/{}/cancel", number.as_str());
        let call = line.post(&path, json!({}), Repeat::May);
        let read = |heard: &Heard| read_state(heard, number);
        self.registries.ask(line, asker, &[], call, read).await.map(|answer| answer.value)
    }
}

/// The number that a notice names. It proves nothing: ask [`Billing::state_of`].
pub fn notice(body: &[u8]) -> Option<InvoiceNumber> {
    let body: Value = (body.len() <= LONGEST_NOTICE).then(|| serde_json::from_slice(body).ok()).flatten()?;
    InvoiceNumber::parse(wire::member(&body, "number")?.as_str()?)
}

const FORM: ErrorKind = ErrorKind::Contradiction(Contradiction::Form);

fn read_registered(heard: &Heard, invoice: &Invoice) -> Result<Registered, ErrorKind> {
    if heard.status.as_u16() == 409 {
        return Err(ErrorKind::Contradiction(Contradiction::Figures));
    }
    if !heard.status.is_success() {
        return Err(ErrorKind::Refused);
    }
    if wire::text(&heard.body, "number").as_deref() != Some(invoice.number.as_str()) {
        return Err(FORM);
    }
    if sum(&heard.body, "amount") != Some(invoice.amount) {
        return Err(ErrorKind::Contradiction(Contradiction::Figures));
    }
    let reference = wire::text(&heard.body, "reference").filter(|text| text.len() <= 64);
    Ok(Registered { reference: reference.ok_or(FORM)? })
}

pub(super) fn read_state(heard: &Heard, number: &InvoiceNumber) -> Result<InvoiceState, ErrorKind> {
    if wire::verdict(heard, &[]) == wire::Verdict::NotFound {
        return Ok(InvoiceState::Unknown);
    }
    if !heard.status.is_success() {
        return Err(ErrorKind::Refused);
    }
    let body = &heard.body;
    if wire::text(body, "number").as_deref() != Some(number.as_str()) {
        return Err(FORM);
    }
    match wire::text(body, "status").as_deref() {
        Some("open") => Ok(InvoiceState::Open),
        Some("cancelled") => Ok(InvoiceState::Cancelled),
        Some("paid") => {
            let paid_at = wire::text(body, "paid_at").as_deref().and_then(moment).ok_or(FORM)?;
            let reference = wire::text(body, "payment_reference").filter(|text| text.len() <= 64);
            Ok(InvoiceState::Paid(Payment {
                amount: sum(body, "paid_amount").ok_or(FORM)?,
                paid_at,
                reference: reference.ok_or(FORM)?,
            }))
        }
        _ => Err(FORM),
    }
}

fn sum(body: &Value, name: &str) -> Option<u64> {
    wire::member(body, name)?.as_u64()
}

fn moment(text: &str) -> Option<Timestamp> {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(text, &Rfc3339).ok().map(|moment| Timestamp(moment.unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    fn invoice() -> Invoice {
        let share = |account: &str, amount| Share { account: account.to_owned(), amount };
        Invoice {
            number: InvoiceNumber::parse("MID-2026-0001").unwrap(),
            amount: 880_000,
            payer: Pinfl::parse("41204902040015").unwrap(),
            purpose: "Mobile-ID".to_owned(),
            due: Timestamp(1_800_000_000),
            shares: vec![share("ict", 132_000), share("rest", 748_000)],
            notice_url: "http://localhost/billing/notices".to_owned(),
        }
    }

    fn heard(status: u16, body: Value) -> Heard {
        Heard { status: StatusCode::from_u16(status).unwrap(), body }
    }

    #[test]
    fn r20_shares_make_the_sum_or_nothing_is_registered() {
        let mut invoice = invoice();
        assert!(invoice.is_whole());
        invoice.shares[0].amount += 1;
        assert!(!invoice.is_whole());
        invoice.shares[0].amount = u64::MAX;
        assert!(!invoice.is_whole());
    }

    #[test]
    fn r15_an_answer_with_other_figures_or_of_another_invoice_is_not_believed() {
        let read = |status, body| read_registered(&heard(status, body), &invoice());
        let good =
            json!({"number": "MID-2026-0001", "amount": 880_000, "reference": "UB-7", "status": "open"});
        assert_eq!(read(201, good.clone()).unwrap().reference, "UB-7");
        let mut other = good.clone();
        other["amount"] = json!(1);
        assert_eq!(read(200, other), Err(ErrorKind::Contradiction(Contradiction::Figures)));
        assert_eq!(read(409, good.clone()), Err(ErrorKind::Contradiction(Contradiction::Figures)));
        assert_eq!(read(400, good), Err(ErrorKind::Refused));
        let number = invoice().number;
        let state = |status, body| read_state(&heard(status, body), &number);
        let paid = json!({"number": "MID-2026-0001", "status": "paid", "paid_amount": 1, "paid_at": "2026-11-27T10:00:00Z",
                          "payment_reference": "P-1"});
        let InvoiceState::Paid(payment) = state(200, paid.clone()).unwrap() else { panic!("paid") };
        assert_eq!(
            (payment.amount, payment.reference.as_str()),
            (1, "P-1"),
            "what was paid is told as it is"
        );
        let mut another = paid.clone();
        another["number"] = json!("MID-2026-0002");
        assert_eq!(state(200, another), Err(FORM));
        for bad in [
            json!({"number": "MID-2026-0001", "status": "perhaps"}),
            json!({"number": "MID-2026-0001", "status": "paid"}),
        ] {
            assert_eq!(state(200, bad), Err(FORM));
        }
        assert_eq!(state(404, json!({"error": "unknown"})), Ok(InvoiceState::Unknown));
        assert_eq!(state(200, json!({"number": "MID-2026-0001", "status": "open"})), Ok(InvoiceState::Open));
    }

    #[test]
    fn a_notice_gives_a_number_and_nothing_else() {
        assert_eq!(
            notice(br#"{"number":"MID-2026-0001","status":"paid"}"#).unwrap().as_str(),
            "MID-2026-0001"
        );
        for bad in ["", "[]", r#"{"number":7}"#, r#"{"number":"../x"}"#, r#"{"number":"mid-2026"}"#] {
            assert!(notice(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(
            notice(format!(r#"{{"number":"MID-2026-0001","x":"{}"}}"#, "x".repeat(5000)).as_bytes())
                .is_none()
        );
    }
}
