//! What the cluster has to allow: the same role in the words of OpenSearch and of Elasticsearch. Pure.

use serde_json::{Value, json};

use crate::config::{DeadLetterOptions, RunOptions, StateOptions};
use crate::upkeep::names::pattern;

/// Adds fields to an index that is there.
pub const ADD_FIELDS: &str = "indices:admin/mapping/put";

/// What a group of indices holds: each needs other rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Events, which are written and never read but by the page.
    Events,
    /// Dead letters, which are read and removed when somebody mends them.
    Letters,
    /// Positions, which a run reads and writes.
    Positions,
    /// Throw-away indices of checks.
    Trial,
}

/// Rights on some indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What these hold.
    pub of: Of,
    /// Patterns of their names.
    pub names: Vec<String>,
    /// In the words of the cluster.
    pub rights: Vec<&'static str>,
}

/// Which words a role is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    OpenSearch,
    Elasticsearch,
}

/// Whether the live page asks the cluster: its Events tab searches what a run has written. A run works without that.
pub fn searches(run: &RunOptions) -> bool {
    run.http.listen.is_some()
}

/// Every group of indices that a run with these options touches, with its names.
pub fn places(run: &RunOptions) -> Vec<(Of, Vec<String>)> {
    let events = run.names.families.iter().map(|(_, prefix)| pattern(prefix)).collect();
    let mut places = vec![(Of::Events, events)];
    if run.dead_letters == DeadLetterOptions::Index {
        places.push((Of::Letters, vec![pattern(&run.names.dead_letter_prefix)]));
    }
    if let StateOptions::Index(index) = &run.state {
        places.push((Of::Positions, vec![index.clone()]));
    }
    places.push((Of::Trial, vec!["essink-check-*".to_owned()]));
    places
}

/// The same with the privileges of Elasticsearch.
pub fn elasticsearch_groups(run: &RunOptions) -> Vec<Group> {
    groups(run, Words::Elasticsearch)
}

/// What a role of Elasticsearch allows on the cluster.
pub fn elasticsearch_cluster(run: &RunOptions) -> Vec<&'static str> {
    let templates = run.templates.is_some().then_some("manage_index_templates");
    ["monitor"].into_iter().chain(templates).collect()
}

fn groups(run: &RunOptions, words: Words) -> Vec<Group> {
    let group = |(of, names)| Group { of, names, rights: rights(run, of, words) };
    places(run).into_iter().map(group).collect()
}

fn rights(run: &RunOptions, of: Of, words: Words) -> Vec<&'static str> {
    let (adds, reads) = (of == Of::Events && run.templates.is_some(), of == Of::Events && searches(run));
    // Right by right: whether it is needed, what OpenSearch calls it, and what Elasticsearch does. `auto_configure` makes
    // an index by its first document, and `create_doc` changes no document that is there.
    let days: [(bool, &[&'static str], &[&'static str]); 7] = [
        (of == Of::Events, &["create_index", "write"], &["auto_configure", "create_doc"]),
        (of == Of::Letters, &["create_index", "write"], &["auto_configure", "write"]),
        (of == Of::Letters, &["indices:data/read/*", "indices:admin/refresh*"], &["read", "maintenance"]),
        (
            true,
            &[
                "indices:admin/mappings/get",
                "indices:admin/aliases/get",
                "indices:monitor/settings/get",
                "indices:monitor/stats",
            ],
            &["view_index_metadata", "monitor"],
        ),
        // The privilege that has it, `manage`, may delete indices too.
        (adds, &[ADD_FIELDS], &[ADD_FIELDS]),
        (reads, &["indices:data/read/search*"], &["read"]),
        (run.retention.is_some(), &["indices:admin/delete"], &["delete_index"]),
    ];
    let chosen = |rows: &[(bool, &'static [&'static str], &'static [&'static str])]| {
        let chosen = rows.iter().filter(|(needed, ..)| *needed);
        chosen.flat_map(|(_, os, es)| if words == Words::OpenSearch { *os } else { *es }).copied().collect()
    };
    match of {
        Of::Events | Of::Letters => chosen(&days),
        Of::Positions => chosen(&[(
            true,
            &["create_index", "crud", "indices:admin/refresh*", "indices:admin/mappings/get"],
            &["create_index", "read", "write", "maintenance", "view_index_metadata"],
        )]),
        Of::Trial => chosen(&[(
            true,
            // Monitoring shows what a check that was killed has left.
            &["create_index", "write", "indices:admin/delete", "indices:monitor/settings/get", "indices:monitor/stats"],
            &["create_index", "create_doc", "delete_index", "monitor", "view_index_metadata"],
        )]),
    }
}

