//! The proof, proved: were a definition or its search another, the days would tell. Each mutant is a slip that somebody
//! could make, and one that nobody tells stands for a number that nobody would know to be wrong.

use std::fs;

use essink::panel::{Panel, Range, parse};

use super::load::Loaded;
use super::{Question, ask, question};

/// Where a text is changed.
#[derive(Debug, Clone, Copy)]
enum In {
    /// In the panel's definition.
    Definition,
    /// In the queries with a name.
    Steps,
    /// In the body of the search that is made of it.
    Search,
}
use In::{Definition, Search, Steps};

/// The panel, where, what stands there, and what instead.
type Mutant = (&'static str, In, &'static str, &'static str);

const MUTANTS: &[Mutant] = &[
    // Documents for messages, and what is no beginning for one.
    ("overview/sent", Definition, r#"is = "distinct", field = "msg.id""#, r#"is = "count""#),
    ("overview/sent", Definition, "$begun", "$sent"),
    (
        "overview/sent",
        Search,
        r#""cardinality":{"field":"msg.id","precision_threshold":40000}"#,
        r#""value_count":{"field":"msg.id"}"#,
    ),
    ("overview/sent", Search, r#""precision_threshold":40000"#, r#""precision_threshold":100"#),
    ("overview/sent", Search, r#""range":{"@timestamp":"#, r#""range":{"essink.arrived":"#),
    ("overview/sent", Steps, " OR (msg.status:rejected AND _exists_:msg.id)", ""),
    ("texts/sent", Definition, "$texts AND ", ""),
    ("texts/parts", Definition, r#"is = "distinct", field = "msg.id""#, r#"is = "count""#),
    ("email/links", Definition, r#"is = "count""#, r#"is = "distinct", field = "msg.id""#),
    // Bases and steps of rates and funnels.
    ("overview/rates", Definition, r#"of = "$sent""#, r#"of = "_exists_:msg.id""#),
    ("overview/rates-by-provider", Definition, r#"to = "$lost""#, r#"to = "$bounced""#),
    ("overview/funnel", Definition, r#"query = "$delivered""#, r#"query = "msg.status:delivered""#),
    ("overview/funnel", Steps, "(opened OR read OR clicked)'", "(opened OR read)'"),
    ("email/rates", Definition, r#"to = "$clicked", of = "$opened""#, r#"to = "$clicked", of = "$delivered""#),
    ("email/rates", Definition, r#"to = "$refused""#, r#"to = "$lost""#),
    ("email/rates", Steps, "msg.channel:email AND NOT msg.provider:pendula", "msg.channel:email"),
    ("email/pinpoint-funnel", Definition, "$old_delivered", "event_type.keyword:_email.delivered"),
    ("texts/rates", Definition, r#"to = "$lost""#, r#"to = "msg.status:failed""#),
    ("texts/by-sender", Definition, "$texts AND $sent", "$texts"),
    ("texts/pinpoint-funnel", Definition, "$old_texts_failed", "$old_texts_final"),
    ("campaigns/conversion", Definition, r#"field = "msg.campaign""#, r#"field = "msg.campaign_kind""#),
    // Money.
    ("overview/cost", Definition, r#"field = "msg.cost_usd""#, r#"field = "msg.cost""#),
    ("overview/cost", Definition, r#", conversation = "msg.conversation""#, ""),
    ("overview/cost", Definition, r#"once = "msg.id""#, r#"once = "msg.event""#),
    ("overview/cost", Search, r#""must_not":[{"exists""#, r#""must":[{"exists""#),
    (
        "texts/cost-other",
        Definition,
        r#"is = "money", field = "msg.cost", once = "msg.id""#,
        r#"is = "sum", field = "msg.cost""#,
    ),
    ("texts/pinpoint-cost", Definition, "$old_texts_final", "$old_texts"),
    ("texts/pinpoint-cost", Definition, "divide = 100000", "divide = 1000"),
    ("texts/pinpoint-cost", Search, r#""offset":-0.005"#, r#""offset":0.0"#),
    ("app/revenue", Definition, "metrics._item_price", "metrics._quantity"),
    ("app/products", Definition, r#"is = "sum""#, r#"is = "max""#),
    // What is left out, the order, and documents that say nothing.
    ("overview/funnel", Definition, r#", missing = "not said""#, ""),
    ("texts/by-country", Search, r#""missing":"not said","#, ""),
    ("pipeline/by-provider", Definition, r#", missing = "unrecognized""#, ""),
    ("texts/parts", Search, r#""order":{"_key":"asc"}"#, r#""order":{"_key":"desc"}"#),
    ("app/devices", Definition, "size = 30", "size = 2"),
    ("app/revenue", Search, r#""order":{"1":"desc"}"#, r#""order":{"1":"asc"}"#),
    ("pipeline/indices", Search, r#""order":{"_key":"asc"}"#, r#""order":{"_key":"desc"}"#),
    ("email/programs", Definition, "(opened OR clicked)", "opened"),
    ("email/engagement", Definition, " OR unsubscribed", ""),
    ("email/bounces-by-domain", Definition, "msg.to_domain", "msg.from_domain"),
    ("texts/opt-outs", Definition, "$texts AND ", ""),
    ("texts/failures", Definition, "$texts AND $lost", "$texts AND msg.status:failed"),
    ("campaigns/attempts", Definition, "$attempts", "_exists_:msg.send_status"),
    ("campaigns/pinpoint-campaigns", Definition, "_campaign.send", "_campaign.*"),
    ("message/history", Definition, "newest_first = true", ""),
    // Days.
    (
        "overview/by-day",
        Search,
        r#""calendar_interval":"1d""#,
        r#""calendar_interval":"1d","time_zone":"Europe/Berlin""#,
    ),
    (
        "app/users-by-day",
        Search,
        r#""min_doc_count":1"#,
        r#""min_doc_count":0,"extended_bounds":{"min":1790000000000,"max":1790000000001}"#,
    ),
    ("texts/whatsapp", Definition, r#"each = "hour""#, r#"each = "day""#),
    ("app/users-by-month", Definition, r#"each = "month""#, r#"each = "day""#),
    // The app.
    ("app/users", Definition, r#"query = "$app""#, r#"query = """#),
    ("app/users", Steps, " OR _campaign.*", ""),
    ("app/people-by-day", Definition, "client.user_id.keyword", "client.client_id.keyword"),
    ("app/people-by-day", Definition, "endpoint.User.UserId.keyword", "client.user_id.keyword"),
    ("app/paying", Definition, r#"of = "$app""#, r#"of = "$purchase""#),
    ("app/paying", Definition, r#"to = "$purchase""#, r#"to = "event_type.keyword:_session.stop""#),
    ("app/paying-by-day", Definition, r#"is = "distinct", field = "client.client_id.keyword""#, r#"is = "count""#),
    ("app/sessions", Definition, "divide = 60000", "divide = 1000"),
    ("app/sessions", Definition, r#"from = "session.start_timestamp""#, r#"from = "event_timestamp""#),
    ("app/sessions", Definition, r#"distinct = "session.id.keyword""#, r#"distinct = "session.session_id.keyword""#),
    ("app/sessions", Search, r#"{"exists":{"field":"session.session_id.keyword"}}"#, r#"{"match_all":{}}"#),
    ("app/session-length", Search, r#"{"gt":0}"#, r#"{"gte":0}"#),
    ("app/pages", Definition, r#"field = "attributes.url.keyword""#, r#"field = "attributes.page.keyword""#),
    ("app/referrers", Definition, r#"field = "attributes.referer.keyword""#, r#"field = "attributes.url.keyword""#),
    (
        "app/utm",
        Definition,
        r#"field = "attributes.utm_campaign.keyword", size = 25, missing = "not said""#,
        r#"field = "attributes.utm_campaign.keyword", size = 25"#,
    ),
    (
        "app/places",
        Definition,
        r#"field = "endpoint.Location.Country.keyword""#,
        r#"field = "device.locale.country.keyword""#,
    ),
];

/// Replaces what must be there once at least.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not there any more: {text}");
    text.replace(from, to)
}

fn definition(name: &str) -> String {
    let path = format!("dashboards/{name}.toml");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The panel as the mutant has it, and its question.
fn of(loaded: &Loaded, &(name, place, from, to): &Mutant, range: Range) -> Question {
    let (dashboard, id) = name.split_once('/').expect("a dashboard and a panel");
    let (mut steps, file) = (definition("steps"), definition(dashboard));
    let mut parts: Vec<_> = file.split("[[panel]]\n").map(str::to_owned).collect();
    let at = parts.iter().skip(1).position(|part| part.starts_with(&format!("id = \"{id}\"\n"))).expect(name) + 1;
    match place {
        Definition => parts[at] = changed(&parts[at], from, to),
        Steps => steps = changed(&steps, from, to),
        Search => {}
    }
    let mut dashboards =
        parse(&steps, &[&parts.join("[[panel]]\n")]).unwrap_or_else(|why| panic!("{name} {to}: {why:?}"));
    // One for each mutant, for as long as the test runs.
    let panel: &'static Panel = Box::leak(Box::new(dashboards.remove(0).panels.remove(at - 1)));
    let mut question = question(loaded, name.to_owned(), panel, range);
    if matches!(place, Search) {
        question.body = changed(&question.body, from, to);
    }
    question
}

pub async fn are_told(loaded: &Loaded, ranges: &[Range]) {
    let mut alive: Vec<&Mutant> = MUTANTS.iter().collect();
    // Short times first: most need no more, and the whole costs most.
    for range in ranges.iter().rev() {
        let mut still = Vec::new();
        for some in alive.chunks(10) {
            let range_of = |name: &str| if name.starts_with("pipeline/") { loaded.arrived() } else { *range };
            let questions: Vec<_> = some.iter().map(|mutant| of(loaded, mutant, range_of(mutant.0))).collect();
            let answers = ask(loaded, &questions).await;
            let told = questions.iter().zip(&answers).map(|(question, answer)| question.wrong(loaded, answer, false));
            still.extend(some.iter().zip(told).filter(|(_, told)| told.is_empty()).map(|(mutant, _)| *mutant));
        }
        alive = still;
    }
    assert!(alive.is_empty(), "nobody tells these: {alive:#?}");
}
