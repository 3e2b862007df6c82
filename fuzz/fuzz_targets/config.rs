//! The input is a world: what is typed, a line for each variable of the environment, an empty line, the configuration file.
//!
//! What is typed is a command, or `essink` and a whole command line, which takes a hundred times as long to read.

#![no_main]

use std::ffi::OsString;
use std::io;
use std::path::Path;

use essink::config::{Loaded, Refusal, load, load_bare};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// What the file `secret` holds, which any option may name; `odd` holds it and more, and is no secret that can be used.
const SECRET: &str = "dr0wssap-0815";

fuzz_target!(|text: &str| {
    let (typed, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (variables, file) = rest.split_once("\n\n").unwrap_or(("", rest));
    let named = variables.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned()));
    let env = [("ESSINK_CONFIG".to_owned(), "essink.toml".to_owned())].into_iter().chain(named);
    let read = |path: &Path| match path.to_str() {
        Some("secret") => Ok(format!("{SECRET}\n")),
        Some("odd") => Ok(format!("{SECRET}\n\u{1b}\"")),
        Some("essink.toml") => Ok(file.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let loaded = match typed.starts_with("essink ") {
        true => Some(load(typed.split_whitespace().map(OsString::from), env, &read)),
        false => load_bare(typed, env, &read),
    };
    let Some(loaded) = loaded else { return };
    let said = match loaded {
        Ok(Loaded::Invocation(invocation)) => {
            assert!(invocation.warnings.iter().all(|warning| !warning.contains(char::is_control)));
            format!("{invocation:?}")
        }
        Ok(Loaded::Text { text, .. }) => {
            if text.starts_with('[') {
                serde_json::from_str::<Value>(&text).expect("JSON");
            }
            text
        }
        Err(refusal) => refused(&refusal),
    };
    assert!(text.contains(SECRET) || !said.contains(SECRET), "a secret is shown");
});

/// Problems are one line each, whatever the values in them.
fn refused(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    if let Refusal::Problems(problems) = refusal {
        assert!(refusal.exit_code() == 64 && !problems.is_empty());
        assert_eq!(text.lines().count(), 1 + problems.len(), "{text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
    text
}
