//! From an event to the op that creates it: which index, or none because its day is past retention.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use bytes::Bytes;

use super::op::{BulkOp, RecordRef};
use crate::event::family::{Family, Prefixes};
use crate::event::id::EventId;
use crate::event::time::Day;
use crate::event::unwrap::Event;

/// The oldest day that is kept. `app` moves it at midnight, routers read it; starts as "keep all".
#[derive(Debug, Clone)]
pub struct OldestKept(Arc<AtomicI32>);

impl Default for OldestKept {
    fn default() -> Self {
        Self(Arc::new(AtomicI32::new(i32::MIN)))
    }
}

impl OldestKept {
    /// Days before `day` are expired from now on.
    pub fn set(&self, day: Day) {
        self.0.store(day.0, Ordering::Relaxed);
    }

    /// Whether events of `day` are past retention.
    pub fn expires(&self, day: Day) -> bool {
        day.0 < self.0.load(Ordering::Relaxed)
    }
}

/// Routes the events of one shard.
#[derive(Debug)]
pub struct Router {
    prefixes: Prefixes,
    oldest_kept: OldestKept,
    last: Vec<Target>,
}

/// An index and the action line that creates a document in it, up to the id.
#[derive(Debug)]
struct Target {
    family: Family,
    day: Day,
    index: Arc<str>,
    action: Vec<u8>,
}

/// A shard's events belong to a few days of each family at a time; more than this many targets are made anew.
const TARGETS: usize = 4 * Family::ALL.len();

impl Router {
    /// A router to these indices.
    pub fn new(prefixes: Prefixes, oldest_kept: OldestKept) -> Self {
        Self { prefixes, oldest_kept, last: Vec::new() }
    }

    /// The op that creates `event`; `None` when its day is past retention.
    pub fn op(&mut self, event: &Event, source: RecordRef) -> Option<BulkOp> {
        if self.oldest_kept.expires(event.day) {
            return None;
        }
        let target = self.target(event.family, event.day);
        let mut lines = Vec::with_capacity(target.action.len() + EventId::LEN + 4 + event.body.len() + 1);
        lines.extend_from_slice(&target.action);
        event.id.write(&mut lines);
        lines.extend_from_slice(b"\"}}\n");
        lines.extend_from_slice(&event.body);
        lines.push(b'\n');
        let (index, lines) = (target.index.clone(), Bytes::from(lines));
        let &Event { family, day, id, offset, redacted, .. } = event;
        Some(BulkOp {
            index,
            day,
            id,
            lines,
            event: event.bytes.clone(),
            offset,
            degraded: None,
            family,
            trimmed: false,
            redacted,
            source,
        })
    }

    fn target(&mut self, family: Family, day: Day) -> &Target {
        let at = self.last.iter().position(|t| t.family == family && t.day == day).unwrap_or_else(|| {
            if self.last.len() == TARGETS {
                self.last.remove(0);
            }
            let index = format!("{}{day}", self.prefixes.of(family));
            let action = format!(r#"{{"create":{{"_index":"{index}","_id":""#).into_bytes();
            self.last.push(Target { family, day, index: index.into(), action });
            self.last.len() - 1
        });
        &self.last[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::op::tests::record;

    fn router(oldest: Option<Day>) -> Router {
        let kept = OldestKept::default();
        if let Some(day) = oldest {
            kept.set(day);
        }
        Router::new(Prefixes::default().with(Family::Unrecognized, "odd-"), kept)
    }

    fn event(family: Family, day: Day) -> Event {
        let bytes = Bytes::from_static(b"{}");
        let (id, body, wrapped, redacted) = (EventId::of(&bytes, None), bytes.to_vec(), None, false);
        Event { family, id, day, body, bytes, offset: 0, wrapped, redacted }
    }

    #[test]
    fn an_op_is_an_action_line_and_a_source_line() {
        let day = Day(20_000); // 2024-10-04
        let op = router(None).op(&event(Family::Pinpoint, day), record(0, 0)).expect("kept");
        let id = EventId::of(b"{}", None);
        let expected = format!("{{\"create\":{{\"_index\":\"pinpoint-2024-10-04\",\"_id\":\"{id}\"}}}}\n{{}}\n");
        assert_eq!(String::from_utf8_lossy(&op.lines), expected);
        assert_eq!(
            &*router(None).op(&event(Family::Unrecognized, day), record(0, 0)).expect("kept").index,
            "odd-2024-10-04"
        );
    }

    #[test]
    fn a_day_past_retention_has_no_op() {
        let mut router = router(Some(Day(100)));
        assert!(router.op(&event(Family::Pinpoint, Day(99)), record(0, 0)).is_none());
        assert!(router.op(&event(Family::Pinpoint, Day(100)), record(0, 0)).is_some());
    }

    #[test]
    fn many_days_in_turn_still_name_the_right_index() {
        let mut router = router(None);
        for n in 0..100 {
            let day = Day(n * 7 % 30);
            let op = router.op(&event(Family::Pinpoint, day), record(0, 0)).expect("kept");
            assert_eq!(*op.index, format!("pinpoint-{day}"));
        }
    }
}
