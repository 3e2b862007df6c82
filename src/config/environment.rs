//! Reads `ESSINK_*` variables.

use super::options::table;
use super::settings::{Origin, Settings};
use super::suggest::nearest;

/// Takes every variable of essink into `settings`; returns a warning for each that names no option.
///
/// A warning and not an error: a cluster's scheduler puts variables there that nobody wrote.
pub fn read(settings: &mut Settings, env: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, value) in env.filter(|(name, _)| name.starts_with("ESSINK_")) {
        match table().find(|row| row.env() == name) {
            Some(row) => settings.put(row, vec![value], Origin::Environment),
            None if is_service_link(&name) => {}
            None => warnings.push(unknown(&name)),
        }
    }
    warnings.sort();
    warnings
}

/// Kubernetes gives every pod `X_SERVICE_HOST`, `X_PORT` and `X_PORT_9464_TCP…` of a service called x.
fn is_service_link(name: &str) -> bool {
    name.starts_with("ESSINK_PORT") || name.starts_with("ESSINK_SERVICE_")
}

/// Compares without the prefix, which every variable has and which would make all of them look alike.
fn unknown(name: &str) -> String {
    let known: Vec<String> = table().map(super::options::Row::env).collect();
    let bare = |name: &str| name.strip_prefix("ESSINK_").unwrap_or(name).to_owned();
    let hint = match nearest(&bare(name), known.iter().map(|known| bare(known))) {
        Some(near) => format!("; did you mean ESSINK_{near}?"),
        None => String::new(),
    };
    // A name may hold anything but `=`: a line break in it must not make a line of the log.
    format!("{} is no option of essink and is ignored{hint}", name.escape_debug())
}
