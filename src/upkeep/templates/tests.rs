use std::collections::BTreeSet;

use serde_json::json;

use super::installed::compare;
use super::*;
use crate::event::clock::{Filed, Instead};
use crate::event::degrade::degraded;
use crate::event::document::{self, About};
use crate::event::envelope::Facts;
use crate::event::family::{self, Family};
use crate::event::scan;
use crate::event::time::Millis;

fn wanted(options: &TemplateOptions, name: &str) -> Template {
    files::all(options).into_iter().find(|t| t.name == name).unwrap()
}

#[test]
fn every_file_is_installed_under_its_name() {
    let names: Vec<_> = files::all(&TemplateOptions::default()).into_iter().map(|t| t.name).collect();
    let expected = "settings event msg pinpoint eum ses bird vonage pendula connect unrecognized dead-letters";
    assert_eq!(names, expected.split(' ').map(|name| format!("essink-{name}")).collect::<Vec<_>>());
    for family in Family::ALL {
        let families = family::Prefixes::default().with(family, "acme-");
        let options = TemplateOptions { prefixes: Prefixes { families, ..Prefixes::default() }, ..Default::default() };
        let theirs = wanted(&options, "essink-acme");
        assert_eq!((&theirs.body["index_patterns"], theirs.prefix.as_str()), (&json!(["acme-*"]), "acme-"));
        // It is that family's own file, but for the prefix.
        let usual = wanted(&TemplateOptions::default(), &format!("essink-{}", family.name()));
        assert_eq!(theirs.body["template"], usual.body["template"]);
        assert_eq!(parsed_patterns(family), json!([format!("{}-*", family.name())]));
    }
}

/// The patterns in the file itself, for those who install it by hand.
fn parsed_patterns(family: Family) -> Value {
    serde_json::from_str::<Value>(files::text(family)).unwrap()["index_patterns"].clone()
}

/// What essink adds has one type in every index: it stands in components, and every family has them.
#[test]
fn every_family_shares_what_means_the_same() {
    for family in Family::ALL {
        let template = wanted(&TemplateOptions::default(), &format!("essink-{}", family.name()));
        let parts = match family {
            // No rule knows what it would say.
            Family::Unrecognized => json!(["essink-settings", "essink-event"]),
            _ => json!(["essink-settings", "essink-event", "essink-msg"]),
        };
        assert_eq!(template.body["composed_of"], parts, "{family:?}");
        assert_eq!(template.body["priority"], 600, "{family:?}");
        let own = &template.body["template"]["mappings"]["properties"];
        assert!(["msg", "essink", "@timestamp"].iter().all(|shared| own.get(shared).is_none()), "{family:?}");
    }
}

#[test]
fn the_vocabulary_has_the_types_that_queries_need() {
    let component = wanted(&TemplateOptions::default(), "essink-msg");
    let msg = &component.body["template"]["mappings"]["properties"]["msg"];
    assert_eq!(msg["dynamic"], false, "a word that nobody planned must not get a guessed type");
    let of = |name: &str| match name {
        "cost" | "cost_usd" => "double",
        "parts" => "integer",
        "ip" => "ip",
        "geo" => "geo_point",
        _ => "keyword",
    };
    let words = "provider channel status event id to to_domain from from_domain country currency campaign campaign_kind \
                 user client session reason reason_class tags config_set send_status link user_agent carrier device \
                 cost_usd cost conversation parts final ip geo";
    let properties = msg["properties"].as_object().unwrap();
    let mapped: BTreeSet<_> = properties.keys().map(String::as_str).collect();
    assert_eq!(mapped, words.split_whitespace().collect());
    for (name, mapping) in properties {
        assert_eq!(mapping["type"], of(name), "{name}");
        // One of the two keeps a value that does not fit from taking the whole document with it.
        let bounded = mapping["ignore_above"].is_u64() || mapping["ignore_malformed"] == true;
        assert!(bounded, "{name} can refuse a document");
    }
}

#[test]
fn settings_are_filled_in_only_when_chosen() {
    let settings = |options: &TemplateOptions| wanted(options, "essink-pinpoint").body["template"]["settings"].clone();
    assert_eq!(settings(&TemplateOptions::default()), Value::Null);
    let options = TemplateOptions {
        shards: Some(3),
        replicas: Some(0),
        refresh_interval: Some("30s".into()),
        ..TemplateOptions::default()
    };
    assert_eq!(
        settings(&options),
        json!({"index": {"number_of_shards": 3, "number_of_replicas": 0, "refresh_interval": "30s"}})
    );
}

