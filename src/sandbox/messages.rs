//! Accepted and delivered messages. In memory and bounded: only the newest
//! [`KEPT`] messages are kept.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};

use super::parts::{self, Length};

/// Number of messages that are kept.
pub(super) const KEPT: usize = 10_000;

/// RFC 3339 in UTC with milliseconds, as in `GET /messages`.
const RFC_3339_MS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A simulated gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Gateway {
    /// notify.eskiz.uz
    Eskiz,
    /// send.smsxabar.uz
    PlayMobile,
}

impl Gateway {
    /// Every gateway, in the order of the pages.
    pub(super) const ALL: [Self; 2] = [Self::Eskiz, Self::PlayMobile];

    /// The name in JSON and forms.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Eskiz => "eskiz",
            Self::PlayMobile => "playmobile",
        }
    }

    /// The name on pages.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Eskiz => "Eskiz",
            Self::PlayMobile => "PlayMobile",
        }
    }
}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Accepted by the gateway.
    Waiting,
    /// Handed to the operator.
    Submitted,
    /// Delivered to the phone.
    Delivered,
}

impl State {
    /// The gateway's name of the state. PlayMobile has none for the first: it only responds that it has
    /// received the request.
    pub(super) fn word(self, gateway: Gateway) -> &'static str {
        match (gateway, self) {
            (Gateway::Eskiz, Self::Waiting) => "waiting",
            (Gateway::Eskiz, Self::Submitted) => "ACCEPTED",
            (Gateway::Eskiz, Self::Delivered) => "DELIVERED",
            (Gateway::PlayMobile, Self::Waiting) => "Received",
            (Gateway::PlayMobile, Self::Submitted) => "Transmitted",
            (Gateway::PlayMobile, Self::Delivered) => "Delivered",
        }
    }
}

/// A message that a gateway is about to accept.
pub(super) struct Submission {
    /// The gateway.
    pub gateway: Gateway,
    /// The gateway's id for it (Eskiz) or the sender's (PlayMobile); unique per gateway.
    pub id: String,
    /// Eskiz: the sender's own id, repeated in delivery reports.
    pub user_sms_id: Option<String>,
    /// Digits.
    pub to: String,
    /// The sender name on the phone.
    pub from: String,
    /// The text itself.
    pub text: String,
    /// How many times it is delivered: 0 lost, 1 normal, 2 duplicated.
    pub arrivals: u8,
}

/// A message that a gateway has accepted.
pub(super) struct Message {
    /// Incremented with every message, of all gateways.
    pub number: u64,
    /// As submitted; its `arrivals` becomes 0 when the phones' messages are deleted.
    pub sent: Submission,
    /// Alphabet and parts.
    pub length: Length,
    /// Its state.
    pub state: State,
    /// When it was accepted, in whole milliseconds; never earlier than the message before it.
    pub accepted_at: OffsetDateTime,
    /// When it was handed to the operator.
    pub submitted_at: Option<OffsetDateTime>,
    /// When it was delivered.
    pub delivered_at: Option<OffsetDateTime>,
}

impl Message {
    /// The gateway's name of the current state.
    pub(super) fn status(&self) -> &'static str {
        self.state.word(self.sent.gateway)
    }

    /// When the message last changed.
    pub(super) fn updated_at(&self) -> OffsetDateTime {
        self.delivered_at.or(self.submitted_at).unwrap_or(self.accepted_at)
    }

    fn arrival(&self, copy: u8) -> Arrival {
        let id = if copy == 1 { self.number.to_string() } else { format!("{}.{copy}", self.number) };
        Arrival {
            id,
            to: self.sent.to.clone(),
            from: self.sent.from.clone(),
            text: self.sent.text.clone(),
            // Formatting a UTC date into a string cannot fail.
            at: self.accepted_at.to_offset(offset!(UTC)).format(RFC_3339_MS).unwrap_or_default(),
            status: self.status(),
            gateway: self.sent.gateway.name(),
            parts: self.length.parts,
            arrived_at: self.accepted_at,
        }
    }
}

/// A delivered message, as in `GET /messages`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Arrival {
    /// Unique; the second copy of a duplicated message has one of its own.
    pub id: String,
    /// Digits.
    pub to: String,
    /// The sender name.
    pub from: String,
    /// The text.
    pub text: String,
    /// RFC 3339, UTC, milliseconds.
    pub at: String,
    /// The gateway's name of its state.
    pub status: &'static str,
    /// The gateway's [`Gateway::name`].
    pub gateway: &'static str,
    /// The number of its parts.
    pub parts: usize,
    /// `at`, for pages.
    #[serde(skip)]
    pub arrived_at: OffsetDateTime,
}

/// The newest messages of all gateways.
#[derive(Default)]
pub(super) struct Messages {
    kept: VecDeque<Message>,
    taken: u64,
    by_id: HashMap<(Gateway, String), u64>,
}

