//! The form of every list: a head, rows, and an end that says how many rows there are and what their digest is, so that a file that was
//! cut or changed on its way is not taken for a whole one.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use aws_lc_rs::digest::{Context, SHA256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::platform::clock::Timestamp;

/// The longest file, in bytes: some four million numbers.
pub const LONGEST: u64 = 256 * 1024 * 1024;

/// What every list begins with, and its version.
const NAME: &str = "yagona-exchange";
const VERSION: &str = "1";

/// What its last line begins with.
const END: &str = "end,";

/// The longest name of a sender or receiver.
const LONGEST_NAME: usize = 32;

/// What a list is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// To an operator: numbers that are enrolled.
    Enrolled,
    /// From an operator: numbers that were returned to it, or are frozen.
    Returned,
    /// From the civil registry: people who died.
    Deaths,
}

impl Kind {
    /// Its name in the files and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Returned => "returned",
            Self::Deaths => "deaths",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Enrolled, Self::Returned, Self::Deaths].into_iter().find(|kind| kind.name() == name)
    }
}

/// What a list says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// What it is of.
    pub kind: Kind,
    /// With whom it is exchanged: an operator, or a register.
    pub party: String,
    /// Its number in the row of lists of that kind and party, from 1.
    pub number: u32,
    /// When it was made.
    pub made_at: Timestamp,
}

impl Header {
    fn parse(line: &str) -> Result<Self, SheetError> {
        let mut fields = line.split(',');
        let mut next = || fields.next().unwrap_or_default();
        if next() != NAME {
            return Err(SheetError::NoList);
        }
        if next() != VERSION {
            return Err(SheetError::Version);
        }
        let kind = Kind::parse(next()).ok_or(SheetError::Kind)?;
        let party = next().to_owned();
        if !is_name(&party) {
            return Err(SheetError::Party);
        }
        let number = whole(next()).filter(|number| *number > 0).ok_or(SheetError::Number)?;
        let made_at = moment(next()).ok_or(SheetError::Moment)?;
        if fields.next().is_some() {
            return Err(SheetError::NoList);
        }
        Ok(Self { kind, party, number, made_at })
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, party, number, made_at } = self;
        write!(f, "{NAME},{VERSION},{},{party},{number},{}", kind.name(), made_at.to_rfc3339())
    }
}

/// Whether a text is the name of an operator or register: small letters, digits and dashes.
pub(super) fn is_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(letter)
}

/// A whole number without sign or leading zeros: each has one form.
fn whole(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// A moment as RFC 3339 writes it, with any offset.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(|moment| Timestamp(moment.unix_timestamp()))
}

/// Why a file is no list. Nothing of it is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SheetError {
    /// It begins with something else.
    #[error("line 1 is not the head of a list: yagona-exchange,1,KIND,PARTY,NUMBER,MOMENT")]
    NoList,
    /// Its form is of another version.
    #[error("the version of the form, in line 1, is not 1")]
    Version,
    /// Its kind is unknown.
    #[error("the kind of list, in line 1, is none of enrolled, returned, deaths")]
    Kind,
    /// The name of its sender cannot be one.
    #[error("the name of the party, in line 1, must be small letters, digits and dashes, at most 32")]
    Party,
    /// It has no running number.
    #[error("the number of the list, in line 1, must be a whole number from 1")]
    Number,
    /// It does not say when it was made.
    #[error("the moment of the list, in line 1, must be as 2026-11-27T10:00:00Z or with an offset")]
    Moment,
    /// It was cut.
    #[error("the last line, end,ROWS,SHA256, is missing: the file was cut")]
    NoEnd,
    /// It has another number of rows than it says.
    #[error("the last line says another number of rows than there are: the file was cut or changed")]
    Count,
    /// It has other content than it says.
    #[error("the SHA-256 in the last line is not that of the lines before it: the file was changed")]
    Checksum,
    /// It goes on after its end.
    #[error("there is something after the line end,ROWS,SHA256")]
    AfterEnd,
}

/// A list that is whole.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// What it says of itself.
    pub header: Header,
    /// Its rows, each with its line in the file.
    pub rows: Vec<(usize, &'a str)>,
    /// The digest of everything before its end, by which the same file is known again.
    pub digest: String,
}

impl<'a> Sheet<'a> {
    /// Reads a list. Lines may end with or without a carriage return.
    ///
    /// # Errors
    /// [`SheetError`], the first one.
    pub fn parse(text: &'a str) -> Result<Self, SheetError> {
        let mut lines = text.split_inclusive('\n').enumerate();
        let bare = |line: &'a str| {
            let line = line.strip_suffix('\n').unwrap_or(line);
            line.strip_suffix('\r').unwrap_or(line)
        };
        let (_, head) = lines.next().ok_or(SheetError::NoList)?;
        let header = Header::parse(bare(head))?;
        let (mut rows, mut before) = (Vec::new(), head.len());
        let end = loop {
            let (at, line) = lines.next().ok_or(SheetError::NoEnd)?;
            match bare(line).strip_prefix(END) {
                Some(end) => break end,
                None => rows.push((at + 1, bare(line))),
            }
            before += line.len();
        };
        if lines.any(|(_, line)| !bare(line).is_empty()) {
            return Err(SheetError::AfterEnd);
        }
        let (count, said) = end.split_once(',').ok_or(SheetError::NoEnd)?;
        if whole(count).map(|count| count as usize) != Some(rows.len()) {
            return Err(SheetError::Count);
        }
        let mut context = Context::new(&SHA256);
        context.update(&text.as_bytes()[..before]);
        let digest = hex(context);
        if !said.eq_ignore_ascii_case(&digest) {
            return Err(SheetError::Checksum);
        }
        Ok(Self { header, rows, digest })
    }
}

