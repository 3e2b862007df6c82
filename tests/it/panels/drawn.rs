//! Specifications, drawn: the answer to what each asks goes into Vega-Lite and Vega as Kibana's plugin puts it there, and the
//! words and numbers in the picture must be what happened.

use essink::panel::{Key, Other, Panel, Range, Row, Table, What};
use serde_json::{Value, json};
use testkit::browser::Browser;
use testkit::kibana::{self, Context};
use testkit::vega::{Drawing, Generation, Mark, Painter};

use super::load::{DAY, Loaded};
use super::objects::{self, Asked, Narrowed, Object, search, searched};
use super::scene::{Expected, compare};

/// What is wrong with the pictures of all specifications.
pub async fn wrong(loaded: &Loaded, [long, short]: [Range; 2]) -> Vec<String> {
    let objects: Vec<_> = objects::all().into_iter().filter(Object::is_vega).collect();
    assert!(objects.len() > 10, "{}", objects.len());
    let narrow = objects.iter().filter(|object| object.may_be_narrowed());
    let mut asked = objects::ask(objects.iter(), loaded, &[long], &Narrowed::none());
    asked.extend(objects::ask(narrow, loaded, &[short], &Narrowed::some()));
    let answers = objects::answers(loaded, &asked).await;
    let nothing = nothing(loaded, &objects).await;
    let browser = Browser::start().await.expect("Chromium");
    let mut wrong = Vec::new();
    for generation in Generation::ALL {
        let painter = Painter::new(&browser, generation).await.expect("the libraries");
        for (one, answer) in asked.iter().zip(&answers) {
            let found = compared(&painter, loaded, one, answer).await;
            wrong.extend(found.into_iter().map(|why| named(&painter, one.of, &why)));
        }
        for (of, answer) in &nothing {
            wrong.extend(is_drawn_as_nothing(&painter, of, answer).await.map(|why| named(&painter, of, &why)));
        }
    }
    wrong
}

fn named(painter: &Painter, of: &Object, why: &str) -> String {
    format!("drawing of {} by {:?}: {why}", of.name, painter.generation())
}

async fn drawn(painter: &Painter, of: &Object, answer: &Value) -> Result<Drawing, String> {
    let spec = kibana::specification(&of.object);
    let drawing = painter.draw(&spec, answer, of.size).await.map_err(|error| format!("{error:#}"))?;
    match drawing.said.is_empty() && drawing.outside.is_empty() {
        true => Ok(drawing),
        false => Err(format!("says {:?}; of {:?} not in the panel: {:?}", drawing.said, of.size, drawing.outside)),
    }
}

async fn compared(painter: &Painter, loaded: &Loaded, one: &Asked<'_>, answer: &Value) -> Vec<String> {
    let drawing = match drawn(painter, one.of, answer).await {
        Ok(drawing) => drawing,
        Err(why) => return vec![why],
    };
    let panel = one.of.panel;
    let table = match table(panel, &drawing, answer) {
        Ok(table) => table,
        Err(why) => return vec![why],
    };
    if one.expected.rows.is_empty() {
        return is_nothing(panel, &table).into_iter().collect();
    }
    let mut expected = one.expected.rows.clone();
    if panel.is_over_time() {
        expected.retain(|_, values| values[0].is_some());
    }
    let mut wrong = compare(panel, loaded, &Expected { rows: expected, ..Expected::default() }, &table);
    wrong.extend(not_labelled(&drawing));
    wrong
}

/// Every number must be named beside it.
fn not_labelled(drawing: &Drawing) -> Option<String> {
    let name = |mark: &Mark| mark.datum["row"].as_str().or(mark.datum["what"].as_str()).map(str::to_owned);
    let names = drawing.marks.iter().filter(|mark| mark.kind == "text").map(name);
    // The middle of a long one is left out.
    let is_of = |label: &String, name: &str| match label.split_once('…') {
        Some((start, end)) => {
            name.starts_with(start) && name.ends_with(end) && name.chars().count() > label.chars().count()
        }
        None => label == name,
    };
    let is_there = |name: &String| drawing.labels.iter().any(|label| is_of(label, name));
    let missing: Vec<_> = names.filter(|name| !name.as_ref().is_some_and(is_there)).collect();
    (!missing.is_empty()).then(|| format!("no labels for {missing:?} in {:?}", drawing.labels))
}

