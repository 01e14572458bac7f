use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Map, Value, json};

use super::Metrics;
use super::check::Check;
use super::sandbox_clock::{self, SandboxClock};

/// Timeout of a health check. Orchestrators poll every few seconds with a short timeout.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes the page of a client, in HTML; `None` when there is no such client. It holds no secret and names nobody.
pub type ClientPages =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send>> + Send + Sync>;

/// How long a page may take to make.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// State of the operations port.
#[derive(Clone)]
pub struct Operations {
    /// Exported at `/metrics`.
    pub metrics: Arc<Metrics>,
    /// The health checks of `/health/ready`, by name.
    pub checks: Vec<(&'static str, Check)>,
    /// Checks that `/health/ready` shows as well, and that decide nothing: what fails there would fail at every node.
    pub remarks: Vec<(&'static str, Check)>,
    /// Set during shutdown: the process is then alive, but not ready.
    pub draining: Arc<AtomicBool>,
    /// The clock that `/sandbox/clock` moves; without one, as in production, there is no such route.
    pub sandbox_clock: Option<SandboxClock>,
    /// The pages at `/clients/{id}`.
    pub clients: Option<ClientPages>,
}

/// Serves `/health/live`, `/health/ready` and `/metrics` on their own listener and worker, so
/// that they respond when all others are busy. The server runs once it is awaited or spawned.
///
/// # Errors
/// When the listener cannot be used.
pub fn start(listener: TcpListener, operations: Operations) -> io::Result<Server> {
    let server = HttpServer::new(move || App::new().configure(|app| routes(app, operations.clone())));
    let server = server.workers(1).tcp_nodelay(true).disable_signals().shutdown_timeout(1);
    Ok(server.listen(listener)?.run())
}

fn routes(app: &mut web::ServiceConfig, operations: Operations) {
    if let Some(clock) = operations.sandbox_clock.clone() {
        sandbox_clock::routes(app, clock);
    }
    app.app_data(web::Data::new(operations))
        .route("/health/live", web::get().to(live))
        .route("/health/ready", web::get().to(ready))
        .route("/clients/{id}", web::get().to(client))
        .route("/metrics", web::get().to(metrics));
}

/// Liveness: checks no store, since an orchestrator restarts a process that is not live.
async fn live() -> HttpResponse {
    answer(true, &json!({ "status": "alive" }))
}

/// Readiness: every check is healthy, and the process is not shutting down.
async fn ready(operations: web::Data<Operations>) -> HttpResponse {
    if operations.draining.load(Ordering::Relaxed) {
        return answer(false, &json!({ "status": "draining" }));
    }
    let (works, mut checks) = outcomes(&operations.checks, CHECK_TIMEOUT).await;
    checks.append(&mut outcomes(&operations.remarks, CHECK_TIMEOUT).await.1);
    let status = if works { "ready" } else { "not ready" };
    answer(works, &json!({ "status": status, "checks": Value::Object(checks) }))
}

/// Runs all checks concurrently; returns whether all are healthy, and the result of each.
async fn outcomes(checks: &[(&'static str, Check)], timeout: Duration) -> (bool, Map<String, Value>) {
    let asked: Vec<_> = checks
        .iter()
        .map(|(name, check)| (*name, tokio::spawn(tokio::time::timeout(timeout, check()))))
        .collect();
    let (mut works, mut said) = (true, Map::new());
    for (name, outcome) in asked {
        let problem = match outcome.await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(problem))) => Some(problem),
            Ok(Err(_)) => Some(format!("no answer within {} ms", timeout.as_millis())),
            Err(_) => Some("the check itself broke down".to_owned()),
        };
        works &= problem.is_none();
        let state = problem
            .map_or_else(|| json!({ "ok": true }), |problem| json!({ "ok": false, "problem": problem }));
        said.insert(name.to_owned(), state);
    }
    (works, said)
}

async fn metrics(operations: web::Data<Operations>) -> HttpResponse {
    let (_, found) = outcomes(&operations.checks, CHECK_TIMEOUT).await;
    for (name, _) in &operations.checks {
        let passed = found.get(*name).is_some_and(|found| found["ok"] == true);
        operations.metrics.ready(name).set(i64::from(passed));
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(operations.metrics.encode())
}

/// What is wrong with a client, for an operator's browser.
async fn client(operations: web::Data<Operations>, id: web::Path<String>) -> HttpResponse {
    let Some(pages) = &operations.clients else { return HttpResponse::NotFound().finish() };
    let made = pages(id.into_inner());
    match tokio::time::timeout(PAGE_TIMEOUT, made).await {
        Ok(Ok(Some(html))) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(html),
        Ok(Ok(None)) => HttpResponse::NotFound().body("there is no such client"),
        Ok(Err(why)) => HttpResponse::ServiceUnavailable().body(why),
        Err(_) => HttpResponse::ServiceUnavailable().body("the database took too long"),
    }
}

fn answer(works: bool, body: &Value) -> HttpResponse {
    let mut response = if works { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    if !works {
        response.insert_header((RETRY_AFTER, "5"));
    }
    response.insert_header((CACHE_CONTROL, "no-store")).json(body)
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::*;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};

    async fn ask(path: &str, operations: &Operations) -> (u16, String) {
        let app = init_service(App::new().configure(|app| routes(app, operations.clone()))).await;
        let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        let status = response.status().as_u16();
        (status, String::from_utf8(read_body(response).await.to_vec()).unwrap())
    }

    fn with(checks: Vec<(&'static str, Check)>) -> Operations {
        let (remarks, draining) = (Vec::new(), Arc::default());
        Operations { metrics: Metrics::new(), checks, remarks, draining, sandbox_clock: None, clients: None }
    }

    fn works() -> Check {
        check(|| async { Ok(()) })
    }

    #[actix_web::test]
    async fn a_healthy_process_is_ready() {
        let (status, body) =
            ask("/health/ready", &with(vec![("database", works()), ("redis", works())])).await;
        assert_eq!(status, 200);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({"status": "ready", "checks": {"database": {"ok": true}, "redis": {"ok": true}}})
        );
    }

    #[actix_web::test]
    async fn an_unhealthy_or_panicking_check_makes_it_unready_but_live() {
        let fails = check(|| async { Err("connection refused".to_owned()) });
        let breaks = check(|| async { panic!("broken") });
        let operations = with(vec![("database", fails), ("keys", works()), ("redis", breaks)]);
        let (status, body) = ask("/health/ready", &operations).await;
        assert_eq!(status, 503);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["checks"]["database"]["problem"], "connection refused");
        assert_eq!(body["checks"]["keys"]["ok"], true);
        assert_eq!(body["checks"]["redis"]["ok"], false);
        assert_eq!(ask("/health/live", &operations).await.0, 200);
    }

    #[actix_web::test]
    async fn a_remark_is_shown_and_decides_nothing() {
        let fails = check(|| async { Err("it died".to_owned()) });
        let mut operations = with(vec![("database", works())]);
        operations.remarks = vec![("purge", fails)];
        let (status, body) = ask("/health/ready", &operations).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, 200);
        assert_eq!(body["checks"]["purge"], json!({"ok": false, "problem": "it died"}));
    }

