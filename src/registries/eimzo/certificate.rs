//! Whom a certificate names, as e-imzo-server tells it: subject by names and numbers, or as one text.

use serde_json::Value;

use super::FORM;
use super::wrong::Wrong;
use crate::people::{Pinfl, Tin};
use crate::platform::clock::Timestamp;
use crate::registries::error::ErrorKind;
use crate::registries::wire;

/// The subject's PINFL, and the taxpayer number that only certificates of legal entities have.
const PINFL: &str = "1.2.860.3.16.1.2";
const LEGAL_ENTITY: &str = "1.2.860.3.16.1.1";

/// The longest serial number, in hexadecimal digits (RFC 5280 §4.1.2.2: 20 octets).
const LONGEST_SERIAL: usize = 40;

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The person's PINFL: of a legal entity's certificate that of its representative.
    pub pinfl: Pinfl,
    /// The serial number, hexadecimal, lower case.
    pub serial_number: String,
    /// The name on the certificate, as it is written there.
    pub name: String,
    /// The person's own taxpayer number, if it is on the certificate.
    pub tin: Option<Tin>,
    /// From when to when it is valid.
    pub validity: (Timestamp, Timestamp),
    /// The legal entity for which the person acts with it.
    pub organisation: Option<Organisation>,
}

/// A legal entity, as a certificate names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its taxpayer number.
    pub tin: Tin,
    /// Its name, as it is written there.
    pub name: String,
    /// The person's position in it; empty where the certificate has none.
    pub position: String,
}

/// Reads `subjectCertificateInfo` of a certificate that must be valid at `now`.
pub(super) fn read(body: &Value, now: Timestamp) -> Result<Result<Certificate, Wrong>, ErrorKind> {
    let info = wire::member(body, "subjectCertificateInfo").ok_or(FORM)?;
    let subject = Subject::of(info).ok_or(FORM)?;
    let fits =
        |serial: &String| serial.len() <= LONGEST_SERIAL && serial.bytes().all(|b| b.is_ascii_hexdigit());
    let serial_number = wire::text(info, "serialNumber").filter(fits).ok_or(FORM)?.to_ascii_lowercase();
    let Some(pinfl) = subject.get(PINFL)? else { return Ok(Err(Wrong::NoPerson)) };
    let pinfl = Pinfl::from_registry(&pinfl).map_err(|_| FORM)?;
    let organisation = match subject.get(LEGAL_ENTITY)? {
        None => None,
        Some(tin) => Some(Organisation {
            tin: Tin::try_from(tin).map_err(|_| FORM)?,
            name: subject.get("O")?.ok_or(FORM)?,
            position: subject.get("T")?.unwrap_or_default(),
        }),
    };
    let validity = (moment(info, "validFrom")?, moment(info, "validTo")?);
    if now < validity.0 || validity.1 <= now {
        return Ok(Err(Wrong::NotInForce));
    }
    let name = subject.get("CN")?.unwrap_or_default();
    let tin = subject.get("UID")?.and_then(|tin| Tin::try_from(tin).ok());
    Ok(Ok(Certificate { pinfl, serial_number, name, tin, validity, organisation }))
}

/// `YYYY-MM-DD HH:MM:SS`, by the clocks of Tashkent.
fn moment(info: &Value, name: &str) -> Result<Timestamp, ErrorKind> {
    let text = wire::text(info, name).ok_or(FORM)?;
    let form = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let moment = time::PrimitiveDateTime::parse(&text, form).map_err(|_| FORM)?;
    Ok(Timestamp(moment.assume_offset(time::macros::offset!(+5)).unix_timestamp()))
}

/// The attributes of a subject.
struct Subject<'a> {
    named: Option<&'a Value>,
    whole: Vec<(String, String)>,
}

impl<'a> Subject<'a> {
    fn of(info: &'a Value) -> Option<Self> {
        let named = wire::member(info, "subjectName").filter(|value| value.is_object());
        let whole = info.get("X500Name").and_then(Value::as_str).map(attributes).unwrap_or_default();
        (named.is_some() || !whole.is_empty()).then_some(Self { named, whole })
    }

    /// An attribute; what is there and cannot be read is not taken for one that is not: an organisation's certificate is not a person's.
    fn get(&self, key: &str) -> Result<Option<String>, ErrorKind> {
        let whole = || self.whole.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
        let value = match self.named.and_then(|named| wire::member(named, key)) {
            Some(value) => value.clone(),
            None => match whole() {
                Some((_, value)) => Value::from(value.as_str()),
                None => return Ok(None),
            },
        };
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return Ok(None);
        }
        wire::plain(&value).map(Some).ok_or(FORM)
    }
}

/// The attributes of a name in one text (RFC 4514 and what Java makes of it): `CN=A B,O="X, Y",1.2.3=#0c0141` with backslashes, and `+`
/// between attributes of one level.
fn attributes(name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut part, mut quoted, mut escaped) = (String::new(), false, false);
    for c in name.chars().chain([',']) {
        match c {
            _ if escaped => {
                part.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | '+' | ';' if !quoted => {
                if let Some((key, value)) = part.split_once('=') {
                    let key = key.trim().trim_start_matches("OID.").trim_start_matches("oid.");
                    let value = value.trim();
                    found.push((key.to_owned(), hexadecimal(value).unwrap_or_else(|| value.to_owned())));
                }
                part.clear();
            }
            _ => part.push(c),
        }
    }
    found
}

