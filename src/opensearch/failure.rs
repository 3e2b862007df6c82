//! Why no usable answer came, in words an operator understands.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use super::client::{Failure, SendError};

/// Longest text of causes, in characters.
const LONGEST: usize = 300;

/// Links of the chain that only name the layer they come from.
const SAYS_NOTHING: [&str; 6] = [
    "",
    "error sending request",
    "client error (Connect)",
    "client error (SendRequest)",
    "connection error",
    "tcp connect error",
];

/// What a request that got no whole answer died of.
pub(super) fn of_sending(base: &str, error: reqwest::Error, timeout: Duration) -> SendError {
    let error = error.without_url();
    if let Some(trouble) = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return SendError::new(Failure::Tls, tls(base, trouble));
    }
    let failure = kind(&error);
    let why = chain(&error);
    let detail = match failure {
        Failure::Connect if error.is_timeout() => {
            format!("cannot connect to {base} in time: is the host right and the port open to this machine")
        }
        Failure::Connect => format!("cannot connect to {base}: {why}"),
        Failure::Timeout => format!("no whole answer from {base} within {}", humantime::format_duration(timeout)),
        Failure::Request => format!("the request to {base} cannot be made: {why}"),
        Failure::Cut => format!("the answer of {base} was cut short: {why}"),
        _ => format!("{base} closed the connection without an answer: {why}"),
    };
    SendError::new(failure, detail)
}

fn kind(error: &reqwest::Error) -> Failure {
    // A connection that takes too long is both; nothing was sent, so it counts as the former.
    if error.is_connect() {
        Failure::Connect
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_builder() {
        Failure::Request
    } else if error.is_body() || error.is_decode() {
        Failure::Cut
    } else {
        Failure::Closed
    }
}

/// TLS trouble is a matter of set-up: say whose.
fn tls(base: &str, error: &rustls::Error) -> String {
    let cure = match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            // A bad signature is that of a CA with the same name and another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is signed by nobody we trust: give its CA as a PEM file (--opensearch-ca)"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired (or this machine's clock is wrong): renew it"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet: is this machine's clock right"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host name: use a name that it holds"
            }
            _ => "its certificate is not valid",
        },
        rustls::Error::InvalidMessage(_) => "it does not speak TLS: perhaps the URL should begin with http://",
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it asks for a client certificate: give one with its key"
        }
        rustls::Error::AlertReceived(_) => "it refused our TLS connection: perhaps it wants another client certificate",
        _ => "no TLS connection came about",
    };
    format!("{base}: {cure} ({})", bounded(&error.to_string()))
}

/// What the causes say, outermost first, without the words that say nothing.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        let repeats = said.last().is_some_and(|last| last.ends_with(&text));
        if !repeats && !SAYS_NOTHING.contains(&text.as_str()) {
            said.push(text);
        }
    }
    bounded(&said.join(": "))
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The error and everything under it. An `io::Error` hides the error it carries from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    // Chains are a handful deep; the bound is against one that loops.
    std::iter::successors(Some(error), |error| inner(*error)).take(16)
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match carried {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}
