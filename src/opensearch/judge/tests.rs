use super::*;

/// The letters of the tables: indexed, already there, busy, blocked, too large, refused, halt.
pub(super) fn letter(verdict: &Verdict) -> char {
    match verdict {
        Verdict::Indexed => 'I',
        Verdict::AlreadyThere => 'A',
        Verdict::Busy(_) => 'B',
        Verdict::Blocked { .. } => 'K',
        Verdict::TooLarge(_) => 'T',
        Verdict::Refused(_) => 'R',
        Verdict::Halt(_) => 'H',
    }
}

#[test]
fn items_by_status_and_name() {
    for (status, kind, expected) in [
        (409, "version_conflict_engine_exception", 'A'),
        // Only that conflict says that the document is there.
        (409, "illegal_state_exception", 'B'),
        (429, "rejected_execution_exception", 'B'),
        (429, "es_rejected_execution_exception", 'B'),
        (429, "circuit_breaking_exception", 'B'),
        (503, "unavailable_shards_exception", 'K'),
        (503, "cluster_block_exception", 'B'),
        (500, "i_o_exception", 'B'),
        (500, "some_future_exception", 'B'),
        (400, "resource_already_exists_exception", 'B'),
        (404, "shard_not_found_exception", 'B'),
        (201, "some_future_exception", 'B'),
        (429, "cluster_block_exception", 'K'),
        (403, "cluster_block_exception", 'K'),
        (403, "index_create_block_exception", 'K'),
        (413, "", 'T'),
        (400, "mapper_parsing_exception", 'R'),
        (400, "document_parsing_exception", 'R'),
        (400, "illegal_argument_exception", 'R'),
        (400, "strict_dynamic_mapping_exception", 'R'),
        (400, "parse_exception", 'R'),
        (400, "json_parse_exception", 'R'),
        (400, "input_coercion_exception", 'R'),
        (400, "class_cast_exception", 'R'),
        (500, "class_cast_exception", 'R'),
        (400, "stream_constraints_exception", 'R'),
        (400, "some_future_exception", 'R'),
        (404, "index_not_found_exception", 'H'),
        (404, "some_future_exception", 'H'),
        (401, "security_exception", 'H'),
        (403, "security_exception", 'H'),
        (403, "some_future_exception", 'H'),
        (400, "validation_exception", 'H'),
        (400, "index_closed_exception", 'H'),
        (500, "fail_processor_exception", 'H'),
    ] {
        let verdict = judge_item(status, Some(&Fault::new(kind, "why")), "i");
        assert_eq!(letter(&verdict), expected, "{status} {kind}: {verdict:?}");
    }
}

#[test]
fn items_without_an_error() {
    for (status, expected) in
        [(200, 'I'), (201, 'I'), (202, 'B'), (409, 'B'), (413, 'T'), (403, 'H'), (500, 'B'), (0, 'B')]
    {
        assert_eq!(letter(&judge_item(status, None, "i")), expected, "{status}");
    }
}

#[test]
fn requests_by_status() {
    for (status, body, expected) in [
        (200, "", None),
        (408, "", Some('B')),
        (429, "", Some('B')),
        (429, r#"{"message":"Rate exceeded"}"#, Some('B')),
        (500, "", Some('B')),
        (502, "<html>bad gateway</html>", Some('B')),
        (
            503,
            r#"{"error":{"type":"cluster_block_exception","reason":"blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];"}}"#,
            Some('B'),
        ),
        (504, "", Some('B')),
        (413, "", Some('T')),
        (413, r#"{"Message":"Request size exceeded 10485760 bytes"}"#, Some('T')),
        (
            403,
            r#"{"error":{"type":"cluster_block_exception","reason":"blocked by: [FORBIDDEN/5/index read-only (api)];"}}"#,
            Some('K'),
        ),
        (
            403,
            r#"{"error":{"type":"index_create_block_exception","reason":"blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];"}}"#,
            Some('K'),
        ),
        (302, "", Some('H')),
        (400, r#"{"error":"no handler found for uri [/x] and method [POST]"}"#, Some('H')),
        (401, "Unauthorized", Some('H')),
        (403, r#"{"message":"The security token included in the request is expired"}"#, Some('H')),
        (404, "", Some('H')),
        (405, "", Some('H')),
        (406, "", Some('H')),
    ] {
        let verdict = judge_request(status, body.as_bytes());
        assert_eq!(verdict.as_ref().map(letter), expected, "{status} {body}: {verdict:?}");
    }
}

#[test]
fn indexing_pressure_that_no_waiting_relieves_is_a_matter_of_size() {
    let request = |asked: u64, allowed: u64| {
        let reason = format!(
            "rejected execution of coordinating operation [coordinating_and_primary_bytes=900, replica_bytes=0, all_bytes=900, \
             coordinating_operation_bytes={asked}, max_coordinating_and_primary_bytes={allowed}]"
        );
        let body =
            serde_json::json!({ "error": { "type": "rejected_execution_exception", "reason": reason }, "status": 429 });
        judge_request(429, body.to_string().as_bytes()).as_ref().map(letter)
    };
    assert_eq!(request(1001, 1000), Some('T'));
    // It alone would fit: others are in its way for now.
    assert_eq!(request(1000, 1000), Some('B'));
    assert!(!never_fits("rejected execution"));
}

#[test]
fn a_halt_names_the_index_and_the_cure() {
    let fault = Fault::new("validation_exception", "Validation Failed: 1: this action would add [2] shards");
    let Verdict::Halt(why) = judge_item(400, Some(&fault), "pinpoint-2026-01-01") else { panic!("no halt") };
    for part in ["pinpoint-2026-01-01", "essink prune", "would add [2] shards"] {
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn a_block_names_the_index_and_the_block() {
    let reason = "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];";
    match judge_item(429, Some(&Fault::new("cluster_block_exception", reason)), "i") {
        Verdict::Blocked { index, reason } => {
            assert_eq!(index.as_deref(), Some("i"));
            assert!(reason.contains("TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}