    #[actix_web::test]
    async fn a_check_that_times_out_makes_it_unready() {
        let checks = [("redis", check(std::future::pending)), ("keys", works())];
        let (all_work, said) = outcomes(&checks, Duration::from_millis(5)).await;
        assert!(!all_work);
        assert_eq!(said["redis"]["problem"], "no answer within 5 ms");
        assert_eq!(said["keys"]["ok"], true);
    }

    #[actix_web::test]
    async fn a_draining_process_is_not_ready() {
        let operations = with(vec![("database", works())]);
        operations.draining.store(true, Ordering::Relaxed);
        let (status, body) = ask("/health/ready", &operations).await;
        assert_eq!((status, body.as_str()), (503, r#"{"status":"draining"}"#));
    }

    #[actix_web::test]
    async fn without_a_sandbox_clock_there_is_no_clock_route() {
        let app = init_service(App::new().configure(|app| routes(app, with(Vec::new())))).await;
        let request = TestRequest::post().uri("/sandbox/clock").set_payload("advance_seconds=60");
        assert_eq!(call_service(&app, request.to_request()).await.status(), 404);
    }

    #[actix_web::test]
    async fn metrics_are_served() {
        let operations = with(Vec::new());
        operations.metrics.count_commit();
        let (status, body) = ask("/metrics", &operations).await;
        assert_eq!(status, 200);
        assert!(body.contains("yagona_sql_commits_total{cause=\"background\"} 1"), "{body}");
    }

    #[actix_web::test]
    async fn the_port_answers_until_it_is_stopped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = start(listener, with(Vec::new())).unwrap();
        let handle = server.handle();
        let running = actix_web::rt::spawn(server);
        let response = reqwest::get(format!("http://{address}/health/live")).await.unwrap();
        assert_eq!(response.status(), 200);
        handle.stop(true).await;
        assert!(running.await.unwrap().is_ok());
    }
}
