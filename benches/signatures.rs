//! What a signature costs through `jsonwebtoken`, beside the same signature by the bare library on a kept key with a
//! hand-made JWS around it. Both are measured in turns, in one run:
//!
//!     cargo bench --bench signatures

use std::hint::black_box;
use std::process::ExitCode;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::time::Instant;
use yagona::platform::jose::{Alg, KeyError, SigningKey};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KID: &str = "es256-abcdefghijkl";
const TYP: &str = "at+jwt";

/// Turns of each way; an odd number, so that there is one in the middle.
const TURNS: usize = 61;

enum Pair {
    Rsa(RsaKeyPair),
    RsaPss(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// The bare library, a header made once, and nothing checked.
struct Bare {
    header: String,
    pair: Pair,
}

impl Bare {
    fn new(alg: Alg, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let header = json!({"alg": alg.name(), "typ": TYP, "kid": KID}).to_string();
        let pair = match alg {
            Alg::RS256 => Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8)?),
            Alg::PS256 => Pair::RsaPss(RsaKeyPair::from_pkcs8(pkcs8)?),
            Alg::ES256 => Pair::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?),
            Alg::EdDSA => Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8)?),
        };
        Ok(Self { header: URL_SAFE_NO_PAD.encode(header), pair })
    }

    fn sign(&self, claims: &Value) -> String {
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        let mut token = String::with_capacity(self.header.len() + payload.len() * 4 / 3 + 360);
        token.push_str(&self.header);
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(&payload));
        let (random, message) = (SystemRandom::new(), token.as_bytes());
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut out).map(|()| out)
            }
            Pair::RsaPss(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, &random, message, &mut out).map(|()| out)
            }
            Pair::Ec(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        };
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature.unwrap_or_default()));
        token
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example.uz",
        "sub": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        "aud": "https://api.example.uz",
        "client_id": "client-number-one",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
        "scope": "openid profile phone",
        "jti": "abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuv",
    })
}

/// Microseconds a call.
fn time(calls: u32, mut call: impl FnMut() -> String) -> f64 {
    let started = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure(alg: Alg) -> Result<(), KeyError> {
    let pkcs8 = SigningKey::generate(alg, 2048);
    let (bare, key) = (Bare::new(alg, &pkcs8)?, SigningKey::from_pkcs8(KID, alg, &pkcs8)?);
    let claims = claims();
    let calls = match alg {
        Alg::RS256 | Alg::PS256 => 200,
        Alg::ES256 => 3000,
        Alg::EdDSA => 5000,
    };
    let turns: Vec<(f64, f64)> = (0..TURNS)
        .map(|_| {
            let before = time(calls, || bare.sign(&claims));
            (before, time(calls, || key.sign(TYP, &claims)))
        })
        .collect();
    let rate = |micros: f64| 1e6 / micros;
    println!(
        "{:<6} bare {:>8.0}/s   through jsonwebtoken {:>8.0}/s   ratio {:.3} (median of {TURNS} pairs)",
        alg.name(),
        rate(median(turns.iter().map(|(bare, _)| *bare).collect())),
        rate(median(turns.iter().map(|(_, new)| *new).collect())),
        median(turns.iter().map(|(bare, new)| bare / new).collect()),
    );
    Ok(())
}

fn main() -> ExitCode {
    // `cargo bench` says --bench; anything else must not wait for a measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("signatures: nothing measured; use `cargo bench --bench signatures`");
        return ExitCode::SUCCESS;
    }
    match Alg::ALL.into_iter().try_for_each(measure) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signatures: {error}");
            ExitCode::FAILURE
        }
    }
}
