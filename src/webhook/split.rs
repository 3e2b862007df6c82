//! Cuts a body into its values: one object, an array of objects, or objects one behind the other (NDJSON).
//!
//! Each is validated by one pass and given as it came, a slice of the body. What is JSON that must not be sent (a key twice,
//! nested too deep) is given too: `essink run` keeps it as a dead letter, where a refusal would hold up its neighbours
//! until the provider drops them all.

use std::ops::Range;

use bytes::Bytes;

use super::answer::Answer;
use crate::event::scan::{Fault, ScanLimits, Scanned, scan};

/// The bounds that `essink run` has, so that what is read here is what is read there.
pub const SCAN: ScanLimits = ScanLimits { depth: 100, keys: 10_000 };

/// Firehose's law for one request, and thirty times the batches of the others.
pub const MOST_VALUES: usize = 10_000;

/// One value of a body.
pub struct Value<'a> {
    /// Its bytes as they came.
    pub data: Bytes,
    /// Its members; none where the value must not be sent.
    pub scanned: Option<&'a Scanned>,
}

/// Hands every value of `body` to `take`. A body without any is malformed, but `[]` is not.
pub fn split(body: &Bytes, mut take: impl FnMut(Value<'_>) -> Result<(), Answer>) -> Result<(), Answer> {
    let mut cuts = Cuts { src: body, at: 0, scanned: Scanned::default() };
    let text = std::str::from_utf8(body).is_ok();
    cuts.space();
    let array = cuts.next_is(b'[');
    let mut count = 0;
    if array {
        cuts.space();
    }
    while !(array && count == 0 && cuts.next_is(b']')) {
        if !array && cuts.at == body.len() {
            break;
        }
        count += 1;
        if count > MOST_VALUES {
            return Err(Answer::too_large(format!("more than {MOST_VALUES} values in one body")));
        }
        let (at, safe) = cuts.value()?;
        let safe = safe && (text || std::str::from_utf8(&body[at.clone()]).is_ok());
        take(Value { data: body.slice(at), scanned: safe.then_some(&cuts.scanned) })?;
        cuts.space();
        if array && !cuts.next_is(b',') {
            if !cuts.next_is(b']') {
                return Err(malformed(cuts.at));
            }
            break;
        }
        cuts.space();
    }
    cuts.space();
    match cuts.at == body.len() && (array || count > 0) {
        true => Ok(()),
        false => Err(malformed(cuts.at)),
    }
}

/// The one object of `body`.
pub fn object(body: &Bytes) -> Result<(Bytes, Scanned), Answer> {
    let mut cuts = Cuts { src: body, at: 0, scanned: Scanned::default() };
    cuts.space();
    let (at, safe) = cuts.value()?;
    cuts.space();
    if cuts.at != body.len() || !safe || std::str::from_utf8(body).is_err() {
        return Err(Answer::malformed("the body is not one JSON object"));
    }
    Ok((body.slice(at), cuts.scanned))
}

struct Cuts<'a> {
    src: &'a [u8],
    at: usize,
    scanned: Scanned,
}

impl Cuts<'_> {
    fn space(&mut self) {
        let blank = |b: &&u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.src[self.at..].iter().take_while(blank).count();
    }

    fn next_is(&mut self, byte: u8) -> bool {
        let is = self.src.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    /// The object that begins here, and whether it may be sent.
    fn value(&mut self) -> Result<(Range<usize>, bool), Answer> {
        let start = self.at;
        if self.src.get(start) != Some(&b'{') {
            return Err(malformed(start));
        }
        let (end, safe) = match scan(self.src, start, &SCAN, &mut self.scanned) {
            Ok(end) | Err(Fault::Crowded { end }) => (end, true),
            Err(Fault::Unsafe { end, .. }) => (end, false),
            Err(Fault::Broken { at, .. }) => return Err(malformed(at)),
        };
        self.at = end;
        Ok((start..end, safe))
    }
}

