//! Stepping through JSON that [`super::scan`] has validated and written on one line.
//!
//! Nothing is checked again: on other input the iterators end early, and nothing worse.

/// Members of an object: key without quotes (escapes as they came) and value.
pub struct Members<'a>(Steps<'a>);

/// Elements of an array.
pub struct Elements<'a>(Steps<'a>);

/// Steps through the object `json`; empty for anything else.
pub fn members(json: &[u8]) -> Members<'_> {
    Members(Steps::inside(json, b'{'))
}

/// Steps through the array `json`; empty for anything else.
pub fn elements(json: &[u8]) -> Elements<'_> {
    Elements(Steps::inside(json, b'['))
}

/// What is between the quotes of a string; any other value as it is.
pub fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
}

/// The value at the end of `path` through objects inside each other.
pub fn at<'a>(json: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    path.iter().try_fold(json, |value, name| members(value).find(|(key, _)| *key == name.as_bytes()).map(|(_, v)| v))
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.value(b':')?;
        let value = self.0.value(b',')?;
        Some((key.get(1..key.len() - 1)?, value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        self.0.value(b',')
    }
}

struct Steps<'a> {
    rest: &'a [u8],
}

impl<'a> Steps<'a> {
    fn inside(json: &'a [u8], open: u8) -> Self {
        let inner = match json {
            [first, inner @ .., _] if *first == open => inner,
            _ => &[],
        };
        Self { rest: inner }
    }

    /// The next value, and past the `separator` behind it.
    fn value(&mut self, separator: u8) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = value_len(self.rest);
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix(&[separator]).unwrap_or_default();
        Some(value)
    }
}

/// Length of the value that `json` begins with.
fn value_len(json: &[u8]) -> usize {
    match json.first() {
        Some(b'"') => string_len(json),
        Some(b'{' | b'[') => container_len(json),
        _ => json.iter().position(|b| matches!(b, b',' | b'}' | b']' | b':')).unwrap_or(json.len()),
    }
}

fn string_len(json: &[u8]) -> usize {
    let mut at = 1;
    while at < json.len() {
        match json[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

fn container_len(json: &[u8]) -> usize {
    let (mut at, mut open) = (0, 0_usize);
    while at < json.len() {
        match json[at] {
            b'"' => {
                at += string_len(&json[at..]);
                continue;
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return at;
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).expect("ASCII")
    }

    fn check_members(json: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> = members(json.as_bytes()).map(|(k, v)| (text(k), text(v))).collect();
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn members_come_in_order_with_their_text() {
        check_members("{}", &[]);
        check_members("[1]", &[]);
        check_members("7", &[]);
        check_members(
            r#"{"a":1,"b":"x,}\"","":{"c":[{"d":"]"}]},"e\"f":[],"g":null}"#,
            &[("a", "1"), ("b", r#""x,}\"""#), ("", r#"{"c":[{"d":"]"}]}"#), (r#"e\"f"#, "[]"), ("g", "null")],
        );
    }

    #[test]
    fn a_path_leads_through_objects_only() {
        let json = br#"{"a":{"b":{"c":1},"b2":[{"c":2}]},"d":"x"}"#;
        for (path, expected) in [
            (&["a", "b", "c"][..], Some("1")),
            (&["a", "b"], Some(r#"{"c":1}"#)),
            (&["a", "b2", "c"], None),
            (&["d", "e"], None),
            (&["z"], None),
        ] {
            assert_eq!(at(json, path).map(text), expected, "{path:?}");
        }
    }

    #[test]
    fn elements_come_in_order_with_their_text() {
        let found: Vec<_> = elements(br#"[1,"[",{"a":[2]},[],-1.5e3]"#).map(text).collect();
        assert_eq!(found, ["1", r#""[""#, r#"{"a":[2]}"#, "[]", "-1.5e3"]);
        assert_eq!(elements(b"[]").count(), 0);
        assert_eq!(elements(b"{}").count(), 0);
    }
}
