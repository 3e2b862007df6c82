use super::*;
use crate::app::status::pages::Lag;
use crate::pipeline::position::Sequence;

const FIRST: &str = "shardId-000000000000";
const SECOND: &str = "shardId-000000000001";

fn row(shard: &str, owner: Option<&str>, position: Position) -> Row {
    Row {
        shard: shard.into(),
        owner: owner.map(str::to_owned),
        counter: 1,
        wanted_by: None,
        position,
        parents: Vec::new(),
    }
}

fn after(digits: &str) -> Position {
    Position::After(Sequence::parse(digits).unwrap())
}

fn page(worker: &str, shard: &str, behind_ms: u64) -> Page {
    let shards = BTreeMap::from([(shard.to_owned(), Lag { behind_ms: Some(behind_ms), oldest_ms: Some(5_000) })]);
    Page { url: "http://127.0.0.1:9464".to_owned(), worker: worker.to_owned(), ready: true, shards, ..Page::default() }
}

fn facts() -> Facts {
    let open = |id: &str, closed| Listed { id: id.into(), parents: Vec::new(), closed };
    let unread = |oldest_ms, behind_ms| Unread { oldest_ms, behind_ms, trouble: None };
    Facts {
        stream: "s".to_owned(),
        group: "g".to_owned(),
        state: "essink-state".to_owned(),
        rows: vec![
            row(FIRST, Some("w"), after("49590338271490256608559692538361571095921575989136588898")),
            row(SECOND, None, Position::TrimHorizon),
        ],
        alive: BTreeMap::from([(FIRST.into(), true)]),
        listed: Some(vec![open(FIRST, false), open(SECOND, true), open("shardId-000000000002", false)]),
        unread: BTreeMap::from([(SECOND.into(), unread(Some(90_000), Some(61_000)))]),
        pages: vec![page("w", FIRST, 3_000)],
        letters: ("essink-dead-letters-*".to_owned(), Some(Tally::default())),
        ..Facts::default()
    }
}

#[test]
fn a_worker_speaks_for_its_shards_and_kinesis_for_the_others() {
    let report = Report::new(facts());
    let said: Vec<_> = report.shards.iter().map(|s| (s.shard.as_str(), s.says, s.behind_ms, s.oldest_ms)).collect();
    assert_eq!(
        said,
        [(SECOND, Some("kinesis"), Some(61_000), Some(90_000)), (FIRST, Some("worker"), Some(3_000), Some(5_000))]
    );
    assert_eq!(report.behind_ms, Some(61_000), "the furthest behind");
    assert_eq!(report.waiting, ["shardId-000000000002"]);
    assert_eq!((report.shards[0].state, report.shards[1].state), ("closed", "open"));
    let text = report.to_string();
    assert!(text.contains("2 shards, 1 workers; behind: 1m 1s; dead letters: 0"), "{text}");
    assert!(text.contains("after …989136588898") && !text.contains("4959033827"), "{text}");
    assert!(text.contains("w       1       yes    http://127.0.0.1:9464  yes"), "{text}");
}

#[test]
fn what_is_on_disk_is_a_table_for_people_and_numbers_for_programs() {
    let mut facts = facts();
    facts.disk = Some(vec![OnDisk { indices: "ses-*".to_owned(), days: 2, bytes: 3_072, ..OnDisk::default() }]);
    let report = Report::new(facts);
    let text = report.to_string();
    assert!(text.contains("ON DISK") && text.contains("ses-*") && text.contains("3.0 KiB"), "{text}");
    assert_eq!(serde_json::to_value(&report).unwrap()["disk"][0]["bytes"], 3_072);
    let unknown = Report::new(self::facts());
    assert!(!unknown.to_string().contains("ON DISK"));
    assert_eq!(serde_json::to_value(&unknown).unwrap()["disk"], serde_json::Value::Null);
}

