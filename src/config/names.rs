//! Names that other systems bound: indices, streams, groups.

use std::path::PathBuf;

use super::concerns::{ReplayFrom, S3Url, StreamName};

/// Law of OpenSearch and Elasticsearch: an index name has at most 255 bytes.
const INDEX_NAME_BYTES: usize = 255;
/// Leaves room for the day and for what an operator's copy or alias appends.
const PREFIX_BYTES: usize = 200;
/// Law of S3: a key has at most 1,024 bytes; the hour and a name follow the prefix.
const S3_PREFIX_BYTES: usize = 900;
/// Law of Kinesis: a stream name has at most 128 characters.
const STREAM_NAME_BYTES: usize = 128;
/// Law of SNS: a topic name has at most 256 characters.
const TOPIC_BYTES: usize = 256;
/// Law of DynamoDB: a table name has 3 to 255 characters.
const TABLE_BYTES: std::ops::RangeInclusive<usize> = 3..=255;
/// Ours: a group is part of document ids in the state index, which end at 512 bytes.
const GROUP_BYTES: usize = 64;

/// What the names of a family's daily indices begin with.
pub fn index_prefix(text: &str) -> Result<String, String> {
    index_like(text, PREFIX_BYTES)
}

/// The whole name of one index.
pub fn index_name(text: &str) -> Result<String, String> {
    index_like(text, INDEX_NAME_BYTES)
}

/// The name of one index, or how the names of several begin and a star.
pub fn index_pattern(text: &str) -> Result<String, String> {
    index_like(text.strip_suffix('*').unwrap_or(text), INDEX_NAME_BYTES).map(|_| text.to_owned())
}

/// Narrower than what servers take (no leading dot, ASCII only): such names work everywhere.
fn index_like(text: &str, most: usize) -> Result<String, String> {
    const FORM: &str = "begin with a letter or a digit and use only a-z, 0-9, '-', '_' and '.'";
    if text.is_empty() {
        return Err(format!("is empty; {FORM}"));
    }
    if text.len() > most {
        return Err(format!("is longer than {most} bytes"));
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(format!("has capital letters, which an index name cannot have; {FORM}"));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Err(format!("does not begin like an index name; {FORM}"));
    }
    if let Some(bad) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(*c))) {
        return Err(format!("holds {bad:?}, which an index name cannot have; {FORM}"));
    }
    Ok(text.to_owned())
}

/// A stream by its name, or by its ARN `arn:aws:kinesis:REGION:ACCOUNT:stream/NAME`.
pub fn stream(text: &str) -> Result<StreamName, String> {
    if !text.starts_with("arn:") {
        return Ok(StreamName { name: plain(text, STREAM_NAME_BYTES)?, arn: None, region: None });
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        [_, partition, "kinesis", region, account, resource]
            if !partition.is_empty()
                && !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit()) =>
        {
            let name = resource.strip_prefix("stream/").ok_or("is the ARN of something else than a stream")?;
            Ok(StreamName {
                name: plain(name, STREAM_NAME_BYTES)?,
                arn: Some(text.to_owned()),
                region: Some((*region).to_owned()),
            })
        }
        _ => Err("is not the ARN of a stream; write arn:aws:kinesis:REGION:ACCOUNT:stream/NAME".to_owned()),
    }
}

/// An SNS topic: `arn:aws:sns:REGION:ACCOUNT:NAME`.
pub fn topic(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "sns", region, account, name]
            if partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && plain(name, TOPIC_BYTES).is_ok() =>
        {
            Ok(text.to_owned())
        }
        _ => Err("is not the ARN of a topic; write arn:aws:sns:REGION:ACCOUNT:NAME".to_owned()),
    }
}

/// The name under which positions are kept.
pub fn group(text: &str) -> Result<String, String> {
    plain(text, GROUP_BYTES)
}

/// A DynamoDB table.
pub fn table(text: &str) -> Result<String, String> {
    if !TABLE_BYTES.contains(&text.len()) {
        return Err(format!(
            "has {} characters; {} to {} are allowed",
            text.len(),
            TABLE_BYTES.start(),
            TABLE_BYTES.end()
        ));
    }
    plain(text, *TABLE_BYTES.end())
}

