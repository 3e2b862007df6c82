//! Documents of an index, as a search answers them: the indices that Firehose wrote hold the events as they came.
//!
//! | form | told by |
//! |---|---|
//! | the answer to a search, or to the next page of a scroll | `hits.hits`, each with `_index` and `_source` |
//! | one document | `_index` and `_source`: a line of elasticdump |
//!
//! Servers answer the bytes of a `_source` as they got them, so an event out of a dump has the id that it has out of a
//! stream, provided that no program between has read its JSON and written it anew.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::name;
use crate::event::time::Millis;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The event: a slice of what was read.
    pub event: Bytes,
    /// Where it begins in there.
    pub offset: usize,
    /// The last moment at which it can have arrived, when the name of its index tells one.
    pub arrived: Option<Millis>,
}

/// Keys with which an answer or a document of it begins. Events are told from them by their first key, so that they are not
/// looked at twice.
const FIRST_KEYS: [&[u8]; 9] =
    [b"_scroll_id", b"pit_id", b"took", b"timed_out", b"_shards", b"hits", b"_index", b"_type", b"_id"];

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    timed_out: bool,
    #[serde(default, rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize, Default)]
struct Shards {
    #[serde(default)]
    failed: u64,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_index")]
    index: String,
    #[serde(borrow, rename = "_source")]
    source: &'a RawValue,
}

/// The documents in `value`; `None` when it is no answer of a search and no document of one, but perhaps an event.
///
/// # Errors
/// It is one that must not be read: the sentence says what to do.
pub fn read(value: &Bytes) -> Option<Result<Vec<Document>, &'static str>> {
    let first = first_key(value)?;
    if !FIRST_KEYS.contains(&first) {
        return None;
    }
    let hits = if matches!(first, b"_index" | b"_type" | b"_id") {
        vec![serde_json::from_slice(value).ok()?]
    } else {
        let answer: Answer<'_> = serde_json::from_slice(value).ok()?;
        if answer.timed_out || answer.shards.failed > 0 {
            return Some(Err("is an answer in which shards failed: it lacks documents, ask again"));
        }
        answer.hits.hits
    };
    Some(hits.iter().map(|hit| hit.document(value)).collect())
}

impl Hit<'_> {
    fn document(&self, value: &Bytes) -> Result<Document, &'static str> {
        // A `RawValue` that is borrowed lies in what it was read from, so neither of these can fail.
        let event = value.slice_ref(self.source.get().as_bytes());
        if is_ours(&event) {
            return Err("holds documents that essink itself wrote: dump those that lack essink.rules only");
        }
        let offset = event.as_ptr().addr() - value.as_ptr().addr();
        Ok(Document { event, offset, arrived: name::of_index(&self.index) })
    }
}

/// Whether a document begins as `event::document` begins each: read as an event it would be another one.
fn is_ours(source: &[u8]) -> bool {
    const AT: &[u8] = br#"{"@timestamp":""#;
    const TIME: usize = "2026-11-21T08:00:00.000Z".len();
    const THEN: &[u8] = br#"","essink":{"#;
    let behind = source.strip_prefix(AT).and_then(|rest| rest.get(TIME..));
    behind.is_some_and(|rest| rest.starts_with(THEN))
}

