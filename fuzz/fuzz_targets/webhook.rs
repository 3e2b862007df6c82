//! The input is a request: a byte for the receiver and the method, a line that stands in the headers and the query, the body.

#![no_main]

use essink::webhook::fuzzing::{Made, SECRET, request};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The certificate of the messages of SNS in the seeds, and those of them that are signed.
const CERTIFICATE: &str = include_str!("../../testkit/src/sns/certificate.pem");
const SIGNED: [&str; 2] = [
    include_str!("../../testkit/src/sns/notification-signature-1.json"),
    include_str!("../../testkit/src/sns/notification-signature-2.json"),
];

/// Whether an event is what is signed of a message, and nothing beside it.
fn is_signed(event: &[u8]) -> bool {
    let Ok(Value::Object(event)) = serde_json::from_slice(event) else { return false };
    let names = ["Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp"];
    SIGNED.iter().any(|signed| {
        let Ok(Value::Object(signed)) = serde_json::from_str(signed) else { return false };
        names.iter().all(|name| event.get(*name) == signed.get(*name))
            && event.keys().all(|name| names.contains(&name.as_str()))
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let (number, get) = (first % 10, first & 0x80 != 0);
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let Ok(word) = std::str::from_utf8(&rest[..end]) else { return };
    let body = rest.get(end + 1..).unwrap_or_default();
    let Some(made) = request(number, get, word, body, CERTIFICATE) else { return };
    match made {
        Made::Answer(status, said) => {
            assert!([200, 400, 401, 403, 405, 413, 503].contains(&status), "{status}");
            assert!(said.len() < 200 && !said.contains(['\n', '\r']) && !said.contains(SECRET), "{said:?}");
            // A sentence of ours quotes nothing that was sent.
            assert!(word.len() < 12 || !said.contains(word), "{said:?} quotes {word:?}");
        }
        Made::Items(items) => {
            let signed = number == 5 && items.iter().all(|item| is_signed(&item.data));
            assert!(number >= 6 || signed, "receiver {number} took what nobody signed");
            assert!(items.len() <= 10_000);
            let again = request(number, get, word, body, CERTIFICATE);
            let Some(Made::Items(same)) = again else { panic!("{again:?}") };
            assert_eq!(items, same, "the same request is the same events");
            for item in &items {
                assert!((1..=256).contains(&item.key.chars().count()) && !item.data.is_empty());
                if ![5, 6, 8].contains(&number) {
                    assert!(body.windows(item.data.len()).any(|part| part == item.data), "not as it came");
                }
                if number == 6 {
                    assert!(serde_json::from_slice::<Value>(&item.data).is_ok_and(|event| event.is_object()));
                }
            }
        }
    }
});
