use serde_json::{Value, json};

use super::*;

/// What `say` says, read back by a parser of JSON that is not ours.
fn said(say: impl FnOnce(&mut Msg)) -> Value {
    let mut msg = Msg::default();
    say(&mut msg);
    let text = format!("{{{}}}", String::from_utf8(msg.json().to_vec()).expect("text"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn every_field_has_a_bit_and_a_name_of_its_own() {
    let mut names: Vec<_> = Field::ALL.iter().map(|f| f.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Field::ALL.len());
    assert!(Field::ALL.len() <= 64, "the bits of `said`");
}

#[test]
fn text_is_a_string_or_a_number_and_nothing_else() {
    let check = |value: &str, expected: Value| {
        assert_eq!(said(|m| m.text(Field::Id, Some(value.as_bytes()))), expected, "{value}");
    };
    check(r#""a\"b\u00e9""#, json!({"id": "a\"b\u{e9}"}));
    check("12", json!({"id": "12"}));
    check("-1.5", json!({"id": "-1.5"}));
    for nothing in [r#""""#, "null", "true", "{}", r#"{"a":1}"#, r#"["a"]"#] {
        check(nothing, json!({}));
    }
    assert_eq!(said(|m| m.text(Field::Id, None)), json!({}));
}

#[test]
fn the_first_to_say_a_field_is_believed() {
    let both = |m: &mut Msg| {
        m.text(Field::Country, Some(b"\"\""));
        m.text(Field::Country, Some(b"\"NZ\""));
        m.text(Field::Country, Some(b"\"AU\""));
        m.word(Field::Status, "sent");
    };
    assert_eq!(said(both), json!({"country": "NZ", "status": "sent"}));
}

#[test]
fn an_address_gives_its_domain() {
    let check = |value: &str, expected: Value| {
        assert_eq!(said(|m| m.address(Field::To, Some(value.as_bytes()))), expected, "{value}");
    };
    check(r#""a@Example.COM""#, json!({"to": "a@Example.COM", "to_domain": "example.com"}));
    check(r#""Ann <a@b.org>""#, json!({"to": "Ann <a@b.org>", "to_domain": "b.org"}));
    check(r#""+6412345""#, json!({"to": "+6412345"}));
    check(r#""a@""#, json!({"to": "a@"}));
    check(r#""a@b\"c""#, json!({"to": "a@b\"c"}));
    check(r#"["a@x.org","b@y.org"]"#, json!({"to": ["a@x.org", "b@y.org"], "to_domain": "x.org"}));
    check(r#"["a@x.org"]"#, json!({"to": "a@x.org", "to_domain": "x.org"}));
    check(r#"["",null,{"a":"b"},7,"a@x.org"]"#, json!({"to": "a@x.org", "to_domain": "x.org"}));
    check("[]", json!({}));
    assert_eq!(
        said(|m| m.address(Field::From, Some(b"\"x@y.org\""))),
        json!({"from": "x@y.org", "from_domain": "y.org"})
    );
}

#[test]
fn numbers_are_those_that_can_be_summed() {
    let whole = |value: &str| said(|m| m.whole(Field::Parts, Some(value.as_bytes())))["parts"].clone();
    assert_eq!((whole("2"), whole("\"2\""), whole("\"02\"")), (json!(2), json!(2), json!(2)));
    for none in ["2.5", "\"\"", "-1", "\"x\"", "null", "[2]", "1234567890"] {
        assert_eq!(whole(none), Value::Null, "{none}");
    }
    assert_eq!(said(|m| m.number(Field::CostUsd, 645.0 / 100_000.0)), json!({"cost_usd": 0.00645}));
    assert_eq!(said(|m| m.number(Field::CostUsd, f64::NAN)), json!({}));
    assert_eq!(
        (number(b"\"0.0333\""), number(b"1e400"), number(b"\"inf\""), number(b"\"\"")),
        (Some(0.0333), None, None, None)
    );
}

#[test]
fn a_point_is_on_the_globe() {
    let geo = |lat: &str, lon: &str| said(|m| m.geo(Some(lat.as_bytes()), Some(lon.as_bytes())))["geo"].clone();
    assert_eq!(geo("39.1749", "\"-76.8375\""), json!({"lat": 39.1749, "lon": -76.8375}));
    assert_eq!(geo("90", "-180"), json!({"lat": 90.0, "lon": -180.0}));
    for (lat, lon) in [("91", "0"), ("0", "181"), ("\"x\"", "0"), ("null", "0"), ("{}", "[]")] {
        assert_eq!(geo(lat, lon), Value::Null, "{lat} {lon}");
    }
}

#[test]
fn a_class_is_a_type_and_a_subtype() {
    let class = |kind: Option<&str>, sub: Option<&str>| {
        said(|m| m.class(kind.map(str::as_bytes), sub.map(str::as_bytes)))["reason_class"].clone()
    };
    assert_eq!(class(Some("\"Permanent\""), Some("\"General\"")), json!("Permanent/General"));
    assert_eq!(class(Some("\"Permanent\""), Some("null")), json!("Permanent"));
    assert_eq!(class(None, None), Value::Null);
}

#[test]
fn tags_are_one_list_whatever_the_map_holds() {
    let tags = |map: &str| said(|m| m.tags(Some(map.as_bytes())))["tags"].clone();
    assert_eq!(tags(r#"{"plan":"gold","n":1,"b":true,"none":null}"#), json!(["plan=gold", "n=1", "b=true"]));
    assert_eq!(tags(r#"{"a":{"b":["x",{"c":"y"}]},"l":["p","q"]}"#), json!(["a.b=x", "a.b.c=y", "l=p", "l=q"]));
    assert_eq!(tags(r#"{"k\"1":"v\\2"}"#), json!(["k\"1=v\\2"]));
    for none in ["{}", "[]", "null", "7", r#"["a"]"#, r#""a""#, r#"{"a":{"b":{"c":{"d":{"e":1}}}}}"#] {
        assert_eq!(tags(none), Value::Null, "{none}");
    }
    let many: serde_json::Map<_, _> = (0..100).map(|n| (format!("k{n:03}"), json!("v"))).collect();
    assert_eq!(tags(&Value::from(many).to_string()).as_array().expect("tags").len(), 64);
    let long = json!({"long": "x".repeat(1024), "short": "y"});
    assert_eq!(tags(&long.to_string()), json!(["short=y"]), "what no index takes is not stored twice");
}
