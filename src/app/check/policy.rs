//! Every permission that a run with these options needs, as text to paste. Pure.

mod iam;
pub mod roles;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use self::iam::{iam, key_arn};
use crate::config::RunOptions;
use crate::opensearch::product::Distribution;

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
            opensearch_role: roles::opensearch(run),
            elasticsearch_role: roles::elasticsearch(run),
            notes: notes.into_iter().collect(),
            product,
        }
    }
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
    use super::*;
    use crate::config::tests::run;

    pub const ARN: &str = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/s";

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
}
