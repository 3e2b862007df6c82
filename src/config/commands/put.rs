//! The words of the command that fills streams.

use super::Words;

pub const PUT: Words = Words {
    about: "Put the JSON values of files into a stream: to try things, and for migrations",
    long: "Takes JSON values in any form: one a line, one behind the other, in arrays, pretty-printed, gzip or not. Each value is \
           put as it came; small ones travel together. What is in the stream after that is said at the end, and what a worker \
           would make of it. Behind the first byte of a file that is no JSON nothing more of that file is put; the message has \
           the place, and the other files go on. Putting the same again is harmless: the same bytes are one document.",
    examples: &[
        ("essink put --stream my-events events.ndjson.gz samples/pinpoint.json", "the values of two files"),
        (
            "essink put --stream my-events --partition-key client.client_id --dry-run < events.ndjson",
            "what would be put of standard input",
        ),
    ],
};
