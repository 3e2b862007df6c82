//! What is kept of an envelope: where its events came from and when.

use crate::event::clock::stamp;
use crate::event::msg::number;
use crate::event::time::Millis;

/// Longer texts are left out: names, ARNs and ids are not as long.
const LONGEST: usize = 1024;

/// Larger objects are left out: a head has no room for them.
const MOST_ATTRIBUTES: usize = 32 * 1024;

/// What an envelope says of a part; what it does not say is absent. Texts are JSON strings as they stand there.
#[derive(Debug, Default, Clone, Copy)]
pub struct Facts<'a> {
    /// The envelope's own id of the part.
    pub id: Option<&'a [u8]>,
    /// When the part was put into it.
    pub time: Option<Millis>,
    /// Who put it there.
    pub source: Option<&'a [u8]>,
    /// What the envelope says it is.
    pub kind: Option<&'a [u8]>,
    /// The AWS account.
    pub account: Option<&'a [u8]>,
    /// The AWS region.
    pub region: Option<&'a [u8]>,
    /// What else it says of all its parts: an object.
    pub attributes: Option<&'a [u8]>,
}

impl Facts<'_> {
    /// Appends an object of what is known, behind a comma when it is not the first; nothing when nothing is known.
    pub fn write(&self, name: &str, out: &mut Vec<u8>) {
        let [id, source, kind, account, region] =
            [self.id, self.source, self.kind, self.account, self.region].map(kept);
        let attributes = self.attributes.filter(|json| json.starts_with(b"{\"") && json.len() <= MOST_ATTRIBUTES);
        if self.time.is_none() && [id, source, kind, account, region, attributes].iter().all(Option::is_none) {
            return;
        }
        out.extend_from_slice(if out.is_empty() { br#"{"name":""# } else { br#",{"name":""# });
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
        member("id", id, out);
        if let Some(time) = self.time {
            out.extend_from_slice(br#","time":""#);
            time.write_rfc3339(out);
            out.push(b'"');
        }
        for (name, value) in [("source", source), ("type", kind), ("account", account), ("region", region)] {
            member(name, value, out);
        }
        member("attributes", attributes, out);
        out.push(b'}');
    }
}

/// A string that is neither empty nor long.
fn kept(value: Option<&[u8]>) -> Option<&[u8]> {
    value.filter(|text| text.starts_with(b"\"") && (3..=LONGEST + 2).contains(&text.len()))
}

fn member(name: &str, value: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    }
}

/// A time in seconds, with or without a fraction, as a number or in a string.
pub fn seconds(value: &[u8]) -> Option<Millis> {
    stamp(format!("{:.0}", number(value)? * 1000.0).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(facts: &Facts<'_>, expected: &str) {
        let mut out = Vec::new();
        facts.write("sns", &mut out);
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn what_is_known_is_written_and_nothing_else() {
        check(&Facts::default(), "");
        check(&Facts { id: Some(br#""1""#), ..Facts::default() }, r#"{"name":"sns","id":"1"}"#);
        check(
            &Facts {
                id: Some(br#""a\"b""#),
                time: Some(Millis(1_480_641_523_477)),
                source: Some(br#""s""#),
                kind: Some(br#""t""#),
                account: Some(br#""012""#),
                region: Some(br#""r""#),
                attributes: Some(br#"{"a":"b"}"#),
            },
            r#"{"name":"sns","id":"a\"b","time":"2016-12-02T01:18:43.477Z","source":"s","type":"t","account":"012","region":"r","attributes":{"a":"b"}}"#,
        );
        for none in [&b"7"[..], b"null", br#""a""#, b"{}", b"[]"] {
            check(&Facts { attributes: Some(none), ..Facts::default() }, "");
        }
        for none in [&b"7"[..], b"null", br#""""#, b"{}", b"[]"] {
            check(&Facts { id: Some(none), source: Some(none), ..Facts::default() }, "");
        }
    }

    #[test]
    fn long_texts_are_left_out() {
        let text = |n: usize| format!("\"{}\"", "x".repeat(n));
        let (longest, longer) = (text(1024), text(1025));
        check(
            &Facts { id: Some(longest.as_bytes()), ..Facts::default() },
            &format!(r#"{{"name":"sns","id":{longest}}}"#),
        );
        check(&Facts { id: Some(longer.as_bytes()), ..Facts::default() }, "");
    }

    #[test]
    fn seconds_are_read_in_every_form() {
        for (text, expected) in [
            ("1480641523.477", Some(1_480_641_523_477)),
            ("1607497475.0", Some(1_607_497_475_000)),
            ("1.567780307056E9", Some(1_567_780_307_056)),
            ("1567780307", Some(1_567_780_307_000)),
            (r#""1567780307""#, Some(1_567_780_307_000)),
            ("1388534400", Some(1_388_534_400_000)),
            ("1388534399.999", None),
            ("1567780307056", None),
            ("1e300", None),
            ("-5", None),
            ("null", None),
            (r#""soon""#, None),
            ("{}", None),
        ] {
            assert_eq!(seconds(text.as_bytes()).map(|m| m.0), expected, "{text}");
        }
    }
}
