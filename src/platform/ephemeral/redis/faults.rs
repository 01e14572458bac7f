//! A Redis that hangs, closes connections, is slow to connect or is down, simulated by a server that responds `OK` to
//! every command.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::{Stored, Version};
use super::*;

/// Timeouts for tests in which responses come, and in which they do not.
const LONG: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, PartialEq)]
enum Behaviour {
    Answers,
    /// It accepts connections and commands and never responds, like a stopped process.
    Hangs,
}

/// A server on its own thread.
struct Server {
    address: std::net::SocketAddr,
    behaviour: Arc<watch::Sender<Behaviour>>,
    accepted: Arc<AtomicUsize>,
    /// Connections before this one are dead: they send nothing, not even an end.
    alive_from: Arc<AtomicUsize>,
    /// Closes all connections.
    hang_up: watch::Sender<usize>,
    /// Whether the first response on each connection is late by [`LATE`].
    late: Arc<AtomicBool>,
}

/// Delay of the first response on a slow connection: longer than the timeout of a response.
const LATE: Duration = Duration::from_millis(500);

impl Server {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            behaviour: Arc::new(watch::channel(Behaviour::Answers).0),
            accepted: Arc::default(),
            alive_from: Arc::default(),
            hang_up: watch::channel(0).0,
            late: Arc::default(),
        };
        let (behaviour, accepted) = (server.behaviour.subscribe(), Arc::clone(&server.accepted));
        let (alive_from, hang_up) = (Arc::clone(&server.alive_from), server.hang_up.subscribe());
        let late = Arc::clone(&server.late);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((connection, _)) = listener.accept().await {
                    let number = accepted.fetch_add(1, Ordering::SeqCst);
                    let (behaviour, mut hang_up) = (behaviour.clone(), hang_up.clone());
                    let (alive_from, late) = (Arc::clone(&alive_from), Arc::clone(&late));
                    hang_up.mark_unchanged();
                    tokio::spawn(async move {
                        tokio::select! {
                            () = answer(connection, number, behaviour, &alive_from, &late) => {}
                            _ = hang_up.changed() => {}
                        }
                    });
                }
            });
        });
        server
    }

    async fn redis(&self, timeout: Duration) -> Arc<Redis> {
        let url = format!("redis://{}", self.address);
        Arc::new(Redis::connect(&url, timeout, Metrics::new()).await.unwrap())
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Responds to each command in what was read; commands of these tests contain no asterisk but the first character.
async fn answer(
    mut connection: TcpStream,
    number: usize,
    mut behaviour: watch::Receiver<Behaviour>,
    alive_from: &AtomicUsize,
    late: &AtomicBool,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut first = true;
    while let Ok(read) = connection.read(&mut buffer).await {
        if read == 0 || behaviour.wait_for(|behaviour| *behaviour == Behaviour::Answers).await.is_err() {
            return;
        }
        if number < alive_from.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        if std::mem::take(&mut first) && late.load(Ordering::SeqCst) {
            tokio::time::sleep(LATE).await;
        }
        let commands = buffer[..read].windows(2).filter(|two| two[0] == b'*' && two[1].is_ascii_digit());
        let answers = "+OK\r\n".repeat(commands.count());
        if connection.write_all(answers.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn put(redis: &Redis) -> Result<(), Cause> {
    let value = Stored { expires_at: Timestamp(0), version: Version([0; 8]), ttl: 1, bytes: vec![0; 8] };
    redis.put([b'T'; 33], &value).await
}

/// Retries until Redis is available again, and fails after a few seconds.
async fn until_back(redis: &Redis) {
    let begun = Instant::now();
    while let Err(error) = put(redis).await {
        assert!(begun.elapsed() < Duration::from_secs(5), "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn all_commands_of_a_thread_go_over_one_connection_and_another_thread_has_its_own() {
    let server = Server::start();
    let redis = server.redis(LONG).await;
    let all = futures_util::future::join_all((0..100).map(|_| put(&redis))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(server.accepted(), 1);
    let other = Arc::clone(&redis);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let all = futures_util::future::join_all((0..100).map(|_| put(&other))).await;
            assert!(all.iter().all(Result::is_ok));
        });
    })
    .join()
    .unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_hanging_redis_delays_only_the_first_request() {
    let server = Server::start();
    let redis = server.redis(SHORT).await;
    server.behaviour.send_replace(Behaviour::Hangs);
    assert!(matches!(put(&redis).await, Err(Cause::Timeout(_))));
    // One of them is the probe; the others fail at once.
    let mut refused = 0;
    for answer in futures_util::future::join_all((0..100).map(|_| put(&redis))).await {
        refused += u32::from(matches!(answer, Err(Cause::BreakerOpen)));
    }
    assert_eq!(refused, 99);
    assert!(put(&redis).await.is_err());
    server.behaviour.send_replace(Behaviour::Answers);
    until_back(&redis).await;
    assert!(put(&redis).await.is_ok());
}

#[tokio::test]
async fn a_dead_connection_is_replaced() {
    let server = Server::start();
    let redis = server.redis(SHORT).await;
    put(&redis).await.unwrap();
    server.alive_from.store(1, Ordering::SeqCst);
    assert!(matches!(put(&redis).await, Err(Cause::Timeout(_))));
    until_back(&redis).await;
    assert_eq!(server.accepted(), 2, "over a new connection");
    let all = futures_util::future::join_all((0..10).map(|_| put(&redis))).await;
    assert!(all.iter().all(Result::is_ok), "and the breaker is closed");
}

#[tokio::test]
async fn a_restart_of_redis_is_hidden_by_the_retry_of_idempotent_commands() {
    let server = Server::start();
    let redis = server.redis(LONG).await;
    put(&redis).await.unwrap();
    server.hang_up.send_modify(|times| *times += 1);
    put(&redis).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_connection_may_take_longer_than_an_answer() {
    let server = Server::start();
    server.late.store(true, Ordering::SeqCst);
    let redis = server.redis(SHORT).await;
    put(&redis).await.unwrap();
    server.hang_up.send_modify(|times| *times += 1);
    put(&redis).await.unwrap();
}

#[tokio::test]
async fn an_unavailable_redis_or_a_wrong_url_is_an_error_at_start() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    for url in [format!("redis://{free}"), "http://127.0.0.1".to_owned()] {
        let error = Redis::connect(&url, SHORT, Metrics::new()).await.err().unwrap();
        assert!(error.to_string().starts_with("Redis cannot be used: "), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_cancelled_request_leaves_the_connection_to_the_next() {
    let server = Server::start();
    let redis = server.redis(LONG).await;
    server.late.store(true, Ordering::SeqCst);
    server.hang_up.send_modify(|times| *times += 1);
    // Polled once and dropped, while it waits for its connection.
    for _ in 0..3 {
        let _ = tokio::time::timeout(Duration::from_millis(1), put(&redis)).await;
    }
    put(&redis).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_busy_thread_does_not_mistake_a_late_read_for_a_timeout() {
    let server = Server::start();
    let redis = server.redis(SHORT).await;
    // The thread is blocked for longer than the timeout of a response.
    let busy = async || std::thread::sleep(SHORT * 2);
    let (answer, ()) = futures_util::future::join(put(&redis), busy()).await;
    answer.unwrap();
    server.hang_up.send_modify(|times| *times += 1);
    let (answer, ()) = futures_util::future::join(put(&redis), busy()).await;
    answer.unwrap();
}