#[test]
fn what_nobody_says_is_unknown_and_never_nothing() {
    let mut facts = facts();
    (facts.listed, facts.unread, facts.pages) = (None, BTreeMap::new(), Vec::new());
    facts.letters.1 = None;
    facts.alive = BTreeMap::from([(FIRST.into(), false)]);
    facts.unknown = vec![Unknown { what: "lag", why: "kinesis does not answer".to_owned() }];
    let report = Report::new(facts);
    assert_eq!(report.behind_ms, None);
    let text = report.to_string();
    assert!(text.contains("behind: unknown; dead letters: unknown"), "{text}");
    assert!(text.contains("w (silent)") && text.contains("unknown: lag: kinesis does not answer"), "{text}");
    assert!(!text.contains("nothing"), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["behind_ms"], &json["shards"][0]["state"]), (&serde_json::Value::Null, &"unknown".into()));
}

#[test]
fn one_shard_of_unknown_lag_makes_the_whole_unknown_but_an_ended_one_does_not() {
    let mut facts = facts();
    facts.unread =
        BTreeMap::from([(SECOND.into(), Unread { trouble: Some("rate exceeded".to_owned()), ..Unread::default() })]);
    let report = Report::new(facts);
    assert_eq!((report.behind_ms, report.shards[0].shard.as_str()), (None, SECOND), "trouble stands first");
    assert!(report.to_string().contains("rate exceeded"));
    let mut facts = self::facts();
    (facts.rows[1].position, facts.unread) = (Position::End, BTreeMap::new());
    assert_eq!(Report::new(facts).behind_ms, Some(3_000));
}

#[test]
fn a_screen_has_room_for_the_furthest_behind_only_and_a_program_for_all() {
    let mut facts = facts();
    let shard = |n: usize| ShardId::from(format!("shardId-{n:012}").as_str());
    facts.rows = (0..30).map(|n| row(&shard(n).0, None, Position::TrimHorizon)).collect();
    let unread = |n: usize| Unread { oldest_ms: None, behind_ms: Some(n as u64 * 1_000), trouble: None };
    facts.unread = (0..30).map(|n| (shard(n), unread(n))).collect();
    (facts.listed, facts.pages) = (None, vec![page("idle", "none", 0)]);
    let report = Report::new(facts);
    let text = report.to_string();
    assert!(
        text.contains("and 6 more") && text.contains("shardId-000000000029") && !text.contains("shardId-000000000005"),
        "{text}"
    );
    assert!(text.contains("idle    0       yes"), "a worker that owns nothing has a row: {text}");
    assert_eq!(serde_json::to_value(&report).unwrap()["shards"].as_array().map(Vec::len), Some(30));
}

#[test]
fn a_shard_of_unknown_lag_stands_before_those_that_are_known_and_is_not_said_to_be_nearer() {
    let mut facts = facts();
    let shard = |n: usize| ShardId::from(format!("shardId-{n:012}").as_str());
    facts.rows = (0..30).map(|n| row(&shard(n).0, None, Position::TrimHorizon)).collect();
    facts.rows.push(row("shardId-ended", None, Position::End));
    let unread = |n: usize| Unread { oldest_ms: None, behind_ms: (n != 7).then_some(1_000), trouble: None };
    facts.unread = (0..30).map(|n| (shard(n), unread(n))).collect();
    (facts.listed, facts.pages) = (None, Vec::new());
    let report = Report::new(facts);
    assert_eq!(report.shards[0].shard, "shardId-000000000007");
    assert_eq!(report.shards.last().map(|shard| shard.shard.as_str()), Some("shardId-ended"), "it owes nothing");
    assert!(report.to_string().contains("and 7 more, none of them further behind"), "{report}");
    let mut blind = self::facts();
    blind.rows = (0..30).map(|n| row(&shard(n).0, None, Position::TrimHorizon)).collect();
    (blind.listed, blind.pages, blind.unread) = (None, Vec::new(), BTreeMap::new());
    let text = Report::new(blind).to_string();
    assert!(text.contains("and 6 more, 6 of them of unknown lag") && !text.contains("further behind"), "{text}");
}
