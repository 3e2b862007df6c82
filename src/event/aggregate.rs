//! Opens what the Kinesis Producer Library packed: many user records in one Kinesis record.
//!
//! The frame is four magic bytes, a protobuf message `AggregatedRecord` and the MD5 of the message.
//! Its format is described in `aggregation-format.md` of `awslabs/amazon-kinesis-producer`.

#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes};
use md5::{Digest, Md5};
use prost::Message;

/// How an aggregate begins. No UTF-8 text does, so no event in JSON is taken for one.
pub const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
/// The MD5 of the message, at the end.
pub const DIGEST_LEN: usize = 16;
/// User records in one aggregate. The library packs at most a megabyte, so this is beyond what it makes.
pub const MOST_RECORDS: usize = 50_000;

/// What the data of a Kinesis record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aggregate {
    /// Not an aggregate: the data is what the producer put.
    Plain,
    /// The user records in their order; their place is the sub-sequence number.
    ///
    /// After a reshard a producer may send an aggregate to a shard that no longer owns all of its hash
    /// keys. The KCL drops the user records that lie outside the shard and trusts that the producer sends
    /// them again. Here they are kept: ids come from an event's bytes, so a second copy is the same document.
    ///
    /// A user record that begins like an aggregate is left closed: the library never nests.
    Records(Vec<Bytes>),
    /// It begins like an aggregate and is none, for this reason. The record must be kept whole.
    Bad(&'static str),
}

/// Opens `data` without copying it. At most `max_records` user records are taken out of one frame.
pub fn open(data: &Bytes, max_records: usize) -> Aggregate {
    if !data.starts_with(&MAGIC) {
        return Aggregate::Plain;
    }
    let Some(end) = data.len().checked_sub(DIGEST_LEN).filter(|end| *end >= MAGIC.len()) else {
        return Aggregate::Bad("the aggregate is cut short");
    };
    let message = data.slice(MAGIC.len()..end);
    if Md5::digest(&message)[..] != data[end..] {
        return Aggregate::Bad("the aggregate does not match its MD5");
    }
    read_message(message, max_records).map_or_else(Aggregate::Bad, Aggregate::Records)
}

/// `Record` of the format, less its tags, which nobody ever defined.
#[derive(Clone, PartialEq, Message)]
struct UserRecord {
    #[prost(uint64, optional, tag = "1")]
    partition_key_index: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key_index: Option<u64>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    data: Option<Bytes>,
}

/// Reads `AggregatedRecord` field by field. A derived decoder would build every entry first: two bytes
/// a record are enough to make it allocate forty times the frame.
fn read_message(mut message: Bytes, max_records: usize) -> Result<Vec<Bytes>, &'static str> {
    let (mut n_partition_keys, mut n_hash_keys) = (0_u64, 0_u64);
    let mut records: Vec<UserRecord> = Vec::new();
    while message.has_remaining() {
        match take_field(&mut message)? {
            (1, Some(_)) => n_partition_keys += 1,
            (2, Some(_)) => n_hash_keys += 1,
            (3, _) if records.len() >= max_records => return Err("the aggregate holds too many records"),
            (3, Some(record)) => {
                records.push(UserRecord::decode(record).map_err(|_| "a record in the aggregate is unreadable")?)
            }
            (3, None) => return Err("a record in the aggregate is unreadable"),
            _ => {}
        }
    }
    records.into_iter().map(|record| checked(record, n_partition_keys, n_hash_keys)).collect()
}

/// The data of a record whose keys are in the tables.
fn checked(record: UserRecord, n_partition_keys: u64, n_hash_keys: u64) -> Result<Bytes, &'static str> {
    let partition_key = record.partition_key_index.ok_or("a record in the aggregate has no partition key")?;
    let outside = partition_key >= n_partition_keys || record.explicit_hash_key_index.is_some_and(|i| i >= n_hash_keys);
    if outside {
        return Err("a record in the aggregate points outside its key tables");
    }
    record.data.ok_or("a record in the aggregate has no data")
}

/// The next field's number and, when it is length-delimited, its bytes.
fn take_field(message: &mut Bytes) -> Result<(u64, Option<Bytes>), &'static str> {
    const UNREADABLE: &str = "the aggregate is not a protobuf message";
    let key = take_varint(message).ok_or(UNREADABLE)?;
    let field = key >> 3;
    let skip = match key & 7 {
        0 => return take_varint(message).map(|_| (field, None)).ok_or(UNREADABLE),
        1 => 8,
        5 => 4,
        2 => {
            let len = take_varint(message).and_then(|len| usize::try_from(len).ok()).ok_or(UNREADABLE)?;
            let whole = len <= message.remaining();
            return if whole { Ok((field, Some(message.split_to(len)))) } else { Err(UNREADABLE) };
        }
        // Groups, which proto2 kept for old times' sake and this format never had.
        _ => return Err(UNREADABLE),
    };
    if message.remaining() < skip {
        return Err(UNREADABLE);
    }
    message.advance(skip);
    Ok((field, None))
}

/// A base-128 number of at most ten bytes.
fn take_varint(message: &mut Bytes) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = message.try_get_u8().ok()?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
