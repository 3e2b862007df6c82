//! Every recorded exchange that a writer can meet, judged.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::tests::letter;
use super::*;

/// What a case means: one letter an item; `=X` for the request as a whole; `!` where the answer is to an action
/// that essink never sends, so that nothing may settle; `?` where no answer came.
///
/// A server's name narrows a row to the servers that begin with it; `*` is for those without a row of their own.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("bulk_413", "*", "=T"),
    ("bulk_413_expect_continue", "*", "=T"),
    ("bulk_413_gzip_inflates", "*", "=T"),
    ("bulk_413_headers_only", "*", "=T"),
    ("bulk_429_circuit_breaker_inflight", "*", "=B"),
    ("bulk_429_circuit_breaker_parent", "*", "=B"),
    // The limit was set to 2 kB and a request of 10 kB met an idle node: only smaller requests pass.
    ("bulk_429_indexing_pressure", "*", "=T"),
    ("bulk_429_write_queue_full_all", "*", "B"),
    ("bulk_429_write_queue_full_mixed", "*", "BI"),
    ("bulk_alias_without_write_index", "*", "H"),
    ("bulk_alias_write_index_ok", "*", "I"),
    ("bulk_bad_action_json", "*", "=H"),
    ("bulk_bad_action_line", "*", "=H"),
    ("bulk_content_type_missing", "*", "=H"),
    ("bulk_content_type_wrong", "*", "=H"),
    ("bulk_create_duplicate_409", "*", "AA"),
    ("bulk_create_ok", "*", "II"),
    ("bulk_create_ok_gzip", "*", "I"),
    ("bulk_empty_body", "*", "=H"),
    ("bulk_empty_id", "*", "H"),
    ("bulk_filter_path", "*", "AA"),
    // Without items.*.status a success has no items at all: such an answer settles nothing.
    ("bulk_filter_path_no_errors", "*", "!"),
    ("bulk_gzip_garbage", "*", "?"),
    ("bulk_id_too_long", "*", "=H"),
    ("bulk_index_overwrite", "*", "I"),
    ("bulk_no_final_newline", "*", "=H"),
    ("bulk_no_index", "*", "=H"),
    ("bulk_only_newline", "*", "=H"),
    ("bulk_pipeline_fails", "*", "H"),
    ("bulk_pipeline_missing", "*", "H"),
    ("bulk_pipeline_ok", "*", "I"),
    ("bulk_unknown_metadata", "elasticsearch-7", "I"),
    ("bulk_unknown_metadata", "*", "=H"),
    ("data_stream_bulk_create", "*", "I"),
    ("data_stream_bulk_index_rejected", "*", "H"),
    ("data_stream_no_timestamp", "*", "R"),
    ("date_epoch_millis_iso_string_rejected", "*", "R"),
    ("flat_field_bulk", "*", "I"),
    ("flood_stage_auto_create_item", "elasticsearch-8", "K"),
    ("flood_stage_auto_create_item", "*", "I"),
    ("flood_stage_cluster_settings", "*", "=-"),
    ("flood_stage_create_index", "elasticsearch", "=-"),
    ("flood_stage_create_index", "*", "=K"),
    ("flood_stage_delete_doc", "*", "=K"),
    ("flood_stage_index_settings", "*", "=-"),
    ("flood_stage_released", "*", "I"),
    ("flood_stage_search_ok", "*", "=-"),
    ("index_block_read_only_allow_delete_lifted", "*", "=-"),
    ("index_block_read_only_lifted", "*", "=-"),
    ("index_block_write_lifted", "*", "=-"),
    ("item_auto_create_pattern_denied", "*", "H"),
    ("item_bad_date", "*", "R"),
    ("item_bad_ip", "*", "R"),
    ("item_delete_missing", "*", "!"),
    ("item_depth_limit", "*", "R"),
    ("item_empty_field_name", "elasticsearch-8", "RRR"),
    ("item_empty_field_name", "*", "RRI"),
    // A conflict of versions that `create` does not have.
    ("item_external_version_conflict", "*", "!"),
    ("item_flood_stage", "*", "K"),
    ("item_immense_term", "*", "R"),
    ("item_index_block_read_only", "*", "K"),
    ("item_index_block_read_only_allow_delete", "*", "K"),
    ("item_index_block_write", "*", "K"),
    ("item_index_closed", "*", "H"),
    ("item_index_not_found_auto_create_off", "*", "H"),
    ("item_integer_overflow", "*", "RR"),
    ("item_invalid_index_name", "*", "H"),
    ("item_malformed_source", "*", "RI"),
    ("item_mapper_parsing", "*", "RI"),
    ("item_max_shards_per_node", "*", "H"),
    ("item_object_conflict", "*", "RR"),
    ("item_require_alias", "*", "H"),
    ("item_routing_missing", "*", "H"),
    ("item_seq_no_conflict", "*", "!"),
    ("item_strict_dynamic_mapping", "*", "RI"),
    ("item_total_fields_limit", "*", "RI"),
    ("item_unavailable_shards_503", "*", "K"),
    ("item_update_missing", "*", "!"),
    ("item_update_upsert", "*", "!"),
    ("item_wait_for_active_shards_503", "*", "K"),
    ("method_not_allowed", "*", "=H"),
    ("security_401_bad_api_key", "*", "=H"),
    ("security_401_no_credentials", "*", "=H"),
    ("security_401_wrong_password", "*", "=H"),
    ("security_403_cluster_api", "*", "=H"),
    ("security_403_index_api", "*", "=H"),
    ("security_bulk_item_403", "*", "IH"),
    ("security_bulk_item_403_create_index", "*", "IH"),
];

