//! What is left of a document that an index refuses: what dashboards count by, and the whole event as one text.

use super::clock::stamp;
use super::walk;

/// Members of a document that a degraded one keeps whole: essink's own, whose types no event decides.
const KEPT: [&[u8]; 2] = [b"@timestamp", b"msg"];

/// A longer one is no type but a text that found its way there.
const EVENT_TYPE_MAX: usize = 256;

/// The document to try instead of `source`, which was refused for `reason`.
///
/// It holds `@timestamp`, `msg`, `essink` with `degraded` (the reason) and `raw` (the event as it came, as one text that
/// no index looks into), and, where they can be read, `arrival_timestamp` and `event_type`. `source` is the JSON
/// text of a document of ours, `event` the bytes it was made of.
pub fn degraded(source: &[u8], event: &[u8], reason: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(event.len() + event.len() / 8 + 512);
    for (key, value) in walk::members(source) {
        match key {
            _ if KEPT.contains(&key) => member(key, value, &mut out),
            b"essink" => member(key, &about(value, event, reason), &mut out),
            b"arrival_timestamp" if stamp(value).is_some() => member(key, value, &mut out),
            b"event_type" if value.starts_with(b"\"") && value.len() <= EVENT_TYPE_MAX => member(key, value, &mut out),
            _ => {}
        }
    }
    out.push(b'}');
    out
}

fn member(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(if out.is_empty() { b'{' } else { b',' });
    out.push(b'"');
    out.extend_from_slice(key);
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value);
}

/// The member `essink` with the reason and the event in it.
fn about(essink: &[u8], event: &[u8], reason: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(essink.len() + event.len() + reason.len() + 64);
    // What was put aside stands in the whole event again.
    for (key, value) in walk::members(essink).filter(|(key, _)| *key != b"more") {
        member(key, value, &mut out);
    }
    member(b"degraded", text(reason).as_bytes(), &mut out);
    member(b"raw", text(&String::from_utf8_lossy(event)).as_bytes(), &mut out);
    out.push(b'}');
    out
}

/// JSON text of a string.
fn text(string: &str) -> String {
    serde_json::Value::from(string).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn check(source: &str, event: &str, expected: &Value) {
        let found: Value = serde_json::from_slice(&degraded(source.as_bytes(), event.as_bytes(), "no")).expect("JSON");
        assert_eq!(&found, expected, "{source}");
    }

    #[test]
    fn what_dashboards_count_by_stays_and_the_rest_is_one_text() {
        let event = r#"{"event_type":"a.b","arrival_timestamp":1790000000000,"attributes":{"x":"\"\n"}}"#;
        check(
            r#"{"@timestamp":"t","essink":{"rules":"1"},"msg":{"id":"m"},"event_type":"a.b","arrival_timestamp":1790000000000,"attributes":{"x":1}}"#,
            event,
            &json!({
                "@timestamp": "t", "msg": {"id": "m"}, "event_type": "a.b", "arrival_timestamp": 1_790_000_000_000_i64,
                "essink": {"rules": "1", "degraded": "no", "raw": event},
            }),
        );
    }

    #[test]
    fn what_could_be_refused_again_goes() {
        for odd in [
            r#""event_type":{"a":1}"#,
            r#""event_type":7"#,
            r#""arrival_timestamp":{"a":1}"#,
            r#""arrival_timestamp":"yesterday""#,
            r#""arrival_timestamp":12"#,
        ] {
            let source = format!(r#"{{"@timestamp":"t","essink":{{"rules":"1"}},{odd}}}"#);
            let kept = json!({"@timestamp": "t", "essink": {"rules": "1", "degraded": "no", "raw": "{}"}});
            check(&source, "{}", &kept);
        }
        let long = format!(r#"{{"@timestamp":"t","essink":{{}},"event_type":"{}"}}"#, "x".repeat(300));
        check(&long, "", &json!({"@timestamp": "t", "essink": {"degraded": "no", "raw": ""}}));
    }

    proptest! {
        #[test]
        fn the_event_comes_back_from_the_text(event in "\\PC{0,80}", reason in "\\PC{0,40}") {
            let made = degraded(br#"{"@timestamp":"t","essink":{"a":1}}"#, event.as_bytes(), &reason);
            prop_assert!(!made.contains(&b'\n'));
            let found: Value = serde_json::from_slice(&made).expect("JSON");
            prop_assert_eq!(&found["essink"], &json!({"a": 1, "degraded": reason, "raw": event}));
        }
    }
}
