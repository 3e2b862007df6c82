use proptest::prelude::*;
use serde_json::Value;

use super::*;

const LIMITS: ScanLimits = ScanLimits { depth: 100, keys: 1000 };

fn scanned(text: &[u8]) -> Result<(String, usize), Fault> {
    let mut into = Scanned::default();
    let end = scan(text, 0, &LIMITS, &mut into)?;
    Ok((String::from_utf8_lossy(&into.json).into_owned(), end))
}

fn check(text: &str, expected: &str) {
    assert_eq!(scanned(text.as_bytes()), Ok((expected.to_owned(), text.trim_end().len())), "{text}");
}

fn check_unsafe(text: &str, reason: &'static str) {
    let end = text.len();
    assert_eq!(scanned(text.as_bytes()), Err(Fault::Unsafe { end, what: reason }), "{text:.60}");
}

fn check_broken(text: &[u8], at: usize) {
    let fault = scanned(text).expect_err("must not be accepted");
    assert!(matches!(fault, Fault::Broken { at: found, .. } if found == at), "{fault:?}");
}

#[test]
fn white_space_goes_and_everything_else_stays() {
    check("{}", "{}");
    check("{ \"a\" :\t[ 1 , 2.50 ,-0e1 ],\r\n \"b\\n \": \" x  y \" }\n", r#"{"a":[1,2.50,-0e1],"b\n ":" x  y "}"#);
    check("[ ]", "[]");
    check(
        r#"{"k":"\ud83d\ude00\u0000","t":true,"f":false,"n":null}"#,
        r#"{"k":"\ud83d\ude00\u0000","t":true,"f":false,"n":null}"#,
    );
}

#[test]
fn a_pretty_printed_event_cannot_bring_a_line_of_its_own() {
    let text = "{\"a\":\n{\"delete\":\n{\"_index\":\"x\"}}\n}";
    check(text, r#"{"a":{"delete":{"_index":"x"}}}"#);
    check_broken(b"{\"a\":\"line\n{\\\"delete\\\"\"}", 10);
}

#[test]
fn what_servers_should_not_see_is_unsafe() {
    check_unsafe(r#"{"a":1,"b":{"c":1},"a":2}"#, "duplicate key");
    check_unsafe(r#"{"x":{"a":1,"\u0061":2}}"#, "duplicate key");
    check_unsafe(r#"{"a":"\ud800"}"#, "lone surrogate");
    check_unsafe(r#"{"a":"\ud800\u0041"}"#, "lone surrogate");
    check_unsafe(r#"{"a":"\udc00"}"#, "lone surrogate");
    check_unsafe(r#"{"a":1e400}"#, "a number beyond the range of a double");
    check_unsafe(&format!("{{\"a\":{}}}", "9".repeat(501)), "a number of too many digits");
    check_unsafe(&format!("{{\"a\":{}}}", "9".repeat(400)), "a number beyond the range of a double");
    check_unsafe(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "nested too deep");
    let keys: Vec<String> = (0..1001).map(|k| format!("\"{k}\":0")).collect();
    check_unsafe(&format!("{{{}}}", keys.join(",")), TOO_MANY_KEYS);
    let keys: Vec<String> = (0..500).chain([250]).map(|k| format!("\"{k}\":0")).collect();
    check_unsafe(&format!("{{{}}}", keys.join(",")), "duplicate key");
}

#[test]
fn keys_of_many_small_objects_are_counted_and_still_read() {
    let objects = |n: usize| format!(r#"{{"a":[{}],"b":1}}"#, vec![r#"{"k":0}"#; n].join(","));
    check(&objects(998), &objects(998));
    let text = objects(999);
    let mut into = Scanned::default();
    let end = text.len();
    assert_eq!(scan(text.as_bytes(), 0, &LIMITS, &mut into), Err(Fault::Crowded { end }));
    assert_eq!((into.members.len(), into.get(b"b")), (2, Some(&b"1"[..])), "it is scanned whole");
    let keys: Vec<String> = (0..999).map(|k| format!(r#""{k}":0"#)).collect();
    check_unsafe(&format!(r#"{{"a":{{{},"a":{{"b":1}}}}}}"#, keys.join(",")), TOO_MANY_KEYS);
    check_unsafe(&text.replace(r#""b""#, r#""a""#), "duplicate key");
}

#[test]
fn the_same_key_in_different_objects_is_no_duplicate() {
    check(r#"[{"a":{"a":1}},{"a":2}]"#, r#"[{"a":{"a":1}},{"a":2}]"#);
}

#[test]
fn what_is_no_json_is_broken_where_it_stops_being_json() {
    check_broken(b"\xef\xbb\xbf{}", 0);
    check_broken(b"{/* c */}", 1);
    check_broken(b"{\"a\":1,}", 7);
    check_broken(b"[1,]", 3);
    check_broken(b"{\"a\":01}", 6);
    check_broken(b"{\"a\":.5}", 5);
    check_broken(b"{\"a\":-}", 6);
    check_broken(b"{\"a\":1.}", 7);
    check_broken(b"{\"a\":NaN}", 5);
    check_broken(b"{\"a\":tru}", 5);
    check_broken(b"{\"a\" 1}", 5);
    check_broken(b"{a:1}", 1);
    check_broken(b"{\"a\":\"\\x\"}", 7);
    check_broken(b"{\"a\":\"\\u12g4\"}", 8);
    check_broken(b"{\"a\":\"tab\there\"}", 9);
    check_broken(b"{\"a\":\"open", 10);
    check_broken(b"{\"a\":[1", 7);
    check_broken(b"{\"a\":1]", 6);
    check_broken(b"", 0);
}

#[test]
fn members_name_the_top_level_only() {
    let mut into = Scanned::default();
    let text = br#" { "one" : { "two" : 2 } , "three":[ 3 ],"four":"4" }"#;
    scan(text, 1, &LIMITS, &mut into).expect("valid");
    let members: Vec<(&[u8], &[u8])> = into.members.iter().map(|m| (into.key(m), into.value(m))).collect();
    assert_eq!(members, [(&b"one"[..], &br#"{"two":2}"#[..]), (b"three", b"[3]"), (b"four", br#""4""#)]);
    assert!(!into.odd_keys);
    scan(br#"{"a":{"b.c":1}}"#, 0, &LIMITS, &mut into).expect("valid");
    assert!(into.odd_keys);
    scan(br#"{"a":{"b":1}}"#, 0, &LIMITS, &mut into).expect("valid");
    assert!(!into.odd_keys, "the scratch memory forgets");
}

/// JSON text with random white space and escapes, beside the value it stands for.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..30)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_passes_and_means_the_same(value in json(), pretty in any::<bool>(), tail in "[ \n]*") {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.expect("a value has a text");
        let (json, end) = scanned(format!("{text}{tail}").as_bytes()).expect("valid JSON");
        prop_assert_eq!(end, text.len());
        prop_assert!(!json.contains('\n'));
        let again = |json: &str| serde_json::from_str::<Value>(json).expect("still JSON");
        prop_assert_eq!(again(&json), again(&text));
    }

    #[test]
    fn never_more_lenient_than_a_second_parser(value in json(), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = serde_json::to_vec(&value).expect("a value has a text");
        let at = cut.index(text.len());
        text[at] = byte;
        let second = serde_json::from_slice::<Value>(&text);
        match scanned(&text) {
            Ok((json, end)) if end == text.len() && std::str::from_utf8(&text).is_ok() => {
                prop_assert_eq!(serde_json::from_str::<Value>(&json).expect("a second parser agrees"), second.expect("agrees"));
            }
            Ok(_) => {}
            Err(Fault::Unsafe { .. } | Fault::Crowded { .. }) => {}
            Err(Fault::Broken { .. }) => prop_assert!(second.is_err()),
        }
    }
}