/// The body of a role for OpenSearch's security plugin.
pub fn opensearch(run: &RunOptions) -> Value {
    let mut cluster = vec![
        "cluster:monitor/main",
        "cluster:monitor/health",
        "cluster:monitor/state",
        // How full the disks are.
        "cluster:monitor/nodes/stats",
        "indices:data/write/bulk",
    ];
    if run.templates.is_some() {
        cluster.extend([
            "indices:admin/index_template/*",
            "cluster:admin/component_template/*",
            "indices:admin/template/get",
        ]);
    }
    let of = |group: Group| json!({"index_patterns": group.names, "allowed_actions": group.rights});
    let indices: Vec<Value> = groups(run, Words::OpenSearch).into_iter().map(of).collect();
    json!({"cluster_permissions": cluster, "index_permissions": indices})
}

/// The same for Elasticsearch.
pub fn elasticsearch(run: &RunOptions) -> Value {
    let of = |group: Group| json!({"names": group.names, "privileges": group.rights});
    let indices: Vec<Value> = elasticsearch_groups(run).into_iter().map(of).collect();
    json!({"cluster": elasticsearch_cluster(run), "indices": indices})
}

#[cfg(test)]
mod tests {
    use super::super::tests::ARN;
    use super::super::{Aws, Policies};
    use super::*;
    use crate::config::tests::run;
    use crate::opensearch::product::Distribution;

    #[test]
    fn the_events_tab_may_search_where_there_is_a_page() {
        let may = |args: &str| {
            let policies = Policies::of(&run(args), Aws { arn: ARN, key: None }, None);
            let (os, es) = (&policies.opensearch_role, &policies.elasticsearch_role);
            let has = |list: &Value, right: &str| list.as_array().unwrap().contains(&json!(right));
            [
                has(&os["index_permissions"][0]["allowed_actions"], "indices:data/read/search*"),
                has(&es["indices"][0]["privileges"], "read"),
            ]
        };
        assert_eq!(may(""), [true, true]);
        assert_eq!(may("--http-listen none"), [false, false]);
    }

    #[test]
    fn roles_name_the_configured_indices() {
        let policies = Policies::of(&run("--ses-prefix mail- --keep 3d"), Aws { arn: ARN, key: None }, None);
        for (role, key, actions) in [
            (&policies.opensearch_role["index_permissions"], "index_patterns", "allowed_actions"),
            (&policies.elasticsearch_role["indices"], "names", "privileges"),
        ] {
            let patterns = role[0][key].as_array().unwrap();
            assert!(patterns.contains(&json!("mail-*")) && !patterns.contains(&json!("ses-*")), "{role}");
            assert_eq!(role[1][key], json!(["essink-dead-letters-*"]));
            assert_eq!(role[2][key], json!(["essink-state"]));
            assert!(role[0][actions].to_string().contains("delete"), "it prunes");
            let adds = role[0][actions].as_array().unwrap().contains(&json!("indices:admin/mapping/put"));
            assert!(adds, "it adds to indices of others");
        }
        let lean = run("--no-init-templates --state file:/x --dead-letters dir:/y");
        let lean = Policies::of(&lean, Aws { arn: ARN, key: None }, Some(Distribution::OpenSearch));
        assert_eq!(lean.elasticsearch_role["cluster"], json!(["monitor"]));
        assert!(!lean.elasticsearch_role.to_string().contains("mapping/put"), "only init-templates adds");
        let of_events = lean.opensearch_role["index_permissions"][0]["allowed_actions"].to_string();
        assert!(!of_events.contains("delete"), "it does not prune: {of_events}");
        let role = lean.opensearch_role.to_string();
        assert!(!role.contains("essink-state") && !role.contains("dead-letters"), "{role}");
        let text = lean.to_string();
        assert!(text.contains("_plugins/_security/api/roles") && !text.contains("_security/role/essink"), "{text}");
    }
}
