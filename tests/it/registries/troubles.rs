//! Registers that are slow, dead or odd: what their callers are told, and that others are not touched.

use futures_util::future::join_all;
use yagona::platform::clock::Timestamp;
use yagona::registries::{Contradiction, ErrorKind, RegisterName, TinQuery};

use super::{Bench, MALIKA, NOW, asker, pinfl};

/// What came of a question to each register.
async fn ask_all(bench: &Bench) -> Vec<(RegisterName, Result<(), ErrorKind>)> {
    let asked = RegisterName::ALL.map(async |register| {
        let found = bench.ask(register).await.map_err(|error| {
            assert_eq!(error.register, register);
            error.kind
        });
        (register, found)
    });
    join_all(asked).await
}

#[tokio::test]
async fn odd_answers_of_every_register_are_told_apart_and_never_believed() {
    use RegisterName as R;
    // Nothing is kept or left alone, so that each fault is met by a call.
    let bench = Bench::start(&[("REGISTRIES__FAILURES", "100")]);
    for fault in ["fail", "html", "cut", "huge"] {
        bench.sandbox.registers(&[("reset", "1"), (&format!("all.{fault}"), "1")]).await;
        for (register, found) in ask_all(&bench).await {
            assert!(
                matches!(found, Err(ErrorKind::Unavailable { since: Timestamp(NOW) })),
                "{register} {fault}: {found:?}"
            );
        }
    }
    let flag = Err(ErrorKind::Contradiction(Contradiction::Flag));
    let form = Err(ErrorKind::Contradiction(Contradiction::Form));
    bench.sandbox.registers(&[("reset", "1"), ("all.refuse", "1")]).await;
    for (register, found) in ask_all(&bench).await {
        let expected = if matches!(register, R::Biometrics) { form } else { Err(ErrorKind::Refused) };
        // Billing refuses with a body that is about no invoice.
        let expected = if register == R::Billing { Ok(()) } else { expected };
        assert_eq!(found, expected, "{register} refuses");
    }
    bench.sandbox.registers(&[("reset", "1"), ("all.deny", "1")]).await;
    for (register, found) in ask_all(&bench).await {
        let expected = match register {
            // MyID without a token.
            R::Biometrics | R::Myid => form,
            R::Eimzo => Err(ErrorKind::Refused),
            // There is no such invoice, whatever the rest says.
            R::Billing => Ok(()),
            _ => flag,
        };
        assert_eq!(found, expected, "{register} denies");
    }
    bench.sandbox.registers(&[("reset", "1"), ("all.contradict", "1")]).await;
    let other_person = Err(ErrorKind::Contradiction(Contradiction::OtherPerson));
    for (register, found) in ask_all(&bench).await {
        let expected = match register {
            R::Personalisation | R::Tax | R::CivilRegistry | R::Social | R::Disability => other_person,
            R::Operators => Err(ErrorKind::Contradiction(Contradiction::OtherNumber)),
            // Addresses and jobs do not say whose they are: the next person of the file has neither.
            R::Interior => Err(ErrorKind::NotFound),
            // Nor is there anything in the others to contradict.
            R::Employment | R::Biometrics | R::Billing | R::Eimzo | R::Myid => Ok(()),
        };
        assert_eq!(found, expected, "{register} contradicts");
    }
    bench.sandbox.registers(&[("reset", "1")]).await;
    for (register, found) in ask_all(&bench).await {
        assert_eq!(found, Ok(()), "{register} is well again");
    }
}

