//! The partition key: one message's events stay together and in order, and messages spread over the shards.

use sha2::{Digest, Sha256};

use super::secret::hex;
use crate::event::scan::Scanned;
use crate::event::walk;

/// Where families have the id of their message. The families of one sender never have two of them.
const PATHS: [&[&str]; 7] = [
    &["message_id"],
    &["messageId"],
    &["message_uuid"],
    &["mail", "messageId"],
    &["detail", "messageId"],
    &["detail", "mail", "messageId"],
    &["attributes", "message_id"],
];

/// Law of Kinesis: a key has at most 256 characters. Ids are shorter than half of that.
const LONGEST: usize = 128;

/// The key of an event: its message's id where it can be read cheaply, else a hash of its bytes.
pub fn of(event: Option<&Scanned>, data: &[u8]) -> String {
    let id = event.and_then(|event| PATHS.iter().find_map(|path| plain(event.at(path)?)));
    id.unwrap_or_else(|| hash(data))
}

/// The key of a row of Bird: `{"msys": {"message_event": {"message_id": …}}}`, whatever the class is called.
pub fn of_row(row: Option<&Scanned>, data: &[u8]) -> String {
    let classes = row.and_then(|row| row.get(b"msys"));
    let id = classes.and_then(|classes| walk::members(classes).find_map(|(_, class)| of_class(class)));
    id.unwrap_or_else(|| hash(data))
}

fn of_class(class: &[u8]) -> Option<String> {
    plain(walk::at(class, &["message_id"])?)
}

/// An id as it is written: text without escapes, or a number.
fn plain(value: &[u8]) -> Option<String> {
    let inner = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    let text = inner.or_else(|| value.first()?.is_ascii_digit().then_some(value))?;
    let fits = (1..=LONGEST).contains(&text.len()) && !text.contains(&b'\\');
    fits.then(|| std::str::from_utf8(text).ok().map(str::to_owned)).flatten()
}

/// 32 hexadecimal digits.
pub fn hash(data: &[u8]) -> String {
    hex(&Sha256::digest(data)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::scan::scan;
    use crate::webhook::split::SCAN;

    fn scanned(text: &str) -> Scanned {
        let mut scanned = Scanned::default();
        scan(text.as_bytes(), 0, &SCAN, &mut scanned).expect("JSON");
        scanned
    }

    #[test]
    fn the_id_of_the_message_wherever_a_family_has_it() {
        for (text, key) in [
            (r#"{"message_id": "a-1"}"#, "a-1"),
            (r#"{"x":1,"messageId":"0A0000001234567B"}"#, "0A0000001234567B"),
            (r#"{"message_uuid":"aaaaaaaa-bbbb"}"#, "aaaaaaaa-bbbb"),
            (r#"{"eventType":"Open","mail":{"messageId":"m"}}"#, "m"),
            (r#"{"source":"aws.ses","detail":{"mail":{"messageId":"m"}}}"#, "m"),
            (r#"{"detail":{"messageId":"e"}}"#, "e"),
            (r#"{"messageId":42}"#, "42"),
        ] {
            assert_eq!(of(Some(&scanned(text)), text.as_bytes()), key, "{text}");
        }
        let row = r#"{"msys":{"track_event":{"type":"open","message_id":"b-1"}}}"#;
        assert_eq!(of_row(Some(&scanned(row)), row.as_bytes()), "b-1");
    }

    #[test]
    fn without_one_a_hash_spreads() {
        let long = format!(r#"{{"messageId":"{}"}}"#, "x".repeat(129));
        for text in [
            "{}",
            r#"{"messageId":""}"#,
            r#"{"messageId":null}"#,
            r#"{"messageId":{"a":1}}"#,
            r#"{"messageId":"a\u0000"}"#,
            &long,
        ] {
            let key = of(Some(&scanned(text)), text.as_bytes());
            assert!(key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{text}: {key}");
        }
        // echo -n '{}' | sha256sum
        assert_eq!(of(None, b"{}"), "44136fa355b3678a1146ad16f7e8649e");
    }
}