/// Every rule of `template` as (path, matched type, mapping), in order.
fn rules(template: &Template) -> Vec<(String, String, Value)> {
    let rules = template.body["template"]["mappings"]["dynamic_templates"].as_array().unwrap().clone();
    let rules = rules.iter().flat_map(|rule| rule.as_object().unwrap().values());
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    rules.map(|r| (text(&r["path_match"]), text(&r["match_mapping_type"]), r["mapping"].clone())).collect()
}

#[test]
fn without_twins_only_free_maps_lose_them() {
    let options = TemplateOptions { keyword_twins: false, ..TemplateOptions::default() };
    let plain = wanted(&options, "essink-pinpoint");
    for (path, _, mapping) in rules(&plain) {
        let free = path.ends_with("ttributes.*") || path == "client_context.custom.*";
        assert!(!free || mapping.get("fields").is_none(), "{path}");
        assert!(!path.is_empty() || mapping.get("fields").is_some(), "a rule for any path lost its twin");
    }
    let named = &plain.body["template"]["mappings"]["properties"];
    assert!(named["attributes"]["properties"]["campaign_id"]["fields"]["keyword"].is_object());
}

/// What real servers taught: a rule without a type also takes objects and refuses every dotted key; a rule
/// for any path shadows all after it; booleans refuse `"yes"`; a `flat_object` can end a node.
#[test]
fn the_rules_that_keep_documents_from_being_refused_hold() {
    for family in Family::ALL.into_iter().filter(|family| *family != Family::Unrecognized) {
        let rules = rules(&wanted(&TemplateOptions::default(), &format!("essink-{}", family.name())));
        let first_any = rules.iter().position(|(path, _, _)| path.is_empty()).unwrap();
        for (at, (path, kind, mapping)) in rules.iter().enumerate() {
            assert!(["string", "long", "double", "boolean"].contains(&kind.as_str()), "{path} matches {kind}");
            assert_eq!(at >= first_any, path.is_empty(), "{path} stands after a rule for any path");
            assert!(mapping["type"] == "keyword" || mapping["type"] == "double", "{path}");
            assert!(mapping["type"] != "double" || mapping["ignore_malformed"] == true, "{path}");
            assert!(
                mapping["type"] != "keyword" || mapping["ignore_above"].is_u64(),
                "{path}: 32,767 bytes are refused"
            );
        }
        let any: BTreeSet<_> = rules[first_any..].iter().map(|(_, kind, _)| kind.as_str()).collect();
        assert_eq!(any, BTreeSet::from(["string", "long", "double", "boolean"]), "{family:?} lets a type be guessed");
    }
    for template in files::all(&TemplateOptions::default()) {
        let text = template.body.to_string();
        assert!(!text.contains("flat") && !text.contains(r#""type":"boolean""#), "{}", template.name);
    }
}

#[test]
fn time_fields_read_milliseconds_and_dates_and_refuse_nothing() {
    let pinpoint = wanted(&TemplateOptions::default(), "essink-pinpoint");
    let named = &pinpoint.body["template"]["mappings"]["properties"];
    for field in ["arrival_timestamp", "event_timestamp"] {
        let form =
            json!({"type": "date", "format": "epoch_millis||strict_date_optional_time", "ignore_malformed": true});
        assert_eq!(named[field], form, "{field}");
    }
}

/// `essink` is not dynamic: a key that the template does not know could not be searched, and one that nothing writes
/// would be a promise.
#[test]
fn the_keys_that_essink_adds_are_mapped_and_no_others() {
    let mut event = scan::Scanned::default();
    scan::scan(b"{}", 0, &scan::ScanLimits { depth: 1, keys: 1 }, &mut event).unwrap();
    let arrived = Millis(1_700_000_000_000);
    let filed = Filed { at: arrived, instead: Some(Instead::Arrival) };
    let text = Some(&b"\"x\""[..]);
    // Attributes are kept, and not searched for: anybody's names.
    let facts = Facts {
        id: text,
        time: Some(arrived),
        source: text,
        kind: text,
        account: text,
        region: text,
        attributes: None,
    };
    let mut wrapping = Vec::new();
    facts.write("sns", &mut wrapping);
    let about = About { filed, arrived, envelopes: &["sns"], wrapping: &wrapping };
    let mut document = Vec::new();
    document::write_wrapped(&event, &about, &mut document);
    let document: Value = serde_json::from_slice(&degraded(&document, b"{}", "refused")).unwrap();
    let component = wanted(&TemplateOptions::default(), "essink-event");
    let mapped = &component.body["template"]["mappings"]["properties"];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&mapped["essink"]["properties"]), keys(&document["essink"]));
    let said = keys(&document["essink"]["wrapping"][0]);
    assert_eq!(keys(&mapped["essink"]["properties"]["wrapping"]["properties"]), said);
    assert_eq!(mapped["essink"]["properties"]["wrapping"]["dynamic"], false);
    assert!(mapped["@timestamp"].is_object() && document["@timestamp"].is_string());
}

