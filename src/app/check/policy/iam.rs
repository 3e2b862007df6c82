//! What AWS has to allow: the policy of a run's role or user. Pure.

use serde_json::{Value, json};

use super::Aws;
use crate::config::{Auth, DeadLetterOptions, RunOptions, StateOptions};

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:` as the stream's ARN has them.
fn beside(arn: &str, service: &str) -> String {
    let parts: Vec<&str> = arn.split(':').collect();
    let part = |at: usize, unknown| parts.get(at).copied().filter(|part| !part.is_empty()).unwrap_or(unknown);
    format!("arn:{}:{service}:{}:{}:", part(1, "aws"), part(3, "REGION"), part(4, "ACCOUNT"))
}

/// The ARN of a key, as a policy has to name it; none of an alias, which tells no key.
pub fn key_arn(stream: &str, key: &str) -> Option<String> {
    let resource = if key.starts_with("arn:") { key.splitn(6, ':').nth(5).unwrap_or_default() } else { key };
    match (resource.starts_with("alias/"), key.starts_with("arn:")) {
        (true, _) => None,
        (false, true) => Some(key.to_owned()),
        (false, false) => Some(format!("{}key/{}", beside(stream, "kms"), key.trim_start_matches("key/"))),
    }
}

/// One statement a place.
pub fn iam(run: &RunOptions, Aws { arn, key }: Aws<'_>) -> Value {
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

#[cfg(test)]
mod tests {
    use super::super::tests::ARN;
    use super::*;
    use crate::config::tests::run;

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
}
