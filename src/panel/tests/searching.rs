//! What a definition asks a cluster.

use super::*;

const HOUR: Range = Range { from: 1_793_577_600_000, to: 1_793_581_200_000 };

fn asked(rest: &str) -> Value {
    panel(rest).search(&HOUR, &Inputs::new())
}

#[test]
fn a_number_is_one_aggregation_over_what_counts() {
    let body =
        asked("chart = 'number'\nquery = '$sent'\nmeasures = [{ label = 'n', is = 'distinct', field = 'msg.id' }]\n");
    assert_eq!(
        body,
        json!({
            "size": 0,
            "track_total_hits": true,
            "query": {"bool": {"filter": [
                {"range": {"@timestamp": {"gte": 1_793_577_600_000_i64, "lt": 1_793_581_200_000_i64}}},
                {"query_string": {"query": "(msg.status:sent)", "analyze_wildcard": true}}
            ]}},
            "aggs": {"1": {"cardinality": {"field": "msg.id", "precision_threshold": 40_000}}}
        })
    );
}

#[test]
fn a_count_needs_no_aggregation() {
    let body = asked("chart = 'number'\nmeasures = [{ label = 'n', is = 'count' }]\n");
    assert_eq!(body.get("aggs"), None);
    assert_eq!(body["track_total_hits"], true, "without it a cluster stops counting at 10,000");
}

#[test]
fn values_are_in_the_order_of_their_numbers_however_deep() {
    let body = asked(
        "chart = 'table'\nmeasures = [{ label = 'n', is = 'distinct', field = 'msg.id' }]\nsplits = [\
         { label = 'a', by = 'terms', field = 'msg.channel', size = 3, missing = 'not said' },\
         { label = 'b', by = 'terms', field = 'msg.provider', size = 2, sorted = true }]\n",
    );
    let distinct = json!({"cardinality": {"field": "msg.id", "precision_threshold": 40_000}});
    assert_eq!(
        body["aggs"],
        json!({"2": {
            "terms": {"field": "msg.channel", "size": 3, "shard_size": 500, "missing": "not said", "order": {"1": "desc"}},
            "aggs": {
                "1": distinct,
                "3": {
                    "terms": {"field": "msg.provider", "size": 2, "shard_size": 500, "order": {"_key": "asc"}},
                    "aggs": {"1": distinct}
                }
            }
        }})
    );
}

/// Up to 20 there are few, as of channels and currencies: those are chosen by their number.
#[test]
fn twenty_values_are_few_and_twenty_one_are_many() {
    let order = |size: u32| {
        let body = asked(&format!(
            "chart = 'table'\nmeasures = [{{ label = 'n', is = 'distinct', field = 'msg.id' }}]\nsplits = [\
             {{ label = 'a', by = 'terms', field = 'msg.link', size = {size} }}]\n"
        ));
        body["aggs"]["2"]["terms"]["order"].clone()
    };
    assert_eq!(order(20), json!({"1": "desc"}));
    assert_eq!(order(21), json!({"_count": "desc"}));
}

#[test]
fn simple_measures_are_the_aggregations_of_their_names() {
    for (measure, expected) in [("sum", json!({"sum": {"field": "f"}})), ("max", json!({"max": {"field": "f"}}))] {
        let body = asked(&format!("chart = 'number'\nmeasures = [{{ label = 'n', is = '{measure}', field = 'f' }}]\n"));
        assert_eq!(body["aggs"], json!({"1": expected}), "{measure}");
    }
}

#[test]
fn a_rate_counts_both_of_its_queries() {
    let body = asked(
        "chart = 'number'\nquery = 'e:f'\nmeasures = [{ label = 'n', is = 'rate', distinct = 'i', to = 'a:b', of = 'c:d' }]\n",
    );
    let step = |query: &str| {
        json!({
            "filter": {"query_string": {"query": query, "analyze_wildcard": true}},
            "aggs": {"n": {"cardinality": {"field": "i", "precision_threshold": 40_000}}}
        })
    };
    let expected = json!({"filter": {"match_all": {}}, "aggs": {"to": step("a:b"), "of": step("c:d")}});
    assert_eq!(body["aggs"], json!({"1": expected}));
}

