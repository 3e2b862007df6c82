use proptest::prelude::*;

use super::*;

/// `expected` begins with `!` when it is part of the refusal.
fn check<T: fmt::Debug>(text: &str, found: Result<T, String>, expected: &str) {
    match (found, expected.strip_prefix('!')) {
        (Ok(value), None) => assert_eq!(format!("{value:?}"), expected, "{text:?}"),
        (Err(why), Some(part)) => assert!(why.contains(part), "{text:?}: {why}"),
        (found, _) => panic!("{text:?}: {found:?}, expected {expected}"),
    }
}

#[test]
fn durations() {
    for (text, expected) in [
        ("500ms", "500ms"),
        ("10s", "10s"),
        ("90m", "5400s"),
        ("1h30m", "5400s"),
        ("1h 30m", "5400s"),
        ("30d", "2592000s"),
        ("2w", "1209600s"),
        ("0s", "0ns"),
        ("", "!is empty"),
        ("10", "!no unit after 10"),
        ("s", "!is not a duration"),
        ("-5s", "!is not a duration"),
        ("30x", "!unknown unit \"x\""),
        ("1.5h", "!unknown unit \".\""),
        ("1M", "!unknown unit \"M\""),
        ("1y", "!unknown unit \"y\""),
        ("99999999999999999999s", "!too long"),
        ("18446744073709551615w", "!too long"),
    ] {
        check(text, duration(text), expected);
    }
}

#[test]
fn duration_bounds_are_allowed_themselves() {
    let within = |text| duration_in(text, Duration::from_millis(200), Duration::from_secs(3_600));
    check("200ms", within("200ms"), "200ms");
    check("1h", within("1h"), "3600s");
    check("199ms", within("199ms"), "!shorter than 200ms");
    check("61m", within("61m"), "!longer than 1h");
}

#[test]
fn days_to_keep() {
    for (text, expected) in [
        ("30d", "KeepDays(30)"),
        ("1d", "KeepDays(1)"),
        ("2w", "KeepDays(14)"),
        ("48h", "KeepDays(2)"),
        ("36500d", "KeepDays(36500)"),
        ("0d", "!would keep nothing"),
        ("30x", "!unknown unit \"x\""),
        ("30", "!no unit"),
        ("36h", "!whole number of days"),
        ("36501d", "!longer than 36500d"),
        ("forever", "!write the days to keep as 30d"),
    ] {
        check(text, keep_days(text), expected);
    }
}

#[test]
fn sizes() {
    for (text, expected) in [
        ("5MB", "5000000"),
        ("5MiB", "5242880"),
        ("256 MiB", "268435456"),
        ("64kb", "64000"),
        ("64KiB", "65536"),
        ("1GiB", "1073741824"),
        ("1000", "1000"),
        ("12B", "12"),
        ("5M", "!unknown unit \"m\""),
        ("5TB", "!unknown unit \"tb\""),
        ("1.5MB", "!unknown unit"),
        ("", "!is not a size"),
        ("-5MB", "!is not a size"),
        ("99999999999GiB", "!too large"),
    ] {
        check(text, bytes(text), expected);
    }
    check("9MB", bytes_in("9MB", 10 * MB, 20 * MB), "!smaller than 10MB");
    check("21MB", bytes_in("21MB", 10 * MB, 20 * MB), "!larger than 20MB");
    check("20MB", bytes_in("20MB", 10 * MB, 20 * MB), "20000000");
}

#[test]
fn counts_and_flags() {
    for (text, expected) in
        [("1", "1"), ("64", "64"), ("0", "!from 1 to 64"), ("65", "!from 1 to 64"), ("+5", "!from"), ("5e1", "!from")]
    {
        check(text, count(text, 1_u32, 64), expected);
    }
    for (text, expected) in [("true", "true"), ("1", "true"), ("No", "false"), ("off", "false"), ("maybe", "!neither")]
    {
        check(text, flag(text), expected);
    }
    check("b", choice("b", &[("a", 1), ("b", 2)]), "2");
    check("c", choice("c", &[("a", 1), ("b", 2)]), "!none of a, b");
}

#[test]
fn times() {
    check("", rfc3339("2026-11-21T08:00:00Z"), "Millis(1795248000000)");
    check("", rfc3339("2026-11-21T10:00:00.5+02:00"), "Millis(1795248000500)");
    for bad in ["2026-11-21", "yesterday", "2026-11-21T08:00:00", "2026-13-01T00:00:00Z"] {
        check(bad, rfc3339(bad), "!write it as 2026-11-21T08:00:00Z");
    }
}

#[test]
fn addresses() {
    check("", listen("127.0.0.1:9464"), "Some(127.0.0.1:9464)");
    check("", listen("[::1]:0"), "Some([::1]:0)");
    check("", listen("none"), "None");
    check("", listen("9464"), "!write 127.0.0.1:9464");
    check("", listen("localhost:9464"), "!write 127.0.0.1:9464");
}

#[test]
fn urls() {
    for (text, expected) in [
        ("http://127.0.0.1:9200", "\"http://127.0.0.1:9200\""),
        ("https://search.example.org/", "\"https://search.example.org\""),
        ("https://proxy.example.org/search/", "\"https://proxy.example.org/search\""),
        ("http://[::1]:9200", "\"http://[::1]:9200\""),
        ("127.0.0.1:9200", "!http://"),
        ("localhost", "!does not begin with http"),
        ("ftp://host", "!does not begin with http"),
        ("http://", "!is not a URL"),
        ("https://host/?pretty", "!query"),
        ("https://host/#top", "!fragment"),
        ("", "!is not a URL"),
    ] {
        check(text, url(text), expected);
    }
}

#[test]
fn a_refused_url_never_repeats_its_password() {
    let why = url("https://admin:hunter2@search.example.org").unwrap_err();
    assert!(why.contains("carries a user or a password"), "{why}");
    assert!(!why.contains("hunter2"), "{why}");
}

proptest! {
    #[test]
    fn a_spelled_duration_reads_back(millis in 0_u64..10_000_000_000_000) {
        let value = Duration::from_millis(millis);
        prop_assert_eq!(duration(&spell_duration(value)), Ok(value));
    }

    #[test]
    fn a_spelled_size_reads_back(value in prop_oneof![0_u64..5_000, (0_u64..10_000).prop_map(|n| n * MIB)]) {
        let spelled = spell_bytes(value);
        prop_assert_eq!(bytes(spelled.trim_end_matches("ytes")), Ok(value));
    }

    #[test]
    fn no_text_panics_and_every_refusal_ends_a_sentence(text in "\\PC{0,40}") {
        let answers = [
            duration(&text).err(), keep_days(&text).err(), bytes(&text).err(), flag(&text).err(),
            listen(&text).err(), rfc3339(&text).err(), count(&text, 1_u64, 9).err(), url(&text).err(),
        ];
        prop_assert!(answers.iter().flatten().all(|why| why.starts_with("is ") || why.starts_with("has ")
            || why.starts_with("would ") || why.starts_with("does ") || why.starts_with("names ")
            || why.starts_with("carries ")), "the end of a sentence: {:?}", answers);
        if let Ok(taken) = url(&text) {
            prop_assert!(taken.starts_with("http") && !taken.ends_with('/') && !taken.contains('@'));
        }
    }
}