fn malformed(at: usize) -> Answer {
    Answer::malformed(format!("the body is neither a JSON object, nor an array of them, nor NDJSON, at byte {at}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(body: &[u8]) -> Result<Vec<(Vec<u8>, bool)>, u16> {
        let mut found = Vec::new();
        let done = split(&Bytes::copy_from_slice(body), |value| {
            found.push((value.data.to_vec(), value.scanned.is_some()));
            Ok(())
        });
        done.map(|()| found).map_err(|answer| answer.status.as_u16())
    }

    fn check(body: &str, expected: &[&str]) {
        let expected = expected.iter().map(|text| (text.as_bytes().to_vec(), true)).collect();
        assert_eq!(values(body.as_bytes()), Ok(expected), "{body}");
    }

    #[test]
    fn an_object_an_array_or_lines() {
        check("{}", &["{}"]);
        check(" {\"a\": 1}\n", &["{\"a\": 1}"]);
        check("[]", &[]);
        check(" [ ] \n", &[]);
        check("[{\"a\": [1, 2]} ,\n {\"b\":{}}]", &["{\"a\": [1, 2]}", "{\"b\":{}}"]);
        check("{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}\n", &["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        check("{}{}", &["{}", "{}"]);
    }

    #[test]
    fn what_is_no_json_is_refused_whole() {
        for body in [
            "",
            " ",
            "[",
            "]",
            "{",
            "[{}",
            "[{},]",
            "[,{}]",
            "[{} {}]",
            "[{}]{}",
            "{}[{}]",
            "{},{}",
            "1",
            "[1]",
            "[[{}]]",
            "null",
            "\"a\"",
            "{\"a\":1",
            "{a:1}",
            "[{}] x",
            "\u{feff}{}",
            "{}\u{0}",
        ] {
            assert_eq!(values(body.as_bytes()), Err(400), "{body:?}");
        }
    }

    #[test]
    fn what_must_not_be_sent_does_not_hold_up_its_neighbours() {
        let found = values(b"[{\"a\":1,\"a\":2},{\"b\":\"\xff\"},{\"c\":3}]").expect("taken");
        let safe: Vec<_> = found.iter().map(|(_, safe)| *safe).collect();
        assert_eq!((safe, found.len()), (vec![false, false, true], 3));
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        assert_eq!(values("{}".repeat(MOST_VALUES).as_bytes()).map(|found| found.len()), Ok(MOST_VALUES));
        assert_eq!(values("{}".repeat(MOST_VALUES + 1).as_bytes()), Err(413));
    }

    #[test]
    fn one_object_and_nothing_beside_it() {
        let one = |body: &'static str| object(&Bytes::from_static(body.as_bytes())).map(|(data, _)| data).ok();
        assert_eq!(one(" {\"a\": 1} \n").as_deref(), Some(&b"{\"a\": 1}"[..]));
        for bad in ["", "[]", "[{}]", "{}{}", "{} x", "{\"a\":1,\"a\":2}", "7"] {
            assert_eq!(one(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_or_refused(body in prop::collection::vec(prop::sample::select(b"{}[],:\"a1 \n\\\xc3".to_vec()), 0..24)) {
            if let Ok(found) = values(&body) {
                let bytes: usize = found.iter().map(|(data, _)| data.len()).sum();
                prop_assert!(bytes <= body.len());
                for (data, safe) in found {
                    prop_assert_eq!((data.first(), data.last()), (Some(&b'{'), Some(&b'}')));
                    prop_assert!(!safe || serde_json::from_slice::<serde_json::Value>(&data).is_ok());
                }
            }
        }

        #[test]
        fn any_objects_come_back_in_order(texts in prop::collection::vec("\\{\"[a-z]{1,4}\": \"[a-z,\\[\\]{} ]{0,6}\"\\}", 1..9), array in any::<bool>()) {
            let body = if array { format!("[{}]", texts.join(" ,")) } else { texts.join("\n") };
            let expected: Vec<_> = texts.iter().map(|text| (text.as_bytes().to_vec(), true)).collect();
            prop_assert_eq!(values(body.as_bytes()), Ok(expected));
        }
    }
}
