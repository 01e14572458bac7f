//! `yagona people notices`, `people sms`, `people sms-suspended` and `charges`: what people are told, by SMS if they want that, and
//! what it costs them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::account::{account_of, parse};
use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::notices::charges::{Charge, MessageKind};
use crate::notices::inbox::{Notice, NoticeKind, SmsState};
use crate::notices::{ChargeWarning, SmsWishes, Wish, Wished, charge_warning};
use crate::people::{CivilDate, People as Store};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::files::read_text;
use crate::platform::web::locale::Language;
use crate::platform::web::text::Text;

/// The longest file of numbers.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Charges that are read at a time.
const PAGE: i64 = 5000;

/// Lists the notices in a person's cabinet with their times, newest first; nobody's data
#[derive(Args)]
pub(super) struct Notices {
    /// The enrolled number
    number: String,
    /// How many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

impl Notices {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let number = parse(&self.number, &settings)?;
        let stores = super::existing(settings).await?;
        let account = account_of(&stores, &number).await?;
        let inbox = stores.inbox();
        let read =
            async { inbox.list(&account.person_id, None, self.limit.into()).await.map_err(cannot_start) };
        let person = account.person_id.as_str();
        let notices =
            operator::recorded(&stores, "people notices", |event| event.person(person), read).await?;
        let told: Vec<Value> = notices.iter().map(document).collect();
        format.print(&json!({ "number": number.masked(), "notices": told }), || {
            if notices.is_empty() {
                say!("There are no notices.");
            }
            for notice in &notices {
                say!("{}", line(notice));
            }
            Ok(())
        })?;
        stores.db.close().await;
        Ok(())
    }
}

fn moment(ms: i64) -> String {
    Timestamp(ms.div_euclid(1000)).to_rfc3339()
}

fn state(sms: SmsState) -> &'static str {
    match sms {
        SmsState::None => "none",
        SmsState::Waiting => "waiting",
        SmsState::Sent => "sent",
        SmsState::Delivered => "delivered",
        SmsState::Failed(why) => why.name(),
    }
}

fn document(notice: &Notice) -> Value {
    json!({
        "notice_id": notice.id.as_str(), "kind": notice.kind.map(NoticeKind::name), "about": notice.about,
        "arrived_at": moment(notice.arrived_at_ms), "sms": state(notice.sms),
        "sent_at": notice.sent_at_ms.map(moment), "delivered_at": notice.delivered_at_ms.map(moment),
        "read_at": notice.read_at_ms.map(moment),
    })
}

fn line(notice: &Notice) -> String {
    let kind = notice.kind.map_or("(of a later version)", NoticeKind::name);
    let service = notice.about.service.as_deref().unwrap_or("-");
    let read = notice.read_at_ms.map_or_else(|| "unread".to_owned(), |at| format!("read {}", moment(at)));
    let sms = match notice.sms {
        SmsState::None => "no SMS".to_owned(),
        SmsState::Failed(why) => format!("SMS not delivered ({})", why.name()),
        SmsState::Waiting => "SMS waits".to_owned(),
        SmsState::Sent | SmsState::Delivered => {
            let at = |at: Option<i64>| at.map_or_else(|| "?".to_owned(), moment);
            match notice.delivered_at_ms {
                Some(_) => {
                    format!("SMS sent {}, delivered {}", at(notice.sent_at_ms), at(notice.delivered_at_ms))
                }
                None => format!("SMS sent {}", at(notice.sent_at_ms)),
            }
        }
    };
    format!(
        "{} {kind:<22} {service:<24} arrived {}, {read}, {sms}",
        notice.id.as_str(),
        moment(notice.arrived_at_ms)
    )
}

/// Shows of which notices a person wants an SMS, or changes it; first identify them
#[derive(Args)]
pub(super) struct Sms {
    /// The enrolled number
    number: String,
    /// They want an SMS of every notice
    #[arg(long, conflicts_with_all = ["kind", "none"])]
    all: bool,
    /// They want an SMS of this kind of notice; may be repeated
    #[arg(long, value_name = "KIND", value_parser = kind, conflicts_with = "none")]
    kind: Vec<NoticeKind>,
    /// They want none
    #[arg(long)]
    none: bool,
    /// They were read the warning of charges that this command prints, and accepted it
    #[arg(long)]
    charges_accepted: bool,
    /// The language of the warning, and of the SMS
    #[arg(long, value_name = "LANGUAGE", default_value = "uz-Latn", value_parser = language)]
    language: Language,
}