/// What a server would give back for `template`.
fn read_back(template: &Template) -> Value {
    let mut found = template.body.clone();
    found["created_date_millis"] = json!(1);
    found
}

fn decision(template: &Template, found: &Value) -> Action {
    compare(template, Some(found)).unwrap().action
}

#[test]
fn only_what_differs_is_written() {
    let template = wanted(&TemplateOptions::default(), "essink-pinpoint");
    assert_eq!(compare(&template, None).unwrap().action, Action::Created);
    assert_eq!(decision(&template, &read_back(&template)), Action::Unchanged);
    let sharded = wanted(&TemplateOptions { shards: Some(2), ..TemplateOptions::default() }, "essink-pinpoint");
    let verdict = compare(&template, Some(&read_back(&sharded))).unwrap();
    assert_eq!((verdict.action, verdict.warning), (Action::Updated, None));
}

#[test]
fn a_change_by_hand_is_undone_and_said() {
    let template = wanted(&TemplateOptions::default(), "essink-pinpoint");
    let mut found = read_back(&template);
    found["template"]["mappings"]["properties"]["event_type"] = json!({"type": "text"});
    let verdict = compare(&template, Some(&found)).unwrap();
    assert_eq!(verdict.action, Action::Updated);
    assert!(verdict.warning.unwrap().contains("changed by hand"));
}

#[test]
fn a_newer_version_is_never_downgraded() {
    let template = wanted(&TemplateOptions::default(), "essink-event");
    let mut found = read_back(&template);
    found["_meta"]["version"] = json!(VERSION + 1);
    let verdict = compare(&template, Some(&found)).unwrap();
    assert_eq!(verdict.action, Action::KeptNewer);
    assert!(verdict.warning.unwrap().contains("newer than this essink's"));
    found["_meta"]["version"] = json!(VERSION - 1);
    assert_eq!(decision(&template, &found), Action::Updated);
}

#[test]
fn a_template_of_somebody_else_is_not_overwritten() {
    let template = wanted(&TemplateOptions::default(), "essink-pinpoint");
    let refusal = |found: Value| compare(&template, Some(&found)).err().unwrap();
    assert!(refusal(json!({"index_patterns": ["pinpoint-*"]})).contains("is not essink's"));
    let mut other = read_back(&template);
    other["index_patterns"] = json!(["essink-pinpoint-*"]);
    assert!(refusal(other).contains("serves other indices"));
}

#[test]
fn the_live_check_expects_components_and_the_family() {
    let expected = expected(&files::all(&TemplateOptions::default()));
    let of = |prefix: &str| expected.iter().find(|e| e.prefix == prefix).unwrap();
    let has = |prefix: &str, field: &str| of(prefix).properties.iter().any(|p| p[field].is_object());
    assert!(has("pinpoint-", "arrival_timestamp") && has("pinpoint-", "@timestamp") && has("pinpoint-", "essink"));
    assert!(has("unrecognized-", "@timestamp") && !has("unrecognized-", "arrival_timestamp"));
    assert!(has("ses-", "@timestamp") && has("ses-", "msg") && has("pinpoint-", "msg") && !has("unrecognized-", "msg"));
    assert!(has("essink-dead-letters-", "sequence") && !has("essink-dead-letters-", "essink"));
}

#[test]
fn what_is_added_to_indices_of_others_is_what_every_family_shares() {
    let expected = expected(&files::all(&TemplateOptions::default()));
    let added = |prefix: &str| {
        let of = expected.iter().find(|e| e.prefix == prefix).unwrap();
        of.additions.keys().map(String::as_str).collect::<BTreeSet<_>>()
    };
    for family in Family::ALL {
        let members = match family {
            Family::Unrecognized => BTreeSet::from(["@timestamp", "essink"]),
            _ => BTreeSet::from(["@timestamp", "essink", "msg"]),
        };
        assert_eq!(added(&format!("{}-", family.name())), members, "{family:?}");
    }
    assert_eq!(added("essink-dead-letters-"), BTreeSet::new(), "essink alone writes there");
    let file = wanted(&TemplateOptions::default(), "essink-msg");
    let ses = expected.iter().find(|e| e.prefix == "ses-").unwrap();
    assert_eq!(ses.additions["msg"], file.body["template"]["mappings"]["properties"]["msg"]);
}
