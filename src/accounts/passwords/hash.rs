//! Argon2id (RFC 9106): hashes as PHC strings, and their verification. Each takes tens of milliseconds, so they run in the pool alone.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::platform::bytes;

/// Bytes of a hash.
const OUTPUT: usize = 32;

/// What one hash costs. One lane: a pool has as many threads as it may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

/// The least memory for each number of passes (OWASP Password Storage Cheat Sheet; ASVS 5.0, appendix C).
const LEAST: [(u32, u32); 5] = [(1, 47_104), (2, 19_456), (3, 12_288), (4, 9216), (5, 7168)];

impl Cost {
    /// Whether it is no less than what is recommended.
    pub fn is_enough(self) -> bool {
        LEAST.iter().any(|(passes, memory)| self.passes >= *passes && self.memory_kib >= *memory)
    }

    fn params(self) -> Result<Params, HashError> {
        Params::new(self.memory_kib, self.passes, 1, Some(OUTPUT)).map_err(|_| HashError)
    }
}

/// A hash could not be made or read: a defect, or damage.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a password's hash cannot be computed")]
pub struct HashError;

/// The memory of one thread; it grows to what it was used for.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    fn compute(
        &mut self,
        password: &[u8],
        (algorithm, version, params): (Algorithm, Version, Params),
        (salt, out): (&[u8], &mut [u8]),
    ) -> Result<(), HashError> {
        let blocks = params.block_count();
        if self.0.len() < blocks {
            self.0.resize(blocks, Block::new());
        }
        let memory = self.0.get_mut(..blocks).ok_or(HashError)?;
        let argon = Argon2::new(algorithm, version, params);
        argon.hash_password_into_with_memory(password, salt, out, memory).map_err(|_| HashError)
    }
}

/// Hashes a password under a fresh salt.
pub(super) fn hash(memory: &mut Memory, password: &[u8], cost: Cost) -> Result<String, HashError> {
    let (salt, mut out) = (bytes::random::<16>(), [0; OUTPUT]);
    memory.compute(password, (Algorithm::Argon2id, Version::V0x13, cost.params()?), (&salt, &mut out))?;
    phc(cost, &salt, &out)
}

/// A hash that no password has, and that takes as long to verify as any other.
pub(super) fn decoy(cost: Cost) -> Result<String, HashError> {
    phc(cost, &bytes::random::<16>(), &bytes::random::<OUTPUT>())
}

fn phc(cost: Cost, salt: &[u8], out: &[u8]) -> Result<String, HashError> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: (&cost.params()?).try_into().map_err(|_| HashError)?,
        salt: Some(Salt::new(salt).map_err(|_| HashError)?),
        hash: Some(Output::new(out).map_err(|_| HashError)?),
    };
    Ok(hash.to_string())
}

/// Whether a password is the one of a hash.
pub(super) fn verify(memory: &mut Memory, password: &[u8], phc: &str) -> Result<bool, HashError> {
    let known = PasswordHash::new(phc).map_err(|_| HashError)?;
    let algorithm = Algorithm::try_from(known.algorithm.as_str()).map_err(|_| HashError)?;
    let version = known.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(|_| HashError)?;
    let params = Params::try_from(&known).map_err(|_| HashError)?;
    let (salt, hash) = (known.salt.ok_or(HashError)?, known.hash.ok_or(HashError)?);
    let mut out = vec![0; hash.len()];
    memory.compute(password, (algorithm, version, params), (&salt, &mut out))?;
    Ok(bytes::same(&out, hash.as_bytes()))
}

/// Whether a hash is of another cost than is wanted now.
pub(super) fn is_outdated(phc: &str, cost: Cost) -> bool {
    let params = PasswordHash::new(phc).ok().and_then(|known| Params::try_from(&known).ok());
    params.is_none_or(|params| (params.m_cost(), params.t_cost()) != (cost.memory_kib, cost.passes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    #[test]
    fn a_hash_is_of_its_password_and_says_what_it_cost() {
        let mut memory = Memory::default();
        let phc = hash(&mut memory, b"olma", CHEAP).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{phc}");
        assert_ne!(phc, hash(&mut memory, b"olma", CHEAP).unwrap(), "each has a salt of its own");
        assert!(verify(&mut memory, b"olma", &phc).unwrap());
        assert!(!verify(&mut memory, b"Olma", &phc).unwrap());
        let dear = Cost { memory_kib: 128, passes: 2 };
        assert!(is_outdated(&phc, dear) && !is_outdated(&phc, CHEAP));
        let again = hash(&mut memory, b"olma", dear).unwrap();
        assert!(verify(&mut memory, b"olma", &again).unwrap() && verify(&mut memory, b"olma", &phc).unwrap());
        assert!(verify(&mut memory, b"olma", "$argon2id$v=19$m=64").is_err());
    }

    #[test]
    fn a_decoy_costs_the_same_and_is_nobodys() {
        let mut memory = Memory::default();
        let decoy = decoy(CHEAP).unwrap();
        assert!(!is_outdated(&decoy, CHEAP));
        assert!(!verify(&mut memory, b"", &decoy).unwrap());
    }

    #[test]
    fn what_is_recommended_is_enough_and_less_is_not() {
        let enough = |memory_kib, passes| Cost { memory_kib, passes }.is_enough();
        assert!(enough(47_104, 1) && enough(19_456, 2) && enough(65_536, 4) && enough(7168, 9));
        assert!(!enough(47_103, 1) && !enough(19_455, 2) && !enough(7167, 9));
    }
}
