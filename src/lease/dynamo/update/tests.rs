use super::*;
use crate::event::time::Millis;
use crate::pipeline::position::Sequence;

fn own() -> Own {
    Own { stream: "arn".to_owned(), group: "essink".to_owned(), begin: Position::TrimHorizon }
}

fn after(n: u64) -> Position {
    Position::After(Sequence::parse(n.to_string()).unwrap())
}

fn row(owner: &str, counter: u64, wanted_by: &str, position: Position) -> Row {
    let some = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    let (owner, wanted_by) = (some(owner), some(wanted_by));
    Row { shard: "shardId-1".into(), owner, counter, wanted_by, position, parents: Vec::new() }
}

/// Every attribute that the change touches, with its new value: `name=value`, `-name` removed, `name+value` added.
#[track_caller]
fn check(was: &Row, now: &Row, condition: &str, touched: &str) {
    let parts = Parts::of(&Change { was: was.clone(), now: now.clone() }, &own());
    let spell = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let filled = |text: &str| {
        // Longest first: one name may begin another.
        let mut values: Vec<_> = parts.values.iter().map(|(name, value)| (name.clone(), spell(value))).collect();
        values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value)).replace('#', "")
    };
    assert_eq!(filled(&parts.condition), condition);
    assert_eq!(filled(&parts.expression()), touched);
    for name in parts.values.keys().chain(parts.names.keys()) {
        let all = format!("{} {}", parts.expression(), parts.condition);
        assert!(all.contains(name), "DynamoDB refuses what is not used: {name}");
    }
}

#[test]
fn a_request_touches_nothing_of_kcl() {
    let was = row("a", 5, "", after(1));
    let held = "leaseCounter = 5 AND leaseOwner = a";
    check(&was, &row("a", 5, "b", after(1)), held, "SET essink_wanted_by = b");
    check(&row("a", 5, "b", after(1)), &was, held, "REMOVE essink_wanted_by");
}

const OURS: &str = "essink_stream = arn, essink_group = essink";

#[test]
fn a_renewal_leaves_the_place_and_a_request_it_did_not_see() {
    check(
        &row("a", 5, "", after(1)),
        &row("a", 6, "", after(1)),
        "leaseCounter = 5 AND leaseOwner = a",
        &format!("SET leaseCounter = 6, essink_counter = 6, {OURS}, leaseOwner = a REMOVE checkpointOwner"),
    );
    // As KCL wrote it, within an aggregate perhaps.
    let within = Position::From(Sequence::parse("9").unwrap());
    check(
        &row("a", 5, "", within.clone()),
        &row("b", 6, "", within),
        "leaseCounter = 5 AND leaseOwner = a",
        &format!(
            "SET leaseCounter = 6, essink_counter = 6, {OURS}, leaseOwner = b REMOVE checkpointOwner \
             ADD ownerSwitchesSinceCheckpoint 1"
        ),
    );
}

#[test]
fn a_position_goes_with_what_kcl_clears_at_a_checkpoint() {
    const CLEARED: &str =
        "essink_position, pendingCheckpoint, pendingCheckpointSubSequenceNumber, pendingCheckpointState";
    check(
        &row("a", 5, "", after(1)),
        &row("a", 6, "", after(2)),
        "leaseCounter = 5 AND leaseOwner = a",
        &format!(
            "SET leaseCounter = 6, essink_counter = 6, {OURS}, leaseOwner = a, checkpoint = 2, \
             checkpointSubSequenceNumber = 2147483647, ownerSwitchesSinceCheckpoint = 0 REMOVE checkpointOwner, {CLEARED}"
        ),
    );
    check(
        &row("a", 5, "b", after(1)),
        &row("", 6, "", Position::End),
        "leaseCounter = 5 AND leaseOwner = a",
        &format!(
            "SET leaseCounter = 6, essink_counter = 6, {OURS}, checkpoint = SHARD_END, checkpointSubSequenceNumber = 0, \
             ownerSwitchesSinceCheckpoint = 0 REMOVE essink_wanted_by, leaseOwner, checkpointOwner, {CLEARED}"
        ),
    );
}

/// KCL's LATEST, or a word of ours from before KCL had the lease, must not stand beside it.
#[test]
fn a_start_is_written_anew_by_whoever_takes_it() {
    let common = format!("SET leaseCounter = 1, essink_counter = 1, {OURS}, leaseOwner = a");
    let horizon = "checkpoint = TRIM_HORIZON, checkpointSubSequenceNumber = 0";
    let free = "leaseCounter = 0 AND attribute_not_exists(leaseOwner)";
    let take = |position: Position, touched: &str| {
        check(&row("", 0, "", position.clone()), &row("a", 1, "", position), free, touched);
    };
    let at = format!(r#"{common}, {horizon}, essink_position = {{"at":"time","time":5}} REMOVE checkpointOwner"#);
    take(Position::At(Millis(5)), &at);
    take(Position::TrimHorizon, &format!("{common}, {horizon} REMOVE checkpointOwner, essink_position"));
}
