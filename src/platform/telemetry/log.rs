use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;

use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use super::settings::{LogFormat, LogSettings};

/// The log was started before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log was started before")]
pub struct LogAlreadyStarted;

/// Maximum number of lines that wait for whoever reads the log. A line has some 400 bytes.
const WAITING_LINES: usize = 16_384;

/// Counts the lines that were lost.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// The running log. Dropping it writes what waits, for a second at most: whoever does not read the log cannot hold up the
/// end of the process either.
#[must_use = "the log ends when this is dropped"]
pub struct Log(#[expect(dead_code, reason = "it is kept to be dropped")] WorkerGuard);

/// Starts writing the log to standard error, panics included. A thread of its own writes: when the reader of standard
/// error stops reading, lines wait, and beyond a bound they are dropped and counted. No request waits for the log.
///
/// # Errors
/// If it was started before: there is one log per process.
pub fn start_log(settings: &LogSettings) -> Result<Log, LogAlreadyStarted> {
    let colours = io::stderr().is_terminal();
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES);
    let (writer, guard) = builder.thread_name("log").finish(io::stderr());
    let lost = writer.error_counter();
    subscriber(settings, writer, colours).try_init().map_err(|_| LogAlreadyStarted)?;
    // Set once, since the log is started once.
    let _ = LOST.set(lost);
    panic::set_hook(Box::new(report_panic));
    Ok(Log(guard))
}

/// How many lines of the log were lost since the start, because nobody read them in time.
pub fn lost_lines() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64)
}

/// The log as a subscriber that writes to `writer`.
fn subscriber<W>(settings: &LogSettings, writer: W, colours: bool) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colours);
    let lines = match settings.format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(true).boxed()
        }
        LogFormat::Text => lines.boxed(),
    };
    Registry::default().with(lines.with_filter(filter(settings.level)))
}

/// Libraries log statements and headers below `warn`; Yagona's own events contain no secrets at any level.
fn filter(level: Level) -> Targets {
    Targets::new()
        .with_default(level.min(Level::WARN))
        // Anybody can send invalid HTTP; it must not fill the log.
        .with_target("actix_http", tracing_subscriber::filter::LevelFilter::OFF)
        // Slow statements are logged with their whole text.
        .with_target("sqlx", Level::ERROR)
        .with_target("yagona", level)
}

/// Logs a panic. A formatted message may contain anything, so only literal ones are logged.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(event = "panic", location, error = message, "a panic");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, level: Level, write: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber(&LogSettings { format, level }, move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber, write);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_json_line_contains_the_fields_of_its_request() {
        let text = written(LogFormat::Json, Level::INFO, || {
            let _request = tracing::info_span!("request", request.id = "abc").entered();
            tracing::info!(step = "code", "a code was sent");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "a code was sent");
        assert_eq!(line["step"], "code");
        assert_eq!(line["spans"][0]["request.id"], "abc");
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn libraries_stay_silent_below_warn_whatever_the_level() {
        let text = written(LogFormat::Text, Level::TRACE, || {
            tracing::debug!(target: "sqlx::query", "select 1");
            tracing::warn!(target: "hyper::client", "slow");
            tracing::trace!("own");
        });
        assert!(!text.contains("select 1") && text.contains("slow") && text.contains("own"), "{text}");
    }

    #[test]
    fn a_level_above_warn_holds_for_libraries_too() {
        let text = written(LogFormat::Text, Level::ERROR, || tracing::warn!(target: "hyper::client", "slow"));
        assert_eq!(text, "");
    }
}
