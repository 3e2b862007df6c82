use super::*;
use crate::event::time::Millis;
use crate::pipeline::position::Sequence;

/// `a`, `b<a` (a child of a), `c<a+b` (of both).
fn shards(text: &str) -> Vec<Shard> {
    let one = |text: &str| {
        let (id, parents) = text.split_once('<').unwrap_or((text, ""));
        let parents = parents.split('+').filter(|parent| !parent.is_empty()).map(ShardId::from).collect();
        Shard { id: id.into(), parents, closed: false }
    };
    text.split_whitespace().map(one).collect()
}

fn known(rows: &[(&str, Position)]) -> BTreeMap<ShardId, Position> {
    rows.iter().map(|(shard, at)| (ShardId::from(*shard), at.clone())).collect()
}

fn names<'a>(ids: impl IntoIterator<Item = &'a ShardId>) -> String {
    ids.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn check(listed: &str, rows: &[(&str, Position)], readable: &str, absent: &[(&str, Position)], gone: &str) {
    let scope = scope(&shards(listed), &LATEST, &known(rows), false);
    assert_eq!(names(&scope.readable), readable, "{listed}");
    let made: BTreeMap<ShardId, Position> = scope.absent.into_iter().map(|row| (row.shard, row.position)).collect();
    assert_eq!(made, known(absent), "{listed}");
    assert_eq!(names(&scope.gone), gone, "{listed}");
}

const LATEST: Position = Position::At(Millis(1_700_000_000_000));
const HORIZON: Position = Position::TrimHorizon;
const END: Position = Position::End;

fn read() -> Position {
    Position::After(Sequence::parse("5").expect("digits"))
}

#[test]
fn the_shards_that_exist_when_the_group_is_born_begin_where_it_says_and_no_descendant_does() {
    check("a b", &[], "a b", &[("a", LATEST), ("b", LATEST)], "");
    check("a b c<a", &[("a", END), ("b", read())], "b c", &[("c", HORIZON)], "");
    check("a b c<a", &[("a", read()), ("b", read())], "a b", &[], "");
}

/// A merge: one parent at its end is not enough.
#[test]
fn a_child_waits_for_all_parents_and_has_no_row_before() {
    check("a b c<a+b", &[("a", END), ("b", read())], "b", &[], "");
    check("a b c<a+b", &[("a", END), ("b", END)], "c", &[("c", HORIZON)], "");
}

#[test]
fn a_shard_whose_parents_have_left_the_stream_starts_at_once_and_their_rows_go() {
    check("c<a+b d", &[("a", END), ("b", read()), ("d", read())], "c d", &[("c", HORIZON)], "a b");
}

#[test]
fn a_birth_that_was_cut_short_is_completed_with_the_start_it_began_with() {
    let earlier = Position::At(Millis(1_600_000_000_000));
    check("a b", &[("a", earlier.clone())], "a b", &[("b", earlier)], "");
}

/// A worker whose listing is a minute old sees the row of a child that another one reads: were it removed while its
/// reader is dead, the child would be read again from its beginning.
#[test]
fn the_row_of_a_shard_younger_than_our_listing_stays() {
    let mut unlisted = Unlisted::default();
    let mut gone = |listing: &Arc<Vec<Shard>>| {
        let mut gone = scope(listing, &LATEST, &known(&[("a", END), ("b", read())]), false).gone;
        unlisted.confirm(listing, &mut gone);
        names(&gone)
    };
    let old = Arc::new(shards("a"));
    for _ in 0..50 {
        assert_eq!(gone(&old), "", "the same listing, however often it is looked at");
    }
    // One that may have begun before the split.
    let next = Arc::new(shards("a"));
    assert_eq!(gone(&next), "");
    assert_eq!(gone(&Arc::new(shards("a b<a"))), "");
    for listing in [&old, &next] {
        assert_eq!(gone(listing), "", "it counts anew");
    }
    assert_eq!(gone(&Arc::new(shards("a"))), "b", "two listings that began after it was seen");
}
