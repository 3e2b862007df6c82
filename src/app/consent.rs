//! Asks before anything is deleted. Where nobody can answer, nothing is.

use std::io::{BufRead, IsTerminal, Stderr, StdinLock, Write};

use anyhow::anyhow;

use super::exit::Failure;
use crate::upkeep::retention::Plan;

/// Whoever may sit in front of it.
pub struct Terminal<R, W> {
    /// Whether anybody can.
    is_terminal: bool,
    answers: R,
    /// Not standard output, which is kept for the report.
    screen: W,
}

impl Terminal<StdinLock<'static>, Stderr> {
    /// The one this process was started from.
    pub fn standard() -> Self {
        let stdin = std::io::stdin();
        Self { is_terminal: stdin.is_terminal(), answers: stdin.lock(), screen: std::io::stderr() }
    }
}

impl<R: BufRead, W: Write> Terminal<R, W> {
    /// Whether what the plan says may be done; anything but a yes is a no.
    pub fn agrees(&mut self, plan: &Plan, json: bool) -> Result<bool, Failure> {
        let n = plan.drop.len();
        if !self.is_terminal {
            return Err(Failure::usage(anyhow!("{n} indices would be deleted and nobody can be asked: give --yes")));
        }
        let answer = self.ask(plan, json).map_err(Failure::bug)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    fn ask(&mut self, plan: &Plan, json: bool) -> std::io::Result<String> {
        if json {
            // The document comes at the end; whoever is asked has to see the plan first.
            write!(self.screen, "{plan}")?;
        }
        write!(self.screen, "delete these {} indices? [y/N] ", plan.drop.len())?;
        self.screen.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::Day;
    use crate::upkeep::retention::Due;

    fn plan() -> Plan {
        let due = |name: &str| Due { name: name.into(), day: Day(18_000), bytes: None, aliases: Vec::new() };
        let drop = vec![due("pinpoint-2019-04-14"), due("unrecognized-2019-04-14")];
        Plan { today: Day(20_000), drop, keep: Vec::new(), protected: Vec::new(), foreign: Vec::new() }
    }

    /// What comes of it, what is shown, and what was not read of the answers.
    fn ask(is_terminal: bool, answers: &str, json: bool) -> (Result<bool, Failure>, String, String) {
        let mut terminal = Terminal { is_terminal, answers: answers.as_bytes(), screen: Vec::new() };
        let agreed = terminal.agrees(&plan(), json);
        let shown = String::from_utf8(terminal.screen).expect("text");
        (agreed, shown, String::from_utf8(terminal.answers.to_vec()).expect("text"))
    }

    #[test]
    fn a_yes_is_a_yes_and_anything_else_is_a_no() {
        let check = |answers: &str, expected: bool| {
            let (agreed, shown, _) = ask(true, answers, false);
            assert_eq!(agreed.expect("asked"), expected, "{answers:?}");
            assert_eq!(shown, "delete these 2 indices? [y/N] ", "{answers:?}");
        };
        for yes in ["y\n", "Y\n", "yes\n", " y \r\n", "y"] {
            check(yes, true);
        }
        // The last but one: Ctrl-D, the end of the input. The last: only one line counts.
        for no in ["n\n", "no\n", "\n", "yesterday\n", "ye\n", "1\n", "--yes\n", "\0\n", "", "\ny\n"] {
            check(no, false);
        }
    }

    #[test]
    fn where_nobody_can_answer_nothing_is_asked_and_nothing_agreed_to() {
        let (agreed, shown, unread) = ask(false, "y\n", true);
        let failure = format!("{:?}", agreed.expect_err("nobody agreed"));
        assert!(
            failure.contains("code: 64") && failure.contains("2 indices") && failure.contains("--yes"),
            "{failure}"
        );
        assert_eq!((shown.as_str(), unread.as_str()), ("", "y\n"));
    }

    #[test]
    fn whoever_is_asked_has_seen_the_plan_also_when_the_report_is_a_document() {
        let (_, shown, _) = ask(true, "n\n", true);
        let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text:?} is not in {shown:?}"));
        assert!(at("pinpoint-2019-04-14") < at("delete these 2"));
        at("unrecognized-2019-04-14");
    }
}
