//! The server's words, fit for logs: short, and without what they quote of the document.

use super::Fault;

/// Longest sentence, characters.
const LONGEST: usize = 300;

/// From here on the server quotes the document, or Java.
const QUOTES_BEGIN: [&str; 8] = [
    "Preview of field's value",
    "For input string",
    "The prefix of the first immense term",
    ", request: [",
    "source[",
    "containing [",
    "at [Source",
    "\n",
];

/// What may stand before a bracket that holds a name of the mapping or one of its limits, not a value.
const NAMES_FOLLOW: [&str; 11] = [
    "field",
    "fields",
    "of type",
    "from type",
    "] to",
    "mapping for",
    "mapping",
    "mapper",
    "introduction of",
    "limit of",
    "depth",
];

/// What may never be shown although one of [`NAMES_FOLLOW`] ends it: `failed to parse date field [yesterday]`.
const VALUES_FOLLOW: [&str; 1] = ["date field"];

/// The words of a fault that speaks of the cluster: status, name, reason.
pub(super) fn plain(status: u16, fault: &Fault<'_>) -> String {
    say(status, fault, |reason| mask(reason, &['\'', '"']))
}

/// The words of a fault that speaks of a document: every value in quotes, brackets or parentheses becomes `…`.
///
/// Names of fields stay, for nobody could mend a mapping without them.
pub(super) fn masked(status: u16, fault: &Fault<'_>) -> String {
    say(status, fault, |reason| mask(reason, &['\'', '"', '[', '(']))
}

fn say(status: u16, fault: &Fault<'_>, mask: impl Fn(&str) -> String) -> String {
    let mut parts = vec![format!("status {status}"), fault.kind().to_owned(), mask(cut(fault.reason()))];
    if let Some(cause) = fault.cause().filter(|_| fault.reason().ends_with("failed to parse")) {
        parts.extend([cause.kind().to_owned(), mask(cut(cause.reason()))]);
    }
    parts.retain(|part| !part.is_empty());
    let said = parts.join(": ").replace(char::is_control, " ");
    match said.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}

/// The reason up to where it begins to quote.
fn cut(reason: &str) -> &str {
    let end = QUOTES_BEGIN.iter().filter_map(|begin| reason.find(begin)).min().unwrap_or(reason.len());
    reason[..end].trim_end_matches([' ', '.', ':', ','])
}

