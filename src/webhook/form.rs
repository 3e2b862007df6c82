//! Query strings and forms: `application/x-www-form-urlencoded`, strictly as text.

use super::answer::Answer;

/// Parameters in one request. Receipts have a dozen.
const MOST: usize = 200;

/// Names and values, decoded, in their order. What is no UTF-8 is refused: it could not be an event's text.
pub fn parse(text: &[u8]) -> Result<Vec<(String, String)>, Answer> {
    let pairs = text.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
    let mut found = Vec::new();
    for pair in pairs {
        if found.len() == MOST {
            return Err(Answer::malformed(format!("more than {MOST} parameters")));
        }
        let equals = pair.iter().position(|b| *b == b'=');
        let (name, value) = equals.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
        found.push((decode(name)?, decode(value)?));
    }
    Ok(found)
}

/// `+` is a space, `%41` an `A`; a `%` before anything else is itself, as everywhere on the web.
fn decode(text: &[u8]) -> Result<String, Answer> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = (*first == b'%').then(|| behind.get(..2).and_then(super::secret::unhex)).flatten();
        match (first, escaped.as_deref()) {
            (_, Some(&[byte])) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).map_err(|_| Answer::malformed("a parameter is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
    }

    #[test]
    fn parameters_as_browsers_write_them() {
        check("", &[]);
        check("&&", &[]);
        check("a=1&b=&c&=d", &[("a", "1"), ("b", ""), ("c", ""), ("", "d")]);
        check("message-timestamp=2017-05-02+11%3A24%3a03", &[("message-timestamp", "2017-05-02 11:24:03")]);
        check("a=b=c&a=%26%3D%2B", &[("a", "b=c"), ("a", "&=+")]);
        check("text=caf%C3%A9+%F0%9F%98%80&x=é", &[("text", "café 😀"), ("x", "é")]);
        check("a=100%&b=%zz&c=%4&d=%+1", &[("a", "100%"), ("b", "%zz"), ("c", "%4"), ("d", "% 1")]);
    }

    #[test]
    fn what_is_no_text_and_what_is_too_much_is_refused() {
        let status = |text: &str| parse(text.as_bytes()).map(drop).map_err(|answer| answer.status.as_u16());
        assert_eq!(status("a=caf%E9"), Err(400));
        assert_eq!(status("%FF=1"), Err(400));
        assert_eq!(status(&"a=1&".repeat(MOST)), Ok(()));
        assert_eq!(status(&"a=1&".repeat(MOST + 1)), Err(400));
    }

    /// Everything but letters and digits escaped, as the strictest client does.
    fn encode(text: &str) -> String {
        let byte = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
        text.bytes().map(byte).collect()
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back(pairs in prop::collection::vec((".{1,8}", ".{0,12}"), 0..8)) {
            let text: Vec<_> = pairs.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
            prop_assert_eq!(parse(text.join("&").as_bytes()), Ok(pairs));
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(pairs) = parse(&text) {
                prop_assert!(pairs.len() <= MOST);
            }
        }
    }
}
