//! What each command is for, in the words of its help.

use super::options::Verb;

mod leases;
mod letters;
mod looking;
mod put;
mod webhook;

use letters::{EXPORT, IMPORT, LIST, REDRIVE, REPLAY, SHOW};

/// The words of one command.
pub struct Words {
    /// One line.
    pub about: &'static str,
    /// A paragraph or two that teach.
    pub long: &'static str,
    /// Command lines to copy, each with what it does.
    pub examples: &'static [(&'static str, &'static str)],
}

/// What essink is.
pub const ABOUT: &str = "Takes messaging events from Amazon Kinesis Data Streams and keeps them in daily indices of\nOpenSearch or Elasticsearch";

/// Below the help of essink itself.
pub const ORIGINS: &str = "\
Every option --some-name can also be given as the variable ESSINK_SOME_NAME, or as the key some-name in the TOML \
file that --config names. A flag wins over a variable, a variable over the file. `essink config` shows what is in \
effect, and where each value came from.";

/// How the program ends.
pub const EXIT_CODE_TABLE: &[(u8, &str)] = &[
    (0, "done"),
    (64, "the command line or the configuration is wrong"),
    (69, "a service is unavailable or refuses us; the message has the cure"),
    (75, "stopped with work unsettled; start it again, nothing is lost"),
    (1, "a bug"),
];

/// Below that.
pub fn exit_codes() -> String {
    let lines = EXIT_CODE_TABLE.iter().map(|(code, meaning)| format!("\n  {code:>2}  {meaning}"));
    format!("Exit codes:{}", lines.collect::<String>())
}

/// Variables that are no options.
pub const VARIABLES: &[(&str, &str)] = &[
    (
        "AWS_*",
        "The SDK's standard chain: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION, \
         AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_DYNAMODB and the others.",
    ),
    ("NO_COLOR", "Set to anything: the log has no colours on a terminal."),
];

/// Files that are read and written.
pub const FILES: &[(&str, &str)] = &[
    ("essink.toml", "What --config names: a TOML file of options. None is read unless it is named."),
    ("~/.aws/config, ~/.aws/credentials", "Read by the AWS SDK."),
    ("what --state file:PATH names", "The positions of one worker."),
    ("what --dead-letters dir:PATH names", "Dead letters as NDJSON files."),
    ("what --progress names", "What replay has read and settled."),
];

/// One line on a group of commands.
pub fn group_about(group: &str) -> &'static str {
    match group {
        "dead-letters" => "Look after what could not be indexed: list, show, send again, export, import",
        "leases" => "See and repair who reads each shard, and how far it has been read",
        _ => "",
    }
}

/// The words of a command.
pub fn words(verb: Verb) -> Words {
    match verb {
        Verb::Run => RUN,
        Verb::Check => looking::CHECK,
        Verb::Status => looking::STATUS,
        Verb::Webhook => webhook::WEBHOOK,
        Verb::InitTemplates => INIT_TEMPLATES,
        Verb::Prune => PRUNE,
        Verb::Dashboards => DASHBOARDS,
        Verb::DeadLettersList => LIST,
        Verb::DeadLettersShow => SHOW,
        Verb::DeadLettersRedrive => REDRIVE,
        Verb::DeadLettersExport => EXPORT,
        Verb::DeadLettersImport => IMPORT,
        Verb::Replay => REPLAY,
        Verb::Put => put::PUT,
        Verb::LeasesList => leases::LIST,
        Verb::LeasesReset => leases::RESET,
        Verb::LeasesMove => leases::MOVE,
        Verb::Config => CONFIG,
        Verb::Completions => COMPLETIONS,
        Verb::Man => MAN,
    }
}

