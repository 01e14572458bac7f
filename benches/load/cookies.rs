//! A user's cookies: what was set last, until it is taken back. Paths and domains are not looked at, since all
//! requests of a user go to one origin.

/// The cookies of one browser.
#[derive(Clone, Default)]
pub(crate) struct Jar(Vec<(String, String)>);

impl Jar {
    /// Takes in the value of one `Set-Cookie` header.
    pub(crate) fn absorb(&mut self, set: &str) {
        let mut parts = set.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let ended = parts.any(|attribute| {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let past = key.eq_ignore_ascii_case("expires") && value.contains("1970");
            past || key.eq_ignore_ascii_case("max-age")
                && value.parse().is_ok_and(|seconds: i64| seconds <= 0)
        });
        self.0.retain(|(known, _)| known != name);
        if !ended {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Appends a `Cookie` header line, if there is a cookie.
    pub(crate) fn write(&self, request: &mut Vec<u8>) {
        for (number, (name, value)) in self.0.iter().enumerate() {
            request.extend_from_slice(if number == 0 { b"Cookie: " } else { b"; " });
            for part in [name.as_bytes(), b"=", value.as_bytes()] {
                request.extend_from_slice(part);
            }
        }
        if !self.0.is_empty() {
            request.extend_from_slice(b"\r\n");
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sets: &[&str]) -> String {
        let mut jar = Jar::default();
        sets.iter().for_each(|set| jar.absorb(set));
        let mut line = Vec::new();
        jar.write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn the_last_value_counts_and_all_go_into_one_line() {
        assert_eq!(line(&[]), "");
        assert_eq!(line(&["a=1; Path=/; HttpOnly", "b=2=3", "a=4; Max-Age=60"]), "Cookie: b=2=3; a=4\r\n");
    }

    #[test]
    fn a_cookie_that_is_taken_back_is_not_sent() {
        assert_eq!(line(&["a=1", "b=2", "a=; Max-Age=0; Path=/"]), "Cookie: b=2\r\n");
        assert_eq!(line(&["a=1", "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]), "");
    }
}