/// A cluster that kept a count of 256 KB for each of some thousands of links would refuse the search.
#[test]
fn of_many_values_the_most_frequent_are_chosen_before_anything_is_counted_for_each() {
    let body = asked(
        "chart = 'table'\nmeasures = [{ label = 'n', is = 'distinct', field = 'msg.id' }]\nsplits = [\
         { label = 'a', by = 'terms', field = 'msg.link', size = 50 }]\n",
    );
    assert_eq!(
        body["aggs"],
        json!({"2": {
            "terms": {"field": "msg.link", "size": 50, "shard_size": 500, "order": {"_count": "desc"}},
            "aggs": {"1": {"cardinality": {"field": "msg.id", "precision_threshold": 3_000}}}
        }})
    );
}

#[test]
fn what_cannot_be_an_order_is_in_the_order_of_documents() {
    for measure in [
        "is = 'count'",
        "is = 'money', field = 'msg.cost_usd', once = 'msg.id'",
        "is = 'rate', distinct = 'msg.id', to = 'msg.status:a', of = 'msg.status:b'",
        "is = 'per', distinct = 'a', each = 'b', base = 'b'",
        "is = 'between', from = 'a', to = 'b', divide = 1",
    ] {
        let body = asked(&format!(
            "chart = 'table'\nmeasures = [{{ label = 'n', {measure} }}]\n\
             splits = [{{ label = 'a', by = 'terms', field = 'msg.channel', size = 3 }}]\n"
        ));
        assert_eq!(body["aggs"]["2"]["terms"]["order"], json!({"_count": "desc"}), "{measure}");
    }
}

#[test]
fn bars_of_time_are_utc_and_few_enough() {
    let panel = panel(
        "chart = 'line'\nmeasures = [{ label = 'n', is = 'count' }]\nsplits = [{ label = 't', by = 'time', each = 'minute' }]\n",
    );
    let each = |length: i64| {
        let range = Range { from: HOUR.from, to: HOUR.from + length };
        panel.search(&range, &Inputs::new())["aggs"]["2"]["date_histogram"].clone()
    };
    let expected = json!({"field": "@timestamp", "calendar_interval": "1m", "min_doc_count": 1});
    assert_eq!(each(3_600_000), expected);
    assert_eq!(each(24 * 3_600_000)["calendar_interval"], "1m");
    assert_eq!(each(31 * 24 * 3_600_000)["calendar_interval"], "1h");
    assert_eq!(each(366 * 24 * 3_600_000)["calendar_interval"], "1d");
}

#[test]
fn a_price_is_paid_once_a_message_or_once_a_conversation() {
    let body = asked(
        "chart = 'number'\nmeasures = [{ label = 'n', is = 'money', field = 'msg.cost_usd', once = 'msg.id', conversation = 'msg.conversation' }]\n",
    );
    let by = |once: &str| {
        json!({"prices": {
            "terms": {"field": "msg.cost_usd", "size": 10_000, "shard_size": 10_000},
            "aggs": {"paid": {"cardinality": {"field": once, "precision_threshold": 10_000}}}
        }})
    };
    let conversation = json!({"exists": {"field": "msg.conversation"}});
    assert_eq!(
        body["aggs"]["1"],
        json!({
            "filter": {"range": {"msg.cost_usd": {"gt": 0}}},
            "aggs": {
                "single": {"filter": {"bool": {"must_not": [conversation]}}, "aggs": by("msg.id")},
                "conversation": {"filter": conversation, "aggs": by("msg.conversation")}
            }
        })
    );
}

/// So many prices a row that all rows together are below what a cluster gives.
#[test]
fn of_many_rows_fewer_prices_are_told_apart() {
    let sizes = |splits: &str| {
        let body = asked(&format!(
            "chart = 'bar'\nmeasures = [{{ label = 'n', is = 'money', field = 'p', once = 'a' }}]\nsplits = [{splits}]\n"
        ));
        let terms = &body["aggs"]["2"]["aggs"]["1"]["aggs"]["single"]["aggs"]["prices"]["terms"];
        assert_eq!(terms["size"], terms["shard_size"]);
        terms["size"].clone()
    };
    // 25 rows of 1,000 prices, of messages and again of conversations.
    assert_eq!(sizes("{ label = 'a', by = 'terms', field = 'c', size = 25 }"), 1_000);
    assert_eq!(sizes("{ label = 'a', by = 'terms', field = 'c', size = 2 }"), 10_000);
}

