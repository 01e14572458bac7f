//! Connections to Redis: one per thread that uses it, made on that thread's own runtime when it is first needed, so that
//! no command crosses to another thread. A connection that failed is dropped and made anew.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisResult};
use thread_local::ThreadLocal;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::unavailable::Cause;
use super::patience::within;
use super::script::Script;

/// A new connection may take this long even where answers must come sooner: it needs several round trips, more with TLS.
const CONNECT: Duration = Duration::from_secs(1);

/// A peer that acknowledges nothing for this long is given up by the kernel, whether it is spoken to or not.
const SILENCE: Duration = Duration::from_secs(15);

/// Commands that wait in a connection's queue before callers wait for a place in it.
const QUEUE: usize = 1024;

/// A connection of one thread.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    state: Arc<State>,
}

struct State {
    is_dead: AtomicBool,
    /// Of which generation it is, and which is the present one.
    generation: u64,
    present: Arc<AtomicU64>,
    made_at: Instant,
    /// When an answer came last, in milliseconds since it was made.
    answered_ms: AtomicU64,
}

impl Link {
    /// Has the connection made anew for whoever asks next; `false` when that was said before.
    pub(super) fn give_up(&self) -> bool {
        !self.state.is_dead.swap(true, Ordering::AcqRel)
    }

    /// As [`Link::give_up`], for a reason that probably concerns the connections of other threads as well, such as a
    /// fail-over: those made before are dropped with it.
    pub(super) fn give_up_all(&self) -> bool {
        let State { generation, present, .. } = &*self.state;
        let _ = present.compare_exchange(*generation, generation + 1, Ordering::AcqRel, Ordering::Relaxed);
        self.give_up()
    }

    /// Notes that an answer has come.
    pub(super) fn answered(&self) {
        let ms = u64::try_from(self.state.made_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.state.answered_ms.store(ms, Ordering::Relaxed);
    }

    /// When an answer came last, to whomever.
    pub(super) fn last_answer(&self) -> Instant {
        self.state.made_at + Duration::from_millis(self.state.answered_ms.load(Ordering::Relaxed))
    }
}

/// What became of an attempt to connect; nothing while it goes on.
type Attempt = watch::Receiver<Option<RedisResult<Link>>>;

/// The connections of all threads.
pub(super) struct Links {
    client: Client,
    config: AsyncConnectionConfig,
    /// For how long an attempt to connect goes on.
    budget: Duration,
    /// Connections of an earlier generation are not used any more.
    generation: Arc<AtomicU64>,
    attempts: ThreadLocal<RefCell<Option<Attempt>>>,
}

impl Links {
    /// Connections to the Redis at `url`, none of them made yet. `timeout` is the time for one answer.
    pub(super) fn new(url: &str, timeout: Duration) -> RedisResult<Self> {
        let keepalive = TcpKeepalive::new().with_time(SILENCE / 2).with_interval(SILENCE / 6).with_retries(3);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(SILENCE);
        // Time is kept here and by the caller, who decides what a late answer means.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        Ok(Self {
            client: Client::open(url.into_connection_info()?.set_tcp_settings(tcp))?,
            config,
            budget: timeout.max(CONNECT),
            generation: Arc::default(),
            attempts: ThreadLocal::new(),
        })
    }

    /// This thread's connection. If it has to be made, that is waited for at most `patience`, or until it ends; the
    /// attempt goes on beyond it, for whoever asks next.
    pub(super) async fn get(&self, patience: Option<Duration>) -> Result<Link, Cause> {
        let mut attempt = self.attempt();
        if let Some(Ok(link)) = &*attempt.borrow() {
            return Ok(link.clone());
        }
        // An attempt ends within its budget; this only guards against a runtime that has stopped.
        let patience = patience.unwrap_or(self.budget * 2);
        match within(patience, attempt.wait_for(Option::is_some), || None).await {
            None => Err(Cause::NoConnection(patience)),
            Some(made) => match made.ok().and_then(|made| made.clone()) {
                None => Err(Cause::Abandoned),
                Some(made) => Ok(made?),
            },
        }
    }

    /// The attempt of this thread that may still be used, or a new one.
    fn attempt(&self) -> Attempt {
        let mut present = self.attempts.get_or_default().borrow_mut();
        match present.as_ref().filter(|attempt| is_usable(attempt)) {
            Some(attempt) => attempt.clone(),
            None => present.insert(self.connect()).clone(),
        }
    }

    /// Begins to connect, in a task of its own: a request that is given up meanwhile does not stop it.
    fn connect(&self) -> Attempt {
        let (made, attempt) = watch::channel(None);
        let (client, config, budget) = (self.client.clone(), self.config.clone(), self.budget);
        let present = Arc::clone(&self.generation);
        tokio::spawn(async move {
            let connecting = within(budget, connect(&client, &config, present), || None).await;
            made.send_replace(Some(connecting.unwrap_or_else(|| Err(late()))));
        });
        attempt
    }
}

fn is_usable(attempt: &Attempt) -> bool {
    match &*attempt.borrow() {
        Some(Ok(Link { state, .. })) => {
            !state.is_dead.load(Ordering::Acquire)
                && state.generation == state.present.load(Ordering::Acquire)
        }
        Some(Err(_)) => false,
        // The task that connects ends without a word if its runtime does.
        None => attempt.has_changed().is_ok(),
    }
}

fn late() -> redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no connection in time").into()
}

/// A connection over which Redis has answered, and knows the scripts.
async fn connect(
    client: &Client,
    config: &AsyncConnectionConfig,
    present: Arc<AtomicU64>,
) -> RedisResult<Link> {
    let generation = present.load(Ordering::Acquire);
    let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
    for script in Script::ALL {
        let _: String = script.load().query_async(&mut connection).await?;
    }
    let state = State {
        is_dead: AtomicBool::new(false),
        generation,
        present,
        made_at: Instant::now(),
        answered_ms: AtomicU64::new(0),
    };
    Ok(Link { connection, state: Arc::new(state) })
}