/// A place in a bucket: `s3://BUCKET` or `s3://BUCKET/PREFIX`. A slash at its end is not part of the prefix.
pub fn s3_url(text: &str) -> Result<S3Url, String> {
    const FORM: &str = "write it as s3://BUCKET/PREFIX";
    let rest = text.strip_prefix("s3://").ok_or_else(|| format!("does not begin with s3://; {FORM}"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(legal) {
        return Err(format!("names no bucket (3 to 63 of a-z, 0-9, '-' and '.'); {FORM}"));
    }
    if prefix.len() > S3_PREFIX_BYTES || prefix.chars().any(char::is_control) {
        return Err(format!("has a prefix with control characters, or one of more than {S3_PREFIX_BYTES} bytes"));
    }
    Ok(S3Url { bucket: bucket.to_owned(), prefix: prefix.trim_end_matches('/').to_owned() })
}

/// Where a replay reads: a bucket, or a path of this machine.
pub fn replay_from(text: &str) -> Result<ReplayFrom, String> {
    match text {
        "" => Err("is empty; name a file, a directory or s3://BUCKET/PREFIX".to_owned()),
        _ if text.starts_with("s3://") => s3_url(text).map(ReplayFrom::S3),
        _ if text.contains("://") => Err("is neither a path nor s3://BUCKET/PREFIX".to_owned()),
        _ => Ok(ReplayFrom::Path(PathBuf::from(text))),
    }
}

/// Letters, digits, `-`, `_` and `.`: the alphabet of Kinesis names, and safe in ids and file names.
pub fn plain(text: &str, most: usize) -> Result<String, String> {
    if text.is_empty() || text.len() > most {
        return Err(format!("has {} characters; 1 to {most} are allowed", text.chars().count()));
    }
    if let Some(bad) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        return Err(format!("holds {bad:?}; use only letters, digits, '-', '_' and '.'"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_prefixes() {
        let long = "a".repeat(201);
        let cases = [
            ("pinpoint-", ""),
            ("eu.app_1-", ""),
            ("9lives-", ""),
            ("", "is empty"),
            ("Pinpoint-", "capital"),
            ("_pinpoint-", "does not begin"),
            ("-pinpoint-", "does not begin"),
            ("+pinpoint-", "does not begin"),
            (".pinpoint-", "does not begin"),
            ("pin*", "'*'"),
            ("pin,point-", "','"),
            ("pin point-", "' '"),
            ("pin/point-", "'/'"),
            ("pinpöint-", "'ö'"),
            (&long, "longer than 200"),
        ];
        for (text, refusal) in cases {
            match index_prefix(text) {
                Ok(value) => assert!(refusal.is_empty() && value == text, "{text} was taken"),
                Err(why) => assert!(!refusal.is_empty() && why.contains(refusal), "{text}: {why}"),
            }
        }
        assert_eq!(index_name(&long).as_deref(), Ok(long.as_str()));
        assert!(index_name(&"a".repeat(256)).is_err());
    }

    #[test]
    fn streams() {
        let named = |name: &str| StreamName { name: name.to_owned(), arn: None, region: None };
        assert_eq!(stream("clicks_2.prod-eu"), Ok(named("clicks_2.prod-eu")));
        let arn = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/clicks";
        let found = stream(arn).unwrap();
        assert_eq!((found.name.as_str(), found.arn.as_deref()), ("clicks", Some(arn)));
        assert_eq!(found.region.as_deref(), Some("cn-north-1"));
        for bad in [
            "",
            "two words",
            "a/b",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/",
            "arn:aws:kinesis:eu-west-1:1234:stream/x",
            "arn:aws:kinesis:eu-west-1:123456789012:table/x",
            "arn:aws:sqs:eu-west-1:123456789012:stream/x",
            "arn:aws:kinesis",
            &"x".repeat(129),
        ] {
            assert!(stream(bad).is_err(), "{bad} was taken");
        }
    }
}
