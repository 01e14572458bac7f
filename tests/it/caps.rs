//! Caps that protect money, gateways and nodes: what fills them, what does not, and who is still served near them.

use reqwest::Method;

use crate::limits::{assert_limited, lose_counters};
use crate::support::client_file::{RIVAL, SHOP};
use crate::support::people::Kind;
use crate::support::wait::until;
use crate::support::{Asked, Browser, Page, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    numbers_that_are_nobodys_use_up_no_cap,
    a_48_and_a_24_cause_only_so_many_messages,
    a_whole_provider_causes_only_so_many_messages,
    a_named_network_has_limits_of_its_own,
    near_a_cap_known_browsers_go_first,
    forms_of_one_address_are_refused_before_anything_is_read,
    where_few_codes_are_entered_strangers_have_fewer_tries_and_wait_longer,
    a_network_of_guesses_brakes_itself_alone,
);

fn behind_a_proxy(setup: Setup) -> Setup {
    setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()])
}

/// A browser at this address.
fn at(world: &World, address: &str) -> Browser {
    world.browser().from(address)
}

async fn ask(world: &World, browser: &mut Browser, client: &str, person: &Person) -> Page {
    let asked = Asked::by(client).with("prompt", "login");
    let page = browser.begin(world, &asked).await.page().expect("phone");
    browser.enter_number(&page, &person.number).await.page()
}

/// How many of so many entries of numbers that are nobody's, each from a browser of its own, are taken.
async fn taken(world: &World, addresses: &[String]) -> usize {
    let mut taken = 0;
    for address in addresses {
        let nobody = world.somebody(Kind::Unknown);
        taken += usize::from(ask(world, &mut at(world, address), SHOP, &nobody).await.status == 200);
    }
    taken
}

async fn numbers_that_are_nobodys_use_up_no_cap(setup: Setup) {
    let setup = setup.set("limits.sends_per_client_hour", 2).set("limits.sends_per_country_hour", 3);
    let mut world = setup.start().await;
    let nobodys = async |world: &World| {
        for kind in [Kind::Unknown, Kind::Unknown, Kind::Unknown, Kind::Unknown, Kind::Blocked] {
            let person = world.somebody(kind);
            ask(world, &mut world.browser(), SHOP, &person).await.expect_status(200).expect("code");
        }
    };
    let refused = async |world: &World, client: &str| {
        for kind in [Kind::Enrolled, Kind::Unknown] {
            let person = world.somebody(kind);
            assert_limited(&ask(world, &mut world.browser(), client, &person).await);
        }
    };
    let gets_one = async |world: &World, client: &str| {
        let person = world.person();
        ask(world, &mut world.browser(), client, &person).await.expect_status(200).expect("code");
        world.sandbox.next_code(&person).await;
    };
    nobodys(&world).await;
    // Nor do they when only the rows are left to count.
    lose_counters(&mut world).await;
    nobodys(&world).await;
    gets_one(&world, SHOP).await;
    gets_one(&world, SHOP).await;
    // Nobody can tell by a cap which numbers would be sent a message.
    refused(&world, SHOP).await;
    gets_one(&world, RIVAL).await;
    refused(&world, RIVAL).await;
    lose_counters(&mut world).await;
    refused(&world, SHOP).await;
    refused(&world, RIVAL).await;
}

async fn a_48_and_a_24_cause_only_so_many_messages(setup: Setup) {
    let setup = setup.set("limits.sends_per_address_5m", 2).set("limits.sends_per_line_5m", 3);
    let world = behind_a_proxy(setup).set("limits.sends_per_site_5m", 5).start().await;
    let person = world.person();
    let mut own = at(&world, "2001:db8:1:9999::1");
    code_of(&own.sign_in(&world, &Asked::by(SHOP), &person).await);
    let from = |of: &dyn Fn(u32) -> String| (0..8).map(of).collect::<Vec<_>>();
    assert_eq!(taken(&world, &from(&|_| "2001:db8:2:100::1".to_owned())).await, 2, "one /64");
    assert_eq!(taken(&world, &from(&|n| format!("2001:db8:3:1{n:02x}::1"))).await, 3, "many /64s of one /56");
    assert_eq!(taken(&world, &from(&|n| format!("2001:db8:1:{n}00::1"))).await, 4, "many /56s of one /48");
    assert_eq!(taken(&world, &from(&|n| format!("203.0.113.{n}"))).await, 5, "many addresses of one /24");
    assert!(world.metric("yagona_limits_total", &["\"network\""]).await > 0.0);
    // Others go on: another network, and a known browser within the same one.
    assert_eq!(taken(&world, &["198.51.100.7".to_owned(), "2001:db8:4::1".to_owned()]).await, 2);
    ask(&world, &mut own, SHOP, &person).await.expect_status(200).expect("code");
    world.sandbox.next_code(&person).await;
    world.advance(300).await;
    assert_eq!(taken(&world, &from(&|n| format!("203.0.113.{n}"))).await, 5, "five minutes later");
}

