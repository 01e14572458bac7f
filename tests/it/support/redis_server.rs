//! A Redis server of one test's own, which may be filled, demoted and stopped.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::process::free_port;
use super::reaper;
use super::wait::until;

/// A started Redis server.
pub(crate) struct RedisServer {
    /// Where it listens.
    pub url: String,
    child: Child,
}

impl RedisServer {
    /// Starts one, whose files are in `folder`.
    pub(crate) async fn start(folder: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--appendonly",
            "no",
            "--save",
            "",
        ]);
        command.arg("--dir").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("redis-server");
        reaper::end_with_tests(child.id());
        let server = Self { url: format!("redis://127.0.0.1:{port}/1"), child };
        until("Redis", async || server.ask(&["PING"]).await.ok()).await;
        server
    }

    /// Runs a command on it.
    pub(crate) async fn command(&self, words: &[&str]) {
        self.ask(words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }

    async fn ask(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        // A busy machine may take longer than the library waits.
        let config =
            redis::AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = redis::Client::open(self.url.as_str())?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut connection).await
    }

    /// Sends it a signal such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        reaper::has_ended(self.child.id());
    }
}
