use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage, HttpRequest};
use tokio::time::Instant;
use tracing::Instrument;

use super::proxy::{ClientAddress, ForwardedHeader, client_address, is_trusted};
use super::request_id::{Entropy, Pool, RequestId};
use super::round_trips::{RequestTrips, caused_by};
use super::routes::Route;
use crate::platform::config::Cidr;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost middleware: sets the request id and the client IP of each request, a span with the id, the
/// response header `X-Request-Id`, and metrics by route.
///
/// A resource sets its route by `app_data(metrics.route("/token"))`; the default is the application's `app_data`. Round
/// trips to stores are counted by route as well.
#[derive(Clone)]
pub struct Requests {
    trusted: Arc<[Cidr]>,
    header: ForwardedHeader,
    entropy: Entropy,
}

impl Requests {
    /// `trusted` are the proxies whose request ids and forwarded client IPs, in `header`, are accepted.
    pub fn new(trusted: &[Cidr], header: ForwardedHeader, entropy: Entropy) -> Self {
        Self { trusted: trusted.into(), header, entropy }
    }

    /// The middleware of one worker.
    pub fn middleware<S, B>(
        &self,
    ) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()> + use<S, B>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
        B: MessageBody + 'static,
    {
        let worker = Worker { settings: self.clone(), pool: RefCell::new(Pool::new(self.entropy)) };
        from_fn(move |request, next| worker.call(request, next))
    }
}

/// What the middleware adds to a request.
#[derive(Clone)]
struct Seen {
    id: RequestId,
    client: ClientAddress,
}

/// The client of a request; the peer, without the middleware.
pub fn client_of(request: &HttpRequest) -> ClientAddress {
    let seen = request.extensions().get::<Seen>().map(|seen| seen.client);
    seen.unwrap_or_else(|| {
        client_address(request.peer_addr(), request.headers(), (&[], ForwardedHeader::XForwardedFor))
    })
}

/// The request id, for error pages; `None` without the middleware.
pub fn request_id_of(request: &HttpRequest) -> Option<RequestId> {
    request.extensions().get::<Seen>().map(|seen| seen.id.clone())
}

/// The middleware in one worker.
struct Worker {
    settings: Requests,
    pool: RefCell<Pool>,
}

impl Worker {
    fn look_at(&self, request: &ServiceRequest) -> Seen {
        let Requests { trusted, header, .. } = &self.settings;
        let client = client_address(request.peer_addr(), request.headers(), (trusted, *header));
        let from_proxy = request.peer_addr().is_some_and(|peer| is_trusted(peer.ip(), trusted));
        let given = request.headers().get(X_REQUEST_ID).filter(|_| from_proxy);
        let given = given.and_then(|value| value.to_str().ok()).and_then(RequestId::given);
        Seen { id: given.unwrap_or_else(|| self.pool.borrow_mut().take()), client }
    }

    fn call<B>(
        &self,
        request: ServiceRequest,
        next: Next<B>,
    ) -> impl Future<Output = Result<ServiceResponse<B>, Error>> + use<B> {
        let started = Instant::now();
        let seen = self.look_at(&request);
        let span = tracing::info_span!("request", request.id = seen.id.as_str());
        let header = HeaderValue::from_str(seen.id.as_str()).ok();
        // The application's default route, which also counts cancelled requests.
        let origin = Some((seen.id.clone(), seen.client));
        let trips = RequestTrips::new(request.app_data::<Route>().cloned(), origin);
        request.extensions_mut().insert(seen);
        answer(request, next, header, (started, trips)).instrument(span)
    }
}

