//! Every example in the help of a command, run as it is printed: by a shell, in a directory with the files it names, with
//! addresses of real servers in the environment, where options may stand that are not typed.

mod world;

use std::collections::BTreeSet;

use self::How::{After, Parsed, Runs, UntilStopped};
use self::world::World;

/// How an example is tried.
enum How {
    /// To its end, which is exit code 0; one of the words it must say each.
    Runs(&'static [&'static str]),
    /// The same, once this line, which is no example, has been run.
    After(&'static str, &'static [&'static str]),
    /// Until it says this, then SIGTERM and exit code 0.
    UntilStopped(&'static str),
    /// Only read by the loader of the configuration, because of this.
    Parsed(#[expect(dead_code, reason = "for readers")] &'static str),
}

/// Every example, in an order in which each finds what it needs.
const EXAMPLES: &[(&str, How)] = &[
    ("essink config --config essink.toml", Runs(&["clicks", "file essink.toml"])),
    ("essink config --keep 14d --json", Runs(&["\"14d\""])),
    ("essink completions bash > ~/.local/share/bash-completion/completions/essink", Runs(&[])),
    ("essink completions zsh > ~/.zfunc/_essink", Runs(&[])),
    ("essink completions fish > ~/.config/fish/completions/essink.fish", Runs(&[])),
    ("essink man > ~/.local/share/man/man1/essink.1", Runs(&[])),
    ("essink man | man -l -", Runs(&["ESSINK", "dead-letters redrive"])),
    ("essink check --stream my-events", Runs(&["kinesis:GetRecords: granted", "a run would work: 0 problems"])),
    ("essink check --stream my-events --keep 90d --sample 500 --no-write --json", Runs(&["\"works\": true"])),
    ("essink init-templates --dry-run", Runs(&["would create", "index template essink-pinpoint"])),
    ("essink init-templates --shards 3 --replicas 1", Runs(&["created", "index template essink-pinpoint"])),
    (
        "essink put --stream my-events events.ndjson.gz samples/pinpoint.json",
        Runs(&["3 of 3 values", "of 2 files are in my-events"]),
    ),
    (
        "essink put --stream my-events --partition-key client.client_id --dry-run < events.ndjson",
        Runs(&["2 values", "would be put into my-events"]),
    ),
    ("essink run --stream pinpoint-events", UntilStopped("reading shard")),
    ("essink run --stream pinpoint-events --until-caught-up", Runs(&["shard read to its tip"])),
    (
        "essink run --stream pinpoint-events --start 2026-11-01T00:00:00Z --group replay",
        Runs(&["\"events.indexed\":0", "\"events.already_there\":20", "\"events.dead_lettered\":1"]),
    ),
    (
        "essink run --stream pinpoint-events --opensearch-url https://search.example.org --opensearch-user essink \
         --opensearch-password-file /run/secrets/opensearch --keep 30d",
        Parsed("nobody has search.example.org"),
    ),
    ("essink dead-letters list", Runs(&["not_json", "AAAAAAAA6bIRonteddfdxA"])),
    ("essink dead-letters list --reason refused --since 2026-11-21 --json", Runs(&["\"letters\": 0"])),
    (
        "essink dead-letters list --dead-letters s3://backup/essink-dead",
        Runs(&["no dead letters in s3://backup/essink-dead"]),
    ),
    ("essink dead-letters show AAAAAAAA6bIRonteddfdxA", Runs(&["not_json", "no event"])),
    ("essink dead-letters show AAAAAAAA6bIRonteddfdxA --json", Runs(&["\"raw\": \"no event\""])),
    ("essink dead-letters export --since 2026-11-21 | gzip > letters.ndjson.gz", Runs(&[])),
    ("essink dead-letters export --reason not_json > letters.ndjson", Runs(&[])),
    ("essink dead-letters import letters.ndjson --dead-letters dir:letters", Runs(&["1 letters: 1 new"])),
    ("essink dead-letters import letters.ndjson", Runs(&["1 letters: 0 new, 1 already there"])),
    ("essink dead-letters redrive --dry-run", Runs(&["1 letters of 8 bytes would be sent again"])),
    ("essink dead-letters redrive --reason refused --limit 10", Runs(&["0 letters sent"])),
    ("essink dead-letters redrive --index 'pinpoint-2026-11-*' --since 2026-11-21", Runs(&["0 letters sent"])),
    ("essink replay --from s3://backup/pinpoint --dry-run", Runs(&["2026-11-21T08", "1 objects", "would be read"])),
    ("essink replay --from s3://backup/pinpoint/2026/11/21", Runs(&["1 objects", "1 already there"])),
    ("essink replay --from ./failed --keep 30d", Runs(&["1 objects", "read from ./failed"])),
    (
        "essink leases move --stream my-events --state file:essink.json --to-state index",
        After("essink run --stream my-events --state file:essink.json", &["shardId-000000000003  went from"]),
    ),
    ("essink leases list --stream my-events", Runs(&["4 leases", "shardId-000000000000"])),
    (
        "essink leases list --stream my-events --shard shardId-000000000003 --json",
        Runs(&["\"shard\": \"shardId-000000000003\""]),
    ),
    (
        "essink leases reset --stream my-events --to trim-horizon --dry-run",
        Runs(&["would go from", "to its oldest record"]),
    ),
    (
        "essink leases reset --stream my-events --to 2026-11-21T08:00:00Z",
        Runs(&["shardId-000000000003  went from", "to time 2026-11-21T08:00:00.000Z"]),
    ),
    (
        "essink leases reset --stream my-events --shard shardId-000000000006 --to 49590338271490256608559692538361571095921575989136588898",
        Parsed("a sequence number is of one stream, and Kinesis knows its own"),
    ),
    (
        "essink leases move --stream my-events --to-state dynamodb:essink-leases",
        Runs(&["to time 2026-11-21T08:00:00.000Z"]),
    ),
    ("essink status --stream my-events", Runs(&["4 shards, 0 workers", "not_json 1"])),
    (
        "essink status --stream my-events --watch 10 --worker-url http://10.0.0.7:9464",
        Parsed("it would ask a machine of somebody's network, and again until it is stopped"),
    ),
    ("essink webhook --stream my-events --bird-token-file bird.token", UntilStopped("receiving at")),
    (
        "essink webhook --stream my-events --webhook-listen 0.0.0.0:8443 --webhook-tls-cert tls.crt --webhook-tls-key tls.key \
         --vonage-secret-file /run/secrets/vonage",
        Parsed("it would listen to everybody's network, on a port that may be taken"),
    ),
    (
        "essink webhook --stream my-events --sns-topic arn:aws:sns:eu-west-1:123456789012:ses-events",
        UntilStopped("receiving at"),
    ),
    ("essink webhook --stream my-events --allow-unauthenticated json", UntilStopped("receiving at")),
    ("essink dashboards --install --dry-run", Runs(&["would"])),
    ("essink dashboards --install", Runs(&["installed dashboard essink: Overview"])),
    (
        "essink dashboards --install --dashboards-url https://kibana.example.org --dashboards-space marketing",
        Parsed("nobody has kibana.example.org"),
    ),
    ("essink dashboards --export ./saved-objects", Runs(&["wrote ./saved-objects/"])),
    ("essink prune --keep 30d --dry-run", Runs(&["drop 1 indices", "pinpoint-2020-01-01"])),
    ("essink prune --keep 30d --yes", Runs(&["pinpoint-2020-01-01", "deleted"])),
    ("essink prune --keep 30d --keep-dead-letters 90d", Runs(&["essink-dead-letters-"])),
    ("essink prune --keep 90d --rotation day --rotation month", Runs(&["pinpoint-2020-02", "deleted"])),
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
            After(first, words) => {
                world.run(first, &[]).await;
                world.run(line, words).await;
            }
            UntilStopped(word) => world.run_until(line, word).await,
            Parsed(_) => world.parse(line),
        }
    }
}
