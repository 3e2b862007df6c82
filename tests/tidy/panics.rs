//! A service does not end because somebody was sure: `unwrap` and `expect` need a comment that proves them.

use crate::tree::{self, File};
use crate::{bites, none};

const CALLS: [&str; 4] = [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err("];

fn unproven(file: &File) -> Vec<String> {
    let lines = file.shipped();
    let mut bad = Vec::new();
    let mut before = "";
    for (number, line) in lines {
        let text = line.trim();
        let (code, comment) = text.split_once("//").map_or((text, false), |(code, _)| (code, true));
        let proven = comment || (before.starts_with("//") && !before.starts_with("///") && !before.starts_with("//!"));
        if !proven && CALLS.iter().any(|call| code.contains(call)) {
            bad.push(format!(
                "{}:{number}: handle the error, or prove on this or the previous line (// ...) that there is none",
                file.path
            ));
        }
        before = text;
    }
    bad
}

#[test]
fn nothing_unwraps_unproven() {
    let violations: Vec<_> = tree::files("src", ".rs").iter().flat_map(unproven).collect();
    none(&violations);
}

#[test]
fn the_rule_bites() {
    let of = |text: &str| unproven(&File::new("src/a.rs", text));
    bites(&of("a\n    .unwrap();\n"), "src/a.rs:2");
    bites(&of("a.expect(\"b\");\n"), "src/a.rs:1");
    bites(&of("/// Documented.\na.unwrap()\n"), "src/a.rs:2");
    bites(&of("// Not about the next but one line.\nb();\na.unwrap()\n"), "src/a.rs:3");
    for fine in [
        "// Four bytes were checked above.\na.unwrap()\n",
        "a.unwrap(); // a digit is a number\n",
        "/// `a.unwrap()` in prose\nfn f() {}\n",
        "#[expect(dead_code)]\nfn f() {}\n",
        "#[cfg(test)]\nmod tests {\n    a.unwrap();\n}\n",
        "a.unwrap_or_default()\n",
    ] {
        assert!(of(fine).is_empty(), "{fine}");
    }
}