/// A float has 645.29998 where a double has 645.3: both must be one price, of the message that both are of.
#[test]
fn prices_that_are_rounded_are_apart_by_a_part_and_around_it() {
    let body =
        asked("chart = 'number'\nmeasures = [{ label = 'n', is = 'money', field = 'p', once = 'a', round = 100 }]\n");
    assert_eq!(
        body["aggs"]["1"]["aggs"]["single"]["aggs"]["prices"],
        json!({
            "histogram": {"field": "p", "interval": 0.01, "offset": -0.005, "min_doc_count": 1},
            "aggs": {"paid": {"cardinality": {"field": "a", "precision_threshold": 10_000}}}
        })
    );
}

#[test]
fn what_there_is_for_each_is_counted_where_there_is_one() {
    let body = asked(
        "chart = 'number'\nmeasures = [{ label = 'n', is = 'per', distinct = 's', each = 'c', base = 'clients' }]\n",
    );
    let n = |field: &str| {
        let distinct = json!({"cardinality": {"field": field, "precision_threshold": 40_000}});
        json!({"filter": {"match_all": {}}, "aggs": {"n": distinct}})
    };
    assert_eq!(body["aggs"]["1"], json!({"filter": {"exists": {"field": "s"}}, "aggs": {"to": n("s"), "of": n("c")}}));
}

/// A beginning of 0 is none: an event that a push opened has it.
#[test]
fn a_time_between_is_of_two_means_of_what_has_both() {
    let body =
        asked("chart = 'number'\nmeasures = [{ label = 'n', is = 'between', from = 'a', to = 'b', divide = 1000 }]\n");
    assert_eq!(
        body["aggs"]["1"],
        json!({
            "filter": {"bool": {"filter": [{"range": {"a": {"gt": 0}}}, {"exists": {"field": "b"}}]}},
            "aggs": {"from": {"avg": {"field": "a"}}, "to": {"avg": {"field": "b"}}}
        })
    );
}

#[test]
fn documents_are_asked_for_by_what_was_typed() {
    let panel = panel(
        "chart = 'events'\nshow = ['@timestamp', 'msg.status']\ninputs = [{ id = 'to', label = 'To', fields = ['msg.to'] }]\nnewest_first = true\n",
    );
    let body = panel.search(&HOUR, &Inputs::from([("to".into(), "+4477".into())]));
    assert_eq!(
        body["query"]["bool"]["filter"][1],
        json!({"bool": {"should": [{"terms": {"msg.to": ["+4477", "4477"]}}], "minimum_should_match": 1}})
    );
    assert_eq!(body["sort"], json!([{"@timestamp": {"order": "desc", "unmapped_type": "date"}}]));
    assert_eq!(body["_source"], json!(["@timestamp", "msg.status"]));
    assert_eq!(body["size"], 500);
    let nobody = panel.search(&HOUR, &Inputs::new());
    assert_eq!(nobody["query"]["bool"]["filter"][1], json!({"match_none": {}}));
}

/// Scripts are turned off in many a cluster, and some have no language for them.
#[test]
fn no_search_needs_a_script() {
    for panel in dashboards().iter().flat_map(|dashboard| &dashboard.panels) {
        assert!(!panel.search(&HOUR, &Inputs::new()).to_string().contains("script"), "{}", panel.id);
    }
}

/// The limit that every supported cluster has unless it is told another.
#[test]
fn no_search_makes_more_buckets_than_a_cluster_gives() {
    for panel in dashboards().iter().flat_map(|dashboard| &dashboard.panels) {
        let buckets: u32 = panel.splits.iter().map(Split::most).product();
        assert!(buckets <= 50_000, "{}: {buckets}", panel.id);
    }
}
