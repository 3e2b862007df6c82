//! What every command takes: the configuration file, logs, the form of reports.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::cluster::secret;
use super::{Kind, Opt, Row, Verb};
use crate::config::concerns::Secret;
use crate::config::units;
use crate::telemetry::logs::{self, LogFormat};

const LOG_FORMATS: &[(&str, LogFormat)] =
    &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];

/// Those that have a page, or ask one.
const PAGES: &[Verb] = &[Verb::Run, Verb::Status, Verb::Webhook];

const JSON_REPORTS: &[Verb] = &[
    Verb::Check,
    Verb::Status,
    Verb::InitTemplates,
    Verb::Prune,
    Verb::DeadLettersList,
    Verb::DeadLettersShow,
    Verb::DeadLettersRedrive,
    Verb::DeadLettersImport,
    Verb::Replay,
    Verb::Put,
    Verb::LeasesList,
    Verb::LeasesReset,
    Verb::LeasesMove,
    Verb::Config,
];

options! {
    "General";
    HTTP_LISTEN: Option<SocketAddr> = units::listen, {
        name: "http-listen",
        value: "ADDRESS|none",
        default: Some("127.0.0.1:9464"),
        on: PAGES,
        help: "Where the live page (of run), /live, /ready and /metrics answer. When the default port is taken the next free one \
               is used and logged; an address that was chosen is used or refused. Beyond this machine give a token. status asks workers there.",
    }
    HTTP_TOKEN: Secret = secret, {
        name: "http-token",
        kind: Kind::Secret,
        on: PAGES,
        help: "The token that the live page and /metrics ask for (a form in the browser, Authorization: Bearer elsewhere), at \
               least 16 characters; /live and /ready stay open. Only from the environment.",
    }
    HTTP_TOKEN_FILE: PathBuf = units::path, {
        name: "http-token-file",
        kind: Kind::Path,
        value: "FILE",
        on: PAGES,
        help: "A file that holds the token of the live page and /metrics; a newline at its end is not part of it.",
    }
    PAGE_EVENTS: bool = units::flag, {
        name: "page-events",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[Verb::Run],
        help: "Let the live page show events themselves (the timeline of a message, the history of a person) and counts by what \
               can be a person's: senders, links, pages, referrers, users' countries, what servers and carriers answered. \
               Without it these panels stay empty, and say so.",
    }
    DRY_RUN: bool = units::flag, {
        name: "dry-run",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[
            Verb::InitTemplates,
            Verb::Prune,
            Verb::Dashboards,
            Verb::DeadLettersRedrive,
            Verb::Replay,
            Verb::Put,
            Verb::LeasesReset,
            Verb::LeasesMove,
        ],
        help: "Say what would be done, and do nothing.",
    }
    JSON: bool = units::flag, {
        name: "json",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: JSON_REPORTS,
        help: "Report as JSON on standard output, for programs.",
    }
    CONFIG: PathBuf = units::path, {
        name: "config",
        kind: Kind::Path,
        value: "FILE",
        in_file: false,
        on: Verb::ALL,
        help: "A TOML file of options: each key is the name of an option without its dashes. None is read unless it is named.",
    }
    LOG_FORMAT: LogFormat = |text| units::choice(text, LOG_FORMATS), {
        name: "log-format",
        kind: Kind::Choice(&["auto", "text", "json"]),
        default: Some("auto"),
        on: Verb::ALL,
        help: "auto writes text on a terminal and JSON otherwise.",
    }
    LOG_LEVEL: String = log_level, {
        name: "log-level",
        value: "FILTER",
        default: Some("info"),
        on: Verb::ALL,
        help: "What is logged: error, warn, info, debug or trace, and a level for a part as in info,essink::pipeline=debug.",
    }
}

fn log_level(text: &str) -> Result<String, String> {
    let form = "is no log filter; write a level such as info, or info,essink::pipeline=debug";
    logs::check_filter(text).map(|()| text.to_owned()).map_err(|_| form.to_owned())
}
