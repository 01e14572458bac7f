//! Connections to Redis: one per thread, opened on that thread's own runtime at first use, so that
//! no command crosses to another thread. A failed connection is replaced.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisResult};
use thread_local::ThreadLocal;
use tokio::sync::watch;

use super::super::unavailable::Cause;
use super::script::Script;
use super::timeout::within;

/// Minimum timeout for connecting, which needs several round trips, more with TLS.
const CONNECT: Duration = Duration::from_secs(1);

/// The kernel closes a connection whose peer acknowledges nothing for this long.
const SILENCE: Duration = Duration::from_secs(15);

/// Length of a connection's command queue.
const QUEUE: usize = 1024;

/// A connection of one thread.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    is_dead: Arc<AtomicBool>,
}

impl Link {
    /// Marks the connection as failed, to be replaced at next use; `false` if it was marked before.
    pub(super) fn give_up(&self) -> bool {
        !self.is_dead.swap(true, Ordering::AcqRel)
    }
}

/// The result of an attempt to connect; `None` while it is running.
type Attempt = watch::Receiver<Option<RedisResult<Link>>>;

/// The connections of all threads.
pub(super) struct Links {
    client: Client,
    config: AsyncConnectionConfig,
    /// Timeout of an attempt to connect.
    budget: Duration,
    attempts: ThreadLocal<RefCell<Option<Attempt>>>,
}

impl Links {
    /// Connections to the Redis at `url`, opened at first use. `timeout` is for one response.
    pub(super) fn new(url: &str, timeout: Duration) -> RedisResult<Self> {
        let keepalive = TcpKeepalive::new().with_time(SILENCE / 2).with_interval(SILENCE / 6).with_retries(3);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(SILENCE);
        // Timeouts are enforced here and by the caller.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        Ok(Self {
            client: Client::open(url.into_connection_info()?.set_tcp_settings(tcp))?,
            config,
            budget: timeout.max(CONNECT),
            attempts: ThreadLocal::new(),
        })
    }

    /// This thread's connection. Waits for a new one for at most `wait`, or until connecting fails; the
    /// attempt continues in the background for the next caller.
    pub(super) async fn get(&self, wait: Option<Duration>) -> Result<Link, Cause> {
        let mut attempt = self.attempt();
        if let Some(Ok(link)) = &*attempt.borrow() {
            return Ok(link.clone());
        }
        // An attempt has its own timeout; this only guards against a stopped runtime.
        let wait = wait.unwrap_or(self.budget * 2);
        match within(wait, attempt.wait_for(Option::is_some)).await {
            None => Err(Cause::ConnectTimeout(wait)),
            Some(made) => match made.ok().and_then(|made| made.clone()) {
                None => Err(Cause::Abandoned),
                Some(made) => Ok(made?),
            },
        }
    }

    /// This thread's current attempt, or a new one.
    fn attempt(&self) -> Attempt {
        let mut present = self.attempts.get_or_default().borrow_mut();
        match present.as_ref().filter(|attempt| is_usable(attempt)) {
            Some(attempt) => attempt.clone(),
            None => present.insert(self.connect()).clone(),
        }
    }

    /// Starts connecting in its own task, which a cancelled request does not stop.
    fn connect(&self) -> Attempt {
        let (made, attempt) = watch::channel(None);
        let (client, config, budget) = (self.client.clone(), self.config.clone(), self.budget);
        tokio::spawn(async move {
            let connecting = within(budget, connect(&client, &config)).await;
            made.send_replace(Some(connecting.unwrap_or_else(|| Err(late()))));
        });
        attempt
    }
}

fn is_usable(attempt: &Attempt) -> bool {
    match &*attempt.borrow() {
        Some(Ok(link)) => !link.is_dead.load(Ordering::Acquire),
        Some(Err(_)) => false,
        // The connecting task is dropped if its runtime stops.
        None => attempt.has_changed().is_ok(),
    }
}

fn late() -> redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no connection in time").into()
}

/// A connection that works, with the scripts loaded.
async fn connect(client: &Client, config: &AsyncConnectionConfig) -> RedisResult<Link> {
    let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
    for script in Script::ALL {
        let _: String = script.load().query_async(&mut connection).await?;
    }
    Ok(Link { connection, is_dead: Arc::default() })
}
