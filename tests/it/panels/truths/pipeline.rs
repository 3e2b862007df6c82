//! What essink did with what was put into the stream.

use super::super::load::{CORRECTED, DEGRADED, LETTERS, REFUSED_AT, UNRECOGNIZED, WRAPPED};
use super::super::scene::{Expected, Scene, number};
use super::Truth;

pub const ALL: &[(&str, Truth)] = &[
    ("pipeline/newest", |scene| Expected { between: Some(scene.loaded.ran()), ..Expected::default() }),
    ("pipeline/arrivals", |scene| Expected { drop: &[0], ..rows([(&[], documents(scene))]) }),
    ("pipeline/by-provider", by_provider),
    ("pipeline/dead-letters", |_| {
        rows([(&["not_json", "none"], letters("not_json")), (&["not_an_object", "none"], letters("not_an_object"))])
    }),
    ("pipeline/dead-letters-by-day", |_| {
        let rows = rows([(&["not_json"], letters("not_json")), (&["not_an_object"], letters("not_an_object"))]);
        Expected { drop: &[0], ..rows }
    }),
    ("pipeline/degraded", |_| Expected { drop: &[1], ..rows([(&[REFUSED_AT], DEGRADED)]) }),
    ("pipeline/clocks", |_| rows([(&["corrected", "ses"], CORRECTED), (&["envelope", "eum"], WRAPPED)])),
    ("pipeline/indices", indices),
];

fn letters(reason: &str) -> usize {
    LETTERS.iter().filter(|(_, why)| *why == reason).count()
}

fn rows<const N: usize>(rows: [(&[&str], usize); N]) -> Expected {
    let row = |(keys, count): (&[&str], usize)| {
        (keys.iter().map(|key| (*key).to_owned()).collect(), vec![Some(number(count))])
    };
    Expected { rows: rows.into_iter().map(row).collect(), ..Expected::default() }
}

/// All that essink indexed, each once.
fn documents(scene: &Scene) -> usize {
    scene.facts.len() + UNRECOGNIZED.len() + CORRECTED + WRAPPED + DEGRADED
}

fn by_provider(scene: &Scene) -> Expected {
    let of = |provider: &str| scene.facts.iter().filter(|fact| fact.provider == provider).count();
    let all = rows([
        (&["pinpoint"], of("pinpoint")),
        (&["eum"], of("eum") + WRAPPED),
        (&["ses"], of("ses") + CORRECTED + DEGRADED),
        (&["bird"], of("bird")),
        (&["vonage"], of("vonage")),
        (&["pendula"], of("pendula")),
        (&["unrecognized"], UNRECOGNIZED.len()),
    ]);
    Expected { drop: &[0], ..all }
}

fn indices(scene: &Scene) -> Expected {
    let day = |at: i64| super::super::scene::iso(at)[..10].to_owned();
    let all = scene.only(|_| true);
    let mut expected =
        all.by(|fact| vec![vec![format!("{}-{}", fact.provider, day(fact.at))]], |all| vec![Some(all.events())]);
    let odd = rows([
        (&["unrecognized-today"], UNRECOGNIZED.len()),
        (&["ses-today"], CORRECTED),
        (&["eum-today"], WRAPPED),
        (&[REFUSED_AT], DEGRADED),
    ]);
    expected.rows.extend(odd.rows);
    expected
}
