//! What the cluster has room for: shards, disk, and its clock. Pure.

use std::num::NonZeroU64;

use serde_json::Value;

use super::finding::Finding;

const ABOUT: &str = "cluster";
/// More than any two machines that keep time differ by.
const SKEW_MS: i64 = 30_000;
/// Law of AWS: a signature whose time is five minutes off is refused.
const REFUSED_MS: i64 = 300_000;

/// Without --keep: with room for less, somebody should know.
const YEAR: u64 = 366;

/// Shards that there may be, that there are, and that a run makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards {
    /// `cluster.max_shards_per_node` of all data nodes.
    pub limit: u64,
    /// Open now, all indices together.
    pub used: u64,
    /// Of these, in the daily indices of essink.
    pub ours: u64,
    /// What the indices of one day take, replicas included.
    pub daily: NonZeroU64,
    /// Days that are kept; none keeps all.
    pub keep: Option<u64>,
}

impl Shards {
    /// Whether there is room for today, and for as long as days are kept.
    pub fn finding(&self) -> Finding {
        let Self { limit, used, ours, daily, keep } = *self;
        let cure = "make room with essink prune, keep fewer days, give fewer --shards or --replicas, or raise cluster.max_shards_per_node";
        if used + daily.get() > limit {
            let what =
                format!("no room for the indices of one day: {used} of {limit} shards are in use, a day takes {daily}");
            return Finding::problem(ABOUT, what, cure);
        }
        match keep {
            // Today, and tomorrow's of events whose clocks are ahead.
            Some(days) => {
                let needed = used - ours.min(used) + daily.get().saturating_mul(days + 2);
                let what = format!(
                    "{needed} shards will be in use with {days} days kept, {daily} a day; {used} of {limit} are now"
                );
                match needed > limit {
                    true => Finding::warning(ABOUT, what, cure),
                    false => Finding::ok(ABOUT, what),
                }
            }
            None => {
                let days = (limit - used) / daily;
                let what =
                    format!("{used} of {limit} shards are in use, a day takes up to {daily}: room for {days} days");
                match days < YEAR {
                    true => Finding::warning(ABOUT, what, "give --keep, or prune by cron, so that it never fills up"),
                    false => Finding::ok(ABOUT, what),
                }
            }
        }
    }
}

/// One setting of `GET /_cluster/settings?include_defaults&flat_settings`: transient wins over persistent over default.
pub fn setting<'a>(settings: &'a Value, name: &str) -> Option<&'a str> {
    ["transient", "persistent", "defaults"].iter().find_map(|layer| settings[layer][name].as_str())
}

/// When a node counts as full: a share of its disk in use, or bytes that are left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Watermark {
    /// In hundredths.
    Used(f64),
    /// Bytes.
    Free(f64),
}

impl Watermark {
    /// `85%`, `0.85`, `500mb`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if let Some(share) = text.strip_suffix('%') {
            return share.parse().ok().map(Self::Used);
        }
        if let Ok(share) = text.parse::<f64>() {
            return Some(Self::Used(share * 100.0));
        }
        let units = [("pb", 50), ("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10), ("b", 0)];
        let (digits, power) = units.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, power)))?;
        digits.trim().parse::<f64>().ok().map(|n| Self::Free(n * f64::from(*power).exp2()))
    }

    fn is_reached(self, total: f64, free: f64) -> bool {
        match self {
            Self::Used(share) => (total - free) / total * 100.0 >= share,
            Self::Free(bytes) => free <= bytes,
        }
    }
}

/// Each node's disk in `GET /_cat/allocation?format=json&bytes=b` against the watermarks.
pub fn disks(allocation: &Value, settings: &Value) -> Vec<Finding> {
    if setting(settings, "cluster.routing.allocation.disk.threshold_enabled") == Some("false") {
        return vec![Finding::ok(ABOUT, "disk watermarks are off")];
    }
    let mark = |name: &str| {
        setting(settings, &format!("cluster.routing.allocation.disk.watermark.{name}")).and_then(Watermark::parse)
    };
    let number = |row: &Value, name: &str| row[name].as_str().and_then(|text| text.parse::<f64>().ok());
    let mut found = Vec::new();
    let mut looked = 0;
    for row in allocation.as_array().into_iter().flatten() {
        let (Some(total), Some(free)) = (number(row, "disk.total"), number(row, "disk.avail")) else { continue };
        let node = row["node"].as_str().unwrap_or("?");
        let reached = |name: &str| mark(name).is_some_and(|mark| total > 0.0 && mark.is_reached(total, free));
        let used = ((total - free) / total.max(1.0) * 100.0).round();
        let say = |name: &str| format!("the disk of node {node} is {used}% full, over the {name} watermark");
        looked += 1;
        if reached("flood_stage") {
            let cure = "free disk (essink prune), then remove index.blocks.read_only_allow_delete where it stays";
            found.push(Finding::problem(ABOUT, format!("{}: its indices take no writes", say("flood-stage")), cure));
        } else if reached("high") {
            found.push(Finding::warning(
                ABOUT,
                say("high"),
                "free disk, or add a node, before the flood stage stops writes",
            ));
        } else if reached("low") {
            found.push(Finding::warning(
                ABOUT,
                format!("{}: it gets no new shards", say("low")),
                "free disk, or add a node",
            ));
        }
    }
    if found.is_empty() && looked > 0 {
        found.push(Finding::ok(ABOUT, format!("the disks of {looked} nodes are below their watermarks")));
    }
    found
}

