use std::num::NonZeroU32;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::plan::Size;
use super::*;

fn day(y: i32, m: u32, d: u32) -> Day {
    Day::of(NaiveDate::from_ymd_opt(y, m, d).unwrap())
}

fn options(days: u32) -> PruneOptions {
    let keep = Keep { prefix: "pinpoint-".into(), days: NonZeroU32::new(days).unwrap() };
    PruneOptions { families: vec![keep], rotations: vec![Rotation::Day], max_delete: 100 }
}

fn listed(name: &str) -> Listed {
    Listed { name: name.into(), bytes: Some(1_000), aliases: Some(vec![]) }
}

fn aliased(name: &str, alias: &str, is_write_index: bool) -> Listed {
    Listed { aliases: Some(vec![Alias { name: alias.into(), is_write_index }]), ..listed(name) }
}

/// Names dropped out of `names` on 2026-11-21.
fn dropped(names: &[&str], options: &PruneOptions) -> Vec<String> {
    let listed: Vec<_> = names.iter().map(|n| listed(n)).collect();
    plan(&listed, day(2026, 11, 21), options).unwrap().drop.into_iter().map(|d| d.name).collect()
}

#[test]
fn today_and_the_kept_days_before_it_stay() {
    let names = [
        "pinpoint-2026-10-21",
        "pinpoint-2026-10-22",
        "pinpoint-2026-11-20",
        "pinpoint-2026-11-21",
        "pinpoint-2026-11-22",
        "pinpoint-2999-01-01",
    ];
    // 30 days before 21 November is 22 October.
    assert_eq!(dropped(&names, &options(30)), ["pinpoint-2026-10-21"]);
    assert_eq!(dropped(&names, &options(1)), ["pinpoint-2026-10-21", "pinpoint-2026-10-22"]);
}

#[test]
fn look_alikes_are_foreign_and_named() {
    let names = [
        "pinpoint-2026-01-01",
        "pinpoint-2026-13-01",
        "pinpoint-backup-2020-01-01",
        "pinpoint-2020-01-01-copy",
        "xpinpoint-2020-01-01",
        "pinpoint-2020.01.01",
        "pinpoint-2020-05",
        "pinpoint",
    ];
    let listed: Vec<_> = names.iter().map(|n| listed(n)).collect();
    let plan = plan(&listed, day(2026, 11, 21), &options(30)).unwrap();
    assert_eq!(plan.drop.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["pinpoint-2026-01-01"]);
    assert_eq!(plan.foreign.len(), 7);
    let why = |name: &str| plan.foreign.iter().find(|s| s.name == name).unwrap().why.clone();
    assert_eq!(why("pinpoint-2020-05"), "rotated by the month: pruned only with --rotation month");
    assert_eq!(why("pinpoint"), "not rotated: it holds every day");
    assert_eq!(why("pinpoint-2026-13-01"), "not a prefix and a day, YYYY-MM-DD");
}

#[test]
fn a_period_goes_when_its_last_day_is_past() {
    let named = PruneOptions { rotations: vec![Rotation::Month, Rotation::Week, Rotation::Hour], ..options(30) };
    let names = [
        "pinpoint-2026-01-01",
        "pinpoint-2026-09",
        "pinpoint-2026-10",
        "pinpoint-2026-w42",
        "pinpoint-2026-w43",
        "pinpoint-2026-10-21-23",
    ];
    // Daily indices are not named here: they stay. Week 42 ends on 18 October, week 43 on the 25th; October ends within the kept days.
    assert_eq!(dropped(&names, &named), ["pinpoint-2026-09", "pinpoint-2026-w42", "pinpoint-2026-10-21-23"]);
}

#[test]
fn an_index_whose_aliases_are_unknown_stays_and_the_plan_says_why() {
    let unknown = Listed { aliases: None, ..listed("pinpoint-2020-01-02") };
    let plan = plan(&[listed("pinpoint-2020-01-01"), unknown], day(2026, 11, 21), &options(30)).unwrap();
    assert_eq!(plan.drop.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["pinpoint-2020-01-01"]);
    assert_eq!(plan.protected[0].name, "pinpoint-2020-01-02");
    let text = plan.to_string();
    assert!(text.contains("  pinpoint-2020-01-02: the cluster does not say which aliases hold it"), "{text}");
}

#[test]
fn a_write_index_stays_and_other_aliases_are_told() {
    let indices = [aliased("pinpoint-2026-01-01", "now", true), aliased("pinpoint-2026-01-02", "all", false)];
    let plan = plan(&indices, day(2026, 11, 21), &options(30)).unwrap();
    assert_eq!(plan.protected[0].why, "it is the write index of alias now");
    assert_eq!((plan.drop.len(), plan.drop[0].aliases.as_slice()), (1, &["all".to_owned()][..]));
    let text = plan.to_string();
    assert!(text.contains("  pinpoint-2026-01-02  1000 B  (leaves alias all)\n"), "{text}");
    assert!(text.contains("protected: 1\n"), "{text}");
}

