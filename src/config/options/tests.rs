use std::collections::BTreeSet;

use super::*;
use crate::event::family::{Family, Prefixes};

#[test]
fn every_name_and_variable_stands_in_exactly_one_row() {
    let mut seen = BTreeSet::new();
    for row in table() {
        assert!(seen.insert(row.name.to_owned()), "{} is declared twice", row.name);
        assert!(seen.insert(row.env()), "{} is declared twice", row.env());
    }
}

#[test]
fn names_are_kebab_case_and_variables_follow() {
    for row in table() {
        let kebab = row
            .name
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(kebab, "{}", row.name);
    }
    assert_eq!(stream::UNTIL_CAUGHT_UP.row.env(), "ESSINK_UNTIL_CAUGHT_UP");
}

#[test]
fn every_default_can_be_read() {
    for row in table() {
        let Some(default) = row.default else { continue };
        assert_eq!((row.check)(default), Ok(()), "{}", row.name);
    }
}

#[test]
fn every_word_of_a_choice_can_be_read_and_no_other() {
    for row in table() {
        let Kind::Choice(words) = row.kind else { continue };
        for word in words {
            assert_eq!((row.check)(word), Ok(()), "{}", row.name);
        }
        let refusal = (row.check)("neither").unwrap_err();
        assert!(words.iter().all(|word| refusal.contains(word)), "{}: {refusal}", row.name);
    }
}

#[test]
fn every_row_is_complete() {
    for row in table() {
        let name = row.name;
        assert!(!row.on.is_empty() && !row.heading.is_empty(), "{name}");
        assert!(row.required_on.iter().all(|verb| row.on.contains(verb)), "{name}");
        assert!(row.help.ends_with('.') && row.help.len() > 20, "{name}: {}", row.help);
        assert!(!row.help.contains("  ") && !row.help.contains('|'), "{name}: {}", row.help);
        let speaks = matches!(row.kind, Kind::Choice(_) | Kind::Flag | Kind::Secret);
        assert_eq!(speaks, row.value.is_empty(), "{name}: only these kinds name their own value");
        assert_eq!(row.kind == Kind::Flag, row.bare == Some("true"), "{name}");
    }
}

#[test]
fn every_switch_is_off_by_default() {
    for row in table().filter(|row| row.kind == Kind::Flag) {
        assert_eq!(row.default, Some("false"), "{}", row.name);
    }
}

#[test]
fn every_secret_has_a_file_option_for_the_same_commands() {
    let secrets: Vec<&Row> = table().filter(|row| row.is_secret()).collect();
    assert_eq!(secrets.len(), 12);
    for secret in secrets {
        let file = table().find(|row| row.name == format!("{}-file", secret.name)).expect(secret.name);
        assert_eq!((file.kind, file.on), (Kind::Path, secret.on), "{}", secret.name);
        assert_eq!(secret.default, None);
    }
}

#[test]
fn every_family_has_an_option_for_its_prefix() {
    for (family, prefix) in Prefixes::default().iter() {
        let row = &indices::prefix_of(family).row;
        assert_eq!((row.name, row.default), (format!("{}-prefix", family.name()).as_str(), Some(prefix)));
        assert!(table().any(|other| std::ptr::eq(other, row)), "{} is in no table", row.name);
        let namers = indices::prefix_of(Family::Unrecognized).row.on;
        assert!(namers.iter().all(|verb| row.on.contains(verb)), "{} is not taken where indices are named", row.name);
    }
}

#[test]
fn bounds_refuse_what_they_say() {
    let refused = [
        (&stream::POLL_INTERVAL.row, "199ms"),
        (&stream::FETCHES.row, "0"),
        (&stream::START.row, "yesterday"),
        (&stream::GROUP.row, "two words"),
        (&delivery::MEMORY.row, "15MiB"),
        (&delivery::FLUSH_BYTES.row, "100MiB"),
        (&delivery::FLUSH_COUNT.row, "0"),
        (&delivery::IN_FLIGHT.row, "65"),
        (&delivery::GZIP.row, "0"),
        (&delivery::GZIP.row, "10"),
        (&events::MAX_DEPTH.row, "101"),
        (&events::MAX_DAYS.row, "0"),
        (&events::MAX_INFLATED.row, "2GiB"),
        (&events::REDACT.row, "phones"),
        (&events::REDACT.row, "phones=hide"),
        (&events::REDACT.row, "telephones=drop"),
        (&events::REDACT.row, "attributes..x=drop"),
        (&indices::SHARDS.row, "0"),
        (&put::PARTITION_KEY.row, "client..id"),
        (&put::PUT_TIMEOUT.row, "0s"),
        (&put::PUT_MEMORY.row, "15MiB"),
        (&state::STATE.row, "file:"),
        (&state::STATE.row, "dir:/tmp"),
        (&state::DEAD_LETTERS.row, "file:/tmp"),
        (&retention::KEEP.row, "0d"),
        (&retention::MAX_DELETE.row, "0"),
        (&cluster::OPENSEARCH_PASSWORD.row, "two\nlines"),
        (&cluster::OPENSEARCH_TIMEOUT.row, "0s"),
        (&general::HTTP_LISTEN.row, "9464"),
        (&general::LOG_LEVEL.row, "info,essink=loud"),
        (&general::LOG_LEVEL.row, "debgu"),
    ];
    for (row, value) in refused {
        assert!((row.check)(value).is_err(), "{} took {value:?}", row.name);
    }
    let taken = [
        (&stream::START.row, "2026-11-21T08:00:00Z"),
        (&delivery::GZIP.row, "9"),
        (&delivery::GRACE.row, "0s"),
        (&events::REDACT.row, "bodies=drop"),
        (&events::REDACT.row, "attributes.e-mail=hash"),
        (&indices::REPLICAS.row, "0"),
        (&put::PARTITION_KEY.row, "client.client id"),
        (&state::STATE.row, "file:/var/lib/essink/state"),
        (&state::DEAD_LETTERS.row, "dir:./dead"),
        (&general::LOG_LEVEL.row, "warn,essink::pipeline=debug"),
    ];
    for (row, value) in taken {
        assert_eq!((row.check)(value), Ok(()), "{} {value:?}", row.name);
    }
}
