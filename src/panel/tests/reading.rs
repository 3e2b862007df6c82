//! What an answer says.

use super::*;

fn answer(total: u64, aggregations: Value) -> Value {
    json!({"timed_out": false, "_shards": {"total": 2, "failed": 0}, "hits": {"total": {"value": total}, "hits": []},
        "aggregations": aggregations})
}

fn row(keys: &[&str], values: &[Option<f64>]) -> Row {
    Row { keys: keys.iter().map(|key| Key::from(*key)).collect(), values: values.to_vec() }
}

const BY_CHANNEL: &str = "chart = 'table'\nmeasures = [{ label = 'n', is = 'distinct', field = 'msg.id' }, \
    { label = 'events', is = 'count', unit = 'events' }]\n\
    splits = [{ label = 'channel', by = 'terms', field = 'msg.channel', size = 3 }]\n";

#[test]
fn rows_are_as_the_cluster_orders_them_and_what_is_left_out_is_counted() {
    let said = answer(
        12,
        json!({"3": {"doc_count_error_upper_bound": 1, "sum_other_doc_count": 4, "buckets": [
            {"key": "sms", "doc_count": 5, "1": {"value": 3}}, {"key": "email", "doc_count": 3, "1": {"value": 2}}]}}),
    );
    let table = panel(BY_CHANNEL).read(&said).unwrap();
    assert_eq!(table.keys, ["channel"]);
    assert_eq!(
        table.columns,
        [
            Column { label: "n".into(), unit: "messages".into() },
            Column { label: "events".into(), unit: "events".into() }
        ]
    );
    assert_eq!(table.rows, [row(&["sms"], &[Some(3.0), Some(5.0)]), row(&["email"], &[Some(2.0), Some(3.0)])]);
    assert_eq!(table.other, Some(Other { documents: 4, off_by: Some(1) }));
}

/// An order by a sub-aggregation is answered with -1: nothing is known of the error. Where nothing is left out, neither
/// by the shards, there is none.
#[test]
fn an_error_that_is_not_known_is_not_called_none() {
    let other = |left_out: u64| {
        let terms = json!({"doc_count_error_upper_bound": -1, "sum_other_doc_count": left_out, "buckets": []});
        panel(BY_CHANNEL).read(&answer(0, json!({"3": terms}))).unwrap().other
    };
    assert_eq!(other(0), None);
    assert_eq!(other(5), Some(Other { documents: 5, off_by: None }));
}

