//! What the leases of a stream are called. Pure.

use super::item::{self, Item, text};
use crate::pipeline::position::ShardId;

/// How keys are made of shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// `shardId-…`: an application of one stream, and essink by itself.
    Shard,
    /// `ACCOUNT:STREAM:EPOCH:shardId-…`, by a multi-stream application (Data Prepper); here is what stands before the last
    /// colon.
    Stream(String),
}

impl Keys {
    /// As those of the stream `arn` in a table are called. Of a stream that was made anew, the latest: its epoch is when
    /// it was made.
    pub(super) fn of(items: &[Item], arn: &str) -> Self {
        let of_shards = |keys: &Self, item: &Item| {
            text(item, item::KEY).and_then(|key| keys.shard(key)).is_some_and(|shard| item::is_lease(item, shard))
        };
        if items.iter().any(|item| of_shards(&Self::Shard, item)) {
            return Self::Shard;
        }
        let mut parts = arn.splitn(6, ':').skip(4);
        let (Some(account), Some(name)) = (parts.next(), parts.next().and_then(|name| name.strip_prefix("stream/")))
        else {
            return Self::Shard;
        };
        let ours = format!("{account}:{name}:");
        let epoch = |item: &Item| -> Option<u64> {
            let (epoch, shard) = text(item, item::KEY)?.strip_prefix(&ours)?.split_once(':')?;
            epoch.parse().ok().filter(|_| item::is_lease(item, shard))
        };
        match items.iter().filter_map(epoch).max() {
            Some(epoch) => Self::Stream(format!("{ours}{epoch}")),
            None => Self::Shard,
        }
    }

    /// The shard of a key; nothing when it is none of the stream's.
    pub(super) fn shard<'a>(&self, key: &'a str) -> Option<&'a str> {
        let shard = match self {
            Self::Shard => key,
            Self::Stream(stream) => key.strip_prefix(stream.as_str())?.strip_prefix(':')?,
        };
        shard.starts_with("shardId-").then_some(shard)
    }

    /// The key of a shard.
    pub(super) fn key(&self, shard: &ShardId) -> String {
        match self {
            Self::Shard => shard.to_string(),
            Self::Stream(stream) => format!("{stream}:{shard}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::{n, s};
    use super::*;

    const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

    fn check(keys: &[&str], expected: Keys) {
        let lease = |key: &&str| {
            let attributes = [(item::KEY, s(*key)), (item::COUNTER, n(1)), (item::CHECKPOINT, s("TRIM_HORIZON"))];
            attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Item>()
        };
        let items: Vec<Item> = keys.iter().map(lease).collect();
        assert_eq!(Keys::of(&items, ARN), expected, "{keys:?}");
    }

    #[test]
    fn keys_are_as_the_table_has_them() {
        let stream = |epoch: &str| Keys::Stream(format!("123456789012:events:{epoch}"));
        check(&[], Keys::Shard);
        check(&["shardId-1"], Keys::Shard);
        check(&["123456789012:events:1700:shardId-1"], stream("1700"));
        check(&["123456789012:events:1700:shardId-1", "123456789012:events:900:shardId-1"], stream("1700"));
        // essink has run here by itself, or another application of one stream.
        check(&["123456789012:events:1700:shardId-1", "shardId-1"], Keys::Shard);
        check(&["123456789012:events-2:1700:shardId-1", "210987654321:events:1700:shardId-1"], Keys::Shard);
        check(&["123456789012:events:1700:other", "123456789012:events:x:shardId-1", "Leader"], Keys::Shard);
    }

    #[test]
    fn a_key_and_its_shard_belong_together() {
        for keys in [Keys::Shard, Keys::Stream("123456789012:events:1700".to_owned())] {
            let key = keys.key(&"shardId-7".into());
            assert_eq!(keys.shard(&key), Some("shardId-7"), "{keys:?}");
            assert_eq!(keys.shard(&key.replace("shardId", "else")), None);
        }
        let keys = Keys::Stream("123456789012:events:1700".to_owned());
        assert_eq!(keys.key(&"shardId-7".into()), "123456789012:events:1700:shardId-7");
        for other in ["shardId-7", "123456789012:events:17000:shardId-7", "123456789012:events:1700shardId-7"] {
            assert_eq!(keys.shard(other), None, "{other}");
        }
    }
}
