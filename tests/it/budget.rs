//! Budgets of store round trips and commits for a typical sign-in, request by request: they determine the throughput of
//! a machine. The provider counts them by request, so that background work does not disturb the count.

use std::collections::BTreeMap;
use std::ops::{Add, Sub};

use crate::password::FIRST;
use crate::support::client_file::{ONEID, SHOP};
use crate::support::oneid::link;
use crate::support::people::Kind;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    no_request_of_a_sign_in_costs_more_than_its_budget,
    a_number_that_is_nobodys_costs_what_an_enrolled_one_costs,
    a_pushed_request_costs_one_round_trip_each_way,
    a_password_costs_no_more_than_its_budget_and_a_login_that_is_nobodys_the_same,
    no_request_of_oneids_protocol_costs_more_than_its_budget,
);

/// Round trips to the stores.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cost {
    statements: u64,
    commits: u64,
    redis: u64,
}

/// Numbers of statements, of commits, and of operations on Redis.
const fn cost(statements: u64, commits: u64, redis: u64) -> Cost {
    Cost { statements, commits, redis }
}

/// The maximum cost of each request, by step and route.
const REQUESTS: [(&str, &str, Cost); 7] = [
    ("begin", "authorize", cost(0, 0, 0)),
    ("begin", "number", cost(0, 0, 0)),
    ("number", "number", cost(2, 1, 2)),
    ("number", "code", cost(0, 0, 1)),
    ("code", "code", cost(1, 0, 2)),
    ("redeem", "token", cost(1, 1, 1)),
    // The person may be cached.
    ("userinfo", "userinfo", cost(1, 0, 1)),
];

/// The cost of sending the message in the background. Its statements cannot be distinguished from those that poll for
/// work, nor its round trips to Redis from those of the brake on guessing: only the commit is counted here.
const MESSAGE: Cost = cost(1, 1, 0);

/// The maximum cost of a whole sign-in.
const SIGN_IN: Cost = cost(6, 3, 7);

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        cost(self.statements + other.statements, self.commits + other.commits, self.redis + other.redis)
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        cost(self.statements - other.statements, self.commits - other.commits, self.redis - other.redis)
    }
}

impl Cost {
    fn is_within(self, most: Self) -> bool {
        self.statements <= most.statements && self.commits <= most.commits && self.redis <= most.redis
    }
}

type Costs = BTreeMap<String, Cost>;

/// The cost so far, by cause.
async fn spent(world: &World) -> Costs {
    let mut spent = Costs::new();
    let none = Cost::default();
    for (name, unit) in [
        ("yagona_sql_round_trips_total", Cost { statements: 1, ..none }),
        ("yagona_sql_commits_total", Cost { commits: 1, ..none }),
        ("yagona_redis_round_trips_total", Cost { redis: 1, ..none }),
    ] {
        for (cause, count) in world.nodes[0].metric_by(name, "cause").await {
            let so_far = spent.entry(cause).or_default();
            *so_far = (0..count as u64).fold(*so_far, |sum, _| sum + unit);
        }
    }
    spent
}

/// Runs a step and returns its cost, by cause.
async fn costs<T>(world: &World, doing: impl Future<Output = T>) -> (T, Costs) {
    let before = spent(world).await;
    let done = doing.await;
    let after = spent(world).await;
    let since = |cause: &str, cost| cost - before.get(cause).copied().unwrap_or_default();
    let costs = after.into_iter().map(|(cause, cost)| (cause.clone(), since(&cause, cost)));
    (done, costs.filter(|(_, cost)| *cost != Cost::default()).collect())
}

/// Runs a step that sends one message, waits until it is sent and recorded, and fails if it costs more.
async fn sending<T>(world: &World, doing: impl Future<Output = T>) -> T {
    let before = spent(world).await["background"];
    let done = doing.await;
    until("the message to be sent", async || {
        let cost = spent(world).await["background"] - before;
        assert!(cost.commits <= MESSAGE.commits, "a message cost {cost:?}");
        (cost.commits == MESSAGE.commits).then_some(())
    })
    .await;
    done
}