/// Whoever is asked sees every name that goes; of those that stay a hundred, and how many more.
#[test]
fn the_text_of_a_plan_names_indices() {
    let all = PruneOptions { max_delete: 1_000, ..options(30) };
    let gone = (1..=12).flat_map(|m| (1..=28).map(move |d| format!("pinpoint-2020-{m:02}-{d:02}")));
    let kept = (0..130).map(|n| format!("pinpoint-{}", Day(day(2026, 11, 22).0 + n)));
    let names: Vec<_> = gone.clone().chain(kept).chain(["pinpoint-x".to_owned()]).collect();
    let listed: Vec<_> = names.iter().map(|n| listed(n)).collect();
    let text = plan(&listed, day(2026, 11, 21), &all).unwrap().to_string();
    for name in gone {
        assert!(text.contains(&format!("  {name}  1000 B\n")), "{name} is not in {text}");
    }
    assert!(text.contains("keep 130 indices\n  pinpoint-2026-11-22\n"), "{text}");
    assert!(text.contains("  and 30 more\nforeign, not touched: 1\n  pinpoint-x: not a prefix and a day"), "{text}");
    assert_eq!(text.lines().count(), 1 + 1 + 336 + 1 + 100 + 1 + 2, "{text}");
}

#[test]
fn more_than_allowed_is_refused_whole() {
    let one = PruneOptions { max_delete: 1, ..options(30) };
    let indices = [listed("pinpoint-2026-01-02"), listed("pinpoint-2026-01-01")];
    let refusal = plan(&indices, day(2026, 11, 21), &one).unwrap_err();
    assert_eq!((refusal.count, refusal.max), (2, 1));
    let text = refusal.to_string();
    assert!(text.contains("from pinpoint-2026-01-01 to pinpoint-2026-01-02"), "{text}");
    assert!(text.contains("check first that today is 2026-11-21") && text.contains("raise --max-delete"), "{text}");
    assert!(plan(&indices[..1], day(2026, 11, 21), &one).is_ok());
}

#[test]
fn under_two_families_the_longer_keep_counts() {
    let keep = |prefix: &str, days| Keep { prefix: prefix.into(), days: NonZeroU32::new(days).unwrap() };
    let both = PruneOptions { families: vec![keep("a-", 30), keep("a-", 400)], ..options(30) };
    assert_eq!(dropped(&["a-2026-01-01", "a-2025-01-01"], &both), ["a-2025-01-01"]);
    let nested = PruneOptions { families: vec![keep("a-", 400), keep("a-eu-", 30)], ..options(30) };
    assert_eq!(dropped(&["a-eu-2026-01-01"], &nested), ["a-eu-2026-01-01"]);
}

#[test]
fn sizes_as_people_read_them() {
    let check = |bytes, expected: &str| assert_eq!(Size(bytes).to_string(), expected);
    check(0, "0 B");
    check(1_023, "1023 B");
    check(1_024, "1.0 KiB");
    check(1_610_612_736, "1.5 GiB");
    check(u64::MAX, "15.9 EiB");
}

#[test]
fn the_json_of_a_plan_writes_days_as_days() {
    let plan = plan(&[listed("pinpoint-2026-01-01")], day(2026, 11, 21), &options(30)).unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!((&json["today"], &json["drop"][0]["day"]), (&"2026-11-21".into(), &"2026-01-01".into()));
}

proptest! {
    /// Whatever the names: what goes is a prefix and a real past day, and nothing is in two lists or in none.
    #[test]
    fn only_whole_names_of_past_days_go(
        names in prop::collection::vec("(pinpoint-)?-?(20[12][0-9]-[01][0-9](-[0-3][0-9])?(-[0-9a-z]{0,4})?|[a-z0-9.*-]{0,12})", 0..60),
        days in 1u32..500,
        today in 16_000i32..24_000,
    ) {
        let listed: Vec<_> = names.iter().map(|n| listed(n)).collect();
        let (today, options) = (Day(today), options(days));
        let plan = plan(&listed, today, &options).unwrap();
        for drop in &plan.drop {
            let date = drop.name.strip_prefix("pinpoint-").unwrap();
            let parsed = NaiveDate::parse_from_str(date, "%Y-%m-%d").unwrap();
            prop_assert_eq!(date, parsed.format("%Y-%m-%d").to_string());
            prop_assert!(parsed.to_epoch_days() + i32::try_from(days).unwrap() < today.0);
        }
        let lists = plan.drop.len() + plan.keep.len() + plan.protected.len() + plan.foreign.len();
        prop_assert_eq!(lists, names.len());
    }
}