/// Of many values those with most documents are shown, in the order of their number.
#[test]
fn rows_that_documents_chose_are_in_the_order_of_their_number() {
    let panel = panel(
        "chart = 'table'\nmeasures = [{ label = 'n', is = 'distinct', field = 'msg.id' }]\n\
         splits = [{ label = 'link', by = 'terms', field = 'msg.link', size = 50 }]\n",
    );
    let bucket = |key: &str, documents: u64, n: u64| json!({"key": key, "doc_count": documents, "1": {"value": n}});
    let buckets = json!([bucket("a", 9, 2), bucket("b", 8, 5), bucket("c", 7, 2)]);
    let said =
        answer(24, json!({"2": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": buckets}}));
    let expected = [row(&["b"], &[Some(5.0)]), row(&["a"], &[Some(2.0)]), row(&["c"], &[Some(2.0)])];
    assert_eq!(panel.read(&said).unwrap().rows, expected);
}

#[test]
fn steps_are_in_the_order_of_the_definition() {
    let panel = panel(
        "chart = 'bar'\nmeasures = [{ label = 'n', is = 'count' }]\nsplits = [{ label = 'step', by = 'steps', steps = [\
         { label = 'zeroth', query = 'a:b' }, { label = 'first', query = 'c:d' }] }]\n",
    );
    let said = answer(3, json!({"2": {"buckets": {"first": {"doc_count": 1}, "zeroth": {"doc_count": 2}}}}));
    assert_eq!(panel.read(&said).unwrap().rows, [row(&["zeroth"], &[Some(2.0)]), row(&["first"], &[Some(1.0)])]);
}

#[test]
fn time_is_a_number() {
    let panel = panel(
        "chart = 'line'\nmeasures = [{ label = 'n', is = 'count' }]\nsplits = [{ label = 'day', by = 'time', each = 'day' }]\n",
    );
    let bucket = json!({"key": 86_400_000, "key_as_string": "1970-01-02", "doc_count": 7});
    let table = panel.read(&answer(7, json!({"2": {"buckets": [bucket]}}))).unwrap();
    assert_eq!(table.rows, [Row { keys: vec![Key::Time(86_400_000)], values: vec![Some(7.0)] }]);
}

#[test]
fn a_rate_says_what_it_is_of_and_a_rate_of_nothing_is_not_known() {
    let panel = panel(
        "chart = 'number'\nmeasures = [{ label = 'r', unit = '%', is = 'rate', distinct = 'msg.id', to = 'a:b', of = 'c:d' }]\n",
    );
    let said = |to: u64, of: u64| {
        let n = |n: u64| json!({"doc_count": 9, "n": {"value": n}});
        panel.read(&answer(9, json!({"1": {"doc_count": 9, "to": n(to), "of": n(of)}}))).unwrap()
    };
    assert_eq!(said(1, 4).rows, [row(&[], &[Some(25.0), Some(4.0)])]);
    assert_eq!(said(0, 0).rows, [row(&[], &[None, Some(0.0)])]);
    assert_eq!(said(0, 0).columns[1], Column { label: "r: of".into(), unit: "messages".into() });
}

#[test]
fn so_many_for_each_says_for_how_many() {
    let panel = panel(
        "chart = 'number'\nmeasures = [{ label = 'r', is = 'per', distinct = 's', each = 'c', base = 'installations' }]\n",
    );
    let said = |to: u64, of: u64| {
        let n = |n: u64| json!({"doc_count": 9, "n": {"value": n}});
        panel.read(&answer(9, json!({"1": {"doc_count": 9, "to": n(to), "of": n(of)}}))).unwrap()
    };
    assert_eq!(said(5, 4).rows, [row(&[], &[Some(1.25), Some(4.0)])]);
    assert_eq!(said(0, 0).rows, [row(&[], &[None, Some(0.0)])]);
    assert_eq!(said(0, 0).columns[1], Column { label: "r: of".into(), unit: "installations".into() });
}

#[test]
fn a_time_between_is_the_later_mean_less_the_earlier() {
    let panel =
        panel("chart = 'number'\nmeasures = [{ label = 'm', is = 'between', from = 'a', to = 'b', divide = 60000 }]\n");
    let said = |from: Value, to: Value| {
        panel.read(&answer(9, json!({"1": {"doc_count": 9, "from": {"value": from}, "to": {"value": to}}})))
    };
    // Moments of an afternoon, 90 seconds apart.
    assert_eq!(said(json!(1.7935776e12), json!(1.79357769e12)).unwrap().rows, [row(&[], &[Some(1.5)])]);
    assert_eq!(said(Value::Null, Value::Null).unwrap().rows, [row(&[], &[None])], "no session ended");
    assert!(matches!(panel.read(&answer(9, json!({"1": {"doc_count": 9}}))), Err(Unreadable::Lacks(_))));
}

#[test]
fn money_is_of_messages_and_of_conversations_in_units_of_the_panel() {
    let panel = panel(
        "chart = 'number'\nmeasures = [{ label = 'm', is = 'money', field = 'f', once = 'a', conversation = 'b', divide = 1000 }]\n",
    );
    let part = |prices: &[(f64, u64)], other: u64| {
        let bucket = |(price, paid): &(f64, u64)| json!({"key": price, "doc_count": 9, "paid": {"value": paid}});
        let buckets: Vec<_> = prices.iter().map(bucket).collect();
        json!({"doc_count": 1, "prices": {
            "doc_count_error_upper_bound": 0, "sum_other_doc_count": other, "buckets": buckets
        }})
    };
    let said = |single: Value, conversation: Value| {
        panel.read(&answer(1, json!({"1": {"single": single, "conversation": conversation}}))).unwrap()
    };
    // 500 for three, 250 for two; and 1,000 for one conversation: 3,000 thousandths.
    let table = said(part(&[(500.0, 3), (250.0, 2)], 2), part(&[(1000.0, 1)], 0));
    assert_eq!(table.rows, [row(&[], &[Some(3.0)])]);
    assert_eq!(table.other, Some(Other { documents: 2, off_by: Some(0) }), "prices that were too many");
    assert_eq!(said(part(&[], 0), part(&[], 0)).rows, [row(&[], &[Some(0.0)])], "nothing was paid");
    let bad = json!({"1": {"single": {"prices": {"buckets": [{"key": 1.0}]}}, "conversation": part(&[], 0)}});
    assert!(matches!(panel.read(&answer(1, bad)), Err(Unreadable::Lacks(_))));
}

#[test]
fn a_rounded_price_is_the_middle_of_its_bucket() {
    let panel = panel(
        "chart = 'number'\nmeasures = [{ label = 'm', is = 'money', field = 'f', once = 'a', divide = 10, round = 100 }]\n",
    );
    let buckets = json!([{"key": 645.295, "paid": {"value": 2}}, {"key": 880.995, "paid": {"value": 1}}]);
    let said = answer(1, json!({"1": {"single": {"prices": {"buckets": buckets}}}}));
    // 645.3 twice and 881 once.
    assert_eq!(panel.read(&said).unwrap().rows, [row(&[], &[Some(217.16)])]);
}

#[test]
fn an_answer_that_is_not_whole_is_no_number() {
    let panel = panel("chart = 'number'\nmeasures = [{ label = 'n', is = 'count' }]\n");
    let mut said = answer(7, json!({}));
    assert_eq!(panel.read(&said).unwrap().rows, [row(&[], &[Some(7.0)])]);
    said["_shards"]["failed"] = json!(1);
    assert_eq!(panel.read(&said), Err(Unreadable::Shards { failed: 1, total: 2 }));
    // A shard without a node is not said to have failed.
    said["_shards"] = json!({"total": 5, "successful": 4, "skipped": 0, "failed": 0});
    assert_eq!(panel.read(&said), Err(Unreadable::Shards { failed: 1, total: 5 }));
    said["_shards"]["successful"] = json!(5);
    assert!(panel.read(&said).is_ok());
    said["timed_out"] = json!(true);
    assert_eq!(panel.read(&said), Err(Unreadable::TimedOut));
    for bad in [json!({}), json!({"_shards": {"failed": 0}}), json!("x")] {
        assert!(matches!(panel.read(&bad), Err(Unreadable::Lacks(_))), "{bad}");
    }
}

#[test]
fn without_an_index_there_is_nothing() {
    let none =
        json!({"timed_out": false, "_shards": {"total": 0, "failed": 0}, "hits": {"total": {"value": 0}, "hits": []}});
    let number = panel("chart = 'number'\nmeasures = [{ label = 'n', is = 'distinct', field = 'x' }]\n");
    assert_eq!(number.read(&none).unwrap().rows, [row(&[], &[Some(0.0)])]);
    assert_eq!(panel(BY_CHANNEL).read(&none).unwrap().rows, []);
    let others = panel(
        "chart = 'number'\nmeasures = [{ label = 'a', is = 'count' }, { label = 'b', is = 'sum', field = 'x' }, \
         { label = 'c', is = 'money', field = 'x', once = 'y' }, { label = 'd', is = 'max', field = 'x' }, \
         { label = 'e', is = 'rate', distinct = 'x', to = 'a:b', of = 'c:d' }, \
         { label = 'f', is = 'per', distinct = 'x', each = 'y', base = 'y' }, \
         { label = 'g', is = 'between', from = 'x', to = 'y', divide = 1 }]\n",
    );
    let (zero, unknown) = (Some(0.0), None);
    let expected = [zero, zero, zero, unknown, unknown, zero, unknown, zero, unknown];
    assert_eq!(others.read(&none).unwrap().rows, [row(&[], &expected)]);
}

#[test]
fn documents_show_their_members_and_the_rest_is_counted() {
    let panel = panel("chart = 'events'\nshow = ['@timestamp', 'msg.to', 'msg.parts']\n");
    let mut said = answer(3, json!({}));
    said["hits"]["hits"] = json!([
        {"_source": {"@timestamp": "2026-11-02T00:00:00Z", "msg": {"to": ["a", "b"], "parts": 2}}},
        {"_source": {"msg.to": "c"}}
    ]);
    let table = panel.read(&said).unwrap();
    assert_eq!(table.rows, [row(&["2026-11-02T00:00:00Z", "a, b", "2"], &[]), row(&["", "c", ""], &[])]);
    assert_eq!(table.other, Some(Other { documents: 1, off_by: Some(0) }));
    said["hits"]["total"]["value"] = json!(2);
    assert_eq!(panel.read(&said).unwrap().other, None, "all are listed");
}
