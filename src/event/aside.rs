//! A document for an index that has as many fields as it may: what the mapping does not name is put aside.
//!
//! Senders choose the keys of free maps, and one of them may put an order number into each. The limit on an index's
//! fields stops that; without this, it would also stop the events.

use super::shape::Shape;
use super::walk;

/// Members of every document that no event decides.
const OURS: [&[u8]; 2] = [b"@timestamp", b"msg"];

/// `document` with only those members that the mapping names; the others stand, at the same paths, in `essink.more`,
/// which no mapping looks into.
pub fn aside(document: &[u8], shape: &Shape) -> Vec<u8> {
    let (mut kept, mut more) = (Object::default(), Object::default());
    let mut essink: &[u8] = b"{}";
    for (key, value) in walk::members(document) {
        match key {
            b"essink" => essink = value,
            _ if OURS.contains(&key) => kept.member(key, value),
            _ => sort(key, value, shape, &mut kept, &mut more),
        }
    }
    let mut about = Object::default();
    walk::members(essink).for_each(|(key, value)| about.member(key, value));
    about.member(b"more", &more.end());
    kept.member(b"essink", &about.end());
    kept.end()
}

/// Puts a member where it belongs: an object is taken apart as far as the mapping knows it.
fn sort(key: &[u8], value: &[u8], parent: &Shape, kept: &mut Object, more: &mut Object) {
    match parent.named(key) {
        None => more.member(key, value),
        Some(shape @ (Shape::Free(_) | Shape::Object(_))) if value.starts_with(b"{") => {
            let (mut inner, mut rest) = (Object::default(), Object::default());
            walk::members(value).for_each(|(key, v)| sort(key, v, shape, &mut inner, &mut rest));
            kept.member(key, &inner.end());
            if !rest.json.is_empty() {
                more.member(key, &rest.end());
            }
        }
        // Of a list of objects nothing is taken apart: which rest belongs to which would be lost.
        Some(Shape::Object(_)) if value.starts_with(b"[") => more.member(key, value),
        Some(_) => kept.member(key, value),
    }
}

/// An object in the making.
#[derive(Default)]
struct Object {
    json: Vec<u8>,
}

impl Object {
    fn member(&mut self, key: &[u8], value: &[u8]) {
        self.json.extend_from_slice(if self.json.is_empty() { b"{\"" } else { b",\"" });
        self.json.extend_from_slice(key);
        self.json.extend_from_slice(b"\":");
        self.json.extend_from_slice(value);
    }

    fn end(mut self) -> Vec<u8> {
        if self.json.is_empty() {
            self.json.push(b'{');
        }
        self.json.push(b'}');
        self.json
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_the_mapping_names_stays_and_the_rest_is_kept_aside() {
        let shape = Shape::of_template(
            r#"{"template": {"mappings": {
                "dynamic_templates": [{"a": {"path_match": "attributes.*"}}, {"b": {"path_match": "metrics.*"}}],
                "properties": {
                    "event_type": {"type": "keyword"},
                    "attributes": {"properties": {"campaign_id": {"type": "keyword"}}},
                    "mail": {"properties": {"headers": {"enabled": false}, "id": {"type": "keyword"}}},
                    "list": {"properties": {"id": {"type": "keyword"}}}
                }
            }}}"#,
        );
        let document = json!({
            "@timestamp": "t", "essink": {"rules": "2"}, "msg": {"status": "sent"}, "event_type": "x",
            "attributes": {"campaign_id": "c", "order_1": "o"}, "metrics": {"m_1": 1},
            "mail": {"headers": [{"name": "n"}], "id": "i", "new": 1}, "list": [{"id": "1", "new": 2}], "unknown": {"a": 1}
        });
        let found: Value = serde_json::from_slice(&aside(document.to_string().as_bytes(), &shape)).expect("JSON");
        let expected = json!({
            "@timestamp": "t", "msg": {"status": "sent"}, "event_type": "x",
            "attributes": {"campaign_id": "c"}, "metrics": {}, "mail": {"headers": [{"name": "n"}], "id": "i"},
            "essink": {"rules": "2", "more": {
                "attributes": {"order_1": "o"}, "metrics": {"m_1": 1}, "mail": {"new": 1},
                "list": [{"id": "1", "new": 2}], "unknown": {"a": 1}
            }}
        });
        assert_eq!(found, expected);
    }
}
