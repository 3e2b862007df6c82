//! Events near the published ones, by the ten thousand and in random order: no mapping may refuse one.

use std::collections::BTreeMap;

use bytes::Bytes;
use essink::event::clock::ClockBounds;
use essink::event::envelope;
use essink::event::family::Family;
use essink::event::scan::{ScanLimits, Scanned, scan};
use essink::event::time::Millis;
use essink::event::unwrap::{Event, Piece, Rules, Unwrapper, Wrapping};
use essink::opensearch::client::Client;
use http::Method;
use serde_json::{Map, Value, json};

use super::requests::{client, count, ensure};
use super::shapes::options;

/// Splitmix64: the same seed is the same events.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Keys that no template names, and keys that mappings and servers trip over. Few: an index takes some thousand fields.
const KEYS: [&str; 6] = ["new", "a.b", "a", "", " ", "_id"];

fn scalar(chance: &mut Chance) -> Value {
    match chance.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(7),
        3 => json!(-1.5),
        4 => json!(1e300),
        5 => json!(u64::MAX),
        6 => json!(""),
        7 => json!("2020-01-01"),
        8 => json!("tomorrow"),
        9 => json!("12"),
        10 => json!("2018-10-25 12:10:29"),
        11 => json!("\u{0}\u{ffff}한국어"),
        12 if chance.below(40) == 0 => json!("x".repeat(33_000)),
        _ => json!("{\"a\":{\"b\":1}}"),
    }
}

