//! The parameters of a receipt, as they are signed and as they become an event.

use bytes::Bytes;

use crate::event::scan::{Member, Scanned};
use crate::webhook::answer::Answer;
use crate::webhook::form;

/// The signature.
const SIG: &str = "sig";

/// What is there only because a request is signed, and is another one each time: it is no part of the event.
const SIGNING: [&str; 3] = [SIG, "nonce", "timestamp"];

/// Names and values in the order of names, each name once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Of a query or a form.
    pub fn of_form(text: &[u8]) -> Result<Self, Answer> {
        let mut pairs = form::parse(text)?;
        pairs.sort_unstable();
        match pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            true => Err(Answer::malformed("a parameter is there twice")),
            false => Ok(Self(pairs)),
        }
    }

    /// Of a JSON object: what is no text counts as it is written.
    pub fn of_json(object: &Scanned) -> Self {
        let text = |value: &[u8]| {
            serde_json::from_slice(value).unwrap_or_else(|_| String::from_utf8_lossy(value).into_owned())
        };
        let name = |member: &Member| text(&[b"\"", object.key(member), b"\""].concat());
        let mut pairs: Vec<_> = object.members.iter().map(|m| (name(m), text(object.value(m)))).collect();
        pairs.sort_unstable();
        Self(pairs)
    }

    /// The signature that came with them.
    pub fn sig(&self) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == SIG).map(|(_, value)| value.as_str())
    }

    /// All but the signature.
    pub fn signed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(name, _)| name != SIG).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// One JSON object of strings, in the order of names.
    pub fn event(&self) -> Bytes {
        let signed = self.sig().is_some();
        let kept = self.0.iter().filter(|(name, _)| !signed || !SIGNING.contains(&name.as_str()));
        let mut json = String::from("{");
        for (name, value) in kept {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&quoted(name));
            json.push(':');
            json.push_str(&quoted(value));
        }
        json.push('}');
        Bytes::from(json)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A signed JSON object without what signs it; none where it is not signed by its members, and goes as it came.
pub fn unsigned(object: &Scanned) -> Option<Vec<u8>> {
    object.get(SIG.as_bytes())?;
    let mut json = b"{".to_vec();
    for member in &object.members {
        if SIGNING.iter().any(|name| name.as_bytes() == object.key(member)) {
            continue;
        }
        if json.len() > 1 {
            json.push(b',');
        }
        json.push(b'"');
        json.extend_from_slice(object.key(member));
        json.extend_from_slice(b"\":");
        json.extend_from_slice(object.value(member));
    }
    json.push(b'}');
    Some(json)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::event::scan::scan;
    use crate::webhook::split::SCAN;

    fn scanned(text: &str) -> Scanned {
        let mut scanned = Scanned::default();
        scan(text.as_bytes(), 0, &SCAN, &mut scanned).expect("JSON");
        scanned
    }

    fn form_event(text: &str) -> Value {
        serde_json::from_slice(&Parameters::of_form(text.as_bytes()).expect("a form").event()).expect("JSON")
    }

    #[test]
    fn a_query_becomes_an_object_of_strings() {
        let query = "msisdn=4527631111&to=Tak&network-code=23820&price=0.01820000&message-timestamp=2017-05-02+11%3A24%3A03&a=%22%5C%0A";
        assert_eq!(
            form_event(query),
            json!({"msisdn": "4527631111", "to": "Tak", "network-code": "23820", "price": "0.01820000",
                   "message-timestamp": "2017-05-02 11:24:03", "a": "\"\\\n"})
        );
    }

    #[test]
    fn what_only_signs_is_no_part_of_the_event() {
        assert_eq!(form_event("to=a&sig=x&nonce=n&timestamp=1"), json!({"to": "a"}));
        assert_eq!(form_event("to=a&nonce=n&timestamp=1"), json!({"to": "a", "nonce": "n", "timestamp": "1"}));
        let of = |text: &str| unsigned(&scanned(text)).map(|json| String::from_utf8(json).expect("text"));
        assert_eq!(of(r#"{"to":"a","timestamp":"2026-07-07T00:00:00Z"}"#), None);
        assert_eq!(of(r#"{"sig":"x","timestamp":"1","nonce":"n"}"#).as_deref(), Some("{}"));
        let body = r#"{ "price": "0.0333", "sig": "x", "n": 1.50, "timestamp": "1", "x": {"sig": "y"} }"#;
        assert_eq!(of(body).as_deref(), Some(r#"{"price":"0.0333","n":1.50,"x":{"sig":"y"}}"#));
    }

    #[test]
    fn a_name_is_there_once() {
        assert!(Parameters::of_form(b"a=1&b=2&a=1").is_err());
    }

    proptest! {
        #[test]
        fn any_order_is_the_same_event(pairs in prop::collection::btree_map("[a-z-]{1,6}", "[a-zA-Z0-9 &=\"]{0,8}", 0..8), turn in 0_usize..8) {
            let encode = |text: &str| text.replace('&', "%26").replace('=', "%3D").replace(' ', "+");
            let mut parts: Vec<_> = pairs.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect();
            let first = Parameters::of_form(parts.join("&").as_bytes()).expect("a form");
            let turn = turn.min(parts.len());
            parts.rotate_left(turn);
            let other = Parameters::of_form(parts.join("&").as_bytes()).expect("a form");
            prop_assert_eq!(first.event(), other.event());
            let found: std::collections::BTreeMap<String, String> = serde_json::from_slice(&first.event()).expect("JSON");
            if !pairs.contains_key("sig") {
                prop_assert_eq!(found, pairs);
            }
        }

        #[test]
        fn what_is_left_of_any_object_is_json(text in "\\{(\"(sig|nonce|a|b)\": ?(1|\"x\"|\\[1, 2\\]|null)(, \"(timestamp|c)\":true)?)?\\}") {
            if let Some(json) = unsigned(&scanned(&text)) {
                let mut expected: serde_json::Map<String, Value> = serde_json::from_str(&text).expect("JSON");
                SIGNING.iter().for_each(|name| { expected.remove(*name); });
                prop_assert_eq!(serde_json::from_slice::<Value>(&json).expect("JSON"), Value::Object(expected));
            }
        }
    }
}
