//! Elasticsearch says which privileges of a list a user has.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{ADD, MEND, SEARCH, Use};
use crate::app::check::finding::{Finding, Tried};
use crate::app::check::policy::roles::{ADD_FIELDS, Group, Of, elasticsearch_cluster, elasticsearch_groups};
use crate::config::RunOptions;

/// What it is asked: the role as the policy has it, without the throw-away indices of checks.
pub struct Asked {
    cluster: Vec<&'static str>,
    groups: Vec<Group>,
    /// Whether a run looks at what indices there are, and needs to.
    looks: bool,
    /// Whether it needs to know how large they are.
    prunes: bool,
    /// Whether the index of positions is there.
    begun: bool,
}

impl Asked {
    /// For a run with these options, where these indices are there.
    pub fn of(run: &RunOptions, existing: &[Arc<str>]) -> Self {
        let mut groups = elasticsearch_groups(run);
        groups.retain(|group| group.of != Of::Trial);
        let prunes = run.retention.is_some();
        let is_there = |group: &Group| existing.iter().any(|there| group.names.iter().any(|name| **name == **there));
        let begun = groups.iter().any(|group| group.of == Of::Positions && is_there(group));
        Self { cluster: elasticsearch_cluster(run), groups, looks: prunes || run.templates.is_some(), prunes, begun }
    }

    /// As `_has_privileges` takes it.
    pub fn body(&self) -> Value {
        let of = |group: &Group| json!({"names": group.names, "privileges": group.rights});
        json!({"cluster": self.cluster, "index": self.groups.iter().map(of).collect::<Vec<_>>()})
    }

    /// One finding a privilege.
    pub fn told(&self, answer: &Value) -> Vec<Finding> {
        let mut found = Vec::new();
        for privilege in &self.cluster {
            let tried = match answer["cluster"][privilege] == true {
                true => Tried::Granted,
                false => Tried::Denied("missing on the cluster".to_owned()),
            };
            let why = if *privilege == "monitor" { "know the cluster" } else { "install its templates" };
            found.push(Use::Run(why).finding(&format!("cluster privilege {privilege}"), tried));
        }
        for Group { of, names, rights } in &self.groups {
            for privilege in rights {
                let lacks = names.iter().filter(|name| answer["index"][name][privilege] != true);
                let lacks: Vec<&str> = lacks.map(String::as_str).collect();
                let tried = match lacks.is_empty() {
                    true => Tried::Granted,
                    false => Tried::Denied(format!("missing on {}", lacks.join(", "))),
                };
                let name = format!("index privilege {privilege} on {}", names.join(", "));
                found.push(self.used(*of, privilege).finding(&name, tried));
            }
        }
        found
    }

    fn used(&self, of: Of, privilege: &str) -> Use {
        match (of, privilege) {
            (_, ADD_FIELDS) => ADD,
            (Of::Events, "read") => SEARCH,
            (Of::Letters, "read" | "maintenance") => MEND,
            (Of::Positions, "view_index_metadata") => Use::Run("see whether its positions are there"),
            (Of::Positions, "create_index") if self.begun => Use::Beside("a run cannot make that index again"),
            (Of::Positions, "create_index") => Use::Run("make the index of its positions"),
            (Of::Positions, "write") => Use::Run("store positions"),
            (Of::Positions, _) => Use::Run("read positions as they are now"),
            (_, "auto_configure") => Use::Run("make the indices of a day"),
            (_, "delete_index") => Use::Run("prune"),
            (_, "view_index_metadata") if self.looks => Use::Run("read mappings and aliases"),
            (_, "monitor") if self.prunes => Use::Run("see what to prune"),
            (_, "view_index_metadata" | "monitor") => Use::Beside("a run does not see which days are there"),
            (Of::Letters, _) => Use::Run("keep dead letters"),
            _ => Use::Run("write events"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Level;
    use super::*;
    use crate::config::tests::run;

    fn all(asked: &Asked, but: Option<(&str, &str)>) -> Value {
        let mut answer = json!({"cluster": {}, "index": {}});
        for privilege in &asked.cluster {
            answer["cluster"][privilege] = json!(true);
        }
        for (group, right) in asked.groups.iter().flat_map(|g| g.rights.iter().map(move |right| (g, right))) {
            for name in &group.names {
                answer["index"][name][right] = json!(but != Some((name, right)));
            }
        }
        answer
    }

    #[test]
    fn a_privilege_that_is_missing_names_where() {
        let asked = Asked::of(&run("--keep 30d"), &[]);
        assert!(asked.told(&all(&asked, None)).iter().all(|found| found.level == Level::Ok));
        let found = asked.told(&all(&asked, Some(("ses-*", "create_doc"))));
        let missing: Vec<_> = found.iter().filter(|found| found.level != Level::Ok).collect();
        assert_eq!((missing.len(), missing[0].level), (1, Level::Problem));
        assert!(missing[0].what.ends_with("write events: missing on ses-*"), "{missing:#?}");
        let nothing = asked.told(&json!({}));
        assert!(nothing.iter().all(|found| found.level != Level::Ok && found.right), "what is not said is not granted");
    }

    #[test]
    fn without_some_rights_a_run_works_and_something_else_does_not() {
        let level_with = |existing: &[Arc<str>], args: &str, name: &str, right: &str| {
            let asked = Asked::of(&run(args), existing);
            let found = asked.told(&all(&asked, Some((name, right))));
            found.iter().find(|found| found.level != Level::Ok).map(|found| (found.level, found.right))
        };
        let level = |args: &str, name: &str, right: &str| level_with(&[], args, name, right);
        let (warning, problem) = (Some((Level::Warning, true)), Some((Level::Problem, true)));
        let letters = "essink-dead-letters-*";
        assert_eq!(level("", "ses-*", "read"), warning, "the page");
        assert_eq!(level("--http-listen none", "ses-*", "read"), None, "it is not asked for");
        assert_eq!([level("", letters, "read"), level("", letters, "maintenance")], [warning; 2]);
        assert_eq!(level("", letters, "write"), problem);
        assert_eq!(level("", "essink-state", "read"), problem);
        assert_eq!(level("", "essink-state", "create_index"), problem);
        assert_eq!(level_with(&["essink-state".into()], "", "essink-state", "create_index"), warning, "it is there");
        assert_eq!(level("", "ses-*", ADD_FIELDS), warning);
        assert_eq!([level("", "ses-*", "monitor"), level("--keep 3d", "ses-*", "monitor")], [warning, problem]);
        let looks = ["", "--no-init-templates"].map(|args| level(args, "ses-*", "view_index_metadata"));
        assert_eq!(looks, [problem, warning]);
    }
}