/// The rows of a picture, from its words, in their order.
fn table(panel: &Panel, drawing: &Drawing, answer: &Value) -> Result<Table, String> {
    if panel.is_over_time() {
        return Ok(line(drawing));
    }
    let mut rows: Vec<(Vec<Key>, Vec<&Mark>)> = Vec::new();
    for mark in drawing.marks.iter().filter(|mark| mark.kind == "text") {
        let keys: Vec<_> = match &mark.datum["key"] {
            Value::String(text) => vec![Key::Text(text.clone())],
            Value::Null => Vec::new(),
            other => vec![Key::Text(other.to_string())],
        };
        match rows.iter_mut().find(|(known, _)| *known == keys) {
            Some((_, marks)) => marks.push(mark),
            None => rows.push((keys, vec![mark])),
        }
    }
    let bars = drawing.marks.iter().filter(|mark| mark.kind == "rect").count();
    if bars != 0 && bars != rows.len() * panel.measures.len() {
        return Err(format!("{bars} bars of {} rows", rows.len()));
    }
    let row = |(keys, marks): (Vec<Key>, Vec<&Mark>)| Ok(Row { keys, values: values(panel, &marks)? });
    let rows: Vec<_> = rows.into_iter().map(row).collect::<Result<_, String>>()?;
    let split = if panel.splits.is_empty() { String::new() } else { panel.split_name(0) };
    let other = answer["aggregations"][split]["sum_other_doc_count"].as_u64().unwrap_or(0);
    let other = (other > 0).then_some(Other { documents: other, off_by: None });
    Ok(Table { keys: Vec::new(), columns: Vec::new(), rows, other })
}

/// The points of a line, each a row of one number. What is not known has none.
fn line(drawing: &Drawing) -> Table {
    let mut rows = Vec::new();
    for mark in drawing.marks.iter().filter(|mark| mark.kind == "symbol") {
        let values = vec![mark.datum["value"].as_f64()];
        let row = mark.datum["key"].as_i64().map(|at| Row { keys: vec![Key::Time(at)], values: values.clone() });
        rows.extend(row.filter(|_| values[0].is_some()));
    }
    rows.sort_by(|a, b| a.keys.cmp(&b.keys));
    Table { keys: Vec::new(), columns: Vec::new(), rows, other: None }
}

/// A number a measure, and of how many where it is a rate. What is written must be the number.
fn values(panel: &Panel, marks: &[&Mark]) -> Result<Vec<Option<f64>>, String> {
    if marks.len() != panel.measures.len() {
        return Err(format!("{} numbers of {}: {marks:?}", marks.len(), panel.measures.len()));
    }
    let money = panel.measures.iter().any(|measure| matches!(measure.what, What::Money { .. }));
    let half = if money { 0.000_05 } else { 0.005 };
    let mut values = Vec::new();
    for measure in &panel.measures {
        let mark = marks.iter().find(|mark| mark.datum["what"] == measure.label.as_str());
        let mark = mark.ok_or_else(|| format!("no {} in {marks:?}", measure.label))?;
        let value = mark.datum["value"].as_f64();
        let text = mark.text.as_deref().unwrap_or_default();
        let (number, of) = text.split_once(" of ").map_or((text, None), |(number, of)| (number, Some(of)));
        let is_rate = matches!(measure.what, What::Rate { .. });
        if (is_rate && value.is_some()) != number.ends_with(" %") {
            return Err(format!("{text:?}, and whether it is a rate is {is_rate}"));
        }
        let read = |text: &str| text.trim_end_matches(" %").replace(',', "").parse::<f64>().ok();
        let is_said = match (value, read(number)) {
            (Some(value), Some(said)) => (value - said).abs() <= half + 1e-9,
            (None, None) => number == "–",
            _ => false,
        };
        if !is_said {
            return Err(format!("{text:?} for {value:?}"));
        }
        values.push(value);
        if measure.what.base().is_some() {
            values.push(Some(of.and_then(read).ok_or_else(|| format!("{text:?} does not say of how many"))?));
        }
    }
    Ok(values)
}

/// The answers about a time of which nothing is known, and those of indices that nobody has.
async fn nothing<'a>(loaded: &Loaded, objects: &'a [Object]) -> Vec<(&'a Object, Value)> {
    let mut nothing = Vec::new();
    for of in objects {
        let spec = kibana::specification(&of.object);
        let body = kibana::specified(&spec, &kibana::range(0, DAY), &Context::default());
        let index = spec["data"]["url"]["index"].as_str().expect("indices");
        let answers = searched(loaded, [search(index, &body), search("nobody-*", &body)].concat()).await;
        assert_eq!(answers[1]["_shards"]["total"], json!(0), "{}", answers[1]);
        nothing.extend(answers.into_iter().map(|answer| (of, answer)));
    }
    nothing
}

