use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const PERSONAL: &[(&str, Personal)] = &[
    ("mail.destination", Personal::Contact),
    ("endpoint.User.UserId", Personal::User),
    ("list.email", Personal::Contact),
    ("text", Personal::Body),
    ("hidden", Personal::Mixed),
];

fn redact(rules: &[(&str, How)], key: &str, document: &Value) -> Value {
    let target = |word: &str| {
        let class = Class::ALL.iter().find(|(name, _)| *name == word);
        class.map_or_else(|| Target::Path(word.to_owned()), |(_, class)| Target::Class(*class))
    };
    let rules = rules.iter().map(|(word, how)| (target(word), *how)).collect();
    let text = Redaction::new(rules, (!key.is_empty()).then_some(key.as_bytes()))
        .apply(PERSONAL, document.to_string().as_bytes());
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(&text)))
}

fn document() -> Value {
    json!({
        "@timestamp": "t",
        "msg": {"to": ["a@b.org", "+6421"], "from": "+1800", "user": "u1", "ip": "192.0.2.1", "status": "sent", "reason": "a@b.org unknown"},
        "mail": {"destination": ["a@b.org"], "subject": "s"},
        "endpoint": {"User": {"UserId": "u1", "More": 1}},
        "list": [{"email": "a@b.org", "n": 1}, {"email": "c@d.org"}, 7],
        "text": "hello", "hidden": "{\"a\":1}", "attributes": {"email": "e@f.org"}
    })
}

#[test]
fn what_is_dropped_is_gone_and_the_rest_stays() {
    let found = redact(&[("addresses", How::Drop)], "", &document());
    let expected = json!({
        "@timestamp": "t",
        "msg": {"to": ["+6421"], "from": "+1800", "user": "u1", "ip": "192.0.2.1", "status": "sent"},
        "mail": {"destination": [], "subject": "s"},
        "endpoint": {"User": {"UserId": "u1", "More": 1}},
        "list": [{"n": 1}, {}, 7],
        "text": "hello", "attributes": {"email": "e@f.org"}
    });
    assert_eq!(found, expected);
}

#[test]
fn each_class_has_its_own_rule() {
    let rules = [("phones", How::Drop), ("users", How::Drop), ("ips", How::Drop), ("bodies", How::Drop)];
    let found = redact(&rules, "", &document());
    assert_eq!(found["msg"], json!({"to": ["a@b.org"], "status": "sent"}));
    assert_eq!(
        (&found["endpoint"]["User"], &found["text"], &found["hidden"]),
        (&json!({"More": 1}), &Value::Null, &Value::Null)
    );
    assert_eq!(redact(&[], "", &document()), document(), "without a rule nothing changes");
}

#[test]
fn a_path_that_is_named_goes_wherever_it_leads() {
    let found = redact(&[("attributes.email", How::Drop), ("list.n", How::Drop), ("msg", How::Drop)], "", &document());
    assert_eq!(
        (&found["attributes"], &found["list"][0], &found["msg"]),
        (&json!({}), &json!({"email": "a@b.org"}), &Value::Null)
    );
    assert_eq!(found["mail"], document()["mail"]);
    let hashed = redact(&[("mail", How::Hash), ("attributes.email", How::Hash)], "k", &document());
    assert_eq!(hashed["mail"], Value::Null, "an object has no hash that counts anything");
    assert_ne!(hashed["attributes"]["email"], document()["attributes"]["email"]);
}

#[test]
fn tags_go_by_what_they_look_like_and_by_the_path_they_repeat() {
    let document = json!({"msg": {"tags": ["email=a@b.org", "phone=+64 21 123", "ses:source-ip=192.0.2.0", "userId=u1", "plan=gold", "n=12"]}});
    let left = |rule: &str| {
        let tags = redact(&[(rule, How::Hash)], "k", &document)["msg"]["tags"].clone();
        document["msg"]["tags"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|tag| !tags.as_array().expect("a list").contains(tag))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(left("addresses"), ["email=a@b.org"]);
    assert_eq!(left("phones"), ["phone=+64 21 123"]);
    assert_eq!(left("ips"), ["ses:source-ip=192.0.2.0"]);
    assert_eq!(left("users"), ["userId=u1"]);
    assert_eq!(left("context.plan"), ["plan=gold"]);
    assert_eq!(left("context.an"), [""; 0]);
    assert_eq!(left("msg.tags").len(), 6);
}

#[test]
fn what_was_made_a_text_or_put_in_an_object_goes_too() {
    let drop = |rule: &str, document: &Value| redact(&[(rule, How::Drop)], "", document);
    let text = json!({"profile": "{\"email\":\"a@b.org\"}", "mail": "[\"a@b.org\"]", "other": "{}"});
    assert_eq!(drop("profile.email", &text), json!({"mail": "[\"a@b.org\"]", "other": "{}"}));
    assert_eq!(drop("addresses", &text), json!({"profile": "{\"email\":\"a@b.org\"}", "other": "{}"}));
    assert_eq!(drop("ips", &text), text);
    assert_eq!(drop("addresses", &json!({"mail": {"_value": "a@b.org"}})), json!({"mail": {}}));
    let id = |id: &str| drop("phones", &json!({"msg": {"id": id}}))["msg"]["id"].clone();
    assert_eq!(id("12679164820-2026-06-17T17:36:29"), Value::Null);
    assert_eq!(id("12345678-70f5-4a49-b84e-facf4424fe58"), "12345678-70f5-4a49-b84e-facf4424fe58");
}

/// HMAC-SHA256 of "a@b.org" under "key", computed by another program (`printf a@b.org | openssl dgst -sha256 -hmac key`).
#[test]
fn a_hash_is_of_the_text_and_of_the_key() {
    let hash = |key: &str, text: &str| redact(&[("text", How::Hash)], key, &json!({"text": text}))["text"].clone();
    assert_eq!(hash("key", "a@b.org"), "31ae017ee09804d99f1386172989a3a4");
    assert_eq!(hash("key", " A@B.org"), hash("key", "a@b.org"), "case and space do not make another person");
    assert_ne!(hash("other", "a@b.org"), hash("key", "a@b.org"));
    assert_ne!(hash("key", "a@b.orgx"), hash("key", "a@b.org"));
    let found = redact(&[("addresses", How::Hash)], "key", &document());
    assert_eq!(found["msg"]["to"], json!([hash("key", "a@b.org"), "+6421"]));
    assert_eq!(found["mail"]["destination"][0], hash("key", "a@b.org"), "the same wherever it stands");
    assert_eq!(found["hidden"], Value::Null, "a mixture is dropped");
    assert_eq!(redact(&[("text", How::Hash)], "", &document())["text"], Value::Null, "nor shown for want of a key");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        Just(json!("secret@b.org"))
    ];
    let key = prop::sample::select(vec!["msg", "to", "mail", "destination", "list", "email", "x"]);
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| { Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()) }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_shape_it_stays_json_and_the_address_goes(value in any_json()) {
        let document = json!({"msg": {"to": value}, "mail": {"destination": value}, "other": value});
        let found = redact(&[("msg.to", How::Drop), ("mail.destination", How::Drop)], "", &document);
        prop_assert_eq!(&found["other"], &document["other"]);
        for text in [found["msg"].to_string(), found["mail"].to_string()] {
            prop_assert!(!text.contains("secret"), "{}", text);
        }
    }
}
