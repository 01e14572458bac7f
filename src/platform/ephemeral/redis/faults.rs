//! Redis that falls silent, hangs up, is slow to be reached or is not there, played by a server that answers `OK` to
//! everything for as long as it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::{Stored, Version};
use super::*;

/// The time for an answer where answers come, and where they are missed.
const AMPLE: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Answers,
    /// It takes connections and commands and says nothing, as a process that was stopped.
    Silent,
}

/// A server on a thread of its own.
struct Server {
    address: std::net::SocketAddr,
    mood: Arc<watch::Sender<Mood>>,
    accepted: Arc<AtomicUsize>,
    /// Connections before this one are dead: nothing more comes from them, not even their end.
    alive_from: Arc<AtomicUsize>,
    /// All connections end.
    hang_up: watch::Sender<usize>,
    /// How many connections are open.
    open: watch::Sender<usize>,
    /// The first answer on each connection is late by this.
    late: Arc<AtomicBool>,
}

/// How late the first answer of a slow connection is: later than any other answer may be.
const LATE: Duration = Duration::from_millis(500);

impl Server {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            mood: Arc::new(watch::channel(Mood::Answers).0),
            accepted: Arc::default(),
            alive_from: Arc::default(),
            hang_up: watch::channel(0).0,
            open: watch::channel(0).0,
            late: Arc::default(),
        };
        let (mood, accepted) = (server.mood.subscribe(), Arc::clone(&server.accepted));
        let (alive_from, hang_up) = (Arc::clone(&server.alive_from), server.hang_up.subscribe());
        let open = server.open.clone();
        let late = Arc::clone(&server.late);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((connection, _)) = listener.accept().await {
                    let number = accepted.fetch_add(1, Ordering::SeqCst);
                    let (mood, mut hang_up) = (mood.clone(), hang_up.clone());
                    let (alive_from, late) = (Arc::clone(&alive_from), Arc::clone(&late));
                    hang_up.mark_unchanged();
                    let open = open.clone();
                    open.send_modify(|open| *open += 1);
                    tokio::spawn(async move {
                        tokio::select! {
                            () = answer(connection, number, mood, &alive_from, &late) => {}
                            _ = hang_up.changed() => {}
                        }
                        open.send_modify(|open| *open -= 1);
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

    /// Closes all connections.
    async fn hang_up(&self) {
        self.hang_up.send_modify(|times| *times += 1);
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Answers each command that ends in what was read; commands of these tests hold no asterisk but the one in front.
async fn answer(
    mut connection: TcpStream,
    number: usize,
    mut mood: watch::Receiver<Mood>,
    alive_from: &AtomicUsize,
    late: &AtomicBool,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut first = true;
    while let Ok(read) = connection.read(&mut buffer).await {
        if read == 0 || mood.wait_for(|mood| *mood == Mood::Answers).await.is_err() {
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
    let value = Stored { expires_at: Timestamp(0), version: Version::ABSENT, ttl: 1, bytes: vec![0; 8] };
    redis.put([b'T'; 33], &value).await
}

/// Asks until Redis answers again, and fails if it does not within a few seconds.
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
    let redis = server.redis(AMPLE).await;
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
async fn a_silent_redis_is_waited_for_twice_and_then_costs_nobody_time() {
    let server = Server::start();
    let redis = server.redis(SHORT).await;
    server.mood.send_replace(Mood::Silent);
    assert!(matches!(put(&redis).await, Err(Cause::NoAnswer(_))));
    assert!(matches!(put(&redis).await, Err(Cause::NoConnection(_))), "over a new connection");
    // One of them at most tries whether Redis is back; the others are refused meanwhile.
    let mut refused = 0;
    for answer in futures_util::future::join_all((0..100).map(|_| put(&redis))).await {
        refused += u32::from(matches!(answer, Err(Cause::BreakerOpen)));
    }
    assert!(refused >= 99, "{refused}");
    assert!(put(&redis).await.is_err());
    server.mood.send_replace(Mood::Answers);
    until_back(&redis).await;
    assert!(put(&redis).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_vanished_without_an_end_is_replaced() {
    let server = Server::start();
    let redis = server.redis(SHORT).await;
    put(&redis).await.unwrap();
    server.alive_from.store(1, Ordering::SeqCst);
    assert!(matches!(put(&redis).await, Err(Cause::NoAnswer(_))));
    let all = futures_util::future::join_all((0..10).map(|_| put(&redis))).await;
    assert!(all.iter().all(Result::is_ok), "nobody else is refused for it");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn what_vanished_for_one_thread_is_replaced_for_all_before_they_wait_for_it() {
    let server = Server::start();
    let redis = server.redis(SHORT).await;
    put(&redis).await.unwrap();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let (made, is_made) = tokio::sync::oneshot::channel();
    let other = Arc::clone(&redis);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            put(&other).await.unwrap();
            made.send(()).unwrap();
            begun.recv().unwrap();
            put(&other).await.unwrap();
        });
    });
    is_made.await.unwrap();
    server.alive_from.store(2, Ordering::SeqCst);
    assert!(matches!(put(&redis).await, Err(Cause::NoAnswer(_))));
    begin.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn a_restart_that_one_thread_noticed_costs_the_others_nothing_not_even_what_is_sent_once() {
    let server = Server::start();
    let redis = server.redis(AMPLE).await;
    put(&redis).await.unwrap();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let (made, is_made) = tokio::sync::oneshot::channel();
    let other = Arc::clone(&redis);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            put(&other).await.unwrap();
            made.send(()).unwrap();
            begun.recv().unwrap();
            let sent_once: Result<String, _> = other.ask(&redis::cmd("X"), Again::No).await;
            sent_once.unwrap();
        });
    });
    is_made.await.unwrap();
    server.hang_up().await;
    put(&redis).await.unwrap();
    begin.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(server.accepted(), 4);
}

#[tokio::test]
async fn a_restart_of_redis_is_not_noticed_by_what_may_be_asked_again() {
    let server = Server::start();
    let redis = server.redis(AMPLE).await;
    put(&redis).await.unwrap();
    server.hang_up().await;
    put(&redis).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_connection_may_take_longer_than_an_answer() {
    let server = Server::start();
    server.late.store(true, Ordering::SeqCst);
    let redis = server.redis(SHORT).await;
    put(&redis).await.unwrap();
    server.hang_up().await;
    put(&redis).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_at_the_start_and_so_is_a_wrong_url() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    for url in [format!("redis://{free}"), "http://127.0.0.1".to_owned()] {
        let error = Redis::connect(&url, SHORT, Metrics::new()).await.err().unwrap();
        assert!(error.to_string().starts_with("Redis cannot be used: "), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_the_connection_to_the_next() {
    let server = Server::start();
    let redis = server.redis(AMPLE).await;
    server.late.store(true, Ordering::SeqCst);
    server.hang_up().await;
    // Polled once and dropped, while it waits for its connection.
    for _ in 0..3 {
        let _ = tokio::time::timeout(Duration::from_millis(1), put(&redis)).await;
    }
    put(&redis).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_thread_that_was_busy_reads_an_answer_late_and_does_not_blame_redis() {
    let server = Server::start();
    let redis = server.redis(SHORT).await;
    // The thread does nothing else for longer than an answer may take.
    let busy = async || std::thread::sleep(SHORT * 2);
    let (answer, ()) = futures_util::future::join(put(&redis), busy()).await;
    answer.unwrap();
    server.hang_up().await;
    let (answer, ()) = futures_util::future::join(put(&redis), busy()).await;
    answer.unwrap();
}