#[tokio::test]
async fn a_call_ends_within_its_timeout_and_a_refused_connection_is_told() {
    let names = RegisterName::ALL.map(|register| register.name().to_uppercase());
    let keys: Vec<String> = names.iter().map(|name| format!("REGISTRIES__{name}__TIMEOUT_MS")).collect();
    let changes: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "200")).collect();
    let slow = Bench::start(&changes);
    slow.sandbox.registers(&[("all.delay_ms", "5000")]).await;
    for (register, found) in ask_all(&slow).await {
        assert!(matches!(found, Err(ErrorKind::Unavailable { .. })), "{register} 5 s slow: {found:?}");
    }
    let nowhere = "http://127.0.0.1:1";
    let closed = Bench::start(&[
        ("REGISTRIES__GATEWAY__BASE_URL", nowhere),
        ("REGISTRIES__BIOMETRICS__BASE_URL", nowhere),
        ("REGISTRIES__OPERATORS__BASE_URL", nowhere),
        ("REGISTRIES__BILLING__BASE_URL", nowhere),
        ("REGISTRIES__EIMZO__BASE_URL", nowhere),
        ("REGISTRIES__MYID__BASE_URL", nowhere),
    ]);
    for (register, found) in ask_all(&closed).await {
        assert!(
            matches!(found, Err(ErrorKind::Unavailable { .. })),
            "{register} refuses connections: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_register_that_fails_is_left_alone_and_tried_once_after_its_rest() {
    let bench = Bench::start(&[("REGISTRIES__FAILURES", "2"), ("REGISTRIES__REST_SECONDS", "15")]);
    bench.sandbox.registers(&[("tax.fail", "1")]).await;
    let ask = async || bench.ask(RegisterName::Tax).await.map_err(|error| error.kind);
    let since = Err(ErrorKind::Unavailable { since: Timestamp(NOW) });
    assert_eq!(ask().await, since);
    bench.clock.advance(1);
    assert_eq!((ask().await, ask().await, ask().await), (since, since, since));
    assert_eq!((bench.calls("tax", "failed"), bench.calls("tax", "resting")), (2, 2));
    // It is back, and not asked before its rest is over; others are.
    bench.sandbox.registers(&[("reset", "1")]).await;
    bench.clock.advance(14);
    assert_eq!(ask().await, since);
    assert_eq!(bench.ask(RegisterName::Interior).await, Ok(()));
    bench.clock.advance(1);
    assert_eq!(ask().await, Ok(()));
    assert_eq!((bench.calls("tax", "failed"), bench.calls("tax", "answered")), (2, 1));
    assert!(bench.metrics.encode().contains("yagona_registry_open{register=\"tax\"} 0"));
}

#[tokio::test]
async fn a_slow_register_gets_no_more_calls_at_once_than_it_may() {
    let bench = Bench::start(&[("REGISTRIES__TAX__CONCURRENT", "1"), ("REGISTRIES__TAX__TIMEOUT_MS", "300")]);
    bench.sandbox.registers(&[("tax.delay_ms", "5000")]).await;
    let (one, other) = tokio::join!(bench.ask(RegisterName::Tax), bench.ask(RegisterName::Tax));
    assert!(one.is_err_and(|error| error.is_passing()) && other.is_err_and(|error| error.is_passing()));
    // The second waited for the first's place and time; whichever of both ends came first, it was never sent beside it.
    let (failed, crowded) = (bench.calls("tax", "failed"), bench.calls("tax", "crowded"));
    assert_eq!((failed + crowded, failed >= 1), (2, true));
}

#[tokio::test]
async fn a_gateways_token_is_renewed_once_it_is_refused() {
    let bench = Bench::start(&[]);
    assert_eq!(bench.ask(RegisterName::Tax).await, Ok(()));
    bench.sandbox.registers(&[("gateway.expire_tokens", "1")]).await;
    assert_eq!(bench.ask(RegisterName::Employment).await, Ok(()));
    let wrong = Bench::start(&[("REGISTRIES__GATEWAY__PASSWORD", "another-password")]);
    assert!(wrong.ask(RegisterName::Tax).await.is_err_and(|error| error.is_passing()));
    let unknown = Bench::start(&[("REGISTRIES__OPERATORS__TOKEN", "another-token")]);
    assert_eq!(
        unknown.ask(RegisterName::Operators).await.map_err(|error| error.kind),
        Err(ErrorKind::Refused)
    );
}

#[tokio::test]
async fn an_answer_is_used_again_while_it_is_fresh_and_comparisons_never_are() {
    let bench = Bench::start(&[("REGISTRIES__TAX__FRESH_SECONDS", "60")]);
    let query = TinQuery::Pinfl(pinfl(MALIKA));
    let ask = async || bench.registries.tin(&query, &asker()).await;
    assert!(!ask().await.expect("an answer").kept);
    bench.clock.advance(59);
    bench.sandbox.registers(&[("all.fail", "1")]).await;
    let kept = ask().await.expect("an answer of before");
    assert!(kept.kept && kept.as_of == Timestamp(NOW));
    bench.clock.advance(1);
    assert!(ask().await.is_err_and(|error| error.is_passing()));
    bench.sandbox.registers(&[("reset", "1")]).await;
    assert_eq!(bench.ask(RegisterName::Biometrics).await, Ok(()));
    assert_eq!(bench.ask(RegisterName::Biometrics).await, Ok(()));
    assert_eq!((bench.calls("biometrics", "answered"), bench.calls("biometrics", "kept")), (2, 0));
}