async fn answer<B>(
    request: ServiceRequest,
    next: Next<B>,
    header: Option<HeaderValue>,
    (started, trips): (Instant, Rc<RequestTrips>),
) -> Result<ServiceResponse<B>, Error> {
    let mut response = caused_by(Rc::clone(&trips), next.call(request)).await?;
    if let Some(header) = header {
        response.headers_mut().insert(X_REQUEST_ID, header);
    }
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    let route = response.request().app_data::<Route>();
    if let Some(route) = route {
        route.record(status, elapsed);
        trips.belong_to(route);
    }
    let (route, duration_ms) = (route.map_or("", Route::name), elapsed.as_secs_f64() * 1e3);
    match status {
        500.. => tracing::warn!(
            event = "request.failed",
            http.route = route,
            http.status = status,
            duration_ms,
            "the response is a server error"
        ),
        _ => tracing::debug!(
            event = "request.answered",
            http.route = route,
            http.status = status,
            duration_ms,
            "a request was answered"
        ),
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, HttpResponse, web};

    const ENTROPY: Entropy = |bytes| bytes.iter_mut().for_each(|byte| *byte = 7);

    /// Uses the stores like a handler, in its own task and in a spawned one.
    async fn ask_stores(metrics: web::Data<Metrics>) -> HttpResponse {
        metrics.count_statement();
        actix_web::rt::task::yield_now().await;
        metrics.count_statement();
        metrics.count_commit();
        let background = metrics.clone();
        let left = actix_web::rt::spawn(async move { background.count_redis() });
        left.await.unwrap();
        HttpResponse::Ok().finish()
    }

    #[actix_web::test]
    async fn round_trips_are_counted_under_the_request_that_causes_them() {
        let metrics = web::Data::from(Metrics::new());
        let app = App::new()
            .app_data(metrics.route("other"))
            .app_data(metrics.clone())
            .wrap(Requests::new(&[], ForwardedHeader::XForwardedFor, ENTROPY).middleware())
            .route("/elsewhere", web::get().to(ask_stores))
            .service(web::resource("/asks").app_data(metrics.route("asks")).route(web::get().to(ask_stores)));
        let app = init_service(app).await;
        for path in ["/asks", "/asks", "/elsewhere"] {
            call_service(&app, TestRequest::get().uri(path).to_request()).await;
        }
        // A cancelled request is counted as well.
        let given_up = app.call(TestRequest::get().uri("/asks").to_request());
        assert!(futures_util::future::FutureExt::now_or_never(given_up).is_none());
        let page = metrics.encode();
        for line in [
            "yagona_sql_round_trips_total{cause=\"asks\"} 4",
            "yagona_sql_commits_total{cause=\"asks\"} 2",
            "yagona_sql_round_trips_total{cause=\"other\"} 3",
            "yagona_redis_round_trips_total{cause=\"background\"} 3",
            "yagona_sql_round_trips_total{cause=\"background\"} 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
    }

    async fn who(request: HttpRequest) -> String {
        let id = request_id_of(&request).map(|id| id.to_string());
        format!("{} {}", client_of(&request), id.unwrap_or_default())
    }

    /// The status, the header and what the handler saw, of a request from `peer` with one more header.
    async fn ask(
        path: &str,
        peer: [u8; 4],
        header: (&'static str, &'static str),
        metrics: &Metrics,
    ) -> (u16, String, String) {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let broken = || async { HttpResponse::ServiceUnavailable().finish() };
        let app = App::new()
            .app_data(metrics.route("other"))
            .wrap(Requests::new(&trusted, ForwardedHeader::XForwardedFor, ENTROPY).middleware())
            .service(web::resource("/who").app_data(metrics.route("/who")).route(web::get().to(who)))
            .service(
                web::resource("/broken").app_data(metrics.route("/broken")).route(web::get().to(broken)),
            );
        let app = init_service(app).await;
        let request = TestRequest::get().uri(path).peer_addr((peer, 5000).into()).insert_header(header);
        let response = call_service(&app, request.to_request()).await;
        let (status, id) = (response.status().as_u16(), response.headers().get("x-request-id").cloned());
        let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        (status, id.unwrap().to_str().unwrap().to_owned(), body)
    }

    #[actix_web::test]
    async fn a_request_has_an_id_inside_and_outside() {
        let (status, id, body) =
            ask("/who", [203, 0, 113, 9], ("x-forwarded-for", "1.1.1.1"), &Metrics::new()).await;
        assert_eq!(status, 200);
        assert_eq!(id, RequestId::new([7; 12]).as_str());
        assert_eq!(body, format!("203.0.113.9 {id}"));
    }

    #[actix_web::test]
    async fn only_a_trusted_proxy_can_name_a_request_or_a_client() {
        let given = ("x-request-id", "edge-0815-4711");
        let metrics = Metrics::new();
        assert_eq!(ask("/who", [10, 0, 0, 1], given, &metrics).await.1, "edge-0815-4711");
        assert_ne!(ask("/who", [203, 0, 113, 9], given, &metrics).await.1, "edge-0815-4711");
        let forwarded = ("x-forwarded-for", "198.51.100.4");
        assert!(ask("/who", [10, 0, 0, 1], forwarded, &metrics).await.2.starts_with("198.51.100.4 "));
    }

    #[actix_web::test]
    async fn answers_are_counted_under_their_route() {
        let metrics = Metrics::new();
        let none = ("accept", "*/*");
        ask("/who", [127, 0, 0, 1], none, &metrics).await;
        ask("/broken", [127, 0, 0, 1], none, &metrics).await;
        ask("/nowhere/998901234567", [127, 0, 0, 1], none, &metrics).await;
        let page = metrics.encode();
        assert!(page.contains("{route=\"/who\",status=\"200\"} 1"), "{page}");
        assert!(page.contains("{route=\"/broken\",status=\"503\"} 1"), "{page}");
        assert!(page.contains("{route=\"other\",status=\"404\"} 1"), "{page}");
    }
}
