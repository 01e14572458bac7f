//! The filter of common passwords: a Bloom filter that `scripts/common-passwords` makes. It never misses a word that is in it, and takes
//! one of some fifteen thousand others for one.

use aws_lc_rs::digest::{SHA256, digest};

/// How the file begins.
const MAGIC: &[u8] = b"YGCOMMON";

/// The most probes that a file may ask for.
const MOST_PROBES: u32 = 64;

/// A filter over the bytes of its file.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    bits: u32,
    probes: u32,
    field: &'a [u8],
}

impl<'a> Filter<'a> {
    /// Reads a file; `None` when it is none.
    pub fn read(file: &'a [u8]) -> Option<Self> {
        let (bits, rest) = file.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let (probes, field) = rest.split_first_chunk::<4>()?;
        let (bits, probes) = (u32::from_le_bytes(*bits), u32::from_le_bytes(*probes));
        let whole = bits > 0 && bits.is_multiple_of(8) && u64::from(bits / 8) == field.len() as u64;
        (whole && (1..=MOST_PROBES).contains(&probes)).then_some(Self { bits, probes, field })
    }

    /// Whether a word is in it, or looks as if it were. Words are in lower case.
    pub fn contains(&self, word: &str) -> bool {
        let hash = digest(&SHA256, word.as_bytes());
        let mut halves =
            hash.as_ref().chunks_exact(8).filter_map(|half| half.try_into().ok().map(u64::from_le_bytes));
        let (Some(first), Some(second)) = (halves.next(), halves.next()) else { return false };
        let step = second | 1;
        (0..u64::from(self.probes)).all(|probe| {
            let bit = first.wrapping_add(probe.wrapping_mul(step)) % u64::from(self.bits);
            let byte = usize::try_from(bit / 8).ok().and_then(|at| self.field.get(at));
            byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        })
    }
}

/// The words of this program.
pub(super) fn common() -> Option<Filter<'static>> {
    Filter::read(include_bytes!("common.bin"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_common_is_found_and_what_is_not_is_not() {
        let common = common().expect("the file of this program");
        for word in [
            "password",
            "123456789",
            "qwertyuiop",
            "iloveyou",
            "ўзбекистон",
            "toshkent",
            "parol",
            "1q2w3e4r5t",
        ] {
            assert!(common.contains(word), "{word}");
        }
        for word in ["zarafshon-qoraqum", "jxkqzvwp", "tog'lardagi qor", "корабль-дельфин", "", "x"]
        {
            assert!(!common.contains(word), "{word}");
        }
        let wrong = (0..20_000).filter(|n| common.contains(&format!("no such word {n} anywhere"))).count();
        assert!(wrong < 20, "{wrong} of 20,000 are taken for common");
        assert!(include_bytes!("common.bin").len() <= 300_000);
    }

    #[test]
    fn a_file_that_is_cut_or_odd_is_none() {
        let whole = include_bytes!("common.bin");
        for file in [&whole[..whole.len() - 1], &whole[..15], &whole[1..], b"", b"YGCOMMON\0\0\0\0\x01\0\0\0"]
        {
            assert!(Filter::read(file).is_none());
        }
        assert!(Filter::read(b"YGCOMMON\x08\0\0\0\0\0\0\0\xff").is_none(), "no probe finds everything");
        let all = Filter::read(b"YGCOMMON\x08\0\0\0\x01\0\0\0\xff").expect("a filter");
        assert!(all.contains("anything"));
    }

    proptest! {
        #[test]
        fn no_file_is_read_beyond_its_end(file in prop::collection::vec(any::<u8>(), 0..64), word in "\\PC*") {
            let mut headed = b"YGCOMMON".to_vec();
            headed.extend(&file);
            for file in [&file, &headed] {
                if let Some(filter) = Filter::read(file) {
                    filter.contains(&word);
                }
            }
        }
    }
}
