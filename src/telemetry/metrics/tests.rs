use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use super::*;

/// Metrics with a clock that stands at `at` until moved.
fn clocked(at: i64) -> (Metrics, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(at));
    let now = clock.clone();
    (Metrics::new(move || now.load(Relaxed)), clock)
}

fn has(metrics: &Metrics, line: &str) {
    let page = metrics.render(true);
    assert!(page.lines().any(|l| l == line), "no line {line:?} in\n{page}");
}

fn has_not(metrics: &Metrics, part: &str) {
    let page = metrics.render(true);
    assert!(!page.contains(part), "{part:?} in\n{page}");
}

#[test]
fn counts_by_label_from_zero() {
    let (metrics, _) = clocked(0);
    has(&metrics, r#"essink_events_total{outcome="expired"} 0"#);
    metrics.events(Outcome::Indexed, 41);
    metrics.event(Outcome::Indexed);
    metrics.event(Outcome::AlreadyThere);
    metrics.record(100);
    metrics.records(2, 11);
    metrics.retry(RetryReason::Blocked);
    metrics.dead_letter("not_json");
    metrics.pruned(3, 4_096);
    has(&metrics, r#"essink_events_total{outcome="indexed"} 42"#);
    has(&metrics, r#"essink_events_total{outcome="already_there"} 1"#);
    has(&metrics, "essink_records_total 3");
    has(&metrics, "essink_record_bytes_total 111");
    has(&metrics, r#"essink_retries_total{reason="blocked"} 1"#);
    has(&metrics, r#"essink_dead_letters_total{reason="not_json"} 1"#);
    has(&metrics, "essink_pruned_indices_total 3");
    has(&metrics, "essink_pruned_bytes_total 4096");
    has(&metrics, concat!(r#"essink_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#));
}

#[test]
fn a_bulk_is_timed_and_weighed() {
    let (metrics, _) = clocked(0);
    metrics.bulk(BulkResult::Partial, Duration::from_millis(300), 5_000_000, 4_000);
    has(&metrics, r#"essink_bulk_requests_total{result="partial"} 1"#);
    has(&metrics, r#"essink_bulk_duration_seconds_bucket{le="0.25"} 0"#);
    has(&metrics, r#"essink_bulk_duration_seconds_bucket{le="0.5"} 1"#);
    has(&metrics, "essink_bulk_body_bytes_total 5000000");
    has(&metrics, "essink_bulk_items_total 4000");
}

#[test]
fn details_are_what_was_counted() {
    let (metrics, _) = clocked(0);
    metrics.retry(RetryReason::Blocked);
    metrics.dead_letter("not_json");
    metrics.dead_letter("refused");
    metrics.dead_letter("refused");
    metrics.bulk(BulkResult::Settled, Duration::from_millis(300), 1, 1);
    metrics.bulk_limit(4);
    metrics.degraded();
    let details = metrics.details();
    assert_eq!(details.retries, [("cluster_busy", 0), ("blocked", 1), ("too_large", 0), ("checkpoint", 0)]);
    assert_eq!(details.dead_letters, [("not_json", 1), ("refused", 2)]);
    assert_eq!((details.bulk.count(), details.bulk_limit, details.degraded), (1, 4, 1));
}

#[test]
fn bytes_in_flight_are_what_was_said_last() {
    let (metrics, _) = clocked(0);
    metrics.memory_bound(1 << 28);
    metrics.in_flight(1_000);
    metrics.in_flight(600);
    has(&metrics, "essink_in_flight_bytes 600");
    has(&metrics, "essink_memory_bound_bytes 268435456");
    assert_eq!(metrics.snapshot().in_flight_bytes, 600);
    metrics.in_flight(0);
    assert_eq!(metrics.snapshot().in_flight_bytes, 0);
}

#[test]
fn ages_are_taken_when_asked() {
    let (metrics, clock) = clocked(1_000_000);
    let shard = metrics.shard("shardId-000000000000");
    shard.oldest_unsettled(Some(990_000));
    shard.checkpoint_at(999_500);
    has(&metrics, r#"essink_shard_oldest_unsettled_age_seconds{shard="shardId-000000000000"} 10.0"#);
    has(&metrics, r#"essink_shard_checkpoint_age_seconds{shard="shardId-000000000000"} 0.5"#);
    clock.store(1_005_000, Relaxed);
    has(&metrics, "essink_oldest_unsettled_age_seconds 15.0");
    has(&metrics, "essink_checkpoint_age_seconds 5.5");
    shard.oldest_unsettled(None);
    has_not(&metrics, "essink_oldest_unsettled_age_seconds 1");
    shard.oldest_unsettled(Some(2_000_000));
    has(&metrics, "essink_oldest_unsettled_age_seconds 0.0");
}

#[test]
fn lag_is_the_largest_and_grows_when_nobody_reads() {
    let (metrics, clock) = clocked(50_000);
    let (a, b) = (metrics.shard("a"), metrics.shard("b"));
    assert_eq!(metrics.snapshot().lag_millis(), None);
    a.lag(Some(0));
    b.lag(Some(3_000));
    assert_eq!(metrics.snapshot().lag_millis(), Some(3_000));
    clock.store(60_000, Relaxed);
    assert_eq!(metrics.snapshot().lag_millis(), Some(3_000), "ten seconds is not stale");
    b.lag(Some(1_000));
    clock.store(60_001, Relaxed);
    assert_eq!(metrics.snapshot().lag_millis(), Some(10_001), "a was last heard of 10.001 s ago, at the tip");
    a.lag(None);
    assert_eq!(metrics.snapshot().lag_millis(), Some(1_000));
    has(&metrics, r#"essink_shard_lag_seconds{shard="b"} 1.0"#);
    has(&metrics, "essink_lag_seconds 1.0");
}

#[test]
fn a_shard_lives_as_long_as_its_last_handle() {
    let (metrics, _) = clocked(0);
    let reader = metrics.shard("a");
    let ledger = metrics.shard("a");
    reader.lag(Some(7));
    reader.state(ShardState::Draining);
    assert_eq!(metrics.snapshot().shards.len(), 1);
    drop(reader);
    has(&metrics, r#"essink_shard_lag_seconds{shard="a"} 0.007"#);
    has(&metrics, r#"essink_shards{state="draining"} 1"#);
    drop(ledger);
    has_not(&metrics, r#"shard="a""#);
    let _later = metrics.shard("a");
    assert_eq!(metrics.snapshot().lag_millis(), None, "a later reader starts anew");
}

#[test]
fn readiness_is_a_metric_too() {
    let (metrics, _) = clocked(0);
    assert!(metrics.render(false).contains("\nessink_ready 0\n"));
    assert!(metrics.render(true).contains("\nessink_ready 1\n"));
}

/// Series names and types of a page with everything on it, as `# TYPE name type` has them.
fn exposed() -> BTreeSet<(String, String)> {
    let (metrics, _) = clocked(0);
    metrics.dead_letter("x");
    let shard = metrics.shard("a");
    shard.lag(Some(0));
    let pages = metrics.render(true) + &WebhookMetrics::new().page(true);
    pages.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split_once(' ')).map(series_name).collect()
}

fn series_name((name, kind): (&str, &str)) -> (String, String) {
    let suffix = match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    };
    (format!("{name}{suffix}"), kind.to_owned())
}

/// Rows "| `name` | type | …" of the documentation.
fn documented() -> BTreeSet<(String, String)> {
    let page = include_str!("../../../docs/metrics.md");
    let cells = |row: &str| -> Option<(String, String)> {
        let mut cells = row.strip_prefix("| `")?.split('|').map(str::trim);
        Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.to_owned()))
    };
    let is_name = |(name, _): &(String, String)| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    page.lines().filter_map(cells).filter(is_name).collect()
}

#[test]
fn the_documentation_lists_what_is_exposed_and_nothing_else() {
    let (exposed, documented) = (exposed(), documented());
    let missing: Vec<_> = exposed.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&exposed).collect();
    assert!(missing.is_empty(), "add a row to docs/metrics.md for: {missing:?}");
    assert!(stale.is_empty(), "docs/metrics.md lists what is not exposed (or with another type): {stale:?}");
}

#[test]
fn every_label_value_is_documented() {
    fn check<L: labels::Label>() {
        let page = include_str!("../../../docs/metrics.md");
        for value in L::ALL {
            let text = format!("`{}`", value.text());
            assert!(page.contains(&text), "docs/metrics.md does not explain {}={text}", L::KEY);
        }
    }
    check::<Outcome>();
    check::<BulkResult>();
    check::<RetryReason>();
    check::<ShardState>();
    check::<Provider>();
    check::<WebhookAnswer>();
}
