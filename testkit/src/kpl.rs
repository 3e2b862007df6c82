//! Records as the Kinesis Producer Library aggregates them: magic, protobuf, MD5 of the protobuf.
//! <https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md>

use md5::{Digest as _, Md5};
use prost::Message as _;

/// The four bytes an aggregate begins with.
pub const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];

/// One user record to pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Partition key; equal keys share one place in the key table.
    pub partition_key: String,
    /// Decimal hash key that overrides the partition key's, when the producer gave one.
    pub explicit_hash_key: Option<String>,
    /// The producer's bytes.
    pub data: Vec<u8>,
}

impl UserRecord {
    /// Without an explicit hash key.
    pub fn new(partition_key: &str, data: impl Into<Vec<u8>>) -> Self {
        Self { partition_key: partition_key.into(), explicit_hash_key: None, data: data.into() }
    }
}

/// Ways in which an aggregate can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// One bit of the MD5 is wrong.
    Md5,
    /// The record ends in the middle of the protobuf (and with that its MD5 is wrong).
    Truncated,
    /// Only the magic.
    MagicOnly,
    /// The MD5 is right, what it covers is no protobuf.
    NotProtobuf,
    /// The MD5 is right, a record points behind the key table.
    KeyIndex,
    /// The MD5 is right, a record points behind the explicit hash key table.
    HashKeyIndex,
}

impl Break {
    /// All of them, for tests that go through the list.
    pub const ALL: [Self; 6] =
        [Self::Md5, Self::Truncated, Self::MagicOnly, Self::NotProtobuf, Self::KeyIndex, Self::HashKeyIndex];
}

/// The data of one Kinesis record that holds `records`.
pub fn aggregate(records: &[UserRecord]) -> Vec<u8> {
    frame(&tables(records).encode_to_vec())
}

/// As [`aggregate`], broken in one way.
pub fn broken(records: &[UserRecord], how: Break) -> Vec<u8> {
    let mut message = tables(records);
    match how {
        Break::Md5 => {
            let mut data = aggregate(records);
            if let Some(last) = data.last_mut() {
                *last ^= 1;
            }
            data
        }
        Break::Truncated => {
            let mut data = aggregate(records);
            data.truncate(MAGIC.len() + message.encoded_len() / 2);
            data
        }
        Break::MagicOnly => MAGIC.to_vec(),
        // Field 1 with wire type 7, which does not exist.
        Break::NotProtobuf => frame(&[0x0F, 0xFF, 0xFF]),
        Break::KeyIndex => {
            let behind = message.partition_keys.len() as u64;
            message.records.push(Packed { partition_key: behind, explicit_hash_key: None, data: b"{}".to_vec() });
            frame(&message.encode_to_vec())
        }
        Break::HashKeyIndex => {
            let behind = Some(message.explicit_hash_keys.len() as u64);
            message.partition_keys.push("key".into());
            let partition_key = message.partition_keys.len() as u64 - 1;
            message.records.push(Packed { partition_key, explicit_hash_key: behind, data: b"{}".to_vec() });
            frame(&message.encode_to_vec())
        }
    }
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    data.extend_from_slice(message);
    data.extend_from_slice(&Md5::digest(message));
    data
}

fn tables(records: &[UserRecord]) -> Aggregate {
    let mut message = Aggregate::default();
    for record in records {
        let partition_key = place(&mut message.partition_keys, &record.partition_key);
        let explicit_hash_key =
            record.explicit_hash_key.as_ref().map(|key| place(&mut message.explicit_hash_keys, key));
        message.records.push(Packed { partition_key, explicit_hash_key, data: record.data.clone() });
    }
    message
}

/// The index of `key` in the table, which it joins if it is new.
fn place(table: &mut Vec<String>, key: &str) -> u64 {
    let at = table.iter().position(|known| known == key).unwrap_or_else(|| {
        table.push(key.to_owned());
        table.len() - 1
    });
    at as u64
}

#[derive(Clone, PartialEq, prost::Message)]
struct Aggregate {
    #[prost(string, repeated, tag = "1")]
    partition_keys: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    explicit_hash_keys: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<Packed>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Packed {
    // Required in proto2, so also written when it is 0.
    #[prost(uint64, required, tag = "1")]
    partition_key: u64,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key: Option<u64>,
    #[prost(bytes = "vec", required, tag = "3")]
    data: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes worked out by hand from the format's page: the encoder must not be its own witness.
    #[test]
    fn an_aggregate_is_what_the_format_says() {
        let records = [
            UserRecord::new("a", "x"),
            UserRecord::new("b", "y"),
            UserRecord { partition_key: "a".into(), explicit_hash_key: Some("7".into()), data: b"z".to_vec() },
        ];
        let mut message = vec![0x0A, 1, b'a', 0x0A, 1, b'b']; // field 1, twice
        message.extend([0x12, 1, b'7']); // field 2
        message.extend([0x1A, 5, 0x08, 0, 0x1A, 1, b'x']);
        message.extend([0x1A, 5, 0x08, 1, 0x1A, 1, b'y']);
        message.extend([0x1A, 7, 0x08, 0, 0x10, 0, 0x1A, 1, b'z']);
        let data = aggregate(&records);
        assert_eq!(&data[..4], MAGIC);
        assert_eq!(&data[4..data.len() - 16], message);
        assert_eq!(data[data.len() - 16..], Md5::digest(&message)[..]);
    }

    #[test]
    fn every_break_differs_from_the_whole_and_only_some_have_a_wrong_md5() {
        let records = [UserRecord::new("a", "x"), UserRecord::new("b", "y")];
        let check = |how: Break, md5_is_right: bool| {
            let data = broken(&records, how);
            assert_ne!(data, aggregate(&records), "{how:?}");
            assert_eq!(&data[..4], MAGIC, "{how:?}");
            let right = data.len() >= 20 && Md5::digest(&data[4..data.len() - 16])[..] == data[data.len() - 16..];
            assert_eq!(right, md5_is_right, "{how:?}");
        };
        for how in Break::ALL {
            check(how, matches!(how, Break::NotProtobuf | Break::KeyIndex | Break::HashKeyIndex));
        }
    }
}
