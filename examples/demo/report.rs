//! What the cluster itself says in the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::http;
use testkit::month::Month;

use crate::worker::Worker;

/// Every family; what nobody knows would be in `unrecognized-*`.
const PATTERN: &str = "pinpoint-*,eum-*,ses-*,bird-*,vonage-*,pendula-*,connect-*,unrecognized-*";

/// The first events make every index of the month, and a busy machine was seen to take two minutes for that.
const NOTHING_NEW: Duration = Duration::from_secs(300);

const DAY_MS: i64 = 86_400_000;

/// Documents by index.
pub type Counts = BTreeMap<String, u64>;

/// What the truth says of a month: every event once, in the index of its family and its day.
pub fn expected(month: &Month) -> Counts {
    let mut counts = Counts::new();
    for fact in month.truth().facts() {
        let day = chrono::DateTime::from_timestamp_millis(fact.at.div_euclid(DAY_MS) * DAY_MS).unwrap_or_default();
        *counts.entry(format!("{}-{}", fact.provider, day.format("%Y-%m-%d"))).or_default() += 1;
    }
    counts
}

/// Documents by index, as the cluster counts them.
pub async fn count(url: &str) -> anyhow::Result<Counts> {
    let (client, lenient) = (http::client()?, "ignore_unavailable=true&allow_no_indices=true");
    http::must(&client, Method::POST, &format!("{url}/{PATTERN}/_refresh?{lenient}"), None).await?;
    let query = json!({"size": 0, "aggs": {"indices": {"terms": {"field": "_index", "size": 10_000}}}});
    let path = format!("{url}/{PATTERN}/_search?{lenient}");
    let answer = http::must(&client, Method::POST, &path, Some(&query)).await?;
    let buckets = answer["aggregations"]["indices"]["buckets"].as_array();
    let pair = |bucket: &Value| Some((bucket["key"].as_str()?.to_owned(), bucket["doc_count"].as_u64()?));
    buckets.into_iter().flatten().map(|bucket| pair(bucket).context("an odd count")).collect()
}

/// Waits until the cluster counts what was fed, and fails when it does not come to that. In a cluster that held events
/// before it may count more.
pub async fn until_counted(worker: &mut Worker, url: &str, fed: &Counts, before: &Counts) -> anyhow::Result<()> {
    let (mut last, mut since) = (Counts::new(), Instant::now());
    loop {
        worker.check()?;
        let counts = match count(url).await {
            // It makes two hundred indices on a busy machine, and has no time for a question: that is nothing new.
            Err(error) if timed_out(&error) && since.elapsed() < NOTHING_NEW => continue,
            answer => answer?,
        };
        let enough = match before.is_empty() {
            true => counts == *fed,
            false => fed.iter().all(|(index, n)| counts.get(index).is_some_and(|counted| counted >= n)),
        };
        if enough {
            print(&counts, fed, before);
            return Ok(());
        }
        if counts != last {
            (last, since) = (counts, Instant::now());
        }
        if since.elapsed() > NOTHING_NEW {
            let (total, wanted) = (last.values().sum::<u64>(), fed.values().sum::<u64>());
            let odd = fed.iter().find(|(index, n)| last.get(*index) != Some(*n));
            let odd = odd.map_or_else(String::new, |(index, n)| format!(", {n} of them in {index}"));
            bail!(
                "{wanted} events were fed{odd}, and the cluster counts {total}: a bug, unless somebody else wrote or deleted there"
            );
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn timed_out(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<reqwest::Error>()).any(reqwest::Error::is_timeout)
}

/// One line a family.
fn print(counts: &Counts, fed: &Counts, before: &Counts) {
    println!("\nevents by family, as the cluster counts them in the index of each UTC day:\n");
    println!("{:<12}{:>10}{:>8}  {:<12}{:<12}", "family", "events", "days", "first", "last");
    let family = |index: &str| index.split('-').next().unwrap_or_default().to_owned();
    let mut families: BTreeMap<String, Vec<(&str, u64)>> = BTreeMap::new();
    for (index, n) in counts {
        families.entry(family(index)).or_default().push((index, *n));
    }
    for (name, indices) in &families {
        let day =
            |at: Option<&(&str, u64)>| at.map_or("", |(index, _)| index.trim_start_matches(name.as_str())).to_owned();
        let (first, last) = (day(indices.first()), day(indices.last()));
        let events: u64 = indices.iter().map(|(_, n)| n).sum();
        let (first, last) = (first.trim_start_matches('-'), last.trim_start_matches('-'));
        println!("{name:<12}{events:>10}{:>8}  {first:<12}{last:<12}", indices.len());
    }
    let total: u64 = counts.values().sum();
    match before.values().sum::<u64>() {
        0 => println!("\n{total} events: exactly those that happened, each once, each in the index of its day"),
        held => println!(
            "\n{total} events: the {held} that this cluster held before, and {} were fed",
            fed.values().sum::<u64>()
        ),
    }
}

/// What to look at, and commands that continue from here.
pub fn what_next(page: &str, url: &str) {
    println!(
        "\nThe overview:  {page}#events/overview?days=30
The pipeline:  {page}#pipeline

The cluster is at {url}. Try:
  curl '{url}/_cat/indices/pinpoint-*?v&s=index'
  curl '{url}/ses-*/_search?q=msg.status:clicked&size=1&pretty'
  cargo run -- prune --opensearch-url {url} --keep 3d --dry-run
  cargo run -- init-templates --opensearch-url {url} --dry-run
  cargo run -- dashboards --export saved-objects\n"
    );
}
