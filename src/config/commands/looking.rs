//! The words of the commands that look.

use super::Words;

pub const CHECK: Words = Words {
    about: "Find out whether a run would work, before the first event",
    long: "Takes the options of run. Reaches Kinesis, the cluster and the store of positions, tries every permission that a run \
           needs and prints the policies to paste, reads a sample of records without moving any position, and asks the cluster \
           which of their documents it would refuse, by a throw-away index that is removed again. Each finding is a line with \
           its cure. Exit 0 when a run would work, 69 when not; warnings do not fail.",
    examples: &[
        ("essink check --stream my-events", "before the first run, or before an upgrade"),
        (
            "essink check --stream my-events --keep 90d --sample 500 --no-write --json",
            "for a program, and leaving no trace in the cluster",
        ),
    ],
};

pub const STATUS: Words = Words {
    about: "Show on one screen who reads what, how far behind, and what has become a dead letter",
    long: "Reads the store of positions, and asks Kinesis, the store of dead letters and the workers' pages for the rest. What \
           does not answer is named, and what it would have told is unknown; only without the store of positions it ends with 69. Nothing \
           is moved. Workers are asked at --http-listen of this machine and the next ports, and at each --worker-url; Kinesis \
           is asked only about shards that none of them speaks for.",
    examples: &[
        ("essink status --stream my-events", "at three in the morning"),
        ("essink status --stream my-events --watch 10 --worker-url http://10.0.0.7:9464", "and keep looking"),
    ],
};