/// Our clock against that of a server.
pub fn clock(about: &'static str, whose: &str, theirs_ms: i64, ours_ms: i64) -> Finding {
    let off = ours_ms - theirs_ms;
    let cure = "synchronise this machine's clock (chrony, systemd-timesyncd), or the server's";
    let what = format!(
        "this machine's clock is {} s {} that of {whose}",
        off.abs() / 1_000,
        if off < 0 { "behind" } else { "ahead of" }
    );
    match off.abs() {
        0..SKEW_MS => Finding::ok(about, format!("this machine's clock agrees with that of {whose}")),
        SKEW_MS..REFUSED_MS => Finding::warning(about, what, cure),
        _ => Finding::warning(about, format!("{what}, and AWS refuses signatures that are five minutes off"), cure),
    }
}

/// Whether the cluster makes an index by its first document: `action.auto_create_index` against one name.
pub fn creates(setting: &str, index: &str) -> bool {
    match setting {
        "true" => return true,
        "false" => return false,
        _ => {}
    }
    for rule in setting.split(',').map(str::trim) {
        let (allows, pattern) = match rule.strip_prefix('-') {
            Some(pattern) => (false, pattern),
            None => (true, rule.strip_prefix('+').unwrap_or(rule)),
        };
        if crate::upkeep::names::overlap(pattern, index) {
            return allows;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;

    fn shards(limit: u64, used: u64, keep: Option<u64>) -> Shards {
        // Three families of a shard and a replica.
        Shards { limit, used, ours: 60, daily: NonZeroU64::new(6).unwrap(), keep }
    }

    #[test]
    fn room_for_shards_is_counted_for_today_and_for_all_days_kept() {
        let level = |shards: Shards| shards.finding().level;
        assert_eq!(level(shards(1_000, 994, Some(1))), Level::Ok, "994 + 6 are 1,000");
        assert_eq!(level(shards(1_000, 995, Some(1))), Level::Problem);
        // 100 of others, and 32 days of 6.
        assert_eq!(level(shards(292, 160, Some(30))), Level::Ok);
        assert_eq!(level(shards(291, 160, Some(30))), Level::Warning);
        assert_eq!([level(shards(1_000, 160, None)), level(shards(2_356, 160, None))], [Level::Warning, Level::Ok]);
        assert!(shards(1_000, 160, None).finding().what.contains("room for 140 days"));
    }

    #[test]
    fn watermarks_have_three_forms() {
        assert_eq!(Watermark::parse("85%"), Some(Watermark::Used(85.0)));
        assert_eq!(Watermark::parse("0.9"), Some(Watermark::Used(90.0)));
        assert_eq!(Watermark::parse("2gb"), Some(Watermark::Free(2_147_483_648.0)));
        assert_eq!(Watermark::parse("100b"), Some(Watermark::Free(100.0)));
        assert_eq!(Watermark::parse("much"), None);
    }

    #[test]
    fn a_full_disk_is_a_problem_and_a_filling_one_a_warning() {
        let mark = "cluster.routing.allocation.disk.watermark.";
        let settings = json!({
            "defaults": {format!("{mark}low"): "85%", format!("{mark}high"): "90%", format!("{mark}flood_stage"): "95%"},
            "transient": {format!("{mark}low"): "80%"},
        });
        let found = |free: u64, settings: &Value| {
            let row =
                json!([{"node": "n", "disk.total": "1000", "disk.avail": free.to_string()}, {"node": "UNASSIGNED"}]);
            disks(&row, settings)[0].clone()
        };
        let level = |free| found(free, &settings).level;
        assert_eq!(
            [level(201), level(200), level(100), level(50)],
            [Level::Ok, Level::Warning, Level::Warning, Level::Problem]
        );
        assert!(found(200, &settings).what.contains("80% full, over the low"), "{:?}", found(200, &settings));
        let off = json!({"persistent": {"cluster.routing.allocation.disk.threshold_enabled": "false"}});
        assert_eq!(found(0, &off).level, Level::Ok);
    }

    #[test]
    fn clocks_that_differ_are_warned_of() {
        let level = |off: i64| clock("kinesis", "AWS", 1_000_000, 1_000_000 + off).level;
        assert_eq!([level(0), level(29_999), level(-29_999)], [Level::Ok; 3]);
        assert_eq!([level(30_000), level(-400_000)], [Level::Warning; 2]);
        assert!(clock("kinesis", "AWS", 100_000, 0).what.contains("100 s behind that of AWS"));
    }

    #[test]
    fn auto_creation_follows_the_first_rule_that_matches() {
        assert!(creates("true", "pinpoint-2026-01-01") && !creates("false", "pinpoint-2026-01-01"));
        assert!(creates("-ses-*,+*", "pinpoint-2026-01-01") && !creates("-pin*,+*", "pinpoint-2026-01-01"));
        assert!(!creates("logs-*", "pinpoint-2026-01-01"));
    }
}
