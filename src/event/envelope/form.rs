//! Forms and queries: `name=value&name=value`, as one JSON object of strings.

use std::collections::BTreeMap;

/// Appends what a form or a query says, percent-decoded.
pub fn pairs(text: &str, to: &mut Vec<(String, String)>) {
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        to.push((decoded(name), decoded(value)));
    }
}

/// The object of these; `None` when there are none.
///
/// Sorted by name, so that the order in which a client happens to write makes no other event of it. A name that comes
/// several times has an array.
pub fn object(pairs: Vec<(String, String)>) -> Option<Vec<u8>> {
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    pairs.into_iter().for_each(|(name, value)| members.entry(name).or_default().push(value));
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let member = |(name, values): (&String, &Vec<String>)| match &values[..] {
        [value] => format!("{}:{}", json(name), json(value)),
        values => format!("{}:[{}]", json(name), values.iter().map(|v| json(v)).collect::<Vec<_>>().join(",")),
    };
    let members: Vec<String> = members.iter().map(member).collect();
    (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")).into_bytes())
}

/// Whether a text of unknown type is a form: nothing but what an encoder writes, every pair with its one `=`, and some
/// value. Base64, which ends in `=`, is none.
pub fn is_form(text: &str) -> bool {
    let written = |b: u8| b.is_ascii_alphanumeric() || b"*-._~+%".contains(&b);
    let mut has_value = false;
    let pair = |pair: &str| {
        let Some((name, value)) = pair.split_once('=') else { return false };
        has_value |= !value.is_empty();
        !name.is_empty() && name.bytes().chain(value.bytes()).all(written)
    };
    text.split('&').all(pair) && has_value
}

/// `+` is a space and `%XX` a byte. What does not decode to text stays as it is.
pub fn decoded(text: &str) -> String {
    let (mut out, bytes, mut at) = (Vec::with_capacity(text.len()), text.as_bytes(), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|hex| bytes[at] == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(byte.unwrap_or(if bytes[at] == b'+' { b' ' } else { bytes[at] }));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut found = Vec::new();
        pairs(text, &mut found);
        let found = object(found).map(|json| String::from_utf8(json).expect("text"));
        assert_eq!(found.unwrap_or_default(), expected, "{text}");
    }

    #[test]
    fn pairs_become_strings_in_the_order_of_their_names() {
        check("", "");
        check("&&", "");
        check("b=2&a=1", r#"{"a":"1","b":"2"}"#);
        check("a=1&b=2&a=3&a=", r#"{"a":["1","3",""],"b":"2"}"#);
        check("a", r#"{"a":""}"#);
        check("=x", r#"{"":"x"}"#);
        check("a=b=c", r#"{"a":"b=c"}"#);
        check(
            "message-timestamp=2017-05-02+11%3A24%3A03&to=%2B44%C3%A9",
            r#"{"message-timestamp":"2017-05-02 11:24:03","to":"+44é"}"#,
        );
        check("a=%22%5C%0A&%26=%3d", r#"{"&":"=","a":"\"\\\n"}"#);
        check("a=100%&b=%zz&c=%4", r#"{"a":"100%","b":"%zz","c":"%4"}"#);
        check("a=%ff+x", r#"{"a":"%ff+x"}"#);
    }

    #[test]
    fn forms_are_told_from_other_texts() {
        for form in ["a=1", "a=1&b=", "msisdn=44770&message-timestamp=2017-05-02+11%3A24%3A03"] {
            assert!(is_form(form), "{form}");
        }
        for other in
            ["", "a", "a=", "=1", "eyJhIjoxfQ==", "a=1&b", "a=1&&b=2", "a = 1", "<a b=1>", "a=b=c", "é=1", "a=1\n"]
        {
            assert!(!is_form(other), "{other}");
        }
    }
}