/// Cases with these beginnings, and any other that goes to `_bulk`, need a row.
const RELEVANT: [&str; 6] = ["bulk_", "item_", "flood_stage_", "index_block_", "security_", "data_stream_"];

struct Case {
    server: String,
    name: String,
    exchange: Value,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut cases = Vec::new();
    for server in fs::read_dir(root).unwrap().map(Result::unwrap) {
        for file in fs::read_dir(server.path()).unwrap().map(Result::unwrap) {
            let exchange: Value = serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
            let to_bulk = exchange["request"]["path"].as_str().unwrap().contains("/_bulk");
            let name = file.path().file_stem().unwrap().to_str().unwrap().to_owned();
            if to_bulk || RELEVANT.iter().any(|begin| name.starts_with(begin)) {
                cases.push(Case { server: server.file_name().into_string().unwrap(), name, exchange });
            }
        }
    }
    cases
}

fn row(case: &Case) -> Option<usize> {
    let mut rows = EXPECTED.iter().enumerate().filter(|(_, (name, ..))| *name == case.name);
    rows.find(|(_, (_, server, _))| *server == "*" || case.server.starts_with(server)).map(|(at, _)| at)
}

/// The verdicts in letters, and every sentence in them.
fn judged(case: &Case, expected: &str) -> (String, Vec<Verdict>) {
    let response = &case.exchange["response"];
    let Some(status) = response["status"].as_u64() else {
        return ("?".to_owned(), Vec::new());
    };
    let status = u16::try_from(status).unwrap();
    let body = match &response["body"] {
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    };
    if let Some(verdict) = judge_request(status, &body) {
        return (format!("={}", letter(&verdict)), vec![verdict]);
    }
    if expected.starts_with('=') {
        return ("=-".to_owned(), Vec::new());
    }
    let body = if expected == "!" { body } else { as_creates(&response["body"]) };
    let sent = response["body"]["items"].as_array().map_or(1, Vec::len);
    match crate::opensearch::bulk::verdicts(&body, vec!["i"; sent].into_iter()) {
        Ok(verdicts) => (verdicts.iter().map(letter).collect(), verdicts),
        Err(_) => ("!".to_owned(), Vec::new()),
    }
}

/// The servers give an `index` the same errors as a `create`, save for conflicts.
fn as_creates(body: &Value) -> Vec<u8> {
    let mut body = body.clone();
    for item in body["items"].as_array_mut().into_iter().flatten() {
        let item = item.as_object_mut().unwrap();
        if let Some(outcome) = item.remove("index") {
            item.insert("create".to_owned(), outcome);
        }
    }
    body.to_string().into_bytes()
}

#[test]
fn every_recorded_exchange_is_judged_as_the_table_says() {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let Some(at) = row(&case) else {
            wrong.push(format!("{}/{}: no row", case.server, case.name));
            continue;
        };
        used.insert(at);
        let (got, verdicts) = judged(&case, EXPECTED[at].2);
        if got != EXPECTED[at].2 {
            wrong.push(format!("{}/{}: expected {}, got {got}: {verdicts:?}", case.server, case.name, EXPECTED[at].2));
        }
    }
    wrong.extend(
        (0..EXPECTED.len()).filter(|at| !used.contains(at)).map(|at| format!("no case for {:?}", EXPECTED[at])),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values that the recorded documents hold and that servers quote in their reasons.
const VALUES: [&str; 9] = [
    "not a number",
    "yesterday",
    "1.2.3",
    "1099511627776",
    "18446744073709551615",
    "{x=1}",
    "xxxx",
    "120, 120",
    "2024-01-01T",
];

#[test]
fn no_sentence_quotes_a_document() {
    let mut sentences = 0;
    for case in cases() {
        let Some(at) = row(&case) else { continue };
        for verdict in judged(&case, EXPECTED[at].2).1 {
            let shown = format!("{verdict:?}");
            sentences += 1;
            assert!(!VALUES.iter().any(|value| shown.contains(value)), "{}/{}: {shown}", case.server, case.name);
            assert!(!shown.contains("\\\"a\\\": 1"), "{}/{}: {shown}", case.server, case.name);
            assert!(shown.chars().count() < 600, "{}/{}: {shown}", case.server, case.name);
        }
    }
    assert!(sentences > 200, "{sentences} sentences were looked at");
}
