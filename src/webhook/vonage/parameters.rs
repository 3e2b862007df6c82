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
        Self::sorted(form::parse(text)?)
    }

    fn sorted(mut pairs: Vec<(String, String)>) -> Result<Self, Answer> {
        pairs.sort_unstable();
        match pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            true => Err(Answer::malformed("a parameter is there twice")),
            false => Ok(Self(pairs)),
        }
    }

    /// Of a JSON object: what is no text counts as it is written.
    pub fn of_json(object: &Scanned) -> Result<Self, Answer> {
        let text = |value: &[u8]| {
            serde_json::from_slice(value).unwrap_or_else(|_| String::from_utf8_lossy(value).into_owned())
        };
        let name = |member: &Member| text(&[b"\"", object.key(member), b"\""].concat());
        Self::sorted(object.members.iter().map(|m| (name(m), text(object.value(m)))).collect())
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The signature that came with them.
    pub fn sig(&self) -> Option<&str> {
        self.get(SIG)
    }

    /// Whether their signature could be that of others: `a%3D1%26b=2` signs as `a=1&b=2` does.
    pub fn are_ambiguous(&self) -> bool {
        self.0.iter().any(|(name, _)| name.contains(['&', '=']))
    }

    /// All but the signature.
    pub fn signed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(name, _)| name != SIG).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// One JSON object of strings, in the order of names. Signed ones without what only signs, and without what has no
    /// value: that need not be signed, and so anybody may have put it there.
    pub fn event(&self) -> Bytes {
        let signed = self.sig().is_some();
        let of_event = |name: &str, value: &str| !SIGNING.contains(&name) && !is_blank(value);
        let kept = self.0.iter().filter(|(name, value)| !signed || of_event(name, value));
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

/// Whether a value is none.
pub fn is_blank(value: &str) -> bool {
    value.trim().is_empty()
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
        let of = |text: &str| Parameters::of_json(&scanned(text)).expect("an object").event();
        assert_eq!(of(r#"{"sig":"x","timestamp":"1","nonce":"n"}"#), "{}");
        let body = r#"{ "x": {"sig": "y"}, "price": "0.0333", "sig": "x", "n": 1.50, "timestamp": "1" }"#;
        assert_eq!(of(body), r#"{"n":"1.50","price":"0.0333","x":"{\"sig\":\"y\"}"}"#);
    }

    #[test]
    fn what_signs_alike_is_one_event() {
        let event = form_event("sig=x&to=a&text=b c");
        for other in ["to=a&sig=x&text=b+c", "sig=x&to=a&text=b c&more=&zz=+", "&to=a&text=b%20c&sig=x&empty"] {
            assert_eq!(form_event(other), event, "{other}");
        }
        let of = |text: &str| Parameters::of_json(&scanned(text)).expect("an object").event();
        let event = of(r#"{"sig":"x","a":"A","b":"2"}"#);
        for other in [r#"{"b":"2", "a":"A", "sig":"x"}"#, r#"{"sig":"x","\u0061":"\u0041","b":2}"#] {
            assert_eq!(of(other), event, "{other}");
        }
        assert_eq!(form_event("to=a&more="), json!({"to": "a", "more": ""}), "unsigned ones are as they came");
    }

    #[test]
    fn names_that_could_be_several_parameters() {
        let are = |text: &str| Parameters::of_form(text.as_bytes()).expect("a form").are_ambiguous();
        assert!(are("a%3D1%26b=2") && are("a%26=1") && are("a%3D=1"));
        assert!(!are("a=1&b=2%26%3D"));
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
    }
}
