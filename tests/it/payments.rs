//! Payments, as a running provider learns of them: Unified billing's notice is a hint, and what it says is asked back (R15). Billing is
//! played here in the provider's own wire form (`docs/registries.md`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use actix_web::web::{Data, Json, Path, get, post};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::{Value, json};
use yagona::life_events::Entered;
use yagona::mobile_id::{Identification, State};
use yagona::staff::PlaceKind;

use crate::identifications::{Applicant, Desk};
use crate::support::people::Kind;
use crate::support::wait::until;
use crate::support::{Backend, Setup, World, alone_on_both_backends, http};

alone_on_both_backends!(r15_a_notice_is_a_hint_and_billing_is_asked_back);

type Invoices = Arc<Mutex<BTreeMap<String, Value>>>;

/// Unified billing.
struct Billing {
    url: String,
    invoices: Invoices,
}

async fn register(invoices: Data<Invoices>, body: Json<Value>) -> HttpResponse {
    let (number, amount) = (body["number"].as_str().expect("a number").to_owned(), body["amount"].clone());
    let state = json!({ "number": number, "amount": amount, "status": "open", "shares": body["shares"] });
    invoices.lock().expect("one thread").entry(number.clone()).or_insert(state);
    HttpResponse::Ok().json(json!({ "number": number, "amount": amount, "reference": format!("B-{number}") }))
}

async fn state(invoices: Data<Invoices>, number: Path<String>) -> HttpResponse {
    match invoices.lock().expect("one thread").get(number.as_str()) {
        Some(state) => HttpResponse::Ok().json(state),
        None => HttpResponse::NotFound().json(json!({})),
    }
}

impl Billing {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let invoices = Invoices::default();
        let data = Data::new(Arc::clone(&invoices));
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(data.clone())
                        .route("/v1/invoices", post().to(register))
                        .route("/v1/invoices/{number}", get().to(state))
                };
                HttpServer::new(app).workers(1).listen(listener).expect("a server").run().await
            })
        });
        Self { url, invoices }
    }

    fn knows(&self, number: &str) -> Option<Value> {
        self.invoices.lock().expect("one thread").get(number).cloned()
    }

    /// Takes money for an invoice.
    fn pay(&self, number: &str, amount: i64) {
        let mut invoices = self.invoices.lock().expect("one thread");
        let invoice = invoices.get_mut(number).expect("an invoice");
        invoice["status"] = "paid".into();
        invoice["paid_amount"] = amount.into();
        invoice["paid_at"] = "2026-11-27T10:00:00Z".into();
        invoice["payment_reference"] = format!("P-{number}-{amount}").into();
    }
}

/// Tells the provider that something happened to an invoice.
async fn notice(world: &World, number: &str) -> u16 {
    let url = world.url("/billing/notices");
    let answer = http::client().post(url).json(&json!({ "number": number })).send().await.expect("an answer");
    answer.status().as_u16()
}

async fn waiting(desk: &Desk, who: &Applicant) -> (Identification, String, i64) {
    let sent = desk.sent(Desk::place(PlaceKind::ServiceCentre), who).await;
    let Ok(Entered::AwaitingPayment(waiting)) = desk.enter(&sent).await else { panic!("a fee is due") };
    let invoice = waiting.invoice.clone().expect("an invoice");
    (*waiting, invoice.number, invoice.fee.tiyin)
}

