//! What is printed for shells and for man, given to them. bash is needed; zsh, fish and groff are asked where they are.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::essink;

/// What somebody has typed, and what it becomes with the tab key: an option, the word of a choice, a command of a group.
const TYPED: [(&str, &str); 3] =
    [("prune --rota", "--rotation"), ("prune --rotation wee", "week"), ("dead-letters redr", "redrive")];

fn printed(args: &[&str]) -> Vec<u8> {
    let output = essink(args).as_std_mut().output().expect("essink runs");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// The program, unless this machine lacks it: said, because the test then shows less.
fn found(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|dir| dir.join(program).is_file());
    if !found {
        eprintln!("{program} is not installed: not tried");
    }
    found
}

/// A script in a directory of its own, named as the shell wants it, and what `command` said.
fn said(shell: &str, file: &str, command: impl FnOnce(&Path) -> Command) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(file);
    std::fs::write(&path, printed(&["completions", shell])).expect("a file");
    let Output { status, stdout, stderr } = command(&path).env("HOME", dir.path()).output().expect("it runs");
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{said}{}", String::from_utf8_lossy(&stderr));
    said
}

#[test]
fn bash_completes_options_choices_and_commands() {
    let mut script = "source \"$0\"; complete -p essink\n".to_owned();
    for (typed, _) in TYPED {
        // As bash itself calls it: the command, the word under the cursor, the word before.
        script += &format!("words=({typed}); COMP_WORDS=(essink \"${{words[@]}}\"); COMP_CWORD=${{#words[@]}}\n");
        script += "_essink essink \"${words[-1]}\" \"${COMP_WORDS[-2]}\"; echo \"${COMPREPLY[*]}\"\n";
    }
    let said = said("bash", "essink", |path| {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &script]).arg(path);
        bash
    });
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("complete ") && lines[0].ends_with(" -F _essink essink"), "{said}");
    assert_eq!(lines[1..], TYPED.map(|(_, becomes)| becomes), "{said}");
}

#[test]
fn fish_completes_options_choices_and_commands() {
    if !found("fish") {
        return;
    }
    let asked = TYPED.map(|(typed, _)| format!("complete -C 'essink {typed}'")).join("; ");
    let said = said("fish", "essink.fish", |path| {
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &format!("source '{}'; {asked}", path.display())]);
        fish
    });
    let words: Vec<_> = said.lines().map(|line| line.split('\t').next().unwrap_or(line)).collect();
    assert_eq!(words, TYPED.map(|(_, becomes)| becomes), "{said}");
}

#[test]
fn zsh_completes_options_choices_and_commands() {
    if !found("zsh") {
        return;
    }
    // zsh completes only where somebody types: a second one is typed to, until it shows the whole word.
    let mut script = "zmodload zsh/zpty; zpty z zsh -f -i\n".to_owned();
    script += "zpty -w z \"fpath=(${1:h} \\$fpath); autoload -U compinit; compinit -u -D; echo rea''dy\"\n";
    script += "zpty -r z said '*ready*' || exit 1\n";
    for (typed, becomes) in TYPED {
        script += &format!("zpty -w -n z 'essink {typed}'$'\\t'; zpty -r z said '*{becomes}*' || exit 2\n");
        script += &format!("zpty -w z $'\\x15'; echo {becomes}\n");
    }
    let said = said("zsh", "_essink", |path| {
        let mut zsh = Command::new("timeout");
        zsh.args(["60", "zsh", "-f", "-c", &script, "zsh"]).arg(path).env("TERM", "dumb");
        zsh
    });
    assert_eq!(said.lines().collect::<Vec<_>>(), TYPED.map(|(_, becomes)| becomes));
}

#[test]
fn the_man_page_has_no_warnings() {
    let page = printed(&["man"]);
    assert!(page.starts_with(b".ie ") && page.windows(4).any(|bytes| bytes == b"\n.TH"));
    if !found("groff") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("essink.1");
    std::fs::write(&path, &page).expect("a file");
    let Output { status, stdout, stderr } =
        Command::new("groff").args(["-man", "-ww", "-Tutf8", "-P-cbou"]).arg(&path).output().expect("groff runs");
    assert!(status.success() && stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    let text = String::from_utf8_lossy(&stdout);
    for word in ["COMMANDS", "OPTIONS", "ENVIRONMENT", "EXIT STATUS", "FILES", "EXAMPLES"] {
        assert!(text.contains(word), "no {word}: {text}");
    }
}
