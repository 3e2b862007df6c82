//! A field that no template maps, or that cannot be used as a panel uses it, fails the build.

use super::*;
use crate::panel::{By, What, fields as named};
use crate::upkeep::templates::{TemplateOptions, all};

/// Every field of the templates of these families, `*` for dead letters: its type, and whether it can be searched.
type Mapped = BTreeMap<String, (String, bool)>;

fn mapped(over: Over) -> Mapped {
    let templates = all(&TemplateOptions::default());
    let patterns: Vec<String> = patterns(over, &Prefixes::default()).split(',').map(str::to_owned).collect();
    let mut fields = Mapped::new();
    for template in &templates {
        let of = template.body["index_patterns"].as_array().into_iter().flatten();
        if !of.filter_map(Value::as_str).any(|pattern| patterns.iter().any(|p| p == pattern)) {
            continue;
        }
        for part in template.body["composed_of"].as_array().into_iter().flatten() {
            let part = templates.iter().find(|t| part == t.name.as_str()).expect("a component");
            walk("", &part.body["template"]["mappings"], &mut fields);
        }
        walk("", &template.body["template"]["mappings"], &mut fields);
    }
    fields
}

fn walk(path: &str, mapping: &Value, fields: &mut Mapped) {
    for (name, field) in mapping["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        note(&path, field, fields);
        for (twin, inner) in field["fields"].as_object().into_iter().flatten() {
            note(&format!("{path}.{twin}"), inner, fields);
        }
        walk(&path, field, fields);
    }
}

fn note(path: &str, field: &Value, fields: &mut Mapped) {
    if let Some(kind) = field["type"].as_str() {
        let found = field["index"] != false && field["doc_values"] != false && field["enabled"] != false;
        fields.insert(path.to_owned(), (kind.to_owned(), found));
    }
}

const NUMBERS: &[&str] = &["double", "long", "integer"];
const WORDS: &[&str] = &["keyword", "ip"];

/// What a panel uses a field for, and the types that can be used so.
fn uses(panel: &Panel) -> Vec<(String, Vec<&'static str>)> {
    let any = [WORDS, NUMBERS, &["date"]].concat();
    let mut uses = vec![(panel.over.time().to_owned(), vec!["date"])];
    uses.extend(named(&panel.query).into_iter().map(|field| (field, any.clone())));
    for measure in &panel.measures {
        match &measure.what {
            What::Count {} => {}
            What::Distinct { field } => uses.push((field.clone(), WORDS.to_vec())),
            What::Max { field } => uses.push((field.clone(), [NUMBERS, &["date"]].concat())),
            What::Sum { field } => uses.push((field.clone(), NUMBERS.to_vec())),
            What::Money { field, once, conversation, .. } => {
                uses.push((field.clone(), NUMBERS.to_vec()));
                uses.extend(std::iter::once(once).chain(conversation).map(|field| (field.clone(), WORDS.to_vec())));
            }
            What::Per { distinct, each, .. } => {
                uses.extend([distinct, each].map(|field| (field.clone(), WORDS.to_vec())));
            }
            What::Between { from, to, .. } => {
                uses.extend([from, to].map(|field| (field.clone(), vec!["date"])));
            }
            What::Rate { distinct, to, of, .. } => {
                uses.push((distinct.clone(), WORDS.to_vec()));
                uses.extend([to, of].into_iter().flat_map(|query| named(query)).map(|field| (field, any.clone())));
            }
        }
    }
    for split in &panel.splits {
        match &split.by {
            By::Terms { field, .. } if field == "_index" => {}
            By::Terms { field, .. } => uses.push((field.clone(), [WORDS, NUMBERS].concat())),
            By::Steps { steps } => {
                uses.extend(steps.iter().flat_map(|step| named(&step.query)).map(|field| (field, any.clone())))
            }
            By::Time { field, .. } => uses.extend(field.clone().map(|field| (field, vec!["date"]))),
        }
    }
    uses.extend(panel.inputs.iter().flat_map(|input| &input.fields).map(|field| (field.clone(), vec!["keyword"])));
    uses
}

