//! Calls that show what a user may do, because they are refused for another reason than rights, and change nothing.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::{ADD, MEND, SEARCH, Use};
use crate::app::check::policy::roles::{Of, places, searches};
use crate::config::RunOptions;

/// A call that is refused for another reason than rights, after the cluster has looked at these.
pub struct Probe {
    /// What it shows.
    pub name: String,
    /// What a run needs that for.
    pub used: Use,
    /// The call.
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    /// The answer when it is let through.
    pub let_through: LetThrough,
}

/// The answer of a cluster that has let a call through. Any other may be that of a proxy, or of a cluster in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetThrough {
    /// 400: what was asked for is nonsense.
    Nonsense,
    /// 404: there is no such index.
    NoIndex,
    /// An item of a bulk request with 409: the condition does not hold.
    Conflict,
    /// 200 with hits, or 404: there is no such index.
    Search,
}

impl LetThrough {
    /// Whether it is this one; `kind` is the type of the error.
    pub fn is(self, status: u16, kind: &str, body: &Value) -> bool {
        match self {
            // Which exception it is differs from version to version; a proxy's 400 has none.
            Self::Nonsense => status == 400 && kind.ends_with("_exception"),
            Self::NoIndex => (status, kind) == (404, "index_not_found_exception"),
            Self::Conflict => (status, kind) == (409, "version_conflict_engine_exception"),
            Self::Search => Self::NoIndex.is(status, kind, body) || (status == 200 && body["hits"].is_object()),
        }
    }
}

/// A condition that no document meets: this one is not there.
const NEVER: (u64, u64) = (0, 1);

/// All of them. `existing` are indices that are there, those of days and that of positions; `chance` makes a name that
/// no index has.
pub fn all(run: &RunOptions, existing: &[Arc<str>], chance: u64) -> Vec<Probe> {
    // No index of this name can be there, and none is made.
    let absent = format!("essink-check-{chance:016x}");
    let mut probes = Vec::new();
    if run.templates.is_some() {
        probes.extend(of_templates(&absent));
    }
    for (of, names) in places(run) {
        match of {
            Of::Events | Of::Letters => {
                probes.extend(names.iter().flat_map(|pattern| of_days(run, of, pattern, &absent, existing)));
            }
            Of::Positions => probes.extend(names.iter().map(|index| of_positions(index, &absent, existing))),
            // The trial itself shows that.
            Of::Trial => {}
        }
    }
    probes
}

fn probe(name: String, used: Use, method: Method, path: String, body: Option<Value>, let_through: LetThrough) -> Probe {
    Probe { name, used, method, path, body, let_through }
}

fn of_templates(absent: &str) -> [Probe; 2] {
    let missing = json!({"index_patterns": [absent], "composed_of": [absent]});
    let nonsense = json!({"template": {"settings": {"index.number_of_shards": 0}}});
    let put = |kind: &str, path: String, body| {
        let used = Use::Run("install its templates");
        probe(format!("write {kind} templates"), used, Method::PUT, path, Some(body), LetThrough::Nonsense)
    };
    [
        put("index", format!("/_index_template/{absent}"), missing),
        put("component", format!("/_component_template/{absent}"), nonsense),
    ]
}

/// Into an index that is there, on a condition that a document which is not there never meets.
fn write(index: &str, absent: &str, used: Use) -> Probe {
    let (seq_no, term) = NEVER;
    let never = json!([{"index": {"_index": index, "_id": absent, "if_seq_no": seq_no, "if_primary_term": term}}, {}]);
    probe(format!("write to {index}"), used, Method::POST, "/_bulk".to_owned(), Some(never), LetThrough::Conflict)
}

fn create(pattern: &str, index: &str, used: Use) -> Probe {
    let unmade = json!({"settings": {"index.number_of_shards": 0}});
    let name = format!("create an index in {pattern}");
    probe(name, used, Method::PUT, format!("/{index}"), Some(unmade), LetThrough::Nonsense)
}

fn of_days(run: &RunOptions, of: Of, pattern: &str, absent: &str, existing: &[Arc<str>]) -> Vec<Probe> {
    use LetThrough::{NoIndex, Search};
    let prefix = pattern.trim_end_matches('*');
    let name = format!("{prefix}{absent}");
    let there = existing.iter().rfind(|index| index.starts_with(prefix));
    let mut probes = vec![create(pattern, &name, Use::Run("make the indices of a day"))];
    probes.extend(there.map(|index| write(index, absent, Use::Run("write to it"))));
    let reads = match of {
        Of::Letters => Some(MEND),
        _ => searches(run).then_some(SEARCH),
    };
    if let Some(used) = reads {
        let path = format!("/{}/_search?size=0", there.map_or(&*name, |index| index));
        probes.push(probe(format!("read {pattern}"), used, Method::POST, path, Some(json!({})), Search));
    }
    if of == Of::Letters {
        let path = format!("/{name}/_refresh");
        probes.push(probe(format!("refresh {pattern}"), MEND, Method::POST, path, None, NoIndex));
    } else if run.templates.is_some() {
        let (add, path) = (format!("add fields to indices of {pattern}"), format!("/{name}/_mapping"));
        probes.push(probe(add, ADD, Method::PUT, path, Some(json!({"properties": {}})), NoIndex));
    }
    if run.retention.is_some() {
        let delete = format!("delete an index in {pattern}");
        probes.push(probe(delete, Use::Run("prune"), Method::DELETE, format!("/{name}"), None, NoIndex));
    }
    probes
}

fn of_positions(index: &str, absent: &str, existing: &[Arc<str>]) -> Probe {
    let used = Use::Run("store positions");
    match existing.iter().any(|there| **there == *index) {
        true => write(index, absent, used),
        false => create(index, index, used),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::run;

    #[test]
    fn the_page_searches_and_without_a_page_nobody_does() {
        let paths = |args: &str| -> Vec<String> {
            let searches = all(&run(args), &["ses-2026-01-01".into()], 7).into_iter();
            searches.filter(|probe| probe.used == SEARCH).map(|probe| probe.path).collect()
        };
        assert!(paths("").contains(&"/ses-2026-01-01/_search?size=0".to_owned()), "{:?}", paths(""));
        assert_eq!(paths("--http-listen none"), [""; 0]);
    }

    #[test]
    fn what_is_tried_follows_the_options_and_names_no_index_that_is_there() {
        let names = |run: &RunOptions, existing: &[Arc<str>]| -> Vec<String> {
            all(run, existing, 7).into_iter().map(|probe| probe.name).collect()
        };
        let whole = names(&run("--keep 30d"), &["pinpoint-2026-01-01".into(), "essink-state".into()]);
        for name in [
            "write index templates",
            "create an index in ses-*",
            "delete an index in ses-*",
            "add fields to indices of ses-*",
            "write to pinpoint-2026-01-01",
            "write to essink-state",
            "read essink-dead-letters-*",
            "refresh essink-dead-letters-*",
        ] {
            assert!(whole.iter().any(|there| there == name), "no {name} in {whole:#?}");
        }
        let few = names(&run("--no-init-templates --state file:/x --dead-letters dir:/y"), &[]);
        assert!(few.iter().all(|name| name.starts_with("create an index in") || name.starts_with("read ")), "{few:#?}");
        assert!(!few.iter().any(|name| name.contains("dead-letters")), "{few:#?}");
        for probe in all(&run("--keep 30d"), &[], 7).iter().filter(|probe| probe.method == Method::DELETE) {
            assert!(probe.path.ends_with("essink-check-0000000000000007"), "{}", probe.path);
        }
    }
}
