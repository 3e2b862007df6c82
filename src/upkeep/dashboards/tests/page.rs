//! `docs/dashboards.md` says of each panel what its definition says.

use std::fmt::Write;

use super::*;
use crate::panel::{By, What};

const PAGE: &str = "docs/dashboards.md";
const BEGIN: &str = "<!-- made by `WRITE_PAGES=1 cargo test --lib dashboards`: begin -->\n";
const END: &str = "<!-- end -->\n";

/// How a number is made, in words.
fn counted(panel: &Panel) -> String {
    let of = |what: &What| match what {
        What::Count {} => "documents".to_owned(),
        What::Distinct { field } => format!("distinct `{field}`"),
        What::Sum { field } => format!("sum of `{field}`"),
        What::Max { field } => format!("greatest `{field}`"),
        What::Money { field, once, conversation, .. } => match conversation {
            Some(conversation) => format!("`{field}` once a `{once}`, or once a `{conversation}`"),
            None => format!("`{field}` once a `{once}`"),
        },
        What::Rate { distinct, .. } => format!("rate of distinct `{distinct}`"),
        What::Per { distinct, each, .. } => format!("distinct `{distinct}` for each `{each}`"),
        What::Between { from, to, .. } => format!("mean time from `{from}` to `{to}`"),
    };
    let mut measures: Vec<_> = panel.measures.iter().map(|measure| of(&measure.what)).collect();
    measures.dedup();
    let by = |by: &By| match by {
        By::Terms { field, size, .. } => format!("`{field}` ({size})"),
        By::Steps { steps } => {
            format!("steps {}", steps.iter().map(|step| step.label.as_str()).collect::<Vec<_>>().join(", "))
        }
        By::Time { each, .. } => format!("{each:?}").to_lowercase(),
    };
    let splits: Vec<_> = panel.splits.iter().map(|split| by(&split.by)).collect();
    let mut text = if measures.is_empty() { "the documents".to_owned() } else { measures.join("; ") };
    if !splits.is_empty() {
        write!(text, "; by {}", splits.join(", ")).unwrap();
    }
    text
}

fn made() -> String {
    let mut page = String::from(BEGIN);
    for dashboard in crate::panel::dashboards() {
        let picture = format!("![{}](pictures/{}.png)", dashboard.title, dashboard.id);
        writeln!(page, "\n## {}\n\n{}\n\n{picture}\n", dashboard.title, dashboard.about).unwrap();
        page.push_str("| panel | what it answers | in | how it is counted | what it must not be used for |\n|---|---|---|---|---|\n");
        for panel in &dashboard.panels {
            let cells = [&panel.title, &panel.question, &panel.unit, &counted(panel), &panel.caveat];
            writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")).unwrap();
        }
    }
    page.push('\n');
    page.push_str(END);
    page
}

#[test]
fn the_page_of_dashboards_is_what_the_definitions_say() {
    testkit::made::holds(PAGE, BEGIN, END, &made(), "WRITE_PAGES=1 cargo test --lib dashboards");
}

/// A panel that does not say what it must not be used for is not done.
#[test]
fn every_panel_says_what_a_reader_must_know() {
    for (dashboard, panel, _) in panels() {
        let place = format!("{}/{}", dashboard.id, panel.id);
        assert!(panel.question.ends_with('?'), "{place}: {}", panel.question);
        // Each stands alone under a visualization, where nothing is above it.
        assert!(
            panel.caveat.ends_with('.') && !panel.caveat.contains("s above.") && panel.caveat.len() > 20,
            "{place}"
        );
        assert!(!panel.title.is_empty() && !panel.unit.is_empty(), "{place}");
        assert!(panel.id != "about", "{place}: that is what the numbers mean");
        // What lies left of the chosen time is in every share of what was sent, and nobody sees it. What an app says
        // happened when it says so.
        let of_sent = panel.splits.iter().any(|split| matches!(&split.by, By::Steps { .. }))
            || panel.measures.iter().any(|m| matches!(&m.what, What::Rate { distinct, .. } if distinct == "msg.id"));
        let edge = "A message sent before the chosen time counts by what happened in it.";
        assert_eq!(panel.caveat.contains(edge), of_sent, "{place}: {}", panel.caveat);
    }
}