const RUN: Words = Words {
    about: "Read a Kinesis stream and index its events, until told to stop",
    long: "Makes sure of the index templates, then reads every shard of the stream and indexes each event once, in the \
           index of its own UTC day. Positions are stored after the cluster has answered, so a restart goes on where it \
           stopped, and what is read twice is found already there. What cannot be indexed is kept as a dead letter.",
    examples: &[
        ("essink run --stream pinpoint-events", "read from the oldest record on, into the cluster on this machine"),
        (
            "essink run --stream pinpoint-events --until-caught-up",
            "read what is there, store positions, exit 0: for cron",
        ),
        (
            "essink run --stream pinpoint-events --opensearch-url https://search.example.org --opensearch-user essink \
             --opensearch-password-file /run/secrets/opensearch --keep 30d",
            "with a password, and deleting what is older than 30 days",
        ),
        (
            "essink run --stream pinpoint-events --start 2026-11-01T00:00:00Z --group replay",
            "read again from a time on, beside the first reader",
        ),
    ],
};

const INIT_TEMPLATES: Words = Words {
    about: "Install the index templates, writing only what differs",
    long: "Compares the templates of the cluster with essink's, writes those that differ and names each: created, updated \
           or unchanged. Warns of other templates that would win or be shadowed, and names every existing index whose \
           mapping disagrees. Then makes the index of positions. `essink run` does all this first; run it alone where the \
           service itself may not.",
    examples: &[
        ("essink init-templates --dry-run", "say what would be written"),
        ("essink init-templates --shards 3 --replicas 1", "for a cluster of several nodes"),
    ],
};

const PRUNE: Words = Words {
    about: "Delete daily indices that are older than the days to keep",
    long: "Prints the plan first: what goes, what stays, which names it does not know and why. Then asks. Today and the \
           days to keep before it stay; the day is the one in the index's name. It deletes by exact name, and never a \
           name it cannot read whole, an alias's write index, today or the future.",
    examples: &[
        ("essink prune --keep 30d --dry-run", "show the plan"),
        ("essink prune --keep 30d --yes", "delete without asking: for cron"),
        ("essink prune --keep 90d --rotation day --rotation month", "also indices that Firehose began monthly"),
        ("essink prune --keep 30d --keep-dead-letters 90d", "dead letters too, which stay otherwise"),
    ],
};

const DASHBOARDS: Words = Words {
    about: "Install or export the dashboards and their index patterns",
    long: "The saved objects are made for Kibana 7.10 to 8.x and for OpenSearch Dashboards. --install posts them to the \
           server's import API, with the credentials of the cluster; --export writes them as an NDJSON file. With other \
           prefixes of indices they have other ids, so that two sets can stand side by side.",
    examples: &[
        ("essink dashboards --install", "into the OpenSearch Dashboards or Kibana on this machine"),
        (
            "essink dashboards --install --dashboards-url https://kibana.example.org --dashboards-space marketing",
            "into a Kibana space",
        ),
        ("essink dashboards --install --dry-run", "say what would be installed"),
        ("essink dashboards --export ./saved-objects", "write a file, to import by hand"),
    ],
};

const CONFIG: Words = Words {
    about: "Show the configuration in effect, and where each value came from",
    long: "Takes every option of every command, checks all values, and prints each with its origin: flag, environment, file \
           or default. Secrets are shown as set, never themselves.",
    examples: &[
        ("essink config --config essink.toml", "what the file and the environment amount to"),
        ("essink config --keep 14d --json", "what a flag would change, for a program"),
    ],
};

const COMPLETIONS: Words = Words {
    about: "Print a completion script for a shell",
    long: "Prints the script; where it belongs depends on the shell.",
    examples: &[
        ("essink completions bash > ~/.local/share/bash-completion/completions/essink", "bash"),
        ("essink completions zsh > ~/.zfunc/_essink", "zsh, with ~/.zfunc in fpath"),
        ("essink completions fish > ~/.config/fish/completions/essink.fish", "fish"),
    ],
};

const MAN: Words = Words {
    about: "Print the man page",
    long: "Prints it in roff, with every command and option, for man and for packages.",
    examples: &[
        ("essink man | man -l -", "read it"),
        ("essink man > ~/.local/share/man/man1/essink.1", "where man finds it"),
    ],
};