async fn a_whole_provider_causes_only_so_many_messages(setup: Setup) {
    let setup = setup.set("limits.sends_per_address_5m", 1).set("limits.sends_per_site_5m", 2);
    let setup = setup.set("limits.sends_per_region_5m", 4).set("limits.sends_per_provider_5m", 6);
    let world = behind_a_proxy(setup).start().await;
    let from = |of: &dyn Fn(u32) -> String| (0..6).map(of).collect::<Vec<_>>();
    assert_eq!(taken(&world, &from(&|n| format!("2001:db8:1{n:02x}::1"))).await, 4, "many /48s of one /40");
    assert_eq!(taken(&world, &from(&|n| format!("2001:db8:{n}00::1"))).await, 2, "many /40s of one /32");
    assert_eq!(taken(&world, &["2001:db9::1".to_owned(), "198.51.100.7".to_owned()]).await, 2, "others");
}

async fn a_named_network_has_limits_of_its_own(setup: Setup) {
    let network = toml::toml! {
        [nat]
        blocks = ["203.0.113.0/24"]
        sends_5m = 7
        sends_per_address_5m = 4
    };
    let setup = setup.set("limits.sends_per_address_5m", 1).set("limits.sends_per_site_5m", 2);
    let world = behind_a_proxy(setup).set("limits.networks", network).start().await;
    let one = |last: u32| vec![format!("203.0.113.{last}"); 6];
    assert_eq!(taken(&world, &one(1)).await, 4);
    assert_eq!(taken(&world, &one(2)).await, 3, "what is left of the network");
    assert_eq!(taken(&world, &vec!["198.51.100.7".to_owned(); 3]).await, 1, "outside of it");
}

async fn near_a_cap_known_browsers_go_first(setup: Setup) {
    let setup = setup.set("limits.sends_per_country_hour", 5).set("limits.sends_per_client_hour", 5);
    let world = setup.set("limits.strangers_share_percent", 60).start().await;
    let person = world.person();
    let mut own = world.browser();
    code_of(&own.sign_in(&world, &Asked::by(SHOP), &person).await);
    for _ in 0..2 {
        ask(&world, &mut world.browser(), SHOP, &world.person()).await.expect_status(200).expect("code");
    }
    for client in [SHOP, RIVAL] {
        assert_limited(&ask(&world, &mut world.browser(), client, &world.person()).await);
    }
    for _ in 0..2 {
        let page = ask(&world, &mut own, SHOP, &person).await.expect_status(200).expect("code");
        let code = world.sandbox.next_code(&person).await;
        code_of(&own.enter_code(&page, &code).await.away());
    }
    assert_limited(&ask(&world, &mut own, SHOP, &person).await);
}

/// Sends so many forms with a number that is none, and says how many were looked at.
async fn forms(browser: &mut Browser, page: &Page, count: usize) -> usize {
    let form = page.form("continue");
    let url = page.url.join(&form.action).expect("a URL");
    let mut admitted = 0;
    for _ in 0..count {
        let request = browser.request(Method::POST, &url).header("Sec-Fetch-Site", "same-origin");
        let answer = request.form(&[("phone", "none")]).send().await.expect("an answer");
        admitted += usize::from(answer.status() != 429);
    }
    admitted
}

async fn forms_of_one_address_are_refused_before_anything_is_read(setup: Setup) {
    let setup = setup.set("limits.sends_per_address_5m", 1).set("limits.sends_per_site_5m", 2);
    let world = behind_a_proxy(setup).start().await;
    let (person, here) = (world.person(), "203.0.113.9");
    let mut own = at(&world, here);
    code_of(&own.sign_in(&world, &Asked::by(SHOP), &person).await);
    let mut flood = at(&world, here);
    let page = flood.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    // Two forms were the holder's.
    assert_eq!(forms(&mut flood, &page, 30).await, 10);
    let trips = async || {
        let by = world.nodes[0].metric_by("yagona_redis_round_trips_total", "cause").await;
        let sql = world.nodes[0].metric_by("yagona_sql_round_trips_total", "cause").await;
        [by, sql].map(|by| by.get("number").copied().unwrap_or_default())
    };
    let before = trips().await;
    assert_eq!(forms(&mut flood, &page, 30).await, 0);
    assert_eq!(trips().await, before, "a refused form costs no round trip");
    assert!(world.metric("yagona_limits_total", &["\"forms\""]).await >= 50.0);
    // The rest of the /24, then other networks, and the known browser at the same address.
    let mut neighbour = at(&world, "203.0.113.10");
    let page = neighbour.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    assert_eq!(forms(&mut neighbour, &page, 30).await, 12);
    let mut third = at(&world, "203.0.113.11");
    let page = third.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    assert_eq!(forms(&mut third, &page, 30).await, 0, "the /24 is used up");
    assert_eq!(taken(&world, &["198.51.100.7".to_owned()]).await, 1);
    ask(&world, &mut own, SHOP, &person).await.expect_status(200).expect("code");
    world.sandbox.next_code(&person).await;
    world.advance(300).await;
    assert_eq!(taken(&world, &[here.to_owned()]).await, 1, "five minutes later");
}