/// Replaces what stands between `openers` and their closers by `…`.
///
/// A value may hold closers of its own, so the last one in the text counts.
fn mask(reason: &str, openers: &[char]) -> String {
    let mut out = String::with_capacity(reason.len());
    let mut rest = without_position(reason);
    while let Some(at) = rest.find(openers) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        // All openers are one byte long.
        let (opener, inside) = (&from[..1], &from[1..]);
        let closer = match opener {
            "[" => ']',
            "(" => ')',
            quote => quote.chars().next().unwrap_or('"'),
        };
        let name_ends = inside.find(closer).filter(|_| holds_name(&out, opener));
        if let Some(end) = name_ends {
            out.push_str(&from[..end + 2]);
            rest = &inside[end + 1..];
        } else if is_apostrophe(&out, opener, inside) {
            out.push_str(opener);
            rest = inside;
        } else {
            out.push_str(opener);
            out.push('…');
            // Never closed: the rest may be the value.
            rest = inside.rfind(closer).map_or("", |end| &inside[end..]);
            out.push_str(rest.get(..1).unwrap_or_default());
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out + rest
}

fn holds_name(before: &str, opener: &str) -> bool {
    let before = before.trim_end();
    match opener {
        "[" => {
            let named = NAMES_FOLLOW.iter().any(|words| before.ends_with(words));
            named && !VALUES_FOLLOW.iter().any(|words| before.ends_with(words))
        }
        "\"" => before.ends_with("field="),
        _ => false,
    }
}

/// `can't`, `field's`.
fn is_apostrophe(before: &str, opener: &str, after: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    opener == "'" && letter(before.chars().next_back()) && letter(after.chars().next())
}

/// Elasticsearch 8 begins with `[line:column] `, which says nothing of use.
fn without_position(reason: &str) -> &str {
    let inside = reason.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match inside {
        Some((place, rest)) if place.chars().all(|c| c.is_ascii_digit() || c == ':') => rest,
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_and_values_go() {
        for (reason, expected) in [
            (
                "failed to parse field [n] of type [long] in document with id '1'. Preview of field's value: 'secret'",
                "failed to parse field [n] of type [long] in document with id '…'",
            ),
            (
                "[1:7] object mapping for [o] tried to parse field [o] as object, but found a concrete value",
                "object mapping for [o] tried to parse field [o] as object, but found a concrete value",
            ),
            ("failed to parse date field [secret] with format [epoch_millis]", "failed to parse date field […]"),
            (
                "Failed to parse value [secret] as only [true] or [false] are allowed.",
                "Failed to parse value […] are allowed",
            ),
            ("Failed to parse value [sec] ret] as only", "Failed to parse value […] as only"),
            ("'secret' is not an IP string literal.", "'…' is not an IP string literal"),
            ("'it's secret' is not an IP string literal.", "'…' is not an IP string literal"),
            ("For input string: \"secret\"", ""),
            ("Numeric value (4915112345678) out of range of int", "Numeric value (…) out of range of int"),
            ("Unrecognized token 'secret", "Unrecognized token '…"),
            ("Limit of total fields [5] has been exceeded", "Limit of total fields [5] has been exceeded"),
            (
                "mapper [a.b] cannot be changed from type [long] to [text]",
                "mapper [a.b] cannot be changed from type [long] to [text]",
            ),
            ("Can't get text on a START_OBJECT", "Can't get text on a START_OBJECT"),
            (
                "Document contains at least one immense term in field=\"k\" (whose UTF8 encoding is longer than the max length 32766), \
                 all of which were skipped.  Please correct the analyzer to not produce such terms.  The prefix of the first immense \
                 term is: '[115, 101]...'",
                "Document contains at least one immense term in field=\"k\" (…), all of which were skipped.  \
                 Please correct the analyzer to not produce such terms",
            ),
        ] {
            let said = masked(400, &Fault::new("", reason));
            assert_eq!(said, format!("status 400: {expected}").trim_end_matches(": "), "{reason}");
        }
    }

    #[test]
    fn a_busy_shard_does_not_quote_the_document_it_was_sent() {
        let fault = Fault::new(
            "unavailable_shards_exception",
            "[una][0] primary shard is not active Timeout: [1s], request: [BulkShardRequest [[una][0]] containing [index {[una][1], source[{\"a\": 1}]}]]",
        );
        assert_eq!(
            plain(503, &fault),
            "status 503: unavailable_shards_exception: [una][0] primary shard is not active Timeout: [1s]"
        );
    }

    #[test]
    fn the_cause_speaks_where_the_reason_does_not() {
        let body = br#"{"type":"mapper_parsing_exception","reason":"failed to parse","caused_by":{"type":"illegal_argument_exception","reason":"Limit of total fields [5] has been exceeded\nat [Source: \"secret\"]"}}"#;
        let fault: Fault<'_> = serde_json::from_slice(body).unwrap();
        let expected = "status 400: mapper_parsing_exception: failed to parse: illegal_argument_exception: Limit of total fields [5] has been exceeded";
        assert_eq!(masked(400, &fault), expected);
    }

    #[test]
    fn sentences_are_bounded() {
        let long = "ä".repeat(10_000);
        assert_eq!(plain(429, &Fault::new("x", &long)).chars().count(), LONGEST + 1);
    }

    proptest::proptest! {
        #[test]
        fn any_reason_is_survived(reason in "\\PC{0,60}", value in "[a-z]{8}") {
            let quoted = format!("{reason}'{value}'");
            masked(400, &Fault::new("t", &reason));
            plain(400, &Fault::new("t", &quoted));
        }
    }
}
