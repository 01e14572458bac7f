//! What is published of a log, for witnesses and whoever wants to watch it (C2SP tlog-tiles): the newest checkpoint, the hashes, the
//! key. What the leaves stand for is not public: whoever is told of one gets it with its proof.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path, ServiceConfig, get, resource};
use arc_swap::ArcSwapOption;

use super::log::{Head, Log};
use super::tree::TILE;
use crate::platform::db::DbError;
use crate::platform::telemetry::Metrics;

/// A log, and how far of it a node has published.
pub struct Published {
    log: Log,
    /// The head with the checkpoint that is published, a second old at most.
    head: ArcSwapOption<Head>,
}

impl Published {
    /// The log, of which nothing is published yet.
    pub fn new(log: Log) -> Self {
        Self { log, head: ArcSwapOption::empty() }
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Publishes a head, unless it is of a log without leaves.
    pub fn publish(&self, head: Head) {
        let head = if head.checkpoint.is_empty() { None } else { Some(head) };
        self.head.store(head.map(Arc::new));
    }

    /// The head whose checkpoint is published; none before the first leaf has its place.
    pub fn head(&self) -> Option<Arc<Head>> {
        self.head.load_full()
    }

    /// Adds the addresses of the log below `/{name}`, which is also the route of their metrics.
    pub fn routes(self: &Arc<Self>, config: &mut ServiceConfig, name: &'static str, metrics: &Metrics) {
        let named = |path: &str| {
            let resource = resource(format!("/{name}{path}")).app_data(metrics.route(name));
            resource.app_data(Data::from(Arc::clone(self)))
        };
        config
            .service(named("/checkpoint").route(get().to(checkpoint)))
            .service(named("/key").route(get().to(key)))
            .service(named("/tile/{level}/{rest:.*}").route(get().to(tile)));
    }
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}

fn none() -> HttpResponse {
    HttpResponse::NotFound().insert_header((header::CACHE_CONTROL, "no-store")).finish()
}

/// The newest checkpoint, from memory: it is a second old at most.
async fn checkpoint(published: Data<Published>) -> HttpResponse {
    match published.head() {
        Some(head) => text(head.checkpoint.clone()),
        None => none(),
    }
}

/// The public key of the checkpoints, as witnesses and verifiers take it.
async fn key(published: Data<Published>) -> HttpResponse {
    match published.log.verifier_key().await {
        Ok(key) => text(format!("{key}\n")),
        Err(error) => unavailable(&published, &error),
    }
}

/// The hashes of a tile. One that is full never changes.
async fn tile(published: Data<Published>, path: Path<(String, String)>) -> HttpResponse {
    let (level, rest) = path.into_inner();
    let Some((place, width)) = place(&level, &rest) else { return none() };
    // Beyond the published checkpoint nothing is there, and nobody asks the database for it.
    let size = published.head().map_or(0, |head| head.size);
    let hashes_there = 8_u32.checked_mul(place.0.into()).and_then(|bits| size.checked_shr(bits)).unwrap_or(0);
    let end = place.1.checked_mul(TILE as u64).and_then(|first| first.checked_add(width as u64));
    if end.is_none_or(|end| end > hashes_there) {
        return none();
    }
    match published.log.tile(place, width).await {
        Ok(Some(hashes)) => {
            let cached =
                if width == TILE { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
            HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, "application/octet-stream"))
                .insert_header((header::CACHE_CONTROL, cached))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>())
        }
        Ok(None) => none(),
        Err(error) => unavailable(&published, &error),
    }
}

fn unavailable(published: &Published, error: &DbError) -> HttpResponse {
    let log = published.log.name();
    tracing::warn!(event = "tlog.unpublished", log, %error, "what is published of a log cannot be read");
    HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "2")).finish()
}

/// A tile's place and width from its address: `0/x001/234`, `1/007.p/3`.
fn place(level: &str, rest: &str) -> Option<((u8, u64), usize)> {
    let number = level.parse::<u8>().ok().filter(|number| *number <= 7 && number.to_string() == level)?;
    let (rest, width) = match rest.split_once(".p/") {
        Some((rest, width)) => {
            let count = width.parse::<usize>().ok().filter(|count| count.to_string() == width)?;
            (rest, Some(count).filter(|count| (1..TILE).contains(count))?)
        }
        None => (rest, TILE),
    };
    let groups: Vec<&str> = rest.split('/').collect();
    let (last, before) = groups.split_last()?;
    let mut tile = 0_u64;
    let before = before.iter().map(|group| group.strip_prefix('x'));
    for group in before.chain([Some(*last)]) {
        let group = group.filter(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()))?;
        tile = tile.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
    }
    // One form for each number.
    let shortest =
        groups.len() == 1 || tile >= 1000_u64.checked_pow(u32::try_from(groups.len()).ok()? - 1)?;
    shortest.then_some(((number, tile), width))
}

/// What fuzz targets reach of the parser in here.
#[cfg(fuzzing)]
pub(super) fn fuzz_place(path: &str) {
    if let Some((level, rest)) = path.split_once('/') {
        place(level, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_address() {
        for (level, rest, expected) in [
            ("0", "000", Some(((0, 0), 256))),
            ("0", "x001/234", Some(((0, 1234), 256))),
            ("1", "x001/x234/067", Some(((1, 1_234_067), 256))),
            ("2", "007.p/3", Some(((2, 7), 3))),
            ("0", "1", None),
            ("00", "001", None),
            ("8", "001", None),
            ("-1", "001", None),
            ("0", "x000/001", None),
            ("0", "001/234", None),
            ("0", "x01/234", None),
            ("0", "001.p/0", None),
            ("0", "001.p/256", None),
            ("0", "001.p/03", None),
            ("0", "", None),
            ("0", "x999/x999/x999/x999/x999/x999/999", None),
            ("entries", "000", None),
        ] {
            assert_eq!(place(level, rest), expected, "{level}/{rest}");
        }
    }
}