fn braking(setup: Setup, scope: &str) -> Setup {
    let setup = setup.set(&format!("limits.brake.{scope}_codes"), 5).set("limits.brake.share_percent", 50);
    setup.set("limits.brake.wait_seconds", 300)
}

/// Lets all codes expire and waits until a brake of that scope holds.
async fn until_braked(world: &World, scope: &str) {
    world.advance(200).await;
    until("the brake", async || {
        (world.metric("yagona_brakes_held", &[&format!("\"{scope}\"")]).await >= 1.0).then_some(())
    })
    .await;
}

/// Enters wrong codes until no more are taken, and says how many that took.
async fn tries(browser: &mut Browser, mut page: Page) -> u32 {
    for count in 1..=6 {
        page = browser.enter_code(&page, "000000").await.page().expect("error");
        if page.text().contains("Too many wrong codes") {
            return count;
        }
    }
    panic!("tries without end: {page}");
}

async fn where_few_codes_are_entered_strangers_have_fewer_tries_and_wait_longer(setup: Setup) {
    let world = braking(setup, "client").set("limits.failures_per_account", 100).start().await;
    let person = world.person();
    let mut own = world.browser();
    code_of(&own.sign_in(&world, &Asked::by(SHOP), &person).await);
    for _ in 0..6 {
        ask(&world, &mut world.browser(), SHOP, &world.person()).await.expect("code");
    }
    until_braked(&world, "client").await;
    assert_eq!(world.metric("yagona_brakes_total", &["\"client\""]).await, 1.0);
    let braked = until("its line in the log", async || {
        let log = world.nodes[0].running.log();
        log.lines().find(|line| line.contains("\"sign_in.braked\"")).map(str::to_owned)
    })
    .await;
    assert!(braked.contains("\"client.id\":\"shop\"") && braked.contains("\"brake.sent\":7"), "{braked}");
    // Enrolled or not, a stranger has two tries, and waits.
    for kind in [Kind::Enrolled, Kind::Unknown] {
        let (mut stranger, target) = (world.browser(), world.somebody(kind));
        let page = ask(&world, &mut stranger, SHOP, &target).await.expect("code");
        let wait = page.body.split("data-after=\"").nth(1).and_then(|rest| rest.split('"').next());
        assert!(wait.is_some_and(|wait| wait.parse::<u32>().is_ok_and(|wait| wait > 100)), "{page}");
        assert_eq!(tries(&mut stranger, page).await, 2);
    }
    let (mut stranger, target) = (world.browser(), world.somebody(Kind::Unknown));
    let page = ask(&world, &mut stranger, RIVAL, &target).await.expect("code");
    assert_eq!(tries(&mut stranger, page).await, 5, "another service");
    let page = ask(&world, &mut own, SHOP, &person).await.expect("code");
    assert_eq!(tries(&mut own, page).await, 5, "a known browser");
    world.advance(900).await;
    until("the release", async || (world.metric("yagona_brakes_held", &[]).await == 0.0).then_some(())).await;
    until("its line in the log", async || {
        world.nodes[0].running.log().contains("\"sign_in.brake_released\"").then_some(())
    })
    .await;
}

async fn a_network_of_guesses_brakes_itself_alone(setup: Setup) {
    let setup = braking(braking(setup, "network"), "country");
    let world = behind_a_proxy(setup).start().await;
    let guesses: Vec<String> = (0..8).map(|n| format!("203.0.113.{n}")).collect();
    assert_eq!(taken(&world, &guesses).await, 8);
    until_braked(&world, "network").await;
    assert_eq!(
        world.metric("yagona_brakes_total", &["\"country\""]).await,
        0.0,
        "nobody's numbers brake nobody else"
    );
    for (address, most) in [("203.0.113.77", 2), ("198.51.100.7", 5)] {
        let (mut browser, person) = (at(&world, address), world.person());
        let page = ask(&world, &mut browser, SHOP, &person).await.expect("code");
        assert_eq!(tries(&mut browser, page).await, most, "{address}");
    }
}
