//! Looking after dead letters, and reading what Firehose left.

use std::path::PathBuf;

use super::{KEEPERS, Kind, Opt, Row, Verb};
use crate::config::concerns::ReplayFrom;
use crate::config::{names, units};
use crate::event::time::Millis;

/// Those that take some letters and leave the others.
const CHOOSERS: &[Verb] = &[Verb::DeadLettersList, Verb::DeadLettersRedrive, Verb::DeadLettersExport];

options! {
    "Dead letters and replay";
    REASON: String = |text| names::plain(text, 64), {
        name: "reason",
        value: "REASON",
        many: true,
        on: CHOOSERS,
        help: "Only letters with this reason, such as refused or not_json; repeat it for several. dead-letters list shows them.",
    }
    INDEX: String = names::index_pattern, {
        name: "index",
        value: "INDEX",
        on: CHOOSERS,
        help: "Only letters whose event was meant for this index; a star at its end stands for the rest, as in pinpoint-2026-11-*.",
    }
    SINCE: Millis = units::time_or_day, {
        name: "since",
        value: "TIME",
        on: CHOOSERS,
        help: "Only letters that arrived at this time or later: 2026-11-21T08:00:00Z, or a day such as 2026-11-21, which begins at \
               midnight UTC.",
    }
    LIMIT: u64 = |text| units::count(text, 1, u64::MAX), {
        name: "limit",
        kind: Kind::Count,
        value: "N",
        on: &[Verb::DeadLettersRedrive],
        help: "At most this many letters: try a few before all.",
    }
    FROM: ReplayFrom = names::replay_from, {
        name: "from",
        value: "s3://BUCKET/PREFIX|PATH",
        on: &[Verb::Replay],
        required_on: &[Verb::Replay],
        help: "Where Firehose left its objects, or where the documents of an index were dumped: a bucket with a prefix, or a \
               file or a directory on this machine.",
    }
    PROGRESS: PathBuf = units::path, {
        name: "progress",
        kind: Kind::Path,
        value: "FILE",
        on: &[Verb::Replay],
        help: "The file that says which objects have been read and settled, and how far the others. Without it a hidden file in \
               the working directory, named after --from and the cluster.",
    }
    S3_ENDPOINT_URL: String = units::url, {
        name: "s3-endpoint-url",
        value: "URL",
        on: KEEPERS,
        help: "Another S3 endpoint than the region's: an emulator or a VPC endpoint. AWS_ENDPOINT_URL_S3 does the same.",
    }
}
