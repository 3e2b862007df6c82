//! Every example in the help of a command, run as it is printed: by a shell, in a directory with the files it names, with
//! addresses of real servers in the environment, where options may stand that are not typed.

mod world;

use std::collections::BTreeSet;

use self::How::{Parsed, Runs, UntilStopped};
use self::world::World;

/// How an example is tried.
enum How {
    /// To its end, which is exit code 0; one of the words it must say each.
    Runs(&'static [&'static str]),
    /// Until it says this, then SIGTERM and exit code 0.
    UntilStopped(&'static str),
    /// Only read by the loader of the configuration, because of this.
    Parsed(#[expect(dead_code, reason = "for readers")] &'static str),
}

/// Every example, in an order in which each finds what it needs.
const EXAMPLES: &[(&str, How)] = &[
    ("essink init-templates --dry-run", Runs(&["pinpoint", "would"])),
    ("essink init-templates --shards 3 --replicas 1", Runs(&["pinpoint", "created"])),
    ("essink put --stream my-events events.ndjson.gz samples/pinpoint.json", Runs(&["3 values"])),
    (
        "essink put --stream my-events --partition-key client.client_id --dry-run < events.ndjson",
        Runs(&["2 values", "dry run"]),
    ),
    ("essink run --stream pinpoint-events", Runs(&["20 indexed"])),
    ("essink run --stream pinpoint-events --until-caught-up", Runs(&["0 indexed"])),
    (
        "essink run --stream pinpoint-events --start 2026-11-01T00:00:00Z --group replay",
        Runs(&["20 already there"]),
    ),
    (
        "essink run --stream pinpoint-events --opensearch-url https://search.example.org --opensearch-user essink \
         --opensearch-password-file /run/secrets/opensearch --keep 30d",
        Parsed("nobody has search.example.org"),
    ),
];

#[tokio::test]
async fn every_example_of_the_help_does_what_it_says() {
    let listed: BTreeSet<&str> = EXAMPLES.iter().map(|(line, _)| *line).collect();
    let printed: BTreeSet<&str> = essink::config::examples().map(|(_, line)| line).collect();
    assert_eq!(listed, printed, "EXAMPLES of this test and the examples of the help");
    let world = World::new().await;
    for (line, how) in EXAMPLES {
        match how {
            Runs(words) => world.run(line, words).await,
            UntilStopped(word) => world.run_until(line, word).await,
            Parsed(_) => world.parse(line),
        }
    }
}