async fn r15_a_notice_is_a_hint_and_billing_is_asked_back(setup: Setup) {
    let billing = Billing::start();
    let world = setup.set("registries.billing.base_url", billing.url.as_str()).start().await;
    let applicants: Vec<Applicant> =
        (0..3).map(|_| Applicant::from(&world.somebody(Kind::Unknown))).collect();
    let numbers: Vec<&str> = applicants.iter().map(|who| who.number.as_str()).collect();
    let desk = Desk::of(&world, &numbers).await;
    assert_eq!(notice(&world, "MIDAAAAAAAA").await, 204, "nobody learns which invoices there are");
    for bad in ["", "{", "[]", r#"{"number": 7}"#, r#"{"invoice": "MIDAAAAAAAA"}"#] {
        let answer = http::client().post(world.url("/billing/notices")).body(bad).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 400, "{bad}");
        assert!(answer.text().await.expect("text").contains("the number of an invoice"), "{bad}");
    }

    let (first, number, fee) = waiting(&desk, &applicants[0]).await;
    until("the invoice to be known to billing", async || billing.knows(&number)).await;
    let shares = billing.knows(&number).expect("an invoice")["shares"].clone();
    let sum: i64 =
        shares.as_array().expect("shares").iter().filter_map(|share| share["amount"].as_i64()).sum();
    assert_eq!(sum, fee, "R20");
    assert_eq!(notice(&world, &number).await, 204);
    assert_eq!(desk.find(&first.id).await.state, State::AwaitingPayment, "a notice alone pays nothing");
    billing.pay(&number, fee);
    for _ in 0..2 {
        assert_eq!(notice(&world, &number).await, 204);
        assert_eq!(desk.find(&first.id).await.state, State::Enrolled);
    }
    assert!(desk.enrolled(&applicants[0].number, &applicants[0].pinfl).await);
    assert_eq!(desk.notices(&applicants[0].pinfl, "enrolled").await, 1, "told twice, done once");

    // Another sum enrols nobody.
    let (second, number, fee) = waiting(&desk, &applicants[1]).await;
    until("the invoice to be known to billing", async || billing.knows(&number)).await;
    billing.pay(&number, fee - 100);
    assert_eq!(notice(&world, &number).await, 204);
    assert_eq!(desk.find(&second.id).await.state, State::AwaitingPayment);
    let kept = "SELECT COUNT(*) AS n FROM payments WHERE invoice_number = $1 AND outcome = 'other_sum'";
    assert_eq!(world.stored_for(kept, &number).await, 1);

    // What a lost notice would have said is asked for by upkeep.
    let (third, number, fee) = waiting(&desk, &applicants[2]).await;
    until("the invoice to be known to billing", async || billing.knows(&number)).await;
    billing.pay(&number, fee);
    world.advance(150).await;
    until("the payment to be found", async || {
        (desk.find(&third.id).await.state == State::Enrolled).then_some(())
    })
    .await;
}

alone_on_both_backends!(
    upkeep_asks_about_every_invoice_page_by_page,
    r20_accounting_is_told_of_fees_by_command,
    r41_a_notice_and_a_payment_before_the_code_enrol_nobody,
);

async fn r41_a_notice_and_a_payment_before_the_code_enrol_nobody(setup: Setup) {
    let billing = Billing::start();
    let world = setup.set("registries.billing.base_url", billing.url.as_str()).start().await;
    let who = Applicant::from(&world.somebody(Kind::Unknown));
    let desk = Desk::of(&world, &[who.number.as_str()]).await;
    let sent = desk.sent(Desk::place(PlaceKind::ServiceCentre), &who).await;
    // Billing took money under the number that the invoice will have, whoever told it to.
    let number = format!("MID{}", sent.reference.as_str());
    let open = json!({ "number": number, "status": "open", "amount": 880_000 });
    billing.invoices.lock().expect("one thread").insert(number.clone(), open);
    billing.pay(&number, 880_000);
    for _ in 0..2 {
        assert_eq!(notice(&world, &number).await, 204);
        assert_eq!(desk.find(&sent.id).await.state, State::CodeSent);
    }
    assert!(desk.person(&who.pinfl).await.is_none());
    assert_eq!(world.stored("SELECT COUNT(*) AS n FROM payments").await, 0);
    // It counts once the code was right, and once only.
    let Ok(Entered::AwaitingPayment(waiting)) = desk.enter(&sent).await else { panic!("a fee is due") };
    let fee = waiting.invoice.as_ref().expect("an invoice").fee.tiyin;
    assert_eq!(fee, 880_000, "two percent of the day's value");
    for _ in 0..2 {
        assert_eq!(notice(&world, &number).await, 204);
        assert_eq!(desk.find(&sent.id).await.state, State::Enrolled);
    }
    assert_eq!(world.stored("SELECT COUNT(*) AS n FROM payments").await, 1);
    assert_eq!(desk.notices(&who.pinfl, "enrolled").await, 1);
}

