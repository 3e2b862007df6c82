//! The blocks of a page of docs, so that what is printed there is what is tried.

use http::Method;
use serde_json::Value;

/// A block between fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The heading it stands under.
    pub heading: String,
    /// What stands behind the opening fence.
    pub language: String,
    /// What is between.
    pub text: String,
}

/// One request of a console block.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
}

/// Every block of a page, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let (mut found, mut heading, mut open) = (Vec::new(), String::new(), None::<Block>);
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(""), Some(_)) => found.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block { heading: heading.clone(), language: language.to_owned(), text: String::new() });
            }
            (_, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
                    title.clone_into(&mut heading);
                }
            }
        }
    }
    assert_eq!(open, None, "a block that is not closed");
    found
}

/// The blocks of one language under one heading.
pub fn under<'a>(blocks: &'a [Block], heading: &str, language: &str) -> Vec<&'a Block> {
    let found: Vec<_> = blocks.iter().filter(|b| b.heading == heading && b.language == language).collect();
    assert!(!found.is_empty(), "no {language} block under {heading:?}");
    found
}

/// The requests of a console block: a line with method and path, and perhaps a body in the lines that follow.
pub fn requests(text: &str) -> Vec<Request> {
    let mut found: Vec<(Method, String, String)> = Vec::new();
    for line in text.lines() {
        match line.split_once(" /") {
            Some((method, path)) if method.bytes().all(|b| b.is_ascii_uppercase()) => {
                found.push((method.parse().expect("a method"), format!("/{path}"), String::new()));
            }
            _ => found.last_mut().expect("a request first").2.push_str(line),
        }
    }
    let request = |(method, path, body): (_, _, String)| {
        let body = (!body.trim().is_empty()).then(|| serde_json::from_str(&body).expect("a body of JSON"));
        Request { method, path, body }
    };
    found.into_iter().map(request).collect()
}

/// The requests of numbered steps as essink prints them, each in one line.
pub fn steps(text: &str) -> Vec<Request> {
    let numbered = |line: &str| {
        let (number, step) = line.trim_start().split_once(". ")?;
        number.parse::<u32>().ok()?;
        let (method, rest) = step.split_once(' ')?;
        let (path, body) = rest.split_once(' ').map_or((rest, None), |(path, body)| (path, Some(body)));
        let body = body.map(|body| serde_json::from_str(body).expect("a body of JSON"));
        Some(Request { method: method.parse().expect("a method"), path: path.to_owned(), body })
    };
    let found: Vec<_> = text.lines().filter_map(numbered).collect();
    assert!(!found.is_empty(), "no steps in {text}");
    found
}

#[test]
fn blocks_and_requests_are_found() {
    let page = "# A\n\n## One\n```sh\necho\n```\ntext\n### Two\n```console\nPUT /a-b?x=1\n{\"a\":\n {\"b\": 1}}\n\nGET /c\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2);
    assert_eq!(under(&found, "One", "sh")[0].text, "echo\n");
    let requests = requests(&under(&found, "Two", "console")[0].text);
    let shown: Vec<_> = requests.iter().map(|r| (r.method.as_str(), r.path.as_str(), r.body.clone())).collect();
    assert_eq!(shown, [("PUT", "/a-b?x=1", Some(serde_json::json!({"a": {"b": 1}}))), ("GET", "/c", None)]);
}