fn any(chance: &mut Chance, depth: usize) -> Value {
    match chance.below(8) {
        0 if depth > 0 => Value::Array((0..chance.below(3)).map(|_| any(chance, depth - 1)).collect()),
        1 if depth > 0 => {
            let members = (0..chance.below(3)).map(|_| ((*chance.of(&KEYS)).to_owned(), any(chance, depth - 1)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => scalar(chance),
    }
}

/// Changes some member at any depth: gone, of any type, its own text, a list of itself, or with another beside it.
fn change(value: &mut Value, chance: &mut Chance) {
    match value {
        Value::Object(members) if !members.is_empty() && chance.below(4) > 0 => {
            let at = chance.below(members.len());
            let key = members.keys().nth(at).unwrap().clone();
            match chance.below(10) {
                0 => drop(members.remove(&key)),
                1 => drop(members.insert((*chance.of(&KEYS)).to_owned(), any(chance, 3))),
                _ => change(&mut members[&key], chance),
            }
        }
        Value::Array(elements) if !elements.is_empty() && chance.below(4) > 0 => {
            let at = chance.below(elements.len());
            change(&mut elements[at], chance);
        }
        Value::Object(members) if chance.below(2) == 0 => {
            members.insert((*chance.of(&KEYS)).to_owned(), any(chance, 3));
        }
        _ => {
            *value = match chance.below(4) {
                0 => json!(value.to_string()),
                1 => json!([value.take()]),
                _ => any(chance, 3),
            }
        }
    }
}

fn published() -> Vec<Value> {
    let mut events = Vec::new();
    let mut names: Vec<_> = std::fs::read_dir("tests/samples").unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
        match serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() {
            Value::Array(several) => events.extend(several.into_iter().filter(Value::is_object)),
            one => events.push(one),
        }
    }
    events
}

/// A published event with some members changed; the published ones themselves are among them. Few are no objects any
/// more: those have no document, and prove little.
fn near(published: &[Value], chance: &mut Chance) -> Value {
    let mut event = chance.of(published).clone();
    for _ in 0..chance.below(5) {
        let before = event.clone();
        change(&mut event, chance);
        if !event.is_object() && chance.below(20) > 0 {
            event = before;
        }
    }
    event
}

const LIMITS: ScanLimits = ScanLimits { depth: 100, keys: 10_000 };

fn unwrapper() -> Unwrapper {
    let day = 86_400_000;
    let clock = ClockBounds { lag: 1000 * day, lead: day };
    Unwrapper::new(Rules { scan: LIMITS, inflated: 1 << 20, values: 10_000, clock, redaction: None })
}

/// Hands the events in `value` to `take`; returns how much in it is none, which may only be what is no object or in an
/// envelope.
fn unwrap(unwrapper: &mut Unwrapper, value: &Value, mut take: impl FnMut(Event)) -> usize {
    let (text, mut poison) = (value.to_string(), Vec::new());
    let wrapping = Wrapping { arrived: Millis(1_783_400_000_000), envelopes: &[], time: None };
    unwrapper.next_record();
    unwrapper.unwrap(&Bytes::from(text.clone()), wrapping, &mut |piece| match piece {
        Piece::Event(event) => take(event),
        Piece::Poison(found) => poison.push(found.reason),
    });
    if !poison.is_empty() && value.is_object() {
        let mut scanned = Scanned::default();
        scan(text.as_bytes(), 0, &LIMITS, &mut scanned).expect("what serialises is JSON that may be sent");
        assert!(envelope::recognise(&scanned).is_some(), "{poison:?} of {text}");
    }
    poison.len()
}

/// Fails when so much is no event that the others prove little. The published envelopes hold greetings and other text,
/// one part or more of about every sixth.
fn assert_few(poison: usize, n: usize) {
    assert!(poison < n / 4, "{poison} of {n} are no events");
}

#[test]
fn an_object_near_a_published_one_is_an_event() {
    let (published, mut chance, mut unwrapper) = (published(), Chance(2027), unwrapper());
    let n = 5_000;
    let poison = (0..n).map(|_| unwrap(&mut unwrapper, &near(&published, &mut chance), drop)).sum();
    assert_few(poison, n);
    assert!(poison > 0, "strings and numbers are among them, and are no events");
}

/// Sends the documents of `n` events and returns how each family fared; fails at the first refusal.
async fn send(client: &Client, n: usize) -> BTreeMap<&'static str, usize> {
    let (published, mut chance, mut unwrapper, mut poison) = (published(), Chance(2026), unwrapper(), 0);
    let (mut sent, mut lines, mut waiting) = (BTreeMap::new(), String::new(), Vec::new());
    for at in 0..n {
        poison += unwrap(&mut unwrapper, &near(&published, &mut chance), |event| {
            let family = event.family.name();
            *sent.entry(family).or_default() += 1;
            let index = format!("{family}-2022-01-{:02}", 1 + at % 2);
            lines.push_str(&format!("{{\"create\":{{\"_index\":\"{index}\"}}}}\n"));
            lines.push_str(std::str::from_utf8(&event.body).unwrap());
            lines.push('\n');
            waiting.push(event.bytes);
        });
        if lines.len() > 1_000_000 || at + 1 == n {
            let answer = client.send(Method::POST, "/_bulk", Some(std::mem::take(&mut lines).into())).await.unwrap();
            let reply = answer.json();
            for (item, event) in reply["items"].as_array().expect("items").iter().zip(&waiting) {
                let event = String::from_utf8_lossy(&event[..event.len().min(3_000)]);
                assert_eq!(item["create"]["status"], 201, "{}\n{event}", item["create"]);
            }
            waiting.clear();
        }
    }
    assert_few(poison, n);
    sent
}

/// Whatever comes near a family is taken, whatever came before it.
pub async fn no_event_near_a_published_one_is_refused(url: &str) {
    take(url, 100_000).await;
}

/// The same with fewer, for the other servers.
pub async fn take(url: &str, n: usize) {
    let client = client(url);
    ensure(&client, &options(), false).await.unwrap();
    let sent = send(&client, n).await;
    for family in Family::ALL.map(Family::name) {
        let n_sent = sent.get(family).copied().unwrap_or_default();
        assert!(n_sent > n / 200, "{n_sent} of {family}: {sent:?}");
        assert_eq!(count(&client, &format!("{family}-2022-*")).await, n_sent as u64, "{family}");
    }
}
