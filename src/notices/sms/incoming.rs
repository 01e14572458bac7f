//! SMS from phones, as PlayMobile's broker passes them on: XML, `<sms-request version="1.0"><message id msisdn submit-date><content
//! type="text/plain">`. Of XML only that is read: elements, attributes and text, no document type and no entity but the five of XML itself
//! and characters by number, so that nothing grows by being read.

/// The largest request, in bytes.
const LARGEST: usize = 64 * 1024;

/// Most messages in one request.
const MOST: usize = 100;

/// The longest text that is looked at, in characters: commands are words.
const LONGEST: usize = 200;

/// A message from a phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incoming {
    /// The broker's identifier of it, by which a repetition is known.
    pub id: String,
    /// The sender's number: digits.
    pub from: String,
    /// What was written.
    pub text: String,
}

/// Reads a request; `None` when it is none, or none of its messages can be read. One that cannot be read keeps back no other: it may come
/// with somebody's lock.
pub fn parse(body: &[u8]) -> Option<Vec<Incoming>> {
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= LARGEST)?;
    // A document type may declare entities, which nobody needs here.
    if text.contains("<!DOCTYPE") || text.contains("<!ENTITY") || !text.contains("<sms-request") {
        return None;
    }
    let mut messages = Vec::new();
    let mut rest = text;
    while let Some(Some((attributes, inner, after))) = element(rest, "message") {
        // One that does not end would take the next one into itself.
        if let Some(next) = outside_cdata(inner, "<message") {
            rest = inner_and_after(rest, inner, after).get(next..)?;
            continue;
        }
        if messages.len() == MOST {
            return None;
        }
        messages.extend(message(attributes, inner));
        rest = after;
    }
    (!messages.is_empty()).then_some(messages)
}

/// The end of `text` that begins with what is in an element.
fn inner_and_after<'t>(text: &'t str, inner: &str, after: &str) -> &'t str {
    let end = after.len() + "</message>".len() + inner.len();
    text.get(text.len().saturating_sub(end)..).unwrap_or_default()
}

/// Where `what` is first, but for CDATA sections, in which people's own words may look like elements.
fn outside_cdata(text: &str, what: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = rest.find(what)?;
        match rest.find("<![CDATA[").filter(|section| *section < at) {
            None => return Some(from + at),
            Some(section) => from += section + rest.get(section..)?.find("]]>")? + "]]>".len(),
        }
    }
}

fn message(attributes: &str, inner: &str) -> Option<Incoming> {
    let from: String = attribute(attributes, "msisdn")?.chars().filter(|c| *c != '+').collect();
    if from.is_empty() || from.len() > 15 || !from.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let id = attribute(attributes, "id").filter(|id| (1..=64).contains(&id.len()))?;
    let (_, content, _) = element(inner, "content")??;
    let text: String = characters(content)?.chars().take(LONGEST).collect();
    Some(Incoming { id, from, text })
}

/// The first element of that name: its attributes, what is in it, and what follows. The inner option is `None` without one; the outer where
/// it does not end.
#[expect(clippy::option_option, reason = "none is another answer than one that cannot be read")]
fn element<'t>(text: &'t str, name: &str) -> Option<Option<(&'t str, &'t str, &'t str)>> {
    let open = format!("<{name}");
    let mut from = 0;
    let start = loop {
        let Some(at) = outside_cdata(text.get(from..)?, &open) else { return Some(None) };
        let after = from + at + open.len();
        // `<messages` is another element.
        match text.as_bytes().get(after) {
            Some(byte) if byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/') => break after,
            Some(_) => from = after,
            None => return None,
        }
    };
    let rest = text.get(start..)?;
    let end = rest.find('>')?;
    let attributes = rest.get(..end)?;
    let rest = rest.get(end + 1..)?;
    if let Some(attributes) = attributes.strip_suffix('/') {
        return Some(Some((attributes, "", rest)));
    }
    let close = format!("</{name}>");
    let (inner, after) = rest.split_at_checked(outside_cdata(rest, &close)?)?;
    Some(Some((attributes, inner, after.get(close.len()..)?)))
}

/// The value of an attribute.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = after.get(1..)?.split_once(quote)?;
        if key.trim() == name {
            return characters(value);
        }
        rest = after.trim_start();
    }
    None
}

