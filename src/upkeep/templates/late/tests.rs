use super::*;

fn of(status: u16, kind: &str, reason: &str) -> Ended {
    let body = json!({"error": {"type": kind, "reason": reason}, "status": status});
    ended(&Answer { status, body: body.to_string().into(), retry_after: None })
}

fn cure(ended: Ended) -> &'static str {
    match ended {
        Ended::Refused(_, cure) | Ended::Forbidden(_, cure) => cure,
        _ => panic!("not refused"),
    }
}

#[test]
fn a_refusal_has_its_cure_and_a_sick_cluster_has_none() {
    let limit = "Limit of total fields [1000] has been exceeded";
    assert!(cure(of(400, "illegal_argument_exception", limit)).contains("total_fields.limit"));
    assert!(cure(of(403, "security_exception", "no permissions")).contains("indices:admin/mapping/put"));
    assert!(cure(of(403, "cluster_block_exception", "index read-only")).contains("block"));
    assert!(cure(of(429, "cluster_block_exception", "flood-stage")).contains("block"), "a full disk is not a busy one");
    assert!(cure(of(400, "mapper_parsing_exception", "x")).contains("docs/migrating.md"));
    assert!(matches!(of(404, "index_not_found_exception", "x"), Ended::Gone));
    for (status, kind) in [(429, "rejected"), (503, "cluster_block_exception"), (504, ""), (500, "x")] {
        assert!(matches!(of(status, kind, "x"), Ended::Unwell(_)), "{status}");
    }
    assert!(matches!(of(200, "", ""), Ended::Done));
}

fn added(index: usize, members: &[&str]) -> Got {
    Got { index: format!("i{index}"), members: members.iter().map(|&member| member.into()).collect() }
}

#[test]
fn many_are_said_in_few_words() {
    let all = (0..7).map(|n| added(n, &["essink", "msg"])).chain([added(9, &["msg"]), added(8, &["msg.parts"])]);
    let some = Added { indices: all.collect(), refused: Vec::new(), left: 4, past: 3 };
    let of = "made without essink's templates";
    let lines = [
        ("added", format!("essink, msg to the mappings of i0, i1, i2, i3, i4 and 2 more, {of}")),
        ("added", format!("msg to the mappings of i9, {of}")),
        ("added", "msg.parts to the mappings of i8, made before essink had them".to_owned()),
        ("left", "4 more indices that lack such mappings to the next run".to_owned()),
        (
            "left",
            "3 daily indices of more than 31 days ago without words of msg that came later: panels that ask for these \
             undercount there; docs/migrating.md says what to do"
                .to_owned(),
        ),
    ];
    assert_eq!(some.lines(false), lines);
    assert_eq!(some.lines(true)[0].0, "would add");
    assert_eq!(Added::default().lines(false), []);
    let json = json!({"indices": [{"index": "i9", "members": ["msg"]}], "refused": [], "left": 0, "past": 0});
    assert_eq!(serde_json::to_value(Added { indices: vec![added(9, &["msg"])], ..Added::default() }).unwrap(), json);
}

#[test]
fn a_right_that_is_missing_ends_it_and_so_does_a_sick_cluster() {
    let indices: Vec<String> = (0..MOST_FORBIDDEN).map(|n| format!("i{n}")).collect();
    let mut progress = Progress::default();
    let forbidden = || of(403, "security_exception", "no permissions");
    for (n, index) in indices.chunks(1).enumerate() {
        assert_eq!(progress.note(forbidden(), index, &Map::new()), n + 1 < MOST_FORBIDDEN, "{n}");
    }
    let mut progress = Progress::default();
    assert!(!progress.note(Ended::Unwell("busy".into()), &indices, &Map::new()));
    assert_eq!(progress.added.refused.len(), 1, "the others are left");
    assert!(progress.note(Ended::Gone, &indices[..2], &Map::new()));
    assert_eq!(progress.gone, 2);
}

/// Years of read-only days, with one among them that takes it.
#[test]
fn what_an_index_has_against_it_keeps_no_other_from_theirs() {
    let mut progress = Progress::default();
    let full = || of(400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded");
    let blocked = || of(403, "cluster_block_exception", "why");
    for n in 0..100 {
        let ended = if n % 2 == 0 { blocked() } else { full() };
        assert!(progress.note(ended, &[format!("i{n}")], &Map::new()), "{n}");
    }
    assert_eq!(progress.added.refused.len(), 100, "the JSON report names all");
    let warnings = progress.added.warnings();
    assert!(warnings[2].starts_with("index i2 lacks mappings of what essink adds") && warnings[2].contains("why"));
    assert!(warnings[2].ends_with("lift the block") && warnings[3].contains("total_fields.limit"), "{warnings:?}");
    assert_eq!(warnings.len(), TOLD + 1);
    assert!(warnings[TOLD].starts_with("80 more daily indices"), "{}", warnings[TOLD]);
}