/// A typical sign-in, and the cost of each step.
async fn sign_in(world: &World, person: &Person) -> [(&'static str, Costs); 5] {
    let mut browser = world.browser();
    let (page, begin) = costs(world, async { browser.begin(world, &Asked::by(SHOP)).await.page() }).await;
    let page = page.expect("phone");
    let entering = async { browser.enter_number(&page, &person.number).await.page() };
    let (page, number) = costs(world, entering).await;
    let sms = world.sandbox.next_code(person).await;
    let (url, code) = costs(world, async { browser.enter_code(&page, &sms).await.away() }).await;
    let given = code_of(&url);
    let (tokens, redeem) = costs(world, world.redeem(SHOP, &given)).await;
    let tokens = tokens.granted();
    let (told, userinfo) = costs(world, world.userinfo(tokens.get("access_token"))).await;
    told.granted();
    [("begin", begin), ("number", number), ("code", code), ("redeem", redeem), ("userinfo", userinfo)]
}

async fn no_request_of_a_sign_in_costs_more_than_its_budget(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    // The first sign-in has a consent; the budget is for later ones.
    sending(&world, world.browser().sign_in(&world, &Asked::by(SHOP), &person)).await;
    let done = sending(&world, sign_in(&world, &person)).await;
    let mut sum = MESSAGE;
    for (what, costs) in &done {
        for (cause, cost) in costs {
            // Gateways report deliveries in their own time, and what happened, and what people are told of a new browser,
            // is written a moment later, for all at once.
            if ["audit", "billing", "history", "background", "ledger", "notices", "other"]
                .contains(&cause.as_str())
            {
                continue;
            }
            let most = REQUESTS.iter().find(|(name, route, _)| name == what && route == cause);
            let (.., most) = most.unwrap_or_else(|| panic!("{what}: {cause} is asked, which cost {cost:?}"));
            assert!(cost.is_within(*most), "{what}: a request to {cause} cost {cost:?}, more than {most:?}");
            sum = sum + *cost;
        }
    }
    assert!(sum.is_within(SIGN_IN), "{sum:?}");
    assert_eq!(sum.commits, 3, "the message stored and taken, the code redeemed: {sum:?}");
    assert!(sum.statements >= 5, "nothing is counted: {sum:?}");
    assert!(world.setup.backend == Backend::Embedded || sum.redis >= 5, "nothing is counted: {sum:?}");
}

/// A message that is not sent is stored and taken like one that is: the same statements and commits, on the path and off it.
async fn a_number_that_is_nobodys_costs_what_an_enrolled_one_costs(setup: Setup) {
    let world = setup.start().await;
    let enters = async |kind: Kind| {
        let (mut browser, person) = (world.browser(), world.somebody(kind));
        let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
        let entering = async { browser.enter_number(&page, &person.number).await.page().expect("code") };
        let (_, costs) = sending(&world, costs(&world, entering)).await;
        costs["number"]
    };
    let enrolled = enters(Kind::Enrolled).await;
    for kind in [Kind::Unknown, Kind::Blocked, Kind::NotEnrolled] {
        assert_eq!(enters(kind).await, enrolled);
    }
}

/// Keeping a request and counting it are one round trip, reading it another; that it is spent is stored with the answer.
async fn a_pushed_request_costs_one_round_trip_each_way(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    sending(&world, world.browser().sign_in(&world, &Asked::by(SHOP), &person)).await;
    let (asked, push) = costs(&world, world.pushed(&Asked::by(SHOP))).await;
    // In-process state costs none.
    let of = |costs: &Costs, route: &str| costs.get(route).copied().unwrap_or_default();
    assert!(of(&push, "par").is_within(cost(0, 0, 1)), "{push:?}");
    let mut browser = world.browser();
    let (page, begin) = costs(&world, async { browser.begin(&world, &asked).await.page() }).await;
    assert!(of(&begin, "authorize").is_within(cost(0, 0, 1)), "{begin:?}");
    let page = sending(&world, browser.enter_number(&page.expect("phone"), &person.number)).await;
    let sms = world.sandbox.next_code(&person).await;
    let page = page.page().expect("code");
    let (url, code) = costs(&world, async { browser.enter_code(&page, &sms).await.away() }).await;
    code_of(&url);
    assert!(of(&code, "code").is_within(cost(1, 0, 2)), "as without one: {code:?}");
}

/// The maximum cost of each request of OneID's protocol: those of a service's server are counted, in one round trip to Redis.
const ONEID_REQUESTS: [(&str, &str, Cost); 8] = [
    ("begin", "oneid", cost(0, 0, 0)),
    ("begin", "number", cost(0, 0, 0)),
    ("number", "number", cost(2, 1, 2)),
    ("number", "code", cost(0, 0, 1)),
    ("code", "code", cost(1, 0, 2)),
    // The code, and the session that it names.
    ("redeem", "oneid", cost(1, 1, 3)),
    // The grant, and the person unless they are cached.
    ("identify", "oneid", cost(2, 0, 1)),
    // The grant; its end takes a number in a transaction, and is told to the other nodes.
    ("log_out", "oneid", cost(7, 1, 2)),
];

async fn no_request_of_oneids_protocol_costs_more_than_its_budget(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    sending(&world, world.browser().sign_in_at(&world, &link(&world, ONEID), &person)).await;
    let done = sending(&world, async {
        let mut browser = world.browser();
        let (page, begin) = costs(&world, async { browser.get(&link(&world, ONEID)).await.page() }).await;
        let page = page.expect("phone");
        let entering = async { browser.enter_number(&page, &person.number).await.page() };
        let (page, number) = costs(&world, entering).await;
        let sms = world.sandbox.next_code(&person).await;
        let (url, code) = costs(&world, async { browser.enter_code(&page, &sms).await.away() }).await;
        let given = code_of(&url);
        let (tokens, redeem) = costs(&world, world.oneid_redeem(ONEID, &given)).await;
        let token = tokens.granted().get("access_token").to_owned();
        let (told, identify) = costs(&world, world.oneid_identify(ONEID, &token)).await;
        told.granted();
        let (out, log_out) = costs(&world, world.oneid_log_out(ONEID, &token)).await;
        out.granted();
        [
            ("begin", begin),
            ("number", number),
            ("code", code),
            ("redeem", redeem),
            ("identify", identify),
            ("log_out", log_out),
        ]
    })
    .await;
    for (what, costs) in &done {
        for (cause, cost) in costs {
            if ["audit", "billing", "history", "background", "ledger", "notices", "other"]
                .contains(&cause.as_str())
            {
                continue;
            }
            let most = ONEID_REQUESTS.iter().find(|(name, route, _)| name == what && route == cause);
            let (.., most) = most.unwrap_or_else(|| panic!("{what}: {cause} is asked, which cost {cost:?}"));
            assert!(cost.is_within(*most), "{what}: a request to {cause} cost {cost:?}, more than {most:?}");
        }
    }
    let statements = |what: &str| {
        let (_, costs) = done.iter().find(|(name, _)| *name == what).expect("a step");
        costs.get("oneid").copied().unwrap_or_default().statements
    };
    assert!(statements("redeem") == 1 && statements("identify") >= 1, "nothing is counted: {done:?}");
}

/// The maximum cost of a right password: the login, the person; the attempt, the counted try, session and answer.
const PASSWORD: Cost = cost(2, 0, 3);

/// The cost of a wrong one, whoever has the login: the login, the failure.
const WRONG_PASSWORD: Cost = cost(2, 1, 2);

async fn a_password_costs_no_more_than_its_budget_and_a_login_that_is_nobodys_the_same(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    world.browser().set_password(&world, &person, FIRST).await.expect("said");
    // The first sign-in has a consent, which a code permits, and the first use of a password in an hour is noted.
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &person).await);
    world.browser().sign_in_by_password(&world, &Asked::by(SHOP), (&person.pinfl, FIRST)).await;
    let mut browser = world.browser();
    let page = browser.at_password(&world, &Asked::by(SHOP)).await;
    let entering = async { browser.enter_password(&page, &person.pinfl, FIRST).await.away() };
    let (url, costs_right) = costs(&world, entering).await;
    code_of(&url);
    let right = costs_right["password"];
    assert!(right.is_within(PASSWORD) && right.statements > 0, "{right:?}");
    for (cause, cost) in &costs_right {
        let off = ["audit", "billing", "history", "background", "ledger", "notices", "other", "password"];
        assert!(off.contains(&cause.as_str()), "{cause} cost {cost:?}");
    }
    for login in [person.pinfl.as_str(), "nobody.at.all"] {
        let mut browser = world.browser();
        let page = browser.at_password(&world, &Asked::by(SHOP)).await;
        let entering = async { browser.enter_password(&page, login, "guess guess guess").await.page() };
        let (page, costs) = costs(&world, entering).await;
        page.expect_status(422);
        let wrong = costs["password"];
        assert!(wrong.is_within(WRONG_PASSWORD) && wrong.commits == 1, "{login}: {wrong:?}");
    }
}
