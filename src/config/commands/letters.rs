//! The words of the commands about dead letters and replays.

use super::Words;

pub const LIST: Words = Words {
    about: "Say what is there: counts by reason, meant index, family and day of arrival",
    long: "Reads the store that --dead-letters names and counts its letters. Each line names the newest letter of its kind, \
           for show. No event is printed.",
    examples: &[
        ("essink dead-letters list", "what is in the cluster's daily indices of dead letters"),
        ("essink dead-letters list --reason refused --since 2026-11-21 --json", "for a program"),
        ("essink dead-letters list --dead-letters s3://backup/essink-dead", "what is in a bucket"),
    ],
};

pub const SHOW: Words = Words {
    about: "Print one letter: why it is there, where it came from, and its bytes",
    long: "This is the one command that prints an event, on standard output, because it was asked for: as text where it is \
           text, else as hex. With --json the bytes are in raw, or in raw_gzip as base64.",
    examples: &[
        ("essink dead-letters show AAAAAAAA6bIRonteddfdxA", "the letter that list named"),
        ("essink dead-letters show AAAAAAAA6bIRonteddfdxA --json", "for a program"),
    ],
};

pub const REDRIVE: Words = Words {
    about: "Send letters again, and remove those whose events have settled",
    long: "Mend first what the reasons say: a mapping, a limit, a right. Then the letters go the way of `essink run`: the same \
           ids, the same days (the recorded Kinesis arrival counts), the same delivery, so that nothing is there twice. A \
           letter is removed once all its events are indexed, already there or expired; one that is refused again stays, \
           with the new reason and the number of tries. It can be interrupted and started again at any moment.",
    examples: &[
        ("essink dead-letters redrive --dry-run", "how many letters and events would go where"),
        ("essink dead-letters redrive --reason refused --limit 10", "try ten"),
        ("essink dead-letters redrive --index 'pinpoint-2026-11-*' --since 2026-11-21", "all of some days"),
    ],
};

pub const EXPORT: Words = Words {
    about: "Print letters as NDJSON, whole, one a line",
    long: "Each line holds all that is known of a letter, its bytes in raw (text) or raw_gzip (base64 of gzip): import takes it \
           back without loss, into any store. They hold events: mind where you put them.",
    examples: &[
        ("essink dead-letters export --reason not_json > letters.ndjson", "into a file"),
        ("essink dead-letters export --since 2026-11-21 | gzip > letters.ndjson.gz", "those since a day, compressed"),
    ],
};

pub const IMPORT: Words = Words {
    about: "Take in letters that export printed; those that are there already are left",
    long: "Reads NDJSON as export prints it and as the files of --dead-letters dir: and the objects of s3: hold it, and keeps \
           each letter in the store that --dead-letters names. Running it twice changes nothing.",
    examples: &[
        ("essink dead-letters import letters.ndjson", "into the cluster"),
        ("essink dead-letters import letters.ndjson --dead-letters dir:letters", "into a directory"),
    ],
};

pub const REPLAY: Words = Words {
    about: "Read what Firehose left in S3 or in files, and index its events",
    long: "Takes backups of all records (events one behind the other, with or without newlines, gzip or not) and error objects \
           (under AmazonOpenSearchService_failed/, elasticsearch-failed/, processing-failed/), and sends their events the way \
           of `essink run`: the same ids and days, so that running it twice changes nothing. The time of arrival is the \
           arrivalTimestamp of an error document, else the stamp in the object's name, else the hour in its path, else the \
           time it was last modified. What has settled is written down, and a replay that was killed goes on there. What \
           cannot be read is kept as a dead letter with the object's name and offset.",
    examples: &[
        ("essink replay --from s3://backup/pinpoint --dry-run", "how many objects, bytes and hours it would read"),
        ("essink replay --from s3://backup/pinpoint/2026/11/21", "one day"),
        ("essink replay --from ./failed --keep 30d", "files on this machine, without what has expired"),
    ],
};
