//! Packs events into the frame of the Kinesis Producer Library: magic, protobuf `AggregatedRecord`, MD5.
//!
//! Every event keeps its partition key in the frame's table. All of them name one explicit hash key: that of the record
//! they travel in. The library leaves it out, and when a reshard has moved its record to a shard that does not own each
//! event's own hash key, the KCL drops the whole record and trusts the producer to send it again. With the hash key of
//! the record itself every event belongs where the record is, whatever became of the shards in the meantime.

use std::collections::HashMap;

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::event::aggregate::{DIGEST_LEN, MAGIC};

/// An event and its partition key.
pub type Keyed = (String, Bytes);

/// More than a frame of one event adds to the event and its key: 20 of magic and MD5, 41 of the hash key, and for lengths
/// and numbers 2 to 5 bytes six times.
pub const FRAME: usize = 100;
/// More than a further event adds to itself and its key.
pub const EVENT: usize = 25;

/// The frame of these events, in a record of this hash key.
pub fn encode(events: &[Keyed], hash_key: u128) -> Vec<u8> {
    let (mut keys, mut known): (Vec<&str>, HashMap<&str, u64>) = (Vec::new(), HashMap::new());
    let mut places = Vec::with_capacity(events.len());
    for (key, _) in events {
        let place = *known.entry(key).or_insert_with(|| {
            keys.push(key);
            keys.len() as u64 - 1
        });
        places.push(place);
    }
    let bytes: usize = events.iter().map(|(key, data)| key.len() + data.len() + EVENT).sum();
    let mut frame = Vec::with_capacity(FRAME + bytes);
    frame.extend_from_slice(&MAGIC);
    keys.iter().for_each(|key| field(&mut frame, 1, key.as_bytes()));
    field(&mut frame, 2, hash_key.to_string().as_bytes());
    for ((_, data), place) in events.iter().zip(places) {
        // The keys' places: fields 1 and 2 of the event, both numbers. There is one explicit hash key, number 0.
        let length = 1 + varint_len(place) + 2 + 1 + varint_len(data.len() as u64) + data.len();
        frame.push(3 << 3 | 2);
        varint(&mut frame, length as u64);
        frame.push(1 << 3);
        varint(&mut frame, place);
        frame.extend_from_slice(&[2 << 3, 0]);
        field(&mut frame, 3, data);
    }
    let digest: [u8; DIGEST_LEN] = Md5::digest(&frame[MAGIC.len()..]).into();
    frame.extend_from_slice(&digest);
    frame
}

/// A length-delimited field.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A number in base 128, the least significant digit first.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn varint_len(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests;
