//! What a sign-in may cost the stores: round trips and commits, which decide how many a machine can do.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::client_file::SHOP;
use crate::support::{Asked, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(a_sign_in_costs_six_statements_and_three_commits_at_most);

/// Sign-ins that are measured together, so that what happens in the background weighs little.
const MEASURED: u32 = 20;

async fn sign_in(world: &World, person: &Person) {
    let code = code_of(&world.browser().sign_in(world, &Asked::by(SHOP), person).await);
    let tokens = world.redeem(SHOP, &code).await.granted();
    world.userinfo(tokens.get("access_token")).await.granted();
}

async fn a_sign_in_costs_six_statements_and_three_commits_at_most(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    // The first time, consent is given; the budget is for everyday sign-ins.
    sign_in(&world, &person).await;
    let (idle, _) = spent(&world, async || tokio::time::sleep(Duration::from_secs(2)).await).await;
    let (sql, seconds) = spent(&world, async || {
        for _ in 0..MEASURED {
            sign_in(&world, &person).await;
        }
    })
    .await;
    // What the background asks for while nobody signs in is no cost of a sign-in.
    let statements = (sql.statements - idle.statements / 2.0 * seconds) / f64::from(MEASURED);
    let commits = (sql.commits - idle.commits / 2.0 * seconds) / f64::from(MEASURED);
    assert!(statements > 1.0 && commits > 0.5, "nothing is counted: {statements} {commits}");
    assert!(statements < 6.5, "{statements} statements a sign-in");
    assert!(commits < 3.5, "{commits} commits a sign-in");
}

struct Sql {
    statements: f64,
    commits: f64,
}

/// What `doing` cost, and how many seconds it took.
async fn spent(world: &World, doing: impl AsyncFnOnce()) -> (Sql, f64) {
    let read = async || {
        let statements = world.metric("yagona_sql_round_trips_total", &[]).await;
        Sql { statements, commits: world.metric("yagona_sql_commits_total", &[]).await }
    };
    let (before, begun) = (read().await, Instant::now());
    doing().await;
    let (seconds, after) = (begun.elapsed().as_secs_f64(), read().await);
    let (statements, commits) = (after.statements - before.statements, after.commits - before.commits);
    (Sql { statements, commits }, seconds)
}