fn wrong(panel: &Panel) -> Vec<String> {
    let mapped = mapped(panel.over);
    let mut wrong = Vec::new();
    for (field, types) in uses(panel) {
        match mapped.get(&field) {
            None => wrong.push(format!("{}: no template maps {field}", panel.id)),
            Some((kind, true)) if types.contains(&kind.as_str()) => {}
            Some((kind, usable)) => wrong.push(format!("{}: {field} is {kind}, usable: {usable}", panel.id)),
        }
        // An old index has its words as text, which cannot be counted, and beside it their `.keyword`.
        let is_number = |(kind, _): &(String, bool)| kind == "date" || NUMBERS.contains(&kind.as_str());
        let word = types.contains(&"keyword") && !mapped.get(&field).is_some_and(is_number);
        if panel.over == Over::Pinpoint && word && !field.ends_with(".keyword") {
            wrong.push(format!("{}: {field} is text in an old index: use .keyword", panel.id));
        }
    }
    wrong.extend(
        panel
            .show
            .iter()
            .filter(|member| !mapped.contains_key(*member))
            .map(|member| format!("{}: no template knows {member}", panel.id)),
    );
    wrong
}

#[test]
fn every_field_of_a_panel_is_mapped_and_can_be_used_so() {
    let all: Vec<_> = panels().iter().flat_map(|(_, panel, _)| wrong(panel)).collect();
    assert_eq!(all, Vec::<String>::new());
}

#[test]
fn a_wrong_field_is_told() {
    let panel = |over: &str, rest: &str| {
        let text = format!(
            "id = 'd'\ntitle = 'D'\nabout = ''\n[[panel]]\nid = 'p'\ntitle = 'P'\nquestion = ''\nunit = ''\ncaveat = ''\n\
             over = '{over}'\nchart = 'number'\n{rest}"
        );
        crate::panel::parse("", &[&text]).unwrap().remove(0).panels.remove(0)
    };
    let check = |over: &str, rest: &str, expected: &str| {
        let wrong = wrong(&panel(over, rest));
        assert!(wrong.iter().any(|line| line.contains(expected)), "{rest}: {wrong:?}");
    };
    let count = "measures = [{ label = 'n', is = 'count' }]\n";
    check("messages", "measures = [{ label = 'n', is = 'distinct', field = 'msg.nobody' }]\n", "no template maps");
    check("messages", "measures = [{ label = 'n', is = 'sum', field = 'msg.status' }]\n", "msg.status is keyword");
    check("messages", "measures = [{ label = 'n', is = 'distinct', field = 'msg.geo' }]\n", "msg.geo is geo_point");
    check("messages", "measures = [{ label = 'n', is = 'distinct', field = 'sms_text' }]\n", "usable: false");
    check(
        "dead-letters",
        "measures = [{ label = 'n', is = 'distinct', field = 'msg.id' }]\n",
        "no template maps msg.id",
    );
    check("pinpoint", "measures = [{ label = 'n', is = 'distinct', field = 'event_type' }]\n", "use .keyword");
    // What apps write freely has a twin only where the option leaves it.
    let free = "measures = [{ label = 'n', is = 'distinct', field = 'attributes.utm.keyword' }]\n";
    check("pinpoint", free, "no template maps attributes.utm.keyword");
    check(
        "messages",
        "measures = [{ label = 'n', is = 'distinct', field = 'attributes.utm.keyword' }]\n",
        "no template",
    );
    let between = |from: &str, to: &str| {
        format!("measures = [{{ label = 'n', is = 'between', from = '{from}', to = '{to}', divide = 1000 }}]\n")
    };
    check("pinpoint", &between("session.id.keyword", "session.stop_timestamp"), "session.id.keyword is keyword");
    check("pinpoint", &between("session.start_timestamp", "session.duration"), "session.duration is long");
    check("messages", &format!("query = 'msg.nobody:a'\n{count}"), "msg.nobody");
    check("messages", &format!("query = 'subject.text:a'\n{count}"), "subject.text is text");
    check(
        "messages",
        "measures = [{ label = 'n', is = 'rate', distinct = 'msg.id', to = 'a:b', of = 'c:d' }]\n",
        "maps c",
    );
    assert_eq!(wrong(&panel("messages", count)), Vec::<String>::new());
}
