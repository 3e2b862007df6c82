//! The input is how many documents were sent, a status, and the body of the answer.

#![no_main]

use essink::opensearch::bulk::verdicts;
use essink::opensearch::judge::judge_request;
use essink::pipeline::verdict::Verdict;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const INDEX: &str = "pinpoint-2026-11-21";

fuzz_target!(|data: &[u8]| {
    let Some(([sent, high, low], body)) = data.split_first_chunk() else { return };
    let (sent, status) = (usize::from(sent % 8), 100 + u16::from_be_bytes([*high, *low]) % 500);
    if let Ok(verdicts) = verdicts(body, std::iter::repeat_n(INDEX, sent)) {
        assert_eq!(verdicts.len(), sent, "counts in are counts out");
        items(&verdicts, body);
    }
    match judge_request(status, body) {
        None => assert!((200..300).contains(&status)),
        Some(verdict) => {
            assert!(!(200..300).contains(&status));
            assert!(!matches!(verdict, Verdict::Indexed | Verdict::AlreadyThere | Verdict::Refused(_)));
            said(&verdict);
        }
    }
});

/// The verdicts beside what another reader finds in the answer.
fn items(verdicts: &[Verdict], body: &[u8]) {
    // It reads no deeper than 128, where the verdicts do not look.
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return };
    let items = answer["items"].as_array().expect("verdicts come of items");
    assert_eq!(items.len(), verdicts.len());
    for (verdict, item) in verdicts.iter().zip(items) {
        let outcome = &item["create"];
        let status = outcome["status"].as_u64().expect("a verdict comes of a status");
        let kind = outcome["error"]["type"].as_str().unwrap_or_default();
        match verdict {
            Verdict::Indexed => assert!(outcome["error"].is_null() && matches!(status, 200 | 201)),
            Verdict::AlreadyThere => assert!(status == 409 && kind == "version_conflict_engine_exception"),
            Verdict::Refused(refusal) => assert_eq!(refusal.kind, kind),
            _ => assert!(!(matches!(status, 200 | 201) && outcome["error"].is_null())),
        }
        said(verdict);
    }
}

/// A sentence is one line, and bounded.
fn said(verdict: &Verdict) {
    let reason = verdict.reason().unwrap_or_default();
    assert!(!reason.contains(char::is_control) && reason.chars().count() < 700, "{reason:?}");
}
