use super::*;
use options::Row;

fn help(args: &str) -> String {
    let refusal = World::typed(args).load().expect_err("help is no work");
    assert_eq!(refusal.exit_code(), 0, "{args}");
    refusal.to_string()
}

/// Whether `--name` stands there as a whole word.
fn names(text: &str, row: &Row) -> bool {
    let flag = row.flag();
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == flag)
}

/// The lines above the examples: those name options too.
fn listed(text: &str) -> &str {
    text.split("\nExamples:").next().unwrap_or(text)
}

#[test]
fn the_help_of_each_command_lists_exactly_its_options() {
    for verb in Verb::ALL {
        let text = help(&format!("{} --help", verb.name()));
        let options = listed(&text);
        for row in table() {
            let header = format!("  {}", row.flag());
            let has_line = options.lines().any(|line| line.trim_start().starts_with(header.trim()) && names(line, row));
            let expected = row.on.contains(verb) && !row.is_secret();
            assert_eq!(has_line, expected, "{} in the help of {}\n{text}", row.name, verb.name());
            assert!(!expected || options.contains(&format!("[env: {}]", row.env())), "{}", row.name);
        }
    }
}

#[test]
fn the_help_of_each_command_has_examples_that_load() {
    for verb in Verb::ALL {
        let text = help(&format!("{} --help", verb.name()));
        let (_, text) = text.split_once("\nExamples:").expect("no examples");
        let examples: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("essink ")).collect();
        assert!(examples.len() >= 2, "{}", verb.name());
        for example in examples {
            let typed = example.split([' ', '\'']).filter(|word| !word.is_empty());
            let typed: Vec<&str> = typed.take_while(|word| !["|", "<", ">"].contains(word)).collect();
            let world = World::typed(&typed.join(" "))
                .file("bird.token", "hunter2\n")
                .file("/run/secrets/opensearch", "hunter2\n")
                .file("/run/secrets/vonage", "hunter2\n")
                .file("essink.toml", "stream = \"clicks\"\nkeep = \"30d\"");
            assert!(world.load().is_ok(), "{example}: {}", world.load().expect_err("it was not taken"));
        }
    }
}

#[test]
fn no_line_of_help_is_wider_than_a_screen() {
    for args in [
        "--help",
        "-h",
        "put --help",
        "man --help",
        "run --help",
        "run -h",
        "prune --help",
        "init-templates --help",
        "dashboards --help",
    ] {
        for line in help(args).lines().filter(|line| !line.trim_start().starts_with("essink ")) {
            assert!(line.chars().count() <= 110, "{args}: {line}");
        }
    }
}

#[test]
fn help_shows_defaults_and_secrets_have_no_flag() {
    let text = help("run --help");
    assert!(text.contains("[default: 256MiB] [env: ESSINK_MEMORY]"), "{text}");
    assert!(!text.contains("--opensearch-password <"), "{text}");
    assert!(help("--version").starts_with("essink "));
    assert!(help("--help").contains("Exit codes:"));
}

#[test]
fn help_marks_what_a_command_cannot_do_without() {
    for verb in Verb::ALL {
        let text = help(&format!("{} --help", verb.name()));
        let needed = table().filter(|row| row.required_on.contains(verb)).count();
        assert_eq!(text.matches("Required. ").count(), needed, "{text}");
    }
    assert!(help("run -h").contains("Required. The Kinesis data stream"), "{}", help("run -h"));
    let keep = markdown().lines().find(|line| line.contains("`ESSINK_KEEP`")).map(str::to_owned);
    assert!(keep.as_ref().is_some_and(|line| line.contains("| Required by prune. Days")), "{keep:?}");
}

/// The lines between a heading and the next empty line.
fn under<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let begin = text.lines().skip_while(|line| *line != format!("{heading}:")).skip(1);
    begin.take_while(|line| !line.is_empty()).collect()
}

#[test]
fn help_has_each_command_under_the_heading_of_its_task_once() {
    let text = help("--help");
    assert_eq!(help("help"), text);
    for (heading, command) in [
        ("Bring events in", "run"),
        ("Bring events in", "webhook"),
        ("Set up", "init-templates"),
        ("Look and mend", "dead-letters"),
        ("Look and mend", "prune"),
        ("essink itself", "completions"),
    ] {
        let lines = under(&text, heading);
        assert!(lines.iter().any(|line| line.starts_with(&format!("  {command} "))), "{command}: {text}");
    }
    let headings = ["Bring events in", "Set up", "Look and mend", "essink itself"];
    let listed: Vec<_> = headings.iter().flat_map(|heading| under(&text, heading)).collect();
    let mut commands: Vec<_> = Verb::ALL.iter().filter_map(|verb| verb.name().split(' ').next()).collect();
    commands.dedup();
    for command in &commands {
        let about = |line: &str| {
            line.trim_start().strip_prefix(*command).filter(|rest| rest.starts_with(' ')).map(str::to_owned)
        };
        let found: Vec<_> = listed.iter().filter_map(|line| about(line)).collect();
        assert_eq!(found.len(), 1, "{command}: {text}");
        assert!(found[0].trim().len() > 15, "{command}: {found:?}");
    }
    assert_eq!(listed.len(), commands.len(), "{text}");
    // In columns: every description begins where the first does.
    let column =
        |line: &str| line.len() - line.trim_start().split_once("  ").map_or("", |(_, about)| about).trim_start().len();
    assert!(listed.iter().all(|line| column(line) == column(listed[0])), "{text}");
    assert!(under(&text, "Options").iter().any(|line| line.trim_start().starts_with("--config <FILE>")), "{text}");
}

#[test]
fn completions_know_commands_options_and_words() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = World::typed(&format!("completions {shell}")).text();
        for part in ["init-templates", "opensearch-password-file", "keep-dead-letters"] {
            assert!(script.contains(part), "{shell}: no {part}");
        }
        // elvish and PowerShell complete no values.
        let values = matches!(shell, "bash" | "zsh" | "fish");
        assert_eq!(script.contains("week"), values, "{shell}");
        let bare = script.replace("opensearch-password-file", "").replace("opensearch-api-key-file", "");
        assert!(!bare.contains("opensearch-password") && !bare.contains("opensearch-api-key"), "{shell}");
    }
}

#[test]
fn the_readme_holds_exactly_the_generated_tables() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("<!-- options:begin -->\n").expect("the README has no options:begin");
    let (tables, _) = rest.split_once("<!-- options:end -->").expect("the README has no options:end");
    let generated = World::typed("config --markdown").text();
    assert!(
        tables.trim() == generated.trim(),
        "put the output of `cargo run -- config --markdown` between the option markers of README.md"
    );
}

#[test]
fn the_generated_tables_hold_each_option_once() {
    let tables = markdown();
    for row in table() {
        let rows = tables.lines().filter(|line| line.contains(&format!("| `{}` |", row.env()))).count();
        assert_eq!(rows, 1, "{}", row.name);
    }
    let rows = tables.lines().filter(|line| line.starts_with('|'));
    assert!(rows.map(|line| line.replace("\\|", "").matches('|').count()).all(|bars| bars == 6), "{tables}");
}