/// No error, no warning, and no number but 0.
async fn is_drawn_as_nothing(painter: &Painter, of: &Object, answer: &Value) -> Option<String> {
    let drawing = drawn(painter, of, answer).await;
    let table = drawing.and_then(|drawing| table(of.panel, &drawing, answer));
    table.map_or_else(Some, |table| is_nothing(of.panel, &table))
}

fn is_nothing(panel: &Panel, table: &Table) -> Option<String> {
    let zero = |value: &Option<f64>| value.is_none_or(|value| value == 0.0);
    let named = |key: &Key| *key == Key::Text("nothing".to_owned());
    let is_one = matches!(&table.rows[..], [row] if row.keys.iter().all(named) && row.values.iter().all(zero));
    let is = if panel.is_over_time() { table.rows.is_empty() } else { is_one };
    (!is).then(|| format!("{:?} of nothing", table.rows))
}

/// An answer as large as it may be: as many rows as are asked for, with names of fifty letters and numbers of millions.
fn large(spec: &Value) -> Value {
    let measured = |aggs: &Value, at: usize| -> Value {
        let one = |(name, agg): (&String, &Value)| {
            let inner = &agg["aggs"];
            let count = |n: usize| json!({"n": {"value": n}});
            let price = json!({"key": 9.87 / (at + 1) as f64, "paid": {"value": 1_234_567}});
            let found = match (inner["to"].is_object(), inner.as_object()) {
                (true, _) if inner["to"]["avg"].is_object() => {
                    json!({"from": {"value": at}, "to": {"value": 98_765_432}})
                }
                (true, _) => json!({"to": count(4_567_890 - at), "of": count(4_567_890)}),
                (false, Some(parts)) => {
                    parts.keys().map(|part| (part.clone(), json!({"prices": {"buckets": [price]}}))).collect()
                }
                (false, None) => json!({"value": 1_234_567}),
            };
            (name.clone(), found)
        };
        aggs.as_object().expect("measures").iter().map(one).collect()
    };
    let aggs = &spec["data"]["url"]["body"]["aggs"];
    let is_split = |agg: &Value| agg["terms"].is_object() || agg["date_histogram"].is_object();
    let split = aggs.as_object().and_then(|aggs| aggs.iter().find(|(_, agg)| is_split(agg)));
    let Some((name, split)) = split else { return json!({"aggregations": measured(aggs, 0)}) };
    let size = split["terms"]["size"].as_u64().map_or(31, |size| usize::try_from(size).expect("a small one"));
    let bucket = |at: usize| {
        let mut bucket = measured(&split["aggs"], at);
        bucket["key"] = match split["terms"].is_object() {
            true => json!(format!("{at:02} the-newsletter-of-a-shop.with-a-long-name.example")),
            false => json!(DAY * i64::try_from(at).expect("a small one")),
        };
        bucket
    };
    json!({"aggregations": {name: {"buckets": (0..size).map(bucket).collect::<Vec<_>>()}}})
}

/// The words beside the longest bar too, and the end of each label, where the number's name is.
#[tokio::test]
async fn long_names_and_large_numbers_are_drawn_whole_inside_of_their_panels() {
    let browser = Browser::start().await.expect("Chromium");
    let mut wrong = Vec::new();
    for generation in Generation::ALL {
        let painter = Painter::new(&browser, generation).await.expect("the libraries");
        for of in objects::all().into_iter().filter(Object::is_vega) {
            wrong.extend(not_whole(&painter, &of).await.err().map(|why| named(&painter, &of, &why)));
        }
    }
    super::is_right(&wrong);
}

async fn not_whole(painter: &Painter, of: &Object) -> Result<(), String> {
    let answer = large(&kibana::specification(&of.object));
    let drawing = drawn(painter, of, &answer).await?;
    let rows = table(of.panel, &drawing, &answer)?.rows.len();
    let buckets = answer.pointer(&format!("/aggregations/{}/buckets", of.panel.split_name(0)));
    let most = buckets.and_then(Value::as_array).map_or(1, Vec::len);
    if rows != most {
        return Err(format!("{rows} rows of {most}"));
    }
    not_labelled(&drawing).map_or(Ok(()), Err)
}