impl Messages {
    /// Stores a message and returns its number.
    pub(super) fn accept(&mut self, submission: Submission, now: OffsetDateTime) -> u64 {
        let now = now.truncate_to_millisecond();
        let accepted_at = self.kept.back().map_or(now, |last| now.max(last.accepted_at));
        self.taken += 1;
        if self.kept.len() == KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            self.by_id.remove(&(oldest.sent.gateway, oldest.sent.id));
        }
        self.by_id.insert((submission.gateway, submission.id.clone()), self.taken);
        self.kept.push_back(Message {
            number: self.taken,
            length: parts::measure(&submission.text),
            sent: submission,
            state: State::Waiting,
            accepted_at,
            submitted_at: None,
            delivered_at: None,
        });
        self.taken
    }

    /// The message of a gateway by `id`.
    pub(super) fn find(&self, gateway: Gateway, id: &str) -> Option<&Message> {
        self.get(*self.by_id.get(&(gateway, id.to_owned()))?)
    }

    /// The message with this number; `None` if it is no longer kept.
    pub(super) fn get(&self, number: u64) -> Option<&Message> {
        self.kept.get(self.place(number)?)
    }

    /// Updates a message, if it is still kept.
    pub(super) fn advance(&mut self, number: u64, state: State, now: OffsetDateTime) {
        let Some(message) = self.place(number).and_then(|place| self.kept.get_mut(place)) else { return };
        message.state = state;
        match state {
            State::Waiting => {}
            State::Submitted => message.submitted_at = Some(now),
            State::Delivered => message.delivered_at = Some(now),
        }
    }

    /// Delivered messages, newest last: of the phone `to` or of all, at or after `since`, at most the
    /// newest `most`.
    pub(super) fn arrived(
        &self,
        to: Option<&str>,
        since: Option<OffsetDateTime>,
        most: usize,
    ) -> Vec<Arrival> {
        let mut arrivals: Vec<Arrival> = self
            .kept
            .iter()
            .rev()
            .take_while(|message| since.is_none_or(|since| message.accepted_at >= since))
            .filter(|message| to.is_none_or(|to| message.sent.to == to))
            .flat_map(|message| (1..=message.sent.arrivals).rev().map(|copy| message.arrival(copy)))
            .take(most)
            .collect();
        arrivals.reverse();
        arrivals
    }

    /// The messages of `gateway`, newest first.
    pub(super) fn accepted_by(&self, gateway: Gateway) -> impl Iterator<Item = &Message> {
        self.kept.iter().rev().filter(move |message| message.sent.gateway == gateway)
    }

    /// Deletes the phones' messages. The gateways keep their records.
    pub(super) fn empty_phones(&mut self) {
        for message in &mut self.kept {
            message.sent.arrivals = 0;
        }
    }

    fn place(&self, number: u64) -> Option<usize> {
        let first = self.kept.front()?.number;
        usize::try_from(number.checked_sub(first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const NOON: OffsetDateTime = datetime!(2026-11-21 12:00:00.123_456 UTC);

    fn to(number: &str, id: &str) -> Submission {
        Submission {
            gateway: Gateway::Eskiz,
            id: id.into(),
            user_sms_id: None,
            to: number.into(),
            from: "4546".into(),
            text: format!("text {id}"),
            arrivals: 1,
        }
    }

    #[test]
    fn only_the_newest_ten_thousand_are_remembered() {
        let mut messages = Messages::default();
        for index in 0..KEPT + 5 {
            messages.accept(to("998000000001", &index.to_string()), NOON);
        }
        assert_eq!(messages.arrived(None, None, usize::MAX).len(), KEPT);
        assert!(messages.find(Gateway::Eskiz, "4").is_none());
        assert_eq!(messages.find(Gateway::Eskiz, "5").map(|m| m.sent.text.as_str()), Some("text 5"));
        assert_eq!(messages.by_id.len(), KEPT);
        messages.advance(5, State::Delivered, NOON);
        messages.advance(6, State::Delivered, NOON);
        assert!(messages.get(5).is_none());
        assert_eq!(messages.get(6).map(Message::status), Some("DELIVERED"));
    }

    #[test]
    fn messages_are_listed_newest_last_by_number_and_from_a_moment_on() {
        let mut messages = Messages::default();
        for (index, number) in ["998000000001", "998000000002", "998000000001"].iter().enumerate() {
            messages.accept(to(number, &index.to_string()), NOON + Duration::seconds(index as i64));
        }
        let texts = |list: Vec<Arrival>| list.into_iter().map(|a| a.text).collect::<Vec<_>>();
        assert_eq!(texts(messages.arrived(Some("998000000001"), None, 10)), ["text 0", "text 2"]);
        assert_eq!(texts(messages.arrived(None, None, 2)), ["text 1", "text 2"]);
        let at = messages.arrived(None, None, 10)[1].arrived_at;
        assert_eq!(texts(messages.arrived(None, Some(at), 10)), ["text 1", "text 2"]);
        assert_eq!(messages.arrived(None, None, 10)[0].at, "2026-11-21T12:00:00.123Z");
    }

    #[test]
    fn a_clock_set_back_does_not_put_a_message_before_an_older_one() {
        let mut messages = Messages::default();
        messages.accept(to("998000000001", "a"), NOON);
        messages.accept(to("998000000001", "b"), NOON - Duration::hours(1));
        let listed = messages.arrived(None, None, 10);
        assert_eq!(listed[0].at, listed[1].at);
    }

    #[test]
    fn a_message_arrives_as_often_as_told_each_time_with_an_id_of_its_own() {
        let mut messages = Messages::default();
        messages.accept(Submission { arrivals: 2, ..to("998000000001", "a") }, NOON);
        messages.accept(Submission { arrivals: 0, ..to("998000000001", "b") }, NOON);
        let ids: Vec<String> = messages.arrived(None, None, 10).into_iter().map(|a| a.id).collect();
        assert_eq!(ids, ["1", "1.2"]);
    }

    #[test]
    fn emptied_phones_show_nothing_and_the_gateway_still_knows() {
        let mut messages = Messages::default();
        messages.accept(to("998000000001", "a"), NOON);
        messages.empty_phones();
        assert!(messages.arrived(None, None, 10).is_empty());
        assert!(messages.find(Gateway::Eskiz, "a").is_some());
    }
}
