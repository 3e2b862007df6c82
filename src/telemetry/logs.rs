//! Logs to standard error: text for people, JSON for machines. `docs/logging.md` has the rules.

use tracing::Subscriber;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use super::screen::Screen;

/// Libraries that speak of every connection at `info` or `debug`; their warnings are wanted, and whoever needs more
/// names them in the filter. At `debug` some of them print requests, and with them bodies. That no region is known is
/// said by who needs one, with the cure; the SDK would say it once a client.
const QUIET: &str = "aws_config=warn,aws_config::imds::region=off,aws_runtime=warn,aws_sdk_kinesis=warn,\
    aws_sdk_sso=warn,aws_sdk_ssooidc=warn,aws_sdk_sts=warn,aws_sigv4=warn,aws_smithy_runtime=warn,\
    aws_smithy_runtime_api=warn,hyper=warn,hyper_util=warn,log=warn,mio=warn,reqwest=warn,rustls=warn,\
    rustls_platform_verifier=off,tower=warn,want=warn";

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// A line for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How to log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The form of a line.
    pub format: LogFormat,
    /// A level (`info`), or directives (`info,essink::kinesis=debug`).
    pub filter: String,
    /// Whether standard error is a terminal.
    pub terminal: bool,
    /// Whether colours are wanted: false where `NO_COLOR` is set. Only a terminal gets them.
    pub color: bool,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "log filter {0:?}: {1}; use a level (error, warn, info, debug, trace) or directives such as info,essink::kinesis=debug"
    )]
    Filter(String, String),
    /// Another subscriber is installed.
    #[error("logging was set up twice")]
    Twice,
}

/// Sends every log line of the process to `screen`. To be called once.
pub fn init(options: &LogOptions, screen: &Screen) -> Result<(), LogError> {
    match options.format == LogFormat::Json || (options.format == LogFormat::Auto && !options.terminal) {
        true => json(options, screen.clone())?.try_init(),
        false => text(options, screen.clone())?.try_init(),
    }
    .map_err(|_| LogError::Twice)
}

/// Times are RFC 3339 in UTC in both forms: that is the layer's own default.
fn json<W>(options: &LogOptions, writer: W) -> Result<impl Subscriber + Send + Sync + use<W>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    Ok(registry().with(lines.with_writer(writer)).with(filter(&options.filter)?))
}

fn text<W>(options: &LogOptions, writer: W) -> Result<impl Subscriber + Send + Sync + use<W>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().compact().with_ansi(options.terminal && options.color);
    Ok(registry().with(lines.with_writer(writer)).with(filter(&options.filter)?))
}

/// Checks a filter without installing it, for the report of all configuration problems at once.
pub fn check_filter(text: &str) -> Result<(), LogError> {
    filter(text).map(drop)
}

/// What comes later wins for the same target, so a user's `hyper=debug` is heard and a mere `debug` is not deafening.
/// Targets and levels are all that the option promises; `EnvFilter` can do more, for 180 kB of regular expressions.
fn filter(text: &str) -> Result<Targets, LogError> {
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    let mut all = QUIET.to_owned();
    for word in text.split(',').map(str::trim) {
        // The library takes a single word for a target, and a typing mistake in a level would silence everything.
        let level = !word.contains('=');
        if level && !known.contains(&word.to_ascii_lowercase().as_str()) {
            return Err(LogError::Filter(text.to_owned(), format!("{word:?} is not a level")));
        }
        if word.contains('[') {
            return Err(LogError::Filter(text.to_owned(), format!("{word:?} speaks of spans or fields")));
        }
        all.extend([",", word]);
    }
    all.parse().map_err(|error: ParseError| LogError::Filter(text.to_owned(), error.to_string()))
}

