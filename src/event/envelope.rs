//! What events travel in: JSON objects of AWS's services, of HTTP and of Bird that hold other events.
//!
//! | name | told by | the events are | kept |
//! |---|---|---|---|
//! | `kinesis-lambda` | `Records[].kinesis.data` | base64 | `eventID`, `approximateArrivalTimestamp` (seconds), `eventSourceARN`, `awsRegion` |
//! | `sqs` | `Records[].body`, `eventSource` "aws:sqs" | a string | `messageId`, `attributes.SentTimestamp`, `eventSourceARN`, `awsRegion` |
//! | `sns` | `Records[].Sns.Message`, or `Type` "Notification" and `Message` | a string | `MessageId`, `Timestamp`, `TopicArn` |
//! | `firehose-transform` | `records[].data`, `invocationId` | base64 | `recordId`, `approximateArrivalTimestamp`, the stream's ARN, `region` |
//! | `firehose-http` | `records[].data`, `requestId` | base64 | `requestId`, `timestamp`, `commonAttributes` |
//! | `firehose-error` | `rawData`, `attemptsMade` | base64 | `arrivalTimestamp`, `errorCode`, an id of Firehose's |
//! | `eventbridge` | `detail-type`, `source`, `detail` | an object | `id`, `time`, `source`, `detail-type`, `account`, `region` |
//! | `cloudwatch-logs` | `logEvents`, `messageType` "DATA_MESSAGE" | a string; a line that is no JSON is an event with its `id` and `timestamp` | `logEvents[].id`, `.timestamp`, `logGroup`, `owner` |
//! | `http` | `requestContext`, and a `body`, a method or a path | a string or base64, of JSON or of a form; without a body, the query | `X-MessageSystems-Batch-ID` or `requestId`, the time, `accountId` |
//! | `msys` | `msys` alone | objects, one a class | the class |
//!
//! What is in a string or in base64 is an event of the decoded bytes, so that it has one id whichever way it came. What is
//! embedded as an object is an event of its text on one line, as the scan wrote it. Forms and queries become one
//! object of strings, sorted by name.
//!
//! The first part tells; a later one that has nothing where its event belongs is poison. What has no part at all is no
//! envelope but an event that nobody knows.

use super::scan::Scanned;
use super::walk;

mod eventbridge;
mod facts;
mod firehose;
pub mod form;
mod http;
mod lambda;
mod logs;
mod msys;
mod payload;
mod sns;

pub use facts::Facts;
pub use firehose::error_arrival;
pub use payload::{Payload, Unreadable};

/// Envelopes inside each other that are opened; what is deeper is an event of its own.
pub const MOST_DEEP: usize = 8;

/// One kind of envelope.
pub struct Envelope {
    /// Its name in `essink.envelopes`.
    pub name: &'static str,
    /// A member of the top level that it always has.
    mark: &'static str,
    /// Whether an object with that member is one. Looks into the first part only.
    told: fn(&Scanned) -> bool,
    holds: Holds,
    parts: Parts,
}

/// Hands over the parts in their order, at most as many as [`Envelope::count`] says.
type Parts = fn(&Scanned, &mut dyn FnMut(Part<'_>));

/// How many parts there are.
enum Holds {
    One,
    /// As many as this array has elements, or this object members.
    Each(&'static str),
}

/// What one part of an envelope holds, and what is said of it.
pub struct Part<'a> {
    /// The events.
    pub payload: Payload<'a>,
    /// What is kept of the wrapping.
    pub facts: Facts<'a>,
}

/// Every kind. Of those with one mark, the first that says yes.
const TABLE: [&Envelope; 11] = [
    &lambda::KINESIS,
    &lambda::SQS,
    &sns::RECORDS,
    &sns::NOTIFICATION,
    &firehose::TRANSFORM,
    &firehose::HTTP,
    &firehose::ERROR,
    &eventbridge::EVENTBRIDGE,
    &logs::LOGS,
    &http::HTTP,
    &msys::MSYS,
];

/// Lengths of the marks, one bit each: nearly every key of an event that is no envelope is told by its length alone.
const MARK_LENGTHS: u64 = {
    let (mut lengths, mut n) = (0, 0);
    while n < TABLE.len() {
        lengths |= 1 << TABLE[n].mark.len();
        n += 1;
    }
    lengths
};

/// The kind of envelope an object is; `None` for an event.
pub fn recognise(event: &Scanned) -> Option<&'static Envelope> {
    let may_be = |len: usize| len < 64 && MARK_LENGTHS >> len & 1 == 1;
    let marks = event.members.iter().filter(|member| may_be(member.key.len())).map(|member| event.key(member));
    marks.into_iter().find_map(|key| TABLE.into_iter().find(|kind| kind.mark.as_bytes() == key && (kind.told)(event)))
}

impl Envelope {
    /// How many parts `event`, which is one of these, has at most.
    pub fn count(&self, event: &Scanned) -> usize {
        match self.holds {
            Holds::One => 1,
            Holds::Each(name) => {
                let all = event.get(name.as_bytes()).unwrap_or_default();
                walk::elements(all).count() + walk::members(all).count()
            }
        }
    }

    /// Hands over every part of `event`, which is one of these.
    pub fn parts(&self, event: &Scanned, take: &mut dyn FnMut(Part<'_>)) {
        (self.parts)(event, take);
    }
}

/// The first element of the array named `list`.
fn first<'a>(event: &'a Scanned, list: &str) -> Option<&'a [u8]> {
    walk::elements(event.get(list.as_bytes())?).next()
}

fn is_string(value: Option<&[u8]>) -> bool {
    value.is_some_and(|value| value.starts_with(b"\""))
}

#[cfg(test)]
mod tests;