fn hex(context: Context) -> String {
    context.finish().as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a list, row by row, so that a long one is never in memory as a whole.
pub struct SheetWriter<W: Write> {
    out: W,
    context: Context,
    rows: u32,
}

impl<W: Write> SheetWriter<W> {
    /// Begins a list.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn begin(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { out, context: Context::new(&SHA256), rows: 0 };
        writer.line(&header.to_string())?;
        Ok(writer)
    }

    /// Adds a row, which must have no line break.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn row(&mut self, row: &str) -> io::Result<()> {
        self.rows += 1;
        self.line(row)
    }

    /// Ends the list; returns how many rows it has and its digest.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn finish(mut self) -> io::Result<(u32, String)> {
        let digest = hex(self.context);
        writeln!(self.out, "{END}{},{digest}", self.rows)?;
        self.out.flush()?;
        Ok((self.rows, digest))
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.context.update(line.as_bytes());
        self.context.update(b"\n");
        writeln!(self.out, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(kind: Kind) -> Header {
        Header { kind, party: "beeline".to_owned(), number: 42, made_at: Timestamp(1_795_000_000) }
    }

    fn written(kind: Kind, rows: &[&str]) -> String {
        let mut out = Vec::new();
        let mut writer = SheetWriter::begin(&mut out, &header(kind)).unwrap();
        rows.iter().for_each(|row| writer.row(row).unwrap());
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn r87_what_is_written_is_read_again() {
        let text = written(Kind::Returned, &["998901234567,returned,2026-11-20T10:00:00Z", ""]);
        let sheet = Sheet::parse(&text).unwrap();
        assert_eq!(sheet.header, header(Kind::Returned));
        assert_eq!(sheet.rows, [(2, "998901234567,returned,2026-11-20T10:00:00Z"), (3, "")]);
        assert!(text.ends_with(&format!("end,2,{}\n", sheet.digest)));
    }

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        let text = written(Kind::Enrolled, &[]);
        let lines = "yagona-exchange,1,enrolled,beeline,42,2026-11-18T11:06:40Z\n";
        assert!(text.starts_with(lines), "{text}");
        let digest = aws_lc_rs::digest::digest(&SHA256, lines.as_bytes());
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, format!("{lines}end,0,{digest}\n"));
    }

    #[test]
    fn r87_a_list_that_was_cut_or_changed_is_none() {
        let text = written(Kind::Returned, &["998901234567,returned,2026-11-20T10:00:00Z", "x"]);
        let error = |text: &str| Sheet::parse(text).unwrap_err();
        assert_eq!(error(""), SheetError::NoList);
        assert_eq!(error("998901234567\n"), SheetError::NoList);
        assert_eq!(error(&text[..text.len() - 70]), SheetError::NoEnd);
        assert_eq!(error(&text.replace("234567", "234568")), SheetError::Checksum);
        assert_eq!(error(&text.replace("\nx\n", "\n")), SheetError::Count);
        assert_eq!(error(&format!("{text}998901234567\n")), SheetError::AfterEnd);
        assert_eq!(error(&text.replace("end,2,", "end,02,")), SheetError::Count);
        for (was, is, wrong) in [
            ("exchange,1,", "exchange,2,", SheetError::Version),
            (",returned,beeline", ",other,beeline", SheetError::Kind),
            (",beeline,", ",Bee line,", SheetError::Party),
            (",42,", ",0,", SheetError::Number),
            (",42,", ",+42,", SheetError::Number),
            (",2026-11-18T", ",18.11.2026T", SheetError::Moment),
        ] {
            assert_eq!(error(&text.replacen(was, is, 1)), wrong, "{is}");
        }
        let windows = written(Kind::Deaths, &[]).replace('\n', "\r\n");
        assert_eq!(error(&windows), SheetError::Checksum, "the digest is of the bytes as they are");
        assert!(Sheet::parse(text.trim_end()).is_ok(), "the last line need not be ended");
    }

    proptest! {
        #[test]
        fn rows_come_back_as_they_were_written(rows in prop::collection::vec("[ -~]{0,40}", 0..20)) {
            prop_assume!(rows.iter().all(|row| !row.starts_with(END)));
            let text = written(Kind::Returned, &rows.iter().map(String::as_str).collect::<Vec<_>>());
            let sheet = Sheet::parse(&text).unwrap();
            prop_assert_eq!(sheet.rows.iter().map(|(_, row)| *row).collect::<Vec<_>>(), rows);
        }

        #[test]
        fn one_changed_byte_is_noticed(at in 0_usize..200, by in 1_u8..255) {
            let text = written(Kind::Returned, &["998901234567,returned,2026-11-20T10:00:00Z", "y"]);
            let mut bytes = text.clone().into_bytes();
            let at = at % (bytes.len() - 1);
            bytes[at] = bytes[at].wrapping_add(by);
            if let Ok(changed) = String::from_utf8(bytes)
                && let Ok(sheet) = Sheet::parse(&changed)
            {
                // A letter of the digest in the other case is the same digest.
                prop_assert_eq!(sheet.digest, Sheet::parse(&text).unwrap().digest);
            }
        }

        #[test]
        fn nothing_breaks_the_reader(text in "\\PC{0,200}|(yagona-exchange,1,[a-z,0-9\\-:TZ\n]{0,200})") {
            let _ = Sheet::parse(&text);
        }
    }
}
