use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

const FAILOVER: Duration = Duration::from_secs(10);

fn row(shard: usize, owner: Option<&str>, wanted_by: Option<&str>) -> Row {
    Row {
        shard: ShardId::from(format!("s{shard:03}").as_str()),
        owner: owner.map(str::to_owned),
        counter: 7,
        wanted_by: wanted_by.map(str::to_owned),
        position: Position::TrimHorizon,
        parents: Vec::new(),
    }
}

/// A view in which every row has stood still for so many seconds.
fn view(rows: &[Row], still: u64) -> View {
    let (mut view, now) = (View::new(Duration::from_secs(3600)), Instant::now());
    view.look(rows.to_vec(), now);
    view.look(rows.to_vec(), now + Duration::from_secs(still));
    view
}

fn all(rows: &[Row]) -> BTreeSet<ShardId> {
    rows.iter().map(|row| row.shard.clone()).collect()
}

fn steps(me: &str, rows: &[Row], still: u64) -> Steps {
    plan(me, &view(rows, still), &all(rows), FAILOVER)
}

#[test]
fn alone_it_takes_everything_that_may_be_read() {
    let rows = [row(0, None, None), row(1, None, None), row(2, None, None)];
    assert_eq!(steps("a", &rows, 0).take.len(), 3);
    let only: BTreeSet<_> = [rows[1].shard.clone()].into();
    let steps = plan("a", &view(&rows, 0), &only, FAILOVER);
    assert_eq!((steps.take, steps.n_unread), (vec![rows[1].clone()], 1));
}

/// The table is looked at again after rows were created, and what is readable was worked out before.
#[test]
fn a_shard_that_has_meanwhile_been_read_to_its_end_is_not_taken() {
    let ended = Row { position: Position::End, ..row(0, None, None) };
    assert_eq!(steps("a", &[ended], 0), Steps::default());
}

#[test]
fn an_owner_is_left_alone_until_it_has_stood_still_for_long_enough() {
    let rows = [row(0, Some("b"), None)];
    assert_eq!(steps("a", &rows, 9).take, []);
    assert_eq!(steps("a", &rows, 10).take, rows);
}

/// A worker that is to catch up and leave would else be gone when it gets what it has asked for.
#[test]
fn what_is_asked_for_now_counts_as_unread() {
    let rows = [row(0, Some("b"), None), row(1, Some("b"), None)];
    let (mut view, now) = (View::new(FAILOVER), Instant::now());
    view.look(rows.to_vec(), now);
    view.look(rows.iter().map(|row| Row { counter: 8, ..row.clone() }).collect(), now);
    let steps = plan("a", &view, &all(&rows), FAILOVER);
    assert_eq!((steps.ask.len(), steps.n_unread), (1, 1));
}

#[test]
fn what_belongs_to_a_name_that_shows_no_life_counts_as_unread() {
    let rows = [row(0, Some("b"), None), row(1, Some("a"), None)];
    assert_eq!(steps("a", &rows, 0).n_unread, 1);
    let (mut view, now) = (View::new(FAILOVER), Instant::now());
    view.look(rows.to_vec(), now);
    view.look(rows.iter().map(|row| Row { counter: 8, ..row.clone() }).collect(), now);
    assert_eq!(plan("a", &view, &all(&rows), FAILOVER).n_unread, 0);
}

#[test]
fn who_asked_comes_first_unless_it_does_not_come() {
    let rows = [row(0, None, Some("b"))];
    assert_eq!(steps("b", &rows, 0).take, rows);
    assert_eq!(steps("a", &rows, 0).take, []);
    assert_eq!(steps("a", &rows, 10).take, rows);
}

#[test]
fn what_another_asks_for_is_given() {
    let rows = [row(0, Some("a"), Some("b")), row(1, Some("a"), None), row(2, Some("a"), Some("a"))];
    assert_eq!(steps("a", &rows, 0).give, [rows[0].shard.clone()]);
}

/// Several workers, each acting on what it sees, in a table where an owner gives up what it is asked for.
struct World {
    rows: Vec<Row>,
}

impl World {
    fn turn(&mut self, me: &str) {
        let steps = steps(me, &self.rows, 0);
        for row in steps.take {
            let here = self.at(&row.shard);
            here.owner = Some(me.to_owned());
            here.wanted_by = None;
        }
        for row in steps.ask {
            self.at(&row.shard).wanted_by = Some(me.to_owned());
        }
        for shard in steps.give {
            self.at(&shard).owner = None;
        }
    }

    fn at(&mut self, shard: &ShardId) -> &mut Row {
        self.rows.iter_mut().find(|row| row.shard == *shard).expect("a row")
    }

    fn counts(&self, workers: usize) -> Vec<usize> {
        (0..workers).map(|w| self.rows.iter().filter(|row| row.owner == Some(name(w))).count()).collect()
    }
}

fn name(worker: usize) -> String {
    format!("w{worker}")
}

proptest! {
    /// From any start, in any order of turns, counts come within one of each other and then nothing moves.
    #[test]
    fn shares_become_fair_and_stay(
        owners in prop::collection::vec(prop::option::of(0_usize..5), 1..40),
        workers in 1_usize..6,
        order in prop::collection::vec(0_usize..6, 0..40),
    ) {
        let owned = owners.iter().enumerate().map(|(n, owner)| {
            row(n, owner.filter(|w| *w < workers).map(name).as_deref(), None)
        });
        let mut world = World { rows: owned.collect() };
        for turn in order {
            world.turn(&name(turn % workers));
        }
        for _ in 0..60 {
            (0..workers).for_each(|w| world.turn(&name(w)));
        }
        let counts = world.counts(workers);
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{counts:?}");
        prop_assert_eq!(counts.iter().sum::<usize>(), world.rows.len(), "every row has an owner");
        let before = world.rows.clone();
        (0..workers).for_each(|w| world.turn(&name(w)));
        prop_assert_eq!(before, world.rows, "a fair set is left alone");
    }
}