async fn upkeep_asks_about_every_invoice_page_by_page(setup: Setup) {
    let billing = Billing::start();
    let world = setup.set("registries.billing.base_url", billing.url.as_str()).start().await;
    let applicants: Vec<Applicant> =
        (0..6).map(|_| Applicant::from(&world.somebody(Kind::Unknown))).collect();
    let numbers: Vec<&str> = applicants.iter().map(|who| who.number.as_str()).collect();
    let desk = Desk::of(&world, &numbers).await;
    // The node does it for all: this process has no turn.
    world.until_stored("SELECT COUNT(*) FROM leases WHERE name = 'invoices' AND holder <> ''", 1).await;
    let mut all = Vec::new();
    for who in &applicants {
        let (application, number, fee) = waiting(&desk, who).await;
        until("the invoice to be known to billing", async || billing.knows(&number)).await;
        billing.pay(&number, fee);
        all.push(application.id);
    }
    assert_eq!(desk.enrolments.settle_in_turn().await.expect("an answer"), 0);
    for id in &all {
        assert_eq!(desk.find(id).await.state, State::AwaitingPayment, "another node's turn");
    }
    // Of three pages none is left out.
    assert_eq!(desk.enrolments.settle(2).await.expect("an answer"), 6);
    for id in &all {
        assert_eq!(desk.find(id).await.state, State::Enrolled);
    }
}

async fn r20_accounting_is_told_of_fees_by_command(setup: Setup) {
    let world = setup.start().await;
    let applicants: Vec<Applicant> =
        (0..3).map(|_| Applicant::from(&world.somebody(Kind::Unknown))).collect();
    let numbers: Vec<&str> = applicants.iter().map(|who| who.number.as_str()).collect();
    let desk = Desk::of(&world, &numbers).await;
    desk.enrol(&applicants[0]).await;
    let (second, number, fee) = waiting(&desk, &applicants[1]).await;
    let payment = yagona::mobile_id::Payment { tiyin: fee - 1, ..desk.payment(&second, "P-,\"2").await };
    desk.enrolments.paid(&payment).await.expect("kept");
    waiting(&desk, &applicants[2]).await;

    let days = ["--from", "2026-01-01", "--to", "2099-12-31"];
    let export = |more: &[&str]| world.command(&[&["fees", "export"][..], &days, more].concat());
    let told: Value = serde_json::from_str(&export(&["--format", "json"])).expect("JSON");
    let total = &told["total"];
    assert_eq!((&total["invoices"], &total["invoiced_tiyin"]), (&3.into(), &(3 * fee).into()), "{told}");
    assert_eq!((&total["payments"], &total["paid_tiyin"]), (&1.into(), &fee.into()), "{told}");
    assert_eq!((&total["to_return"], &total["to_return_tiyin"]), (&1.into(), &(fee - 1).into()), "{told}");
    let parts = total["parts_tiyin"].as_object().expect("parts");
    assert_eq!(parts.values().filter_map(Value::as_i64).sum::<i64>(), fee, "R20");
    assert_eq!(told["rows"][0]["place"], "place-1", "{told}");
    // The same as a table: a head, and a line of sums.
    let table = export(&[]);
    let (head, last) = (table.lines().next().expect("a head"), table.lines().last().expect("sums"));
    assert!(head.starts_with("day,place,place_kind,invoices,invoiced_tiyin,payments,paid_tiyin,"), "{table}");
    assert!(last.starts_with(&format!("total,,,3,{},1,{fee},", 3 * fee)), "{table}");
    assert!(last.ends_with(&format!(",1,{}", fee - 1)), "{table}");
    let columns = |line: &str| line.split(',').count();
    assert!(table.lines().all(|line| columns(line) == columns(head)), "{table}");
    // Each payment: what billing calls it is quoted where it has to be.
    let each = export(&["--each"]);
    let kept = each.lines().find(|line| line.contains("other_sum")).expect("the other sum");
    assert!(kept.starts_with(&format!("\"P-,\"\"2\",{number},")), "{each}");
    let told: Value = serde_json::from_str(&export(&["--each", "--format", "json"])).expect("JSON");
    assert_eq!(told["payments"].as_array().map(Vec::len), Some(2), "{told}");
    // Another day has nothing, and a span that ends before it begins is none.
    let none = world.command(&["fees", "export", "--from", "2025-01-01", "--to", "2025-01-01"]);
    assert_eq!(none.lines().count(), 2, "{none}");
    let backwards = ["fees", "export", "--from", "2026-02-01", "--to", "2026-01-01"];
    assert!(!world.try_command(&backwards).status.success());
}