/// The first key of an object, which must not have escapes.
fn first_key(value: &[u8]) -> Option<&[u8]> {
    let inner = value.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    inner.split(|byte| *byte == b'"').next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    type Found = Option<Result<Vec<(String, Option<String>)>, &'static str>>;

    fn found(text: &str) -> Found {
        let value = Bytes::copy_from_slice(text.as_bytes());
        let documents = read(&value)?;
        let shown = |document: Document| {
            assert_eq!(value[document.offset..][..document.event.len()], document.event);
            let event = String::from_utf8(document.event.to_vec()).expect("text");
            (event, document.arrived.map(Millis::rfc3339))
        };
        Some(documents.map(|list| list.into_iter().map(shown).collect()))
    }

    fn check(text: &str, expected: &[(&str, Option<&str>)]) {
        let expected: Vec<_> =
            expected.iter().map(|(event, at)| ((*event).to_owned(), at.map(str::to_owned))).collect();
        assert_eq!(found(text), Some(Ok(expected)), "{text}");
    }

    /// The events' own bytes: white space, escapes and the form of numbers.
    const ODD: &str = r#"{ "a" :1.0, "b":"\u00e9é\/", "c":1e2 }"#;

    #[test]
    fn every_document_of_an_answer_comes_out_as_it_is() {
        let end_of_day = Some("2020-05-18T23:59:59.999Z");
        let page = format!(
            r#"{{"_scroll_id":"FGluY2","took":3,"timed_out":false,"_shards":{{"total":1,"successful":1,"skipped":0,"failed":0}},"hits":{{"total":{{"value":2,"relation":"eq"}},"max_score":null,"hits":[{{"_index":"pinpoint-2020-05-18","_id":"49.0","_score":null,"_source":{ODD},"sort":[0]}},{{"_index":"old","_type":"_doc","_id":"2","_source":{{}},"sort":[1]}}]}}}}"#
        );
        check(&page, &[(ODD, end_of_day), ("{}", None)]);
        check(&page.replace('{', "{\n  "), &[(&ODD.replace('{', "{\n  "), end_of_day), ("{\n  }", None)]);
        check(r#"{"took":1,"hits":{"hits":[]}}"#, &[]);
        check(r#"{"pit_id":"x","took":1,"timed_out":false,"hits":{"hits":[]}}"#, &[]);
        check(
            &format!(r#"{{"_index":"pinpoint-2020-05-18","_id":"1","_score":1,"_source":{ODD}}}"#),
            &[(ODD, end_of_day)],
        );
        check(&format!(r#" {{ "_type":"_doc","_index":"x","_id":"1","_source":{ODD}}}"#), &[(ODD, None)]);
    }

    #[test]
    fn what_lacks_documents_or_is_ours_is_refused_with_the_cure() {
        let refused = |text: &str, cure: &str| {
            let why = found(text).and_then(Result::err).unwrap_or_default();
            assert!(why.contains(cure), "{text}: {why:?}");
        };
        refused(r#"{"took":1,"timed_out":true,"hits":{"hits":[]}}"#, "ask again");
        refused(r#"{"took":1,"timed_out":false,"_shards":{"total":2,"failed":1},"hits":{"hits":[]}}"#, "ask again");
        for essink in [json!({"arrived": "x", "rules": "2"}), json!({"rules": "2", "degraded": "no", "raw": "{}"})] {
            let ours = format!(r#"{{"@timestamp":"2026-11-21T08:00:00.000Z","essink":{essink},"event_type":"x"}}"#);
            refused(&format!(r#"{{"_index":"pinpoint-2026-11-21","_id":"1","_source":{ours}}}"#), "essink.rules");
        }
        // An app's own field of that name, under its own time.
        for own in [
            r#"{"essink":{"arrived":"x"}}"#,
            r#"{"@timestamp":"2026","essink":{}}"#,
            r#"{"@timestamp":"2026-11-21T08:00:00.000Z","a":1}"#,
        ] {
            check(&format!(r#"{{"_index":"i","_source":{own}}}"#), &[(own, None)]);
        }
    }

    #[test]
    fn events_are_none() {
        for event in [
            r#"{"event_type":"x","hits":{"hits":[]}}"#,
            r#"{"took":3}"#,
            r#"{"hits":7}"#,
            r#"{"hits":{"hits":[{"_id":"1"}]}}"#,
            r#"{"_id":"1"}"#,
            r#"{"_index":"x","_source":"#,
            r#"[{"_index":"x","_source":{}}]"#,
            r#"{}"#,
            "{",
            "",
            "text",
        ] {
            assert_eq!(found(event), None, "{event}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&Bytes::from(bytes));
        }
    }
}
