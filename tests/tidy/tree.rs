//! The files of the project, and what of a Rust file is not test code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
#[derive(Debug, Clone)]
pub struct File {
    /// From the top of the project, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Whether the whole file is test code that lives beside what it tests.
    pub tests: bool,
}

impl File {
    /// A file with this text; one called tests.rs, or in a folder of that name, is test code.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let path = path.into();
        let tests = path.ends_with("/tests.rs") || path.contains("/tests/");
        Self { path, text: text.into(), tests }
    }

    /// Lines outside `#[cfg(test)]` items, with their numbers from 1. None where the whole file is tests.
    pub fn shipped(&self) -> Vec<(usize, &str)> {
        if self.tests {
            return Vec::new();
        }
        let mut lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let mut shipped = Vec::new();
        while let Some((number, line)) = lines.next() {
            match line.trim() == "#[cfg(test)]" {
                true => skip_item(&mut lines, indent(line)),
                false => shipped.push((number, line)),
            }
        }
        shipped
    }
}

/// Skips the item under an attribute. The formatter closes a block where its first line began.
fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, at: usize) {
    let mut first = true;
    for (_, line) in lines {
        let text = line.trim();
        if first && (text.starts_with("#[") || text.starts_with("//")) {
            continue;
        }
        let ends_here = first && (text.ends_with(';') || text.ends_with("{}"));
        let closes = !first && indent(line) == at && text.starts_with('}');
        if ends_here || closes {
            return;
        }
        first = false;
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Top of the project.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file under `folder` (from the top) whose name ends so; nothing where there is no such folder.
pub fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut found = Vec::new();
    collect(&top().join(folder), ending, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    mark_tests(&mut found);
    found
}

/// A file that its parent declares under `#[cfg(test)]` is test code under any name.
fn mark_tests(files: &mut [File]) {
    let declared: BTreeSet<String> = files.iter().flat_map(test_modules).collect();
    for file in files.iter_mut().filter(|file| declared.contains(&file.path)) {
        file.tests = true;
    }
}

fn test_modules(file: &File) -> Vec<String> {
    let folder = file.path.trim_end_matches(".rs").trim_end_matches("/lib").trim_end_matches("/main");
    let lines: Vec<_> = file.text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]").filter_map(|pair| {
        let (_, name) = pair[1].strip_suffix(';')?.rsplit_once("mod ")?;
        Some(format!("{folder}/{name}.rs"))
    });
    declared.collect()
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["target", ".git", "node_modules", "corpus", "artifacts"].contains(&name) {
            collect(&path, ending, found);
        } else if path.is_file() && name != ".git" && name.ends_with(ending) {
            found.extend(read(path));
        }
    }
}

/// Nothing for a binary file.
fn read(path: PathBuf) -> Option<File> {
    let text = fs::read_to_string(&path).ok()?;
    let parts = path.strip_prefix(top()).unwrap().iter().map(|part| part.to_str().unwrap());
    Some(File::new(parts.collect::<Vec<_>>().join("/"), text))
}

/// Rust files that are built by somebody: the program, its test kit, benches and examples.
pub fn rust() -> Vec<File> {
    ["src", "testkit/src", "benches", "examples"].into_iter().flat_map(|folder| files(folder, ".rs")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(path: &str, text: &str) -> Vec<usize> {
        File::new(path, text).shipped().into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn test_code_is_left_out() {
        let text = "fn a() {\n}\n#[cfg(test)]\npub(crate) use tests::b;\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n";
        assert_eq!(shipped("src/a.rs", text), [1, 2, 11]);
        let inner = "impl A {\n    #[cfg(test)]\n    fn b() {\n        c();\n    }\n    fn d() {}\n}\n";
        assert_eq!(shipped("src/a.rs", inner), [1, 6, 7]);
        assert_eq!(shipped("src/a.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n"), [3]);
        assert!(shipped("src/a/tests.rs", "fn a() {}\n").is_empty());
        assert!(shipped("src/a/tests/b.rs", "fn a() {}\n").is_empty());
    }

    #[test]
    fn a_module_declared_for_tests_is_test_code() {
        let parent = File::new("src/a.rs", "mod b;\n#[cfg(test)]\npub(crate) mod fake;\n");
        let mut files = [parent, File::new("src/a/b.rs", ""), File::new("src/a/fake.rs", "x")];
        mark_tests(&mut files);
        assert_eq!(files.map(|file| file.tests), [false, false, true]);
        assert_eq!(test_modules(&File::new("src/lib.rs", "#[cfg(test)]\nmod c;\n")), ["src/c.rs"]);
    }

    #[test]
    fn the_tree_is_found() {
        assert!(rust().iter().any(|file| file.path == "src/lib.rs"));
        assert!(files("", "").iter().all(|file| !file.path.starts_with("target/")));
    }
}
