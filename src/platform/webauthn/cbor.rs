//! As much of CBOR (RFC 8949) as authenticators send in the canonical form of CTAP2: definite lengths, no tags, few levels.

/// Nesting that nothing of an authenticator reaches.
const DEEPEST: u8 = 6;

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    Bool(bool),
    Null,
}

impl<'a> Value<'a> {
    /// Reads one value; returns it and what follows it. `None` if it is not such a value.
    pub(super) fn read(input: &'a [u8]) -> Option<(Self, &'a [u8])> {
        read(input, 0)
    }

    /// Reads a value that nothing follows.
    pub(super) fn whole(input: &'a [u8]) -> Option<Self> {
        Self::read(input).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
    }

    /// The member of a map under a text.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.under(&Value::Text(name))
    }

    /// The member of a map under a number, as COSE has them.
    pub(super) fn numbered(&self, number: i64) -> Option<&Self> {
        self.under(&Value::Int(number))
    }

    /// The bytes of a byte string.
    pub(super) const fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(*bytes) } else { None }
    }

    fn under(&self, key: &Value<'_>) -> Option<&Self> {
        let Self::Map(members) = self else { return None };
        let mut found = members.iter().filter(|(name, _)| name == key);
        // A key that comes twice means two things.
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| value)
    }
}

fn read(input: &[u8], depth: u8) -> Option<(Value<'_>, &[u8])> {
    if depth > DEEPEST {
        return None;
    }
    let (first, rest) = input.split_first()?;
    let (major, info) = (first >> 5, first & 31);
    if major == 7 {
        let value = match info {
            20 => Value::Bool(false),
            21 => Value::Bool(true),
            22 => Value::Null,
            _ => return None,
        };
        return Some((value, rest));
    }
    let (number, mut rest) = argument(info, rest)?;
    match major {
        0 => Some((Value::Int(i64::try_from(number).ok()?), rest)),
        1 => Some((Value::Int(-1 - i64::try_from(number).ok()?), rest)),
        2 | 3 => {
            let (bytes, rest) = rest.split_at_checked(usize::try_from(number).ok()?)?;
            let value =
                if major == 2 { Value::Bytes(bytes) } else { Value::Text(std::str::from_utf8(bytes).ok()?) };
            Some((value, rest))
        }
        4 | 5 => {
            // Each entry has a byte at least, so no length that is claimed makes room before it is there.
            let count = usize::try_from(number).ok().filter(|count| *count <= rest.len())?;
            let (mut values, mut members) = (Vec::new(), Vec::new());
            for _ in 0..count {
                let (value, after) = read(rest, depth + 1)?;
                rest = after;
                if major == 4 {
                    values.push(value);
                } else {
                    let (member, after) = read(rest, depth + 1)?;
                    rest = after;
                    members.push((value, member));
                }
            }
            Some((if major == 4 { Value::Array(values) } else { Value::Map(members) }, rest))
        }
        _ => None,
    }
}

fn argument(info: u8, input: &[u8]) -> Option<(u64, &[u8])> {
    let bytes = match info {
        0..=23 => return Some((u64::from(info), input)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        // Lengths that are not said come from no authenticator.
        _ => return None,
    };
    let (number, rest) = input.split_at_checked(bytes)?;
    Some((number.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authenticators_send_is_read() {
        // {"fmt": "none", 3: -7, "b": h'0102', "l": [true, null]}
        let bytes = [
            0xa4, 0x63, b'f', b'm', b't', 0x64, b'n', b'o', b'n', b'e', 0x03, 0x26, 0x61, b'b', 0x42, 1, 2,
            0x61, b'l', 0x82, 0xf5, 0xf6,
        ];
        let value = Value::whole(&bytes).unwrap();
        assert_eq!(value.member("fmt"), Some(&Value::Text("none")));
        assert_eq!(value.numbered(3), Some(&Value::Int(-7)));
        assert_eq!(value.member("b").and_then(Value::bytes), Some(&[1, 2][..]));
        assert_eq!(value.member("l"), Some(&Value::Array(vec![Value::Bool(true), Value::Null])));
        assert_eq!(Value::read(&[0x19, 0x01, 0x00, 9]), Some((Value::Int(256), &[9][..])));
    }

    #[test]
    fn what_is_cut_endless_too_deep_or_said_twice_is_not() {
        for bad in [
            &[][..],
            &[0x42, 1],
            &[0x5f, 0x41, 1, 0xff],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x61, 0xff],
            &[0xc0, 0x00],
            &[0x81; 20],
            &[0x00, 0x00],
        ] {
            assert_eq!(Value::whole(bad), None, "{bad:?}");
        }
        let twice = [0xa2, 0x01, 0x02, 0x01, 0x03];
        assert_eq!(Value::whole(&twice).unwrap().numbered(1), None);
    }
}
