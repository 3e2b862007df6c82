//! Which shard a partition key leads to, worked out as Kinesis does.

use md5::{Digest, Md5};

use super::api::OpenShard;
use crate::pipeline::position::ShardId;

/// The place of a partition key among the hash keys: its MD5 as a number, the first byte the most significant.
pub fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

/// The open shards of a stream by their hash keys. A map of how they were: after a split or a merge it leads some events
/// to another shard than it says, until it has been drawn again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shards(Vec<OpenShard>);

impl Shards {
    /// A map of these.
    pub fn new(mut shards: Vec<OpenShard>) -> Self {
        shards.sort_by_key(|shard| shard.last);
        Self(shards)
    }

    /// How many there are; an unknown stream is one.
    pub fn count(&self) -> usize {
        self.0.len().max(1)
    }

    /// The number of the shard that takes this hash key, from 0 on.
    pub fn of(&self, hash_key: u128) -> usize {
        self.0.partition_point(|shard| shard.last < hash_key).min(self.count() - 1)
    }

    /// The name of the shard that takes this hash key.
    pub fn id(&self, hash_key: u128) -> Option<&ShardId> {
        self.0.get(self.of(hash_key)).map(|shard| &shard.id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hash_key_is_the_md5_read_as_one_large_number() {
        // RFC 1321, appendix A.5: MD5 of "abc".
        assert_eq!(hash_key("abc"), 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72);
        assert_eq!(hash_key(""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
    }

    fn shard(name: &str, last: u128) -> OpenShard {
        OpenShard { id: ShardId::from(name), last }
    }

    #[test]
    fn a_shard_takes_its_last_key_and_not_the_next() {
        let shards = Shards::new(vec![shard("c", u128::MAX), shard("a", 9), shard("b", 99)]);
        for (key, id) in [(0, "a"), (9, "a"), (10, "b"), (99, "b"), (100, "c"), (u128::MAX, "c")] {
            assert_eq!(shards.id(key), Some(&ShardId::from(id)), "{key}");
        }
    }

    proptest! {
        #[test]
        fn every_key_has_a_shard_whatever_is_known_of_them(lasts in prop::collection::vec(any::<u128>(), 0..9), key in any::<u128>()) {
            let shards = Shards::new(lasts.iter().map(|last| shard("s", *last)).collect());
            prop_assert!(shards.of(key) < shards.count());
            prop_assert_eq!(shards.id(key).is_none(), lasts.is_empty());
        }
    }
}
