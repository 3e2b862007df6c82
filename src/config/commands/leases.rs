//! The words of the commands about leases.

use super::Words;

pub const LIST: Words = Words {
    about: "Show each shard: who reads it, how far it has been read, and how far it is behind",
    long: "Looks at the table of leases twice, so that it can tell owners that are alive from those that only left their name, and \
           asks Kinesis for the oldest record that each shard still owes. Nothing is moved.",
    examples: &[
        ("essink leases list --stream my-events", "at three in the morning"),
        ("essink leases list --stream my-events --shard shardId-000000000003 --json", "one shard, for a program"),
    ],
};

pub const RESET: Words = Words {
    about: "Put the position of shards elsewhere, without editing the table by hand",
    long: "Refuses while a living worker holds a lease, unless --force is given. What is read again is found already there, so going \
           back costs time and nothing else; going forward leaves out what lies between. Children of a shard that is put back \
           wait until it has been read to its end again.",
    examples: &[
        ("essink leases reset --stream my-events --to trim-horizon --dry-run", "what would be written"),
        ("essink leases reset --stream my-events --to 2026-11-21T08:00:00Z", "read again since that time"),
        (
            "essink leases reset --stream my-events --shard shardId-000000000006 --to 49590338271490256608559692538361571095921575989136588898",
            "one shard, from one record on",
        ),
    ],
};

pub const MOVE: Words = Words {
    about: "Copy positions into another store or group",
    long: "For a change of --state: from a file to the cluster when a second worker is to help, into a DynamoDB table and back. Stop the \
           workers first, and start them with the new --state afterwards. The old store keeps what it has.",
    examples: &[
        (
            "essink leases move --stream my-events --state file:essink.json --to-state index",
            "from a file into the cluster",
        ),
        ("essink leases move --stream my-events --to-state dynamodb:essink-leases", "from the cluster into DynamoDB"),
    ],
};
