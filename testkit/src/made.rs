//! Pages of the documents that are made of the code: a test holds them to it, and writes them anew when asked to.

/// Holds what stands in the file `path` from `begin` to `end` to `made`, which has both marks; with the variable `WRITE_PAGES`
/// writes it instead.
///
/// # Panics
/// When the page says something else, with `cure`, the command that writes it; and when file or marks are missing.
pub fn holds(path: &str, begin: &str, end: &str, made: &str, cure: &str) {
    let page = std::fs::read_to_string(path).expect(path);
    let (head, rest) = page.split_once(begin).expect("the mark");
    let (_, tail) = rest.split_once(end).expect("the other mark");
    let wanted = format!("{head}{made}{tail}");
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::write(path, &wanted).expect(path);
    } else {
        assert!(page == wanted, "{path} says something else than what it is made of: {cure}");
    }
}