/// Text with its references resolved.
fn characters(text: &str) -> Option<String> {
    if let Some(raw) = text.trim().strip_prefix("<![CDATA[") {
        return Some(raw.strip_suffix("]]>")?.to_owned());
    }
    if text.contains('<') {
        return None;
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        let (reference, after) = after.split_once(';')?;
        out.push_str(before);
        out.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            other => {
                let number = other.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = after;
    }
    Some(out + rest)
}

/// Words that agree to what a service asks, in the four languages, and that refuse it. Apostrophes are left out.
const YES: [&str; 7] = ["HA", "ҲА", "ХА", "ДА", "DA", "YES", "ROZIMAN"];
const NO: [&str; 8] = ["YOQ", "ЙЎҚ", "ЙУК", "ЙУҚ", "НЕТ", "NET", "NO", "RAD"];

/// What somebody answers to the message of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Neither: they ask what it is about, or cannot be understood.
    Unclear,
}

/// Words that lock an account, in the four languages: "block" and "lock".
const LOCK: [&str; 8] = ["BLOK", "QULF", "БЛОК", "ҚУЛФ", "БЛОКИРОВАТЬ", "ЗАБЛОКИРОВАТЬ", "LOCK", "BLOCK"];

impl Incoming {
    /// Whether it asks for nothing but that the sender's account be locked.
    pub fn locks(&self) -> bool {
        let word: String = self.text.trim().trim_end_matches(['.', '!']).to_uppercase();
        LOCK.contains(&word.trim())
    }

    /// The answer to a request that names it by its code, the one number of six digits in the message; `None` without one. Whatever has more
    /// than the code and one word of the two kinds is unclear.
    pub fn answer(&self) -> Option<(Answer, &str)> {
        let between = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | '!' | ':' | ';' | '-');
        let parts: Vec<&str> = self.text.split(between).filter(|part| !part.is_empty()).collect();
        let is_code = |part: &&str| part.len() == 6 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (codes, words): (Vec<&str>, Vec<&str>) = parts.into_iter().partition(is_code);
        let [code] = codes[..] else { return None };
        let [word] = words[..] else { return Some((Answer::Unclear, code)) };
        let apostrophes = ['\'', '`', '’', '‘', 'ʻ', 'ʼ'];
        let word = word.replace(apostrophes, "").to_uppercase();
        Some(match word.as_str() {
            word if YES.contains(&word) => (Answer::Yes, code),
            word if NO.contains(&word) => (Answer::No, code),
            _ => (Answer::Unclear, code),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &str, content: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sms-request version=\"1.0\">\n<message {attributes}>\n\
             <content type=\"text/plain\">{content}</content>\n</message>\n</sms-request>"
        )
    }

    const SENDER: &str = "id=\"77\" msisdn=\"998901234567\" submit-date=\"2026-11-27 14:00:00\"";