fn kind(name: &str) -> Result<NoticeKind, String> {
    NoticeKind::parse(name).ok_or_else(|| {
        let all: Vec<&str> = NoticeKind::all().map(NoticeKind::name).collect();
        format!("it must be one of {}", all.join(", "))
    })
}

fn language(tag: &str) -> Result<Language, String> {
    Language::parse(tag).ok_or_else(|| "it must be uz-Latn, uz-Cyrl, ru or en".to_owned())
}

impl Sms {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let number = parse(&self.number, &settings)?;
        let stores = super::existing(settings).await?;
        let account = account_of(&stores, &number).await?;
        let (wishes, person) =
            (SmsWishes::new(stores.db.clone(), stores.clock.clone()), account.person_id.as_str());
        let tiyin = stores.charges().price(MessageKind::Notice).map(|price| price.tiyin);
        let warning = ChargeWarning { language: self.language, tiyin, shown_at_ms: stores.clock.now_ms() };
        let words = charge_warning(Text::new(self.language), tiyin);
        let wish = if self.all { Wish::All } else { Wish::Kinds(self.kind.iter().copied().collect()) };
        let changes = self.all || !self.kind.is_empty();
        if changes && !self.charges_accepted {
            return Err(StartError(format!(
                "nothing was changed. Read this to the person, and repeat the command with --charges-accepted if they accept:\n{words}"
            )));
        }
        let act = async {
            if changes {
                wishes.accept(&account.person_id, &wish, warning).await.map_err(cannot_start)?;
            } else if self.none {
                wishes.withdraw(&account.person_id).await.map_err(cannot_start)?;
            }
            wishes.of(&account.person_id).await.map_err(cannot_start)
        };
        let wished = operator::recorded(&stores, "people sms", |event| event.person(person), act).await?;
        let number = number.masked();
        format.print(&json!({ "number": number, "sms": wished.as_ref().map(wished_document) }), || {
            match &wished {
                None => say!("{number} gets no SMS about notices."),
                Some(wished) => say!(
                    "{number} gets an SMS about {}; charges accepted {}.",
                    kinds(&wished.wish).map_or_else(|| "every notice".to_owned(), |kinds| kinds.join(", ")),
                    moment(wished.consent.accepted_at_ms),
                ),
            }
            Ok(())
        })?;
        stores.db.close().await;
        Ok(())
    }
}

/// `None` for all.
fn kinds(wish: &Wish) -> Option<Vec<&'static str>> {
    match wish {
        Wish::All => None,
        Wish::Kinds(kinds) => Some(kinds.iter().map(|kind| kind.name()).collect()),
    }
}

fn wished_document(wished: &Wished) -> Value {
    let warning = &wished.consent.warning;
    json!({
        "kinds": kinds(&wished.wish).map_or_else(|| json!("all"), |kinds| json!(kinds)),
        "language": warning.language.tag(), "tiyin": warning.tiyin,
        "warned_at": moment(warning.shown_at_ms), "accepted_at": moment(wished.consent.accepted_at_ms),
    })
}

/// Stops SMS about notices to numbers without money, or sends them again; codes and requests still come
#[derive(Args)]
pub(super) struct SmsSuspended {
    /// The numbers
    #[arg(required_unless_present = "file")]
    numbers: Vec<String>,
    /// A file of numbers, one in a line
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// They have money again
    #[arg(long)]
    resume: bool,
}

