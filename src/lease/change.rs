//! What a conditional write does when it meets the row that is there. Pure; the same for every store that reads first.

use super::table::{Change, Row, Written};

/// A change, or the removal of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intent<'a> {
    was: &'a Row,
    /// `None` removes it.
    now: Option<&'a Row>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// Write this row in its place, or remove it.
    Write(Option<Row>),
    /// Nothing: this is how it ended.
    Ended(Written),
}

impl<'a> From<&'a Change> for Intent<'a> {
    fn from(change: &'a Change) -> Self {
        Self { was: &change.was, now: Some(&change.now) }
    }
}

impl<'a> Intent<'a> {
    pub(super) fn removal(row: &'a Row) -> Self {
        Self { was: row, now: None }
    }

    pub(super) fn row(&self) -> &'a Row {
        self.was
    }

    /// Whether `there` is the row that the writer saw: the same owner at the same count. A request (`wanted_by`)
    /// that somebody else left there since does not make it another.
    pub(super) fn saw(&self, there: &Row) -> bool {
        (&there.owner, there.counter) == (&self.was.owner, self.was.counter)
    }

    /// What to do about `there`.
    pub(super) fn meet(&self, there: Option<&Row>) -> Meeting {
        match (there, self.now) {
            (None, None) => Meeting::Ended(Written::Done),
            (Some(there), None) if self.saw(there) => Meeting::Write(None),
            (Some(there), Some(now)) if self.saw(there) => Meeting::Write(Some(self.keeping_the_request(now, there))),
            // Our own, in a request whose answer was lost: no two workers write the same owner at the same count.
            (Some(there), Some(now)) if *there == Row { wanted_by: there.wanted_by.clone(), ..now.clone() } => {
                Meeting::Ended(Written::Done)
            }
            (there, _) => Meeting::Ended(Written::Conflict(there.cloned())),
        }
    }

    /// Who does not mean to change the request leaves the one that is there: an owner renews without having seen it.
    fn keeping_the_request(&self, now: &Row, there: &Row) -> Row {
        let meant = now.wanted_by != self.was.wanted_by;
        let wanted_by = if meant { &now.wanted_by } else { &there.wanted_by };
        Row { wanted_by: wanted_by.clone(), ..now.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::position::{Position, Sequence, ShardId};

    fn row(owner: &str, counter: u64, wanted_by: &str, n: u32) -> Row {
        let some = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        let position = Position::After(Sequence::parse(n.to_string()).unwrap());
        let (owner, wanted_by) = (some(owner), some(wanted_by));
        Row { shard: ShardId::from("s"), owner, counter, wanted_by, position, parents: Vec::new() }
    }

    fn check(was: &Row, now: &Row, there: Option<&Row>, expected: Meeting) {
        let change = Change { was: was.clone(), now: now.clone() };
        assert_eq!(Intent::from(&change).meet(there), expected, "{was:?} to {now:?} meets {there:?}");
    }

    fn conflict(there: &Row) -> Meeting {
        Meeting::Ended(Written::Conflict(Some(there.clone())))
    }

    #[test]
    fn a_row_that_was_seen_is_written() {
        let (was, now) = (row("a", 5, "", 1), row("a", 6, "", 2));
        check(&was, &now, Some(&was), Meeting::Write(Some(now.clone())));
        let taken = row("b", 6, "", 1);
        check(&was, &taken, Some(&was), Meeting::Write(Some(taken.clone())));
    }

    #[test]
    fn a_row_that_somebody_wrote_since_is_left_alone() {
        let (was, now) = (row("a", 5, "", 1), row("a", 6, "", 2));
        for there in [row("b", 6, "", 1), row("a", 7, "", 2), row("", 6, "", 2), row("a", 6, "", 9)] {
            check(&was, &now, Some(&there), conflict(&there));
        }
        check(&was, &now, None, Meeting::Ended(Written::Conflict(None)));
    }

    #[test]
    fn a_renewal_keeps_a_request_it_never_saw() {
        let (was, now, there) = (row("a", 5, "", 1), row("a", 6, "", 2), row("a", 5, "b", 1));
        check(&was, &now, Some(&there), Meeting::Write(Some(row("a", 6, "b", 2))));
        // One that replaces another is kept too, and one that was taken back stays away.
        check(&there, &row("a", 6, "b", 2), Some(&row("a", 5, "c", 1)), Meeting::Write(Some(row("a", 6, "c", 2))));
        check(&there, &row("a", 6, "b", 2), Some(&was), Meeting::Write(Some(now.clone())));
    }

    #[test]
    fn who_means_to_change_the_request_changes_it() {
        let (was, there) = (row("a", 5, "b", 1), row("a", 5, "c", 1));
        let freed = row("", 6, "", 2);
        check(&was, &freed, Some(&there), Meeting::Write(Some(freed.clone())));
        let asked = row("a", 5, "d", 1);
        check(&was, &asked, Some(&there), Meeting::Write(Some(asked.clone())));
    }

    #[test]
    fn a_write_that_did_happen_is_known_again_whoever_asked_since() {
        let (was, now) = (row("a", 5, "", 1), row("a", 6, "", 2));
        check(&was, &now, Some(&now), Meeting::Ended(Written::Done));
        check(&was, &now, Some(&row("a", 6, "b", 2)), Meeting::Ended(Written::Done));
    }

    #[test]
    fn only_the_row_that_was_seen_is_removed() {
        let was = row("", 5, "", 1);
        let check = |there: Option<&Row>, expected| assert_eq!(Intent::removal(&was).meet(there), expected);
        check(Some(&was), Meeting::Write(None));
        check(Some(&row("", 5, "b", 1)), Meeting::Write(None));
        check(None, Meeting::Ended(Written::Done));
        let taken = row("b", 6, "", 1);
        check(Some(&taken), conflict(&taken));
    }
}
