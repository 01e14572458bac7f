//! Delivery receipts as Eskiz posts them: what a send asks for, and the post to the sender's address.

use time::macros::{format_description, offset};
use time::{OffsetDateTime, format_description::BorrowedFormatItem};
use url::form_urlencoded;

const LOCAL_TIME: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// An accepted message whose sender asked for a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Where it is posted to; secret of the sender.
    pub callback_url: String,
    /// The gateway's id of the message.
    pub gateway_id: String,
    /// The sender's id of the message.
    pub message_id: String,
    /// The phone, digits only.
    pub phone: String,
}

impl Receipt {
    /// The receipt that the form of a send asks for; `None` when it names no address for one.
    pub(crate) fn asked_for(form: &[u8], gateway_id: &str) -> Option<Self> {
        let (mut callback_url, mut message_id, mut phone) = (None, None, None);
        for (name, value) in form_urlencoded::parse(form) {
            match name.as_ref() {
                "callback_url" => callback_url = Some(value.into_owned()),
                "user_sms_id" => message_id = Some(value.into_owned()),
                "mobile_phone" => phone = Some(value.into_owned()),
                _ => {}
            }
        }
        Some(Self {
            callback_url: callback_url?,
            gateway_id: gateway_id.to_owned(),
            message_id: message_id?,
            phone: phone.unwrap_or_default(),
        })
    }

    /// The form that says the message was delivered.
    pub(crate) fn form(&self, now: OffsetDateTime) -> String {
        let date = now.to_offset(offset!(+5)).format(LOCAL_TIME).unwrap_or_default();
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("request_id", self.gateway_id.as_str()),
                ("user_sms_id", &self.message_id),
                ("country", "UZ"),
                ("phone_number", &self.phone),
                ("sms_count", "1"),
                ("status", "DELIVERED"),
                ("status_date", &date),
            ])
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_send_with_an_address_asks_for_a_receipt_of_its_own_id() {
        let form = b"mobile_phone=998005000001&message=x&from=4546&user_sms_id=m1&callback_url=http%3A%2F%2Flocalhost%3A1%2Fc";
        let found = Receipt::asked_for(form, "g1").unwrap();
        assert_eq!((found.callback_url.as_str(), found.message_id.as_str()), ("http://localhost:1/c", "m1"));
        assert_eq!(
            found.form(datetime!(2026-01-01 20:00 UTC)),
            "request_id=g1&user_sms_id=m1&country=UZ&phone_number=998005000001&sms_count=1&status=DELIVERED\
             &status_date=2026-01-02+01%3A00%3A00"
        );
        assert_eq!(Receipt::asked_for(b"mobile_phone=998005000001&user_sms_id=m1", "g1"), None);
    }
}
