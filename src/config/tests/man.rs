use super::*;

/// What stands under a heading of the page.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let heading = format!("\n.SH {title}\n");
    let (_, rest) =
        page.split_once(&heading).or_else(|| page.split_once(&format!("\n.SH \"{title}\"\n"))).expect(title);
    rest.split("\n.SH ").next().unwrap_or(rest)
}

/// As roff wants it: a dash that is not to become a hyphen.
fn roff(text: &str) -> String {
    text.replace('-', "\\-")
}

#[test]
fn the_man_page_has_every_command_option_variable_and_exit_code() {
    let page = World::typed("man").text();
    assert!(page.contains("\n.TH ESSINK 1 "), "{page}");
    let (commands, options) = (section(&page, "COMMANDS"), section(&page, "OPTIONS"));
    for verb in Verb::ALL {
        assert_eq!(commands.matches(&format!("\\fBessink {}\\fR", roff(verb.name()))).count(), 1, "{}", verb.name());
    }
    let environment = section(&page, "ENVIRONMENT");
    for row in table() {
        let term = format!("\n\\fB{}\\fR", roff(&row.flag()));
        let mine = options.lines().filter(|line| line.starts_with(term.trim())).count();
        assert_eq!(mine, usize::from(!row.is_secret()), "{}", row.name);
        assert_eq!(environment.contains(&format!("\\fB{}\\fR", row.env())), row.is_secret(), "{}", row.name);
    }
    let codes: Vec<_> = section(&page, "EXIT STATUS").lines().filter(|line| line.starts_with("\\fB")).collect();
    assert_eq!(codes, ["\\fB0\\fR", "\\fB64\\fR", "\\fB69\\fR", "\\fB75\\fR", "\\fB1\\fR"]);
    let examples = section(&page, "EXAMPLES");
    for (_, line) in examples_of_all() {
        assert!(examples.contains(&roff(&line.replace('\'', "\\*(Aq"))), "{line}");
    }
    assert!(section(&page, "FILES").contains("\\-\\-config"));
}

fn examples_of_all() -> Vec<(&'static str, &'static str)> {
    crate::config::examples().collect()
}
