//! What to do about each condition that keeps a worker from being ready.

/// By the name of the condition, as `telemetry::health` has it.
pub fn of(condition: &str) -> &'static str {
    match condition.split(' ').next().unwrap_or_default() {
        "start" => "wait: it connects and makes sure of templates; what goes wrong ends the process with the cure",
        "cluster" => {
            "mend the cluster, or free its disk (essink prune); essink holds what it has, tries again, and goes on by itself"
        }
        "index" => {
            "free disk (essink prune), lift the block, or bring the index' shards back; its events wait and the others go on"
        }
        "leases" => {
            "mend what --state names: the cluster with its state index, or the DynamoDB table and its throughput; reading \
             goes on when it answers again"
        }
        "state" => {
            "mend the cluster, or the disk of --state file:; events are indexed meanwhile, and a restart reads them again"
        }
        "shards" | "shard" => "look at the stream's other readers and at the role's rights; essink tries again",
        "prune" => "the reason names the index, or --max-delete; it is tried again every minute, and reading goes on",
        _ => "see the log",
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn conditions_are_known_by_their_first_word() {
        assert!(of("index pinpoint-2026-11-01").contains("lift the block"));
        assert!(of("shard shardId-000000000003").contains("other readers"));
        for known in ["start", "cluster", "leases", "state", "shards", "prune"] {
            assert_ne!(of(known), of("never heard of"), "{known}");
        }
    }
}