/// A value written as `#` and its encoding, as names of attributes that a program does not know are followed by.
fn hexadecimal(value: &str) -> Option<String> {
    let digits = value.strip_prefix('#')?;
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect::<Option<_>>()?;
    // A text of at most 127 bytes: UTF8String, NumericString, PrintableString, IA5String.
    match bytes.as_slice() {
        [0x0c | 0x12 | 0x13 | 0x16, length, text @ ..] if usize::from(*length) == text.len() => {
            String::from_utf8(text.to_vec()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2027-01-01.
    const NOW: Timestamp = Timestamp(1_798_761_600);

    fn of(subject: &Value) -> Result<Result<Certificate, Wrong>, ErrorKind> {
        let info = json!({"serialNumber": "77A1", "subjectName": subject, "validFrom": "2026-01-01 00:00:00", "validTo": "2028-01-01 00:00:00"});
        read(&json!({"status": 1, "subjectCertificateInfo": info}), NOW)
    }

    #[test]
    fn a_persons_and_a_legal_entitys_certificate_are_told_apart_by_its_number() {
        let own = json!({"CN": "O'KTAMOVA DILNOZA", "UID": "512345678", "1.2.860.3.16.1.2": "41204902040015", "O": "НЕ УКАЗАНО", "T": "x"});
        let found = of(&own).unwrap().unwrap();
        assert_eq!((found.pinfl.digits(), found.serial_number.as_str()), ("41204902040015", "77a1"));
        assert_eq!((found.name.as_str(), found.organisation), ("O'KTAMOVA DILNOZA", None));
        assert_eq!(found.tin.map(String::from).as_deref(), Some("512345678"));
        let (from, to) = found.validity;
        assert_eq!(from.to_rfc3339(), "2025-12-31T19:00:00Z", "midnight in Tashkent");
        assert!(to.since(from) == 2 * 365 * 86_400);
        let mut legal = own;
        legal["1.2.860.3.16.1.1"] = json!(301_234_567);
        legal["O"] = json!("«Oʻzbek ipagi» MChJ");
        let organisation = of(&legal).unwrap().unwrap().organisation.unwrap();
        assert_eq!((organisation.tin.digits(), organisation.position.as_str()), ("301234567", "x"));
        assert_eq!(organisation.name, "«Oʻzbek ipagi» MChJ");
        for unreadable in [
            json!("12"),
            json!(["301234567"]),
            json!({"tin": "301234567"}),
            json!("3".repeat(500)),
            json!("30\u{0}1"),
        ] {
            legal["1.2.860.3.16.1.1"] = unreadable;
            assert_eq!(of(&legal), Err(FORM), "half an organisation is none: {legal}");
        }
        legal["1.2.860.3.16.1.1"] = json!("");
        assert_eq!(of(&legal).unwrap().unwrap().organisation, None);
        assert_eq!(of(&json!({"CN": "X"})), Ok(Err(Wrong::NoPerson)));
        assert_eq!(of(&json!({"1.2.860.3.16.1.2": "1"})), Err(FORM));
        assert_eq!(read(&json!({"status": 1}), NOW), Err(FORM));
    }

    #[test]
    fn a_subject_in_one_text_says_the_same() {
        let name = r#"CN=KARIMOVA DILNOZA\, ANVAR QIZI,O="«Misol, va\" K» MChJ",T=DIREKTOR+UID=512345678,OID.1.2.860.3.16.1.2=41204902040015,1.2.860.3.16.1.1=#1209333031323334353637"#;
        let (from, to) = ("2026-01-01 00:00:00", "2028-01-01 00:00:00");
        let info = json!({"serialNumber": "77a1", "X500Name": name, "validFrom": from, "validTo": to});
        let at = |now| read(&json!({"subjectCertificateInfo": info}), now).unwrap();
        let found = at(NOW).unwrap();
        assert_eq!(at(found.validity.1), Err(Wrong::NotInForce));
        assert_eq!(at(found.validity.0.minus(1)), Err(Wrong::NotInForce));
        let endless = json!({"serialNumber": "77a1", "X500Name": name, "validFrom": from});
        assert_eq!(read(&json!({"subjectCertificateInfo": endless}), NOW), Err(FORM));
        assert_eq!(found.name, "KARIMOVA DILNOZA, ANVAR QIZI");
        assert_eq!(found.pinfl.digits(), "41204902040015");
        let organisation = found.organisation.unwrap();
        assert_eq!(
            (organisation.tin.digits(), organisation.name.as_str()),
            ("301234567", "«Misol, va\" K» MChJ")
        );
        assert_eq!(organisation.position, "DIREKTOR");
        for odd in ["", "CN", "=", ",,+", "#", "1=#", "1=#0c", "1=#zz", "\\", "\""] {
            let _ = attributes(odd);
        }
    }
}