#[cfg(test)]
pub(crate) use tests::captured;

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, LazyLock, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Memory {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn options(filter: &str) -> LogOptions {
        LogOptions { format: LogFormat::Auto, filter: filter.to_owned(), terminal: false, color: true }
    }

    fn written(subscriber: impl Subscriber + Send + Sync + 'static, memory: &Memory, act: impl FnOnce()) -> String {
        LazyLock::force(&SECOND);
        tracing::subscriber::with_default(subscriber, act);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    /// Alive all the time: while there is a single subscriber, tracing asks that of whichever thread meets a log line
    /// first, and a test without one would switch the line off for all.
    static SECOND: LazyLock<tracing::Dispatch> =
        LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::Registry::default()));

    /// What `act` logs at the default level, as text.
    pub(crate) fn captured(act: impl FnOnce()) -> String {
        let memory = Memory::default();
        written(text(&options("info"), memory.clone()).unwrap(), &memory, act)
    }

    fn as_json(filter: &str, act: impl FnOnce()) -> Vec<serde_json::Value> {
        let memory = Memory::default();
        let log = written(json(&options(filter), memory.clone()).unwrap(), &memory, act);
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn json_lines_carry_fields_at_the_top_and_utc_times() {
        let lines = as_json("info", || tracing::info!(shard.id = "s-1", lag.seconds = 3, "reading s-1"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "reading s-1");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["shard.id"], "s-1");
        assert_eq!(lines[0]["lag.seconds"], 3);
        let time = lines[0]["timestamp"].as_str().unwrap();
        let parsed = chrono::DateTime::parse_from_rfc3339(time).unwrap();
        assert!(time.ends_with('Z') && parsed.offset().local_minus_utc() == 0, "{time}");
    }

    #[test]
    fn text_has_no_colour_where_none_is_wanted() {
        let colours = |terminal, color| {
            let memory = Memory::default();
            let options = LogOptions { terminal, color, ..options("info") };
            written(text(&options, memory.clone()).unwrap(), &memory, || tracing::info!("hello")).contains('\u{1b}')
        };
        assert!(colours(true, true));
        assert!(!colours(true, false), "NO_COLOR");
        assert!(!colours(false, true), "not a terminal");
    }

    #[test]
    fn a_line_break_in_a_field_does_not_forge_a_line() {
        let forged = "x\n2026-01-01T00:00:00Z INFO essink: forged";
        assert_eq!(as_json("info", || tracing::warn!(reason = forged, "refused")).len(), 1);
        assert_eq!(captured(|| tracing::warn!(reason = forged, "refused")).lines().count(), 1);
    }

    #[test]
    fn the_filter_decides_who_is_heard() {
        let heard = |filter: &str| {
            let lines = as_json(filter, || {
                tracing::debug!("own debug");
                tracing::info!("own info");
                tracing::info!(target: "hyper_util::client", "noise");
                tracing::warn!(target: "hyper_util::client", "trouble");
                tracing::warn!(target: "aws_config::imds::region", "said by who needs one");
            });
            lines.iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(heard("info"), ["own info", "trouble"]);
        assert_eq!(heard("debug"), ["own debug", "own info", "trouble"]);
        assert_eq!(heard("warn,hyper_util=info"), ["noise", "trouble"]);
        assert_eq!(heard("off,essink=info"), ["own info", "trouble"]);
        assert_eq!(heard("off, hyper_util=INFO"), ["noise", "trouble"], "space is for the reader");
        assert_eq!(
            heard("hyper_util::client=off,hyper_util=info,warn"),
            Vec::<String>::new(),
            "the longest target counts"
        );
    }

    #[test]
    fn filters_that_cannot_be_read_are_refused_with_the_cure() {
        for bad in ["inof", "", "info,essink=loud", "info,,debug", "essink::kinesis", "info,essink[{shard.id}]=debug"] {
            let error = check_filter(bad).unwrap_err().to_string();
            assert!(error.contains("use a level"), "{bad:?}: {error}");
        }
        for good in ["info", "WARN", "info,essink::kinesis=debug", "debug,hyper=off"] {
            check_filter(good).unwrap();
        }
    }
}