    #[test]
    fn a_message_from_a_phone_is_read() {
        let read = parse(request(SENDER, "БЛОК").as_bytes()).unwrap();
        assert_eq!(read, [Incoming { id: "77".into(), from: "998901234567".into(), text: "БЛОК".into() }]);
        let escaped = "a &amp; &lt;b&gt; &#1041;&#x41; &quot;&apos;";
        assert_eq!(parse(request(SENDER, escaped).as_bytes()).unwrap()[0].text, "a & <b> БA \"'");
        assert_eq!(parse(request(SENDER, "<![CDATA[a & <b>]]>").as_bytes()).unwrap()[0].text, "a & <b>");
        let single = "msisdn='+998901234567'  id='a\"b'";
        assert_eq!(parse(request(single, "x").as_bytes()).unwrap()[0].from, "998901234567");
        let two = request(SENDER, "LOCK").replace("</sms-request>", "") + &request(SENDER, "no");
        assert_eq!(parse(two.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_such_request_is_not_read_and_nothing_grows() {
        let bomb = format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{}", request(SENDER, "&a;"));
        for body in [
            "",
            "{}",
            "<sms-request version=\"1.0\"></sms-request>",
            "<message id=\"1\" msisdn=\"998901234567\"><content>LOCK</content></message>",
            &request("id=\"1\"", "LOCK"),
            &request("id=\"1\" msisdn=\"operator\"", "LOCK"),
            &request("msisdn=\"998901234567\"", "LOCK"),
            &request(SENDER, "&unknown;"),
            &request(SENDER, "&#xD800;"),
            &request(SENDER, "<b>LOCK</b>"),
            &request(SENDER, "LOCK").replace("</message>", ""),
            &request(SENDER, "LOCK").replace("</content>", ""),
            &bomb,
        ] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
        assert_eq!(parse(&[0xff, 0xfe]), None);
        assert_eq!(parse(&vec![b' '; LARGEST + 1]), None);
        let long = parse(request(SENDER, &"a".repeat(5000)).as_bytes()).unwrap();
        assert_eq!(long[0].text.len(), LONGEST);
    }

    #[test]
    fn a_message_that_cannot_be_read_keeps_back_no_other() {
        let good = request(SENDER, "LOCK");
        for odd in [
            request("id=\"1\" msisdn=\"operator\"", "LOCK"),
            request("msisdn=\"998901234568\"", "LOCK"),
            request("id=\"1\" msisdn=\"998901234568\"", "&unknown;"),
            request("id=\"1\" msisdn=\"998901234568\"", "<b>LOCK</b>"),
            request("id=\"1\" msisdn=\"998901234568\"", "LOCK").replace("</content>", ""),
            request("id=\"1\" odd msisdn=\"998901234568\"", "LOCK"),
            request("id=\"1\" msisdn=\"998901234568\"", "LOCK").replace("</message>", ""),
        ] {
            for both in [format!("{odd}{good}"), format!("{good}{odd}")] {
                let read = parse(both.as_bytes()).unwrap();
                assert_eq!(read.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["77"], "{both}");
                assert!(read[0].locks());
            }
        }
        // What somebody wrote cannot be somebody else's message, also where the section does not end.
        let words = "<![CDATA[x</content></message><message id=\"9\" msisdn=\"998901234569\"><content>LOCK</content></message>";
        let theirs = |words: &str| request("id=\"1\" msisdn=\"998901234568\"", words);
        let ids = |body: String| -> Vec<String> {
            parse(body.as_bytes()).unwrap_or_default().into_iter().map(|one| one.id).collect()
        };
        assert_eq!(ids(theirs(&format!("{words}]]>")) + &good), ["1", "77"]);
        assert_eq!(ids(good.clone() + &theirs(words)), ["77"]);
        assert_eq!(ids(theirs(words) + &good), [""; 0]);
    }

    #[test]
    fn an_answer_is_one_code_and_one_word() {
        let answer = |text: &str| {
            let message = Incoming { id: String::new(), from: String::new(), text: text.to_owned() };
            message.answer().map(|(answer, code)| (answer, code.to_owned()))
        };
        let told = |answer| Some((answer, "123456".to_owned()));
        for yes in ["HA 123456", "ha, 123456.", "123456 Да", "ҳа 123456!", "yes\n123456"] {
            assert_eq!(answer(yes), told(Answer::Yes), "{yes}");
        }
        for no in ["YO'Q 123456", "yo‘q 123456", "Yoʻq: 123456", "йўқ 123456", "нет 123456", "NO-123456"]
        {
            assert_eq!(answer(no), told(Answer::No), "{no}");
        }
        for unclear in ["123456", "ha yo'q 123456", "balki 123456", "ha ha 123456", "ha 123456 12"] {
            assert_eq!(answer(unclear), told(Answer::Unclear), "{unclear}");
        }
        for none in ["", "HA", "HA 12345", "HA 1234567", "HA 123456 654321", "BLOK", "HA 123456 123456"] {
            assert_eq!(answer(none), None, "{none}");
        }
    }

    #[test]
    fn only_the_word_alone_locks_in_each_language() {
        let locks =
            |text: &str| Incoming { id: String::new(), from: String::new(), text: text.to_owned() }.locks();
        for word in ["BLOK", " blok ", "Блок!", "қулф.", "qulf", "заблокировать", "lock", "Block\n"]
        {
            assert!(locks(word), "{word}");
        }
        for word in ["", "stop", "lock my account", "unlock", "blokla", "123456"] {
            assert!(!locks(word), "{word}");
        }
    }
}