impl SmsSuspended {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let mut numbers = Vec::new();
        for number in &self.numbers {
            numbers.push(parse(number, &settings)?);
        }
        if let Some(path) = &self.file {
            let named = |why: String| StartError(format!("{}: {why}", path.display()));
            let text = read_text(path, MOST_BYTES).map_err(|error| named(error.to_string()))?;
            // All or nothing: a wrong line is found before anything is noted.
            for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let number = parse(line.trim(), &settings);
                numbers.push(number.map_err(|StartError(why)| named(format!("line {}: {why}", at + 1)))?);
            }
        }
        let stores = super::existing(settings).await?;
        let people = Store::new(stores.db.clone(), &stores.keyring);
        let indexes: Vec<Digest> = numbers.iter().map(|number| people.number_index(number)).collect();
        let charges = stores.charges();
        let act = async {
            let done =
                if self.resume { charges.resume(&indexes).await } else { charges.suspend(&indexes).await };
            done.map_err(cannot_start)
        };
        let count = i64::try_from(indexes.len()).unwrap_or(i64::MAX);
        let changed =
            operator::recorded(&stores, "people sms-suspended", |event| event.count(count), act).await?;
        format.print(
            &json!({ "numbers": indexes.len(), "changed": changed, "suspended": !self.resume }),
            || {
                let what =
                    if self.resume { "get SMS about notices again" } else { "get no SMS about notices" };
                say!("{} number(s) {what}; {changed} changed.", indexes.len());
                Ok(())
            },
        )?;
        stores.db.close().await;
        Ok(())
    }
}

/// What SMS cost those who get them.
#[derive(Subcommand)]
pub(super) enum Charges {
    /// Prints the charges of some days, for operators: CSV, or one JSON document with `--format json`
    Export {
        /// The first day, in Tashkent: YYYY-MM-DD
        #[arg(long, value_name = "DAY", value_parser = day)]
        from: CivilDate,
        /// The last day
        #[arg(long, value_name = "DAY", value_parser = day)]
        to: CivilDate,
        /// Only messages of this kind
        #[arg(long)]
        kind: Option<Charged>,
    },
}

/// A kind of message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Charged {
    /// Codes
    Code,
    /// Requests to approve
    Request,
    /// Notices
    Notice,
}

impl Charged {
    fn name(self) -> &'static str {
        match self {
            Self::Code => MessageKind::Code.name(),
            Self::Request => MessageKind::Request.name(),
            Self::Notice => MessageKind::Notice.name(),
        }
    }
}

fn day(text: &str) -> Result<CivilDate, String> {
    CivilDate::parse(text).map_err(|error| error.to_string())
}

impl Charges {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let Self::Export { from, to, kind } = self;
        if to < from {
            return Err(StartError(format!("the last day, {to}, is before the first, {from}")));
        }
        let stores = super::existing(settings).await?;
        let between = (from.begins().0 * 1000, (to.begins().0 + 86_400) * 1000);
        let print = export(&stores, between, kind, format);
        operator::recorded(&stores, "charges export", |event| event, print).await?;
        stores.db.close().await;
        Ok(())
    }
}

async fn export(
    stores: &Stores,
    between: (i64, i64),
    kind: Option<Charged>,
    format: Format,
) -> Result<(), StartError> {
    let charges = stores.charges();
    let (mut after, mut all, mut sum): (Option<(i64, String)>, Vec<Value>, i64) = (None, Vec::new(), 0);
    if format == Format::Text {
        say!("message_id,number,kind,tiyin,tariff_from,sent_at");
    }
    loop {
        let place = after.as_ref().map(|(at, id)| (*at, id.as_str()));
        let page = charges.between(between, place, PAGE).await.map_err(cannot_start)?;
        let Some(last) = page.last() else { break };
        after = Some((last.sent_at_ms, last.message_id.clone()));
        for charge in page.iter().filter(|charge| kind.is_none_or(|kind| kind.name() == charge.kind)) {
            sum =
                sum.checked_add(charge.tiyin).ok_or_else(|| StartError("the sum is too large".to_owned()))?;
            match format {
                Format::Text => say!("{}", csv(charge)),
                Format::Json => all.push(charge_document(charge)),
            }
        }
    }
    match format {
        Format::Text => Ok(()),
        Format::Json => format.print(&json!({ "charges": all, "sum_tiyin": sum }), || Ok(())),
    }
}

/// No field has a comma or a quote.
fn csv(charge: &Charge) -> String {
    let Charge { message_id, number, kind, tiyin, tariff_from, sent_at_ms } = charge;
    format!("{message_id},{},{kind},{tiyin},{tariff_from},{}", number.digits(), moment(*sent_at_ms))
}

fn charge_document(charge: &Charge) -> Value {
    json!({
        "message_id": charge.message_id, "number": charge.number.digits(), "kind": charge.kind,
        "tiyin": charge.tiyin, "tariff_from": charge.tariff_from, "sent_at": moment(charge.sent_at_ms),
    })
}
