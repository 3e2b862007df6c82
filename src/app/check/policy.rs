//! Every permission that a run with these options needs, as text to paste. Pure.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::{Auth, DeadLetterOptions, RunOptions, StateOptions};
use crate::opensearch::product::Distribution;
use crate::upkeep::names::pattern;

/// Adds fields to an index that is there.
pub const ADD_FIELDS: &str = "indices:admin/mapping/put";

/// What AWS and the cluster are told.
#[derive(Debug, Default, Serialize)]
pub struct Policies {
    /// For the AWS role or user.
    pub iam: Value,
    /// The body of a role, for the security plugin of OpenSearch.
    pub opensearch_role: Value,
    /// The same for Elasticsearch.
    pub elasticsearch_role: Value,
    /// What has to be filled in by hand, and why.
    pub notes: Vec<String>,
    /// Which of the two the cluster that answers takes; both are shown when none does.
    #[serde(skip)]
    pub product: Option<Distribution>,
}

/// What the policy of AWS is about.
#[derive(Debug, Clone, Copy)]
pub struct Aws<'a> {
    /// The stream.
    pub arn: &'a str,
    /// The key that encrypts it, when that is not AWS's own.
    pub key: Option<&'a str>,
}

impl Policies {
    /// For a run with these options. The indices of checks are there too, so that a check can try documents.
    pub fn of(run: &RunOptions, aws: Aws<'_>, product: Option<Distribution>) -> Self {
        let notes = aws.key.filter(|key| key_arn(aws.arn, key).is_none()).map(|key| {
            format!("KEY-ID stands for the id of the key behind {key}: a policy that names an alias grants nothing (aws kms describe-key --key-id {key})")
        });
        Self {
            iam: iam(run, aws),
            opensearch_role: opensearch(run),
            elasticsearch_role: elasticsearch(run),
            notes: notes.into_iter().collect(),
            product,
        }
    }
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:` as the stream's ARN has them.
fn beside(arn: &str, service: &str) -> String {
    let parts: Vec<&str> = arn.split(':').collect();
    let part = |at: usize, unknown| parts.get(at).copied().filter(|part| !part.is_empty()).unwrap_or(unknown);
    format!("arn:{}:{service}:{}:{}:", part(1, "aws"), part(3, "REGION"), part(4, "ACCOUNT"))
}

/// The ARN of a key, as a policy has to name it; none of an alias, which tells no key.
fn key_arn(stream: &str, key: &str) -> Option<String> {
    let resource = if key.starts_with("arn:") { key.splitn(6, ':').nth(5).unwrap_or_default() } else { key };
    match (resource.starts_with("alias/"), key.starts_with("arn:")) {
        (true, _) => None,
        (false, true) => Some(key.to_owned()),
        (false, false) => Some(format!("{}key/{}", beside(stream, "kms"), key.trim_start_matches("key/"))),
    }
}

fn iam(run: &RunOptions, Aws { arn, key }: Aws<'_>) -> Value {
    let allow = |actions: &[&str], resource: Value| json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let reading = ["DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"];
    let reading = reading.map(|action| format!("kinesis:{action}"));
    let mut statements = vec![allow(&reading.each_ref().map(String::as_str), json!(arn))];
    if let Some(key) = key {
        let key = key_arn(arn, key).unwrap_or_else(|| format!("{}key/KEY-ID", beside(arn, "kms")));
        statements.push(allow(&["kms:Decrypt"], json!(key)));
    }
    if let StateOptions::Table(table) = &run.state {
        let actions = ["DescribeTable", "CreateTable", "Scan", "PutItem", "UpdateItem", "DeleteItem"];
        let actions = actions.map(|action| format!("dynamodb:{action}"));
        let table = format!("{}table/{}", beside(arn, "dynamodb"), table.name);
        statements.push(allow(&actions.each_ref().map(String::as_str), json!(table)));
    }
    if let DeadLetterOptions::S3(options) = &run.dead_letters {
        let partition = arn.split(':').nth(1).unwrap_or("aws");
        let bucket = format!("arn:{partition}:s3:::{}", options.url.bucket);
        let within = if options.url.prefix.is_empty() { String::new() } else { format!("{}/", options.url.prefix) };
        statements.push(allow(&["s3:ListBucket"], json!(bucket)));
        statements.push(allow(&["s3:PutObject"], json!(format!("{bucket}/{within}*"))));
    }
    match &run.cluster.auth {
        Auth::SigV4 { service: "aoss", .. } => {
            statements.push(allow(&["aoss:APIAccessAll"], json!(format!("{}collection/*", beside(arn, "aoss")))));
        }
        Auth::SigV4 { .. } => {
            let calls = ["es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut", "es:ESHttpDelete"];
            statements.push(allow(&calls, json!(format!("{}domain/DOMAIN/*", beside(arn, "es")))));
        }
        _ => {}
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Patterns of the indices that a run writes events and letters to.
pub fn written(run: &RunOptions) -> Vec<String> {
    let mut patterns: Vec<String> = run.names.families.iter().map(|(_, prefix)| pattern(prefix)).collect();
    if run.dead_letters == DeadLetterOptions::Index {
        patterns.push(pattern(&run.names.dead_letter_prefix));
    }
    patterns
}

/// Whether the live page asks the cluster: its Events tab searches what a run has written. A run works without that.
pub fn searches(run: &RunOptions) -> bool {
    run.http.listen.is_some()
}

/// The index of positions, when they are in the cluster.
pub fn state_index(run: &RunOptions) -> Option<&str> {
    match &run.state {
        StateOptions::Index(index) => Some(index),
        _ => None,
    }
}

fn opensearch(run: &RunOptions) -> Value {
    let mut cluster =
        vec!["cluster:monitor/main", "cluster:monitor/health", "cluster:monitor/state", "indices:data/write/bulk"];
    if run.templates.is_some() {
        cluster.extend([
            "indices:admin/index_template/*",
            "cluster:admin/component_template/*",
            "indices:admin/template/get",
        ]);
    }
    let mut actions = vec![
        "create_index",
        "write",
        ADD_FIELDS,
        "indices:admin/mappings/get",
        "indices:admin/aliases/get",
        "indices:monitor/settings/get",
        "indices:monitor/stats",
    ];
    if searches(run) {
        actions.push("indices:data/read/search*");
    }
    if run.retention.is_some() {
        actions.push("indices:admin/delete");
    }
    let on =
        |patterns: Vec<String>, actions: Vec<&str>| json!({"index_patterns": patterns, "allowed_actions": actions});
    let mut indices = vec![on(written(run), actions)];
    if let Some(index) = state_index(run) {
        let actions = vec!["create_index", "crud", "indices:admin/refresh*", "indices:admin/mappings/get"];
        indices.push(on(vec![index.to_owned()], actions));
    }
    indices.push(on(vec!["essink-check-*".to_owned()], vec!["create_index", "write", "indices:admin/delete"]));
    json!({"cluster_permissions": cluster, "index_permissions": indices})
}

fn elasticsearch(run: &RunOptions) -> Value {
    let mut cluster = vec!["monitor"];
    if run.templates.is_some() {
        cluster.push("manage_index_templates");
    }
    let mut privileges = vec!["auto_configure", "create_index", "create_doc", "view_index_metadata", "monitor"];
    if run.templates.is_some() {
        // The privilege that has it, `manage`, may delete indices too.
        privileges.push(ADD_FIELDS);
    }
    if searches(run) {
        privileges.push("read");
    }
    if run.retention.is_some() {
        privileges.push("delete_index");
    }
    let on = |names: Vec<String>, privileges: Vec<&str>| json!({"names": names, "privileges": privileges});
    let mut indices = vec![on(written(run), privileges)];
    if let Some(index) = state_index(run) {
        let privileges = vec!["create_index", "read", "write", "maintenance", "view_index_metadata"];
        indices.push(on(vec![index.to_owned()], privileges));
    }
    indices.push(on(vec!["essink-check-*".to_owned()], vec!["create_index", "create_doc", "delete_index"]));
    json!({"cluster": cluster, "indices": indices})
}

impl fmt::Display for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut show = |title: &str, policy: &Value| writeln!(f, "\n{title}:\n{policy:#}");
        show("IAM policy of the AWS role", &self.iam)?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let mut show = |title: &str, policy: &Value| writeln!(f, "\n{title}:\n{policy:#}");
        if self.product != Some(Distribution::Elasticsearch) {
            show(
                "role for OpenSearch's security plugin (PUT _plugins/_security/api/roles/essink)",
                &self.opensearch_role,
            )?;
        }
        if self.product != Some(Distribution::OpenSearch) {
            show("role for Elasticsearch (PUT _security/role/essink)", &self.elasticsearch_role)?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::config::{self, Command, Loaded};

    /// The options of `essink run` with these arguments.
    pub fn run(args: &str) -> RunOptions {
        let words =
            ["essink", "run", "--stream", "s"].into_iter().chain(args.split(' ').filter(|word| !word.is_empty()));
        let loaded =
            config::load(words.map(OsString::from), std::iter::empty(), &|_| Err(std::io::Error::other("none")));
        match loaded.unwrap() {
            Loaded::Invocation(invocation) => match invocation.command {
                Command::Run(run) => *run,
                other => panic!("{other:?}"),
            },
            Loaded::Text { text, .. } => panic!("{text}"),
        }
    }

    const ARN: &str = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/s";

    #[test]
    fn the_policy_of_aws_names_each_place_and_nothing_more() {
        let iam = |args: &str, key| iam(&run(args), Aws { arn: ARN, key });
        let plain = iam("", None);
        assert_eq!(plain["Statement"].as_array().map(Vec::len), Some(1));
        assert_eq!(plain["Statement"][0]["Resource"], ARN);
        let reading =
            ["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"];
        assert_eq!(plain["Statement"][0]["Action"], json!(reading));
        let full =
            iam("--state dynamodb:leases --dead-letters s3://bucket/a/b --opensearch-auth sigv4-es", Some("k-1"));
        let resources: Vec<&Value> = full["Statement"].as_array().unwrap().iter().map(|one| &one["Resource"]).collect();
        let expected = [
            ARN,
            "arn:aws-cn:kms:cn-north-1:123456789012:key/k-1",
            "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/leases",
            "arn:aws-cn:s3:::bucket",
            "arn:aws-cn:s3:::bucket/a/b/*",
            "arn:aws-cn:es:cn-north-1:123456789012:domain/DOMAIN/*",
        ];
        assert_eq!(resources, expected.map(Value::from).iter().collect::<Vec<_>>());
    }

    #[test]
    fn the_key_of_a_stream_is_named_as_a_policy_has_to_name_it() {
        let of = |key| Policies::of(&run(""), Aws { arn: ARN, key: Some(key) }, None);
        let key = "arn:aws-cn:kms:cn-north-1:123456789012:key/k-1";
        for given in ["k-1", "key/k-1", key] {
            let policies = of(given);
            assert_eq!(policies.iam["Statement"][1]["Resource"], key, "{given}");
            assert_eq!(policies.notes, [""; 0]);
        }
        // kms:Decrypt on the ARN of an alias is granted to nobody.
        for alias in ["alias/mine", "arn:aws-cn:kms:cn-north-1:123456789012:alias/mine"] {
            let policies = of(alias);
            let resource = &policies.iam["Statement"][1]["Resource"];
            assert_eq!(resource, "arn:aws-cn:kms:cn-north-1:123456789012:key/KEY-ID");
            let text = policies.to_string();
            assert!(text.contains("KEY-ID stands for") && text.contains(&format!("behind {alias}:")), "{text}");
        }
    }

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
            assert!(patterns.contains(&json!("essink-dead-letters-*")), "{role}");
            assert_eq!(role[1][key], json!(["essink-state"]));
            assert!(role[0][actions].to_string().contains("delete"), "it prunes");
            let adds = role[0][actions].as_array().unwrap().contains(&json!("indices:admin/mapping/put"));
            assert!(adds, "it adds to indices of others");
        }
        let lean = run("--no-init-templates --state file:/x --dead-letters dir:/y");
        let lean = Policies::of(&lean, Aws { arn: ARN, key: None }, Some(Distribution::OpenSearch));
        assert_eq!(lean.elasticsearch_role["cluster"], json!(["monitor"]));
        assert!(!lean.elasticsearch_role.to_string().contains("mapping/put"), "only init-templates adds");
        let role = lean.opensearch_role.to_string();
        assert!(
            !role.contains("delete\",\"") && !role.contains("essink-state") && !role.contains("dead-letters"),
            "{role}"
        );
        let text = lean.to_string();
        assert!(text.contains("_plugins/_security/api/roles") && !text.contains("_security/role/essink"), "{text}");
    }
}
