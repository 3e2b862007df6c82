//! A file is one idea: at most 400 lines, and half of them at most 150. Test code does not count.

use crate::tree::{self, File};
use crate::{bites, none};

const MOST: usize = 400;
const MEDIAN: usize = 150;

fn too_long(files: &[File]) -> Vec<String> {
    let long = files.iter().map(|file| (file, file.shipped().len())).filter(|(_, lines)| *lines > MOST);
    long.map(|(file, lines)| format!("{}: {lines} lines, more than {MOST}: split it by what it does", file.path))
        .collect()
}

fn median_too_long(files: &[File]) -> Vec<String> {
    let mut lines: Vec<_> = files.iter().filter(|file| !file.tests).map(|file| file.shipped().len()).collect();
    lines.sort_unstable();
    let median = lines.get(lines.len() / 2).copied().unwrap_or(0);
    match median > MEDIAN {
        true => {
            vec![format!("half of the files have more than {median} lines; {MEDIAN} is the limit: split the longest")]
        }
        false => Vec::new(),
    }
}

#[test]
fn files_are_short() {
    none(&too_long(&tree::rust()));
    none(&median_too_long(&tree::files("src", ".rs")));
}

#[test]
fn both_rules_bite() {
    let of = |lines: usize| File::new(format!("src/f{lines}.rs"), "x\n".repeat(lines));
    assert!(too_long(&[of(MOST)]).is_empty());
    bites(&too_long(&[of(MOST + 1)]), "src/f401.rs");
    assert!(median_too_long(&[of(1), of(MEDIAN), of(399)]).is_empty());
    bites(&median_too_long(&[of(1), of(MEDIAN + 1), of(399)]), "151");
    let tests = "    y\n".repeat(500);
    let tested = File::new("src/a.rs", format!("x\n#[cfg(test)]\nmod tests {{\n{tests}}}\n"));
    assert!(too_long(&[tested]).is_empty());
}
