//! What the cluster itself says in the end.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::events::Truth;
use testkit::http;

const PATTERN: &str = "pinpoint-*";

/// Documents by day and event type.
type Counts = BTreeMap<(String, String), u64>;

/// How many documents the daily indices hold; none where there are no indices.
pub async fn count(url: &str) -> anyhow::Result<u64> {
    let path = format!("{url}/{PATTERN}/_count?ignore_unavailable=true&allow_no_indices=true");
    let answer = http::must(&http::client()?, Method::GET, &path, None).await?;
    answer["count"].as_u64().context("the cluster did not count")
}

/// Prints the counts and holds them to what was fed: exactly, or at least that in a cluster that held events before.
pub async fn show(url: &str, truth: &Truth, before: u64) -> anyhow::Result<()> {
    let counts = ask(url).await?;
    print(&counts);
    let total: u64 = counts.values().sum();
    let fed = truth.counts.iter().map(|((day, event_type), n)| ((day.to_string(), (*event_type).to_owned()), *n));
    let fed: Counts = fed.collect();
    let fed_total = truth.total();
    if before > 0 {
        if fed.iter().any(|(key, n)| counts.get(key).is_none_or(|counted| counted < n)) {
            bail!(
                "{fed_total} events were fed and not all of them are among the {total} of the cluster: a bug, unless somebody else deleted there"
            );
        }
        println!("{total} events: the {before} that this cluster held before, and {fed_total} were fed");
        return Ok(());
    }
    if counts != fed {
        bail!(
            "{fed_total} events were fed and the cluster counts {total}, or others: a bug, unless somebody else wrote there"
        );
    }
    println!("{total} events: exactly those that were fed, each once, each in the index of its day");
    Ok(())
}

/// One index a day, so the index names the day.
async fn ask(url: &str) -> anyhow::Result<Counts> {
    let client = http::client()?;
    http::must(&client, Method::POST, &format!("{url}/{PATTERN}/_refresh"), None).await?;
    let terms = |field: &str| json!({ "terms": { "field": field, "size": 1000 } });
    let mut by_index = terms("_index");
    by_index["aggs"] = json!({ "types": terms("event_type") });
    let query = json!({ "size": 0, "aggs": { "days": by_index } });
    let answer = http::must(&client, Method::POST, &format!("{url}/{PATTERN}/_search"), Some(&query)).await?;
    let mut counts = Counts::new();
    for day in buckets(&answer["aggregations"]["days"]) {
        let name = day["key"].as_str().and_then(|index| index.strip_prefix("pinpoint-")).context("an odd index")?;
        for kind in buckets(&day["types"]) {
            let event_type = kind["key"].as_str().context("an odd event type")?;
            let count = kind["doc_count"].as_u64().context("an odd count")?;
            counts.insert((name.to_owned(), event_type.to_owned()), count);
        }
    }
    Ok(counts)
}

fn buckets(aggregation: &Value) -> impl Iterator<Item = &Value> {
    aggregation["buckets"].as_array().into_iter().flatten()
}

/// Event types down, days across.
fn print(counts: &Counts) {
    let days: BTreeSet<&str> = counts.keys().map(|(day, _)| day.as_str()).collect();
    let types: BTreeSet<&str> = counts.keys().map(|(_, event_type)| event_type.as_str()).collect();
    println!("\nevents by type and day (UTC), as the cluster counts them in pinpoint-YYYY-MM-DD:\n");
    print!("{:<32}", "event_type");
    days.iter().for_each(|day| print!("{day:>12}"));
    println!();
    for event_type in types {
        print!("{event_type:<32}");
        for day in &days {
            let count = counts.get(&((*day).to_owned(), event_type.to_owned())).unwrap_or(&0);
            print!("{count:>12}");
        }
        println!();
    }
    print!("{:<32}", "all");
    for day in &days {
        let count: u64 = counts.iter().filter(|((of, _), _)| of == day).map(|(_, n)| n).sum();
        print!("{count:>12}");
    }
    println!("\n");
}

/// Commands that continue from here.
pub fn what_next(url: &str) {
    println!(
        "\nThe cluster is at {url}. Try:
  curl '{url}/_cat/indices/pinpoint-*?v&s=index'
  curl '{url}/pinpoint-*/_search?q=event_type:_email.click&size=1&pretty'
  cargo run --release -- prune --opensearch-url {url} --keep 3d --dry-run
  cargo run --release -- init-templates --opensearch-url {url} --dry-run
  cargo run --release -- dashboards --export saved-objects\n"
    );
}