/// How rows of a table are refused on SQLite and on PostgreSQL, and how they are taken again.
macro_rules! refused_at {
    ($table:literal, $act:literal) => {
        (
            concat!(
                "CREATE TRIGGER refuse BEFORE ", $act, " ON ", $table,
                " BEGIN SELECT RAISE(ABORT, 'refused'); END"
            ),
            concat!(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$ LANGUAGE plpgsql; \
                 CREATE TRIGGER refuse BEFORE ", $act, " ON ", $table, " FOR EACH ROW EXECUTE FUNCTION refuse()"
            ),
            concat!("DROP TRIGGER refuse ON ", $table),
            $table,
        )
    };
}
/// Where rows are refused, as if the process had ended before they were written.
const STEPS: [(&str, &str, &str, &str); 7] = [
    refused_at!("persons", "INSERT"),
    refused_at!("phone_numbers", "UPDATE"),
    refused_at!("enrolment_ends", "INSERT"),
    refused_at!("contact_numbers", "INSERT"),
    refused_at!("charge_consents", "INSERT"),
    refused_at!("notices", "INSERT"),
    refused_at!("payments", "INSERT"),
];

alone_on_both_backends!(r42_a_failure_between_any_two_steps_of_completion_leaves_what_was_before);

async fn r42_a_failure_between_any_two_steps_of_completion_leaves_what_was_before(setup: Setup) {
    let world = setup.start().await;
    let former = world.person();
    let newcomer =
        Applicant { number: former.number.clone(), ..Applicant::from(&world.somebody(Kind::Unknown)) };
    let desk = Desk::of(&world, &[&former.number]).await;
    let (application, ..) = waiting(&desk, &newcomer).await;
    for (sqlite, postgres, taken, table) in STEPS {
        let embedded = world.setup.backend == Backend::Embedded;
        world.change_stored(if embedded { sqlite } else { postgres }).await;
        let paid = desk.pay(&application, application.id.as_str()).await;
        assert!(paid.is_err(), "{table}: {paid:?}");
        assert_eq!(desk.find(&application.id).await.state, State::AwaitingPayment, "{table}");
        assert!(desk.enrolled(&former.number, &former.pinfl).await, "{table}");
        assert!(desk.person(&newcomer.pinfl).await.is_none(), "{table}");
        assert_eq!(desk.notices(&former.pinfl, "enrolment_ended").await, 0, "{table}");
        assert_eq!(world.stored("SELECT COUNT(*) AS n FROM payments").await, 0, "{table}");
        world.change_stored(if embedded { "DROP TRIGGER refuse" } else { taken }).await;
    }
    desk.pay(&application, application.id.as_str()).await.expect("paid");
    assert!(desk.enrolled(&former.number, &newcomer.pinfl).await);
    assert_eq!(desk.notices(&former.pinfl, "enrolment_ended").await, 1);
}
