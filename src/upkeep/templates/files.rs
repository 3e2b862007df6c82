//! The embedded templates, with the options filled in.

use serde::Serialize;
use serde_json::{Value, json};

use super::TemplateOptions;
use super::canonical::hash;
use crate::event::family::Family;
use crate::upkeep::names::{Prefixes, pattern, template_name};

/// Version of the templates: raised by every release that changes a file in `templates/`, never lowered.
pub const VERSION: u64 = 2;

/// Maps whose keys the events' senders choose; their twins cost the most and are the ones an option drops.
const FREE_MAPS: [&str; 4] =
    ["attributes.*", "endpoint.Attributes.*", "endpoint.User.UserAttributes.*", "client_context.custom.*"];

const COMPONENTS: [(&str, &str); 3] = [
    ("essink-settings", include_str!(concat!(env!("OUT_DIR"), "/templates/essink-settings.json"))),
    ("essink-event", include_str!(concat!(env!("OUT_DIR"), "/templates/essink-event.json"))),
    ("essink-msg", include_str!(concat!(env!("OUT_DIR"), "/templates/essink-msg.json"))),
];
const DEAD_LETTERS: &str = include_str!(concat!(env!("OUT_DIR"), "/templates/dead-letters.json"));

/// The file of `family`'s index template.
pub fn text(family: Family) -> &'static str {
    match family {
        Family::Pinpoint => include_str!(concat!(env!("OUT_DIR"), "/templates/pinpoint.json")),
        Family::Eum => include_str!(concat!(env!("OUT_DIR"), "/templates/eum.json")),
        Family::Ses => include_str!(concat!(env!("OUT_DIR"), "/templates/ses.json")),
        Family::Bird => include_str!(concat!(env!("OUT_DIR"), "/templates/bird.json")),
        Family::Vonage => include_str!(concat!(env!("OUT_DIR"), "/templates/vonage.json")),
        Family::Pendula => include_str!(concat!(env!("OUT_DIR"), "/templates/pendula.json")),
        Family::Connect => include_str!(concat!(env!("OUT_DIR"), "/templates/connect.json")),
        Family::Unrecognized => include_str!(concat!(env!("OUT_DIR"), "/templates/unrecognized.json")),
    }
}

/// Which of the cluster's two kinds a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A part that index templates are composed of.
    Component,
    /// What applies to indices whose names match.
    Index,
}

/// One template as it should be installed.
#[derive(Debug, Clone)]
pub struct Template {
    /// Which kind.
    pub kind: Kind,
    /// The name it is installed under.
    pub name: String,
    /// The family it serves; empty for a component.
    pub prefix: String,
    /// What is sent, `_meta` included.
    pub body: Value,
}

impl Kind {
    /// What people call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Component => "component template",
            Self::Index => "index template",
        }
    }
}

impl Template {
    /// Where the cluster keeps it.
    pub fn path(&self) -> String {
        match self.kind {
            Kind::Component => format!("/_component_template/{}", self.name),
            Kind::Index => format!("/_index_template/{}", self.name),
        }
    }
}

/// Every template, components first: an index template is refused while a component of it is missing.
pub fn all(options: &TemplateOptions) -> Vec<Template> {
    let mut all: Vec<Template> =
        COMPONENTS.iter().map(|(name, text)| finished(Kind::Component, name, "", parsed(text))).collect();
    let Prefixes { families, dead_letters } = &options.prefixes;
    let families = families.iter().map(|(family, prefix)| (prefix, text(family)));
    all.extend(
        families.chain([(dead_letters.as_str(), DEAD_LETTERS)]).map(|(prefix, text)| index(prefix, text, options)),
    );
    all
}

fn index(prefix: &str, text: &str, options: &TemplateOptions) -> Template {
    let mut body = parsed(text);
    body["index_patterns"] = json!([pattern(prefix)]);
    // Here and not in the shared component: two essinks with other prefixes may want other shards.
    if let Some(settings) = settings(options) {
        body["template"]["settings"] = settings;
    }
    if !options.keyword_twins {
        drop_twins(&mut body);
    }
    finished(Kind::Index, &template_name(prefix), prefix, body)
}

fn settings(options: &TemplateOptions) -> Option<Value> {
    let mut index = serde_json::Map::new();
    index.extend(options.shards.map(|n| ("number_of_shards".to_owned(), json!(n))));
    index.extend(options.replicas.map(|n| ("number_of_replicas".to_owned(), json!(n))));
    index.extend(options.refresh_interval.as_ref().map(|t| ("refresh_interval".to_owned(), json!(t))));
    (!index.is_empty()).then(|| json!({ "index": index }))
}

/// Takes the `.keyword` sub-field from the rules of free maps; named fields keep theirs.
fn drop_twins(body: &mut Value) {
    let Some(rules) = body.pointer_mut("/template/mappings/dynamic_templates").and_then(Value::as_array_mut) else {
        return;
    };
    for rule in rules.iter_mut().filter_map(Value::as_object_mut).flat_map(|rule| rule.values_mut()) {
        let free = rule["path_match"].as_str().is_some_and(|path| FREE_MAPS.contains(&path));
        if let (true, Some(mapping)) = (free, rule["mapping"].as_object_mut()) {
            mapping.remove("fields");
        }
    }
}

fn finished(kind: Kind, name: &str, prefix: &str, mut body: Value) -> Template {
    body["version"] = json!(VERSION);
    let hash = hash(&body);
    body["_meta"] = json!({ "managed_by": "essink", "version": VERSION, "hash": hash });
    Template { kind, name: name.into(), prefix: prefix.into(), body }
}

fn parsed(text: &str) -> Value {
    // The files are part of the binary, and a test parses every one of them.
    serde_json::from_str(text).unwrap_or_default()
}
