//! Framing of HTTP/1.1 messages (RFC 9112), just enough for both ends on loopback: where a head ends and how long
//! its body is. Pure: bytes in, positions out.

/// How a message's body is delimited.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Length(usize),
    Chunked,
    /// The connection's end is the body's end.
    UntilClose,
}

/// A head that has arrived whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes up to and including the blank line.
    pub length: usize,
    pub body: Body,
    /// Whether the peer will close the connection after this message.
    pub closes: bool,
}

/// What arrived is no HTTP/1.1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads a head; `None` until all of it is there.
pub(crate) fn head(input: &[u8]) -> Result<Option<Head>, Malformed> {
    let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let lines = &input[..end + 2];
    let closes = header(lines, b"connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let chunked = header(lines, b"transfer-encoding").is_some();
    let body = match header(lines, b"content-length") {
        _ if chunked => Body::Chunked,
        Some(length) => Body::Length(length.parse().map_err(|_| Malformed)?),
        None if lines.starts_with(b"HTTP/1.") => match status(lines)? {
            204 | 304 => Body::Length(0),
            _ => Body::UntilClose,
        },
        None => Body::Length(0),
    };
    Ok(Some(Head { length: end + 4, body, closes }))
}

/// The status code of an answer's head.
pub(crate) fn status(head: &[u8]) -> Result<u16, Malformed> {
    let digits = head.get(9..12).ok_or(Malformed)?;
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Malformed)
}

/// The first header of a lower-case name.
pub(crate) fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    headers(head, name).next()
}

/// All headers of a lower-case name.
pub(crate) fn headers<'a>(head: &'a [u8], name: &[u8]) -> impl Iterator<Item = &'a str> {
    head.split(|byte| *byte == b'\n').skip(1).filter_map(move |line| {
        let value = line.get(name.len()..)?.strip_prefix(b":")?;
        if !line[..name.len()].eq_ignore_ascii_case(name) {
            return None;
        }
        std::str::from_utf8(value).ok().map(str::trim)
    })
}

/// Decodes a chunked body into `body`; `None` until all of it is there, else how many bytes it took.
pub(crate) fn dechunk(input: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>, Malformed> {
    body.clear();
    let mut at = 0;
    loop {
        let Some(line) = input[at..].windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let digits = input[at..at + line].split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(|_| Malformed)?.trim();
        let length = usize::from_str_radix(digits, 16).map_err(|_| Malformed)?;
        let start = at + line + 2;
        let end = start.checked_add(length).ok_or(Malformed)?;
        let Some(after) = input.get(end..end + 2) else { return Ok(None) };
        if after != b"\r\n" {
            return Err(Malformed);
        }
        if length == 0 {
            return Ok(Some(end + 2));
        }
        body.extend_from_slice(&input[start..end]);
        at = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let answer =
            b"HTTP/1.1 303 See Other\r\nContent-Length: 5\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nhello";
        assert_eq!(head(&answer[..60]), Ok(None));
        let found = head(answer).unwrap().unwrap();
        assert_eq!((found.body, found.closes, status(answer)), (Body::Length(5), false, Ok(303)));
        assert_eq!(&answer[found.length..], b"hello");
        assert_eq!(headers(answer, b"set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(header(answer, b"cookie"), None);
    }

    #[test]
    fn bodies_are_delimited_as_the_head_says() {
        let body = |text: &[u8]| head(text).map(|found| found.map(|found| found.body));
        assert_eq!(body(b"HTTP/1.1 204 No Content\r\n\r\n"), Ok(Some(Body::Length(0))));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Ok(Some(Body::Chunked)));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), Ok(Some(Body::UntilClose)));
        assert_eq!(body(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Ok(Some(Body::Length(0))));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Err(Malformed));
    }

    #[test]
    fn chunks_are_joined_and_an_unfinished_one_is_waited_for() {
        let text = b"4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\n\r\nnext";
        let mut body = Vec::new();
        assert_eq!(dechunk(&text[..15], &mut body), Ok(None));
        assert_eq!(dechunk(text, &mut body), Ok(Some(text.len() - 4)));
        assert_eq!(body, b"Wikipedia ");
        assert_eq!(dechunk(b"zz\r\n\r\n", &mut body), Err(Malformed));
        assert_eq!(dechunk(b"1\r\nabc\r\n", &mut body), Err(Malformed));
    }
}
