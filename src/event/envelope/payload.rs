//! Where the events of an envelope's part are, and how they come out.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;

/// What one part of an envelope holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A JSON string of base64.
    Base64(&'a [u8]),
    /// A JSON string whose text is the content.
    Text(&'a [u8]),
    /// A JSON value that is the content itself, on one line.
    Value(&'a [u8]),
    /// Content written from what is no JSON.
    Made(Vec<u8>),
    /// A part that has nothing where its content belongs: the part itself.
    Missing(&'a [u8]),
}

/// A part that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What there is instead.
    pub bytes: Bytes,
    /// What is wrong with it.
    pub what: &'static str,
}

impl<'a> Payload<'a> {
    /// Base64 in the member `value` of the part `of`.
    pub fn base64(value: Option<&'a [u8]>, of: &'a [u8]) -> Self {
        value.filter(|v| v.starts_with(b"\"")).map_or(Self::Missing(of), Self::Base64)
    }

    /// Text in the member `value` of the part `of`.
    pub fn text(value: Option<&'a [u8]>, of: &'a [u8]) -> Self {
        value.filter(|v| v.starts_with(b"\"")).map_or(Self::Missing(of), Self::Text)
    }

    /// The content.
    ///
    /// # Errors
    /// There is none that can be read.
    pub fn bytes(&self) -> Result<Bytes, Unreadable> {
        match self {
            Self::Base64(string) => decoded(string),
            Self::Text(string) => Ok(text(string).into_owned().into()),
            Self::Value(value) => Ok(Bytes::copy_from_slice(value)),
            Self::Made(bytes) => Ok(bytes.clone().into()),
            Self::Missing(part) => {
                Err(Unreadable { bytes: Bytes::copy_from_slice(part), what: "has nothing where its event belongs" })
            }
        }
    }
}

/// The text of a JSON string that the scan has validated.
pub fn text(string: &[u8]) -> Cow<'_, str> {
    let plain = serde_json::from_slice::<&str>(string).map(Cow::Borrowed);
    plain
        .or_else(|_| serde_json::from_slice(string).map(Cow::Owned))
        .unwrap_or_else(|_| String::from_utf8_lossy(string))
}

/// Whether a JSON string holds nothing but white space.
pub fn is_blank(string: &[u8]) -> bool {
    let mut rest = string.strip_prefix(b"\"").and_then(|s| s.strip_suffix(b"\"")).unwrap_or(string);
    loop {
        rest = match rest {
            [] => return true,
            [b' ', rest @ ..] | [b'\\', b'n' | b'r' | b't', rest @ ..] => rest,
            _ => return false,
        }
    }
}

fn decoded(string: &[u8]) -> Result<Bytes, Unreadable> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text = text(string);
    let bytes = STANDARD.decode(text.as_bytes()).or_else(|_| LENIENT.decode(text.trim()));
    bytes.map(Bytes::from).map_err(|_| Unreadable { bytes: text.into_owned().into(), what: "is not base64" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_decoded_once() {
        let check = |payload: Payload<'_>, expected: &[u8]| {
            assert_eq!(payload.bytes().map(|b| b.to_vec()), Ok(expected.to_vec()), "{payload:?}");
        };
        check(Payload::Base64(br#""eyJhIjoxfQ==""#), br#"{"a":1}"#);
        check(Payload::Base64(br#""eyJhIjoxfQ""#), br#"{"a":1}"#);
        check(Payload::Base64(br#"" eyJhIjoxfQ==\n""#), br#"{"a":1}"#);
        check(Payload::Base64(br#""\/\/79""#), &[0xff, 0xfe, 0xfd]);
        check(Payload::Text(br#""{\"a\":\"\\u00e9\"}""#), br#"{"a":"\u00e9"}"#);
        check(Payload::Text(r#""{\"é\":\"\u00e9\ud83d\ude00\"}""#.as_bytes()), r#"{"é":"é😀"}"#.as_bytes());
        check(Payload::Value(br#"{"a":1}"#), br#"{"a":1}"#);
        check(Payload::Made(b"x".to_vec()), b"x");
    }

    #[test]
    fn what_cannot_be_read_keeps_its_text() {
        let check = |payload: Payload<'_>, bytes: &[u8], what: &'static str| {
            let bytes = Bytes::copy_from_slice(bytes);
            assert_eq!(payload.bytes(), Err(Unreadable { bytes, what }), "{payload:?}");
        };
        for text in ["***", "eyJhIjoxf", "(base64-encoded document data)", "<Base64形式のデータ>", "e\u{7f}"] {
            check(Payload::Base64(format!("\"{text}\"").as_bytes()), text.as_bytes(), "is not base64");
        }
        check(Payload::base64(Some(b"7"), b"{}"), b"{}", "has nothing where its event belongs");
        check(Payload::text(None, b"[1]"), b"[1]", "has nothing where its event belongs");
    }

    #[test]
    fn white_space_is_nothing() {
        for blank in [r#""""#, r#""  ""#, r#"" \n\r\t ""#] {
            assert!(is_blank(blank.as_bytes()), "{blank}");
        }
        for full in [r#""x""#, r#"" \\n""#, r#""\u0020""#] {
            assert!(!is_blank(full.as_bytes()), "{full}");
        }
    }
}
