use std::collections::VecDeque;
use std::sync::Mutex as Lock;

use super::*;
use crate::pipeline::ports::Positions;
use crate::pipeline::position::Sequence;

const FAILOVER: Duration = Duration::from_secs(9);
const LOOK: Duration = Duration::from_secs(3);

/// What the next write meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Luck {
    Refused,
    /// It happens, and nobody is told.
    AnswerLost,
    NeverAnswers,
}

/// A table in memory that several keepers share.
#[derive(Debug, Clone, Default)]
struct Memory {
    rows: Arc<Lock<BTreeMap<ShardId, Row>>>,
    luck: Arc<Lock<VecDeque<Luck>>>,
}

impl Memory {
    fn row(&self, shard: &str) -> Row {
        self.rows.lock().unwrap()[&ShardId::from(shard)].clone()
    }

    fn next(&self, luck: &[Luck]) {
        self.luck.lock().unwrap().extend(luck);
    }

    fn apply(&self, Change { was, now }: &Change) -> Written {
        let mut rows = self.rows.lock().unwrap();
        let Some(row) = rows.get_mut(&was.shard) else { return Written::Conflict(None) };
        if (&row.owner, row.counter) != (&was.owner, was.counter) {
            return Written::Conflict(Some(row.clone()));
        }
        let wanted_by = if was.wanted_by == now.wanted_by { row.wanted_by.clone() } else { now.wanted_by.clone() };
        *row = Row { wanted_by, ..now.clone() };
        Written::Done
    }
}

impl LeaseTable for Memory {
    async fn list(&self) -> Result<Vec<Row>, StoreError> {
        Ok(self.rows.lock().unwrap().values().cloned().collect())
    }

    async fn create(&self, new: &[Row]) -> Result<(), StoreError> {
        let mut rows = self.rows.lock().unwrap();
        for row in new {
            rows.entry(row.shard.clone()).or_insert_with(|| row.clone());
        }
        Ok(())
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        let luck = self.luck.lock().unwrap().pop_front();
        match luck {
            Some(Luck::Refused) => return Err(StoreError::Busy("429".into())),
            Some(Luck::NeverAnswers) => std::future::pending().await,
            Some(Luck::AnswerLost) | None => {}
        }
        let written = changes.iter().map(|change| self.apply(change)).collect();
        if luck.is_some() { Err(StoreError::Busy("connection reset".into())) } else { Ok(written) }
    }

    async fn remove(&self, gone: &[Row]) -> Result<(), StoreError> {
        let mut rows = self.rows.lock().unwrap();
        rows.retain(|shard, _| !gone.iter().any(|row| row.shard == *shard));
        Ok(())
    }
}

struct Worker {
    keeper: Arc<Keeper<Memory>>,
    mine: BTreeSet<ShardId>,
    wanted: Vec<ShardId>,
    gained: Vec<(ShardId, Position)>,
}

fn row(shard: &str) -> Row {
    let shard = ShardId::from(shard);
    Row { shard, owner: None, counter: 0, wanted_by: None, position: Position::TrimHorizon, parents: Vec::new() }
}

fn after(n: &str) -> Position {
    Position::After(Sequence::parse(n).unwrap())
}

/// All shards of the table but those at their end may be read; `all` are there from the birth on.
fn scope(all: &[&str], positions: &BTreeMap<ShardId, Position>) -> Scope {
    let ended = |shard: &ShardId| positions.get(shard) == Some(&Position::End);
    let shards: Vec<ShardId> = all.iter().map(|shard| ShardId::from(*shard)).collect();
    let absent = shards.iter().filter(|shard| !positions.contains_key(shard)).map(|shard| row(&shard.0)).collect();
    Scope { readable: shards.into_iter().filter(|shard| !ended(shard)).collect(), absent, gone: BTreeSet::new() }
}

impl Worker {
    fn new(table: &Memory, name: &str) -> Self {
        let terms = Terms { worker: name.to_owned(), failover: FAILOVER };
        let keeper = Keeper::new(table.clone(), terms);
        Self { keeper, mine: BTreeSet::new(), wanted: Vec::new(), gained: Vec::new() }
    }

    async fn tick(&mut self, all: &[&str]) -> Result<(), StoreError> {
        let mut events = Vec::new();
        let result = self.keeper.tick(|positions| scope(all, positions), &mut events).await;
        for event in events {
            match event {
                Event::Gained(shard, from) => {
                    assert!(self.mine.insert(shard.clone()), "{shard} gained twice");
                    self.gained.push((shard, from));
                }
                Event::Lost(shard) => assert!(self.mine.remove(&shard), "{shard} lost twice"),
                Event::Wanted(shard) => self.wanted.push(shard),
                Event::Looked { .. } => {}
            }
        }
        result
    }

    async fn store(&self, shard: &str, at: Position) -> Result<Vec<ShardId>, StoreError> {
        self.keeper.store(&[(ShardId::from(shard), at)]).await
    }

    /// Frees what it was asked for, as a coordinator does once everything of it has settled.
    async fn give(&mut self) {
        let shards = std::mem::take(&mut self.wanted);
        self.keeper.release(&shards).await.unwrap();
        shards.iter().for_each(|shard| assert!(self.mine.remove(shard)));
    }

    fn is_certain(&self) -> bool {
        self.keeper.certain().is()
    }
}

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_workers_shards_are_taken_when_their_counters_have_stood_still() {
    let table = Memory::default();
    let (mut dead, mut alive) = (Worker::new(&table, "dead"), Worker::new(&table, "alive"));
    dead.tick(&["a", "b"]).await.unwrap();
    dead.store("a", after("5")).await.unwrap();
    for looks in 0.. {
        alive.tick(&["a", "b"]).await.unwrap();
        if alive.mine.len() == 2 {
            assert_eq!(looks, 3, "as soon as the time is over and not before");
            break;
        }
        pass(LOOK).await;
    }
    assert!(alive.gained.contains(&(ShardId::from("a"), after("5"))), "from where the dead one had come to");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_was_away_cannot_move_a_position_that_is_no_longer_its_own() {
    let table = Memory::default();
    let (mut away, mut other) = (Worker::new(&table, "away"), Worker::new(&table, "other"));
    away.tick(&["a"]).await.unwrap();
    for _ in 0..5 {
        other.tick(&["a"]).await.unwrap();
        pass(LOOK).await;
    }
    assert_eq!(other.mine.len(), 1);
    let lost = away.store("a", after("9")).await.unwrap();
    assert_eq!(lost, [ShardId::from("a")]);
    assert_eq!(away.store("a", Position::End).await.unwrap(), lost, "nor its end");
    assert_eq!(table.row("a").position, Position::TrimHorizon);
    away.tick(&["a"]).await.unwrap();
    assert!(away.mine.is_empty());
}

/// The pipeline hears first that a lease was lost; whoever reads must hear of it before the lease is ours again. And a
/// position that is on its way meanwhile must not be stored under the new lease: an operator may have put the shard back.
#[tokio::test(start_paused = true)]
async fn a_lease_that_was_lost_and_is_free_again_is_said_to_be_lost_and_gained_only_with_the_next_look() {
    let table = Memory::default();
    let (mut away, mut other) = (Worker::new(&table, "away"), Worker::new(&table, "other"));
    away.tick(&["a"]).await.unwrap();
    for _ in 0..5 {
        other.tick(&["a"]).await.unwrap();
        pass(LOOK).await;
    }
    other.store("a", after("7")).await.unwrap();
    other.keeper.release_all().await.unwrap();
    assert_eq!(away.store("a", after("5")).await.unwrap(), [ShardId::from("a")]);
    away.tick(&["a"]).await.unwrap();
    assert!(away.mine.is_empty(), "said to be lost, and not gained again at once");
    assert_eq!(away.store("a", after("8")).await.unwrap(), [ShardId::from("a")], "what was on its way");
    assert_eq!(table.row("a").position, after("7"));
    // It asserts that nothing is gained twice.
    pass(LOOK).await;
    away.tick(&["a"]).await.unwrap();
    assert!(away.mine.contains(&ShardId::from("a")), "said to be lost after it was gained");
    assert_eq!(away.gained.last(), Some(&(ShardId::from("a"), after("7"))));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_gets_its_share_from_a_living_owner_without_a_fence() {
    let table = Memory::default();
    let (mut old, mut new) = (Worker::new(&table, "old"), Worker::new(&table, "new"));
    let all = ["a", "b", "c", "d"];
    old.tick(&all).await.unwrap();
    assert_eq!(old.mine.len(), 4);
    for _ in 0..6 {
        new.tick(&all).await.unwrap();
        for shard in old.mine.clone() {
            assert_eq!(old.keeper.store(&[(shard, after("5"))]).await.unwrap(), [], "a request fences nobody out");
        }
        old.tick(&all).await.unwrap();
        old.give().await;
        pass(LOOK).await;
    }
    assert_eq!((old.mine.len(), new.mine.len()), (2, 2));
    assert!(new.gained.iter().all(|(_, from)| *from == after("5")));
}

#[tokio::test(start_paused = true)]
async fn while_the_store_takes_no_writes_nobody_steals_and_all_resume_by_themselves() {
    let table = Memory::default();
    let (mut one, mut two) = (Worker::new(&table, "one"), Worker::new(&table, "two"));
    one.tick(&["a"]).await.unwrap();
    two.tick(&["a"]).await.unwrap();
    for _ in 0..20 {
        table.next(&[Luck::Refused]);
        one.tick(&["a"]).await.unwrap_err();
        pass(LOOK / 2).await;
        // The other can look, for the store answers reads: only its own writes tell it.
        let n_before = table.luck.lock().unwrap().len();
        table.next(&[Luck::Refused]);
        two.tick(&["a"]).await.ok();
        table.luck.lock().unwrap().truncate(n_before);
        pass(LOOK / 2).await;
    }
    assert!(!one.is_certain(), "it knows that it may count as dead");
    one.tick(&["a"]).await.unwrap();
    two.tick(&["a"]).await.unwrap();
    assert!(one.is_certain());
    assert_eq!((one.mine.len(), two.mine.len(), one.gained.len()), (1, 0, 1), "it was never lost");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_says_nothing_of_the_others() {
    let table = Memory::default();
    let (mut one, mut two) = (Worker::new(&table, "one"), Worker::new(&table, "two"));
    one.tick(&["a"]).await.unwrap();
    two.tick(&["a"]).await.unwrap();
    // An hour without a look; the first look after it comes before the owner could renew.
    pass(Duration::from_secs(3600)).await;
    two.tick(&["a"]).await.unwrap();
    assert_eq!(two.mine.len(), 0);
    one.tick(&["a"]).await.unwrap();
    assert_eq!(one.mine.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn writes_whose_answer_was_lost_are_recognised() {
    let table = Memory::default();
    table.next(&[Luck::AnswerLost]);
    let mut one = Worker::new(&table, "one");
    one.tick(&["a"]).await.unwrap_err();
    one.tick(&["a"]).await.unwrap();
    assert_eq!(one.gained.len(), 1, "the take happened");
    table.next(&[Luck::AnswerLost]);
    one.tick(&["a"]).await.unwrap_err();
    table.next(&[Luck::AnswerLost]);
    one.store("a", after("7")).await.unwrap_err();
    assert_eq!(one.store("a", after("8")).await.unwrap(), []);
    assert_eq!(table.row("a").position, after("8"));
    one.tick(&["a"]).await.unwrap();
    assert_eq!((one.mine.len(), one.gained.len()), (1, 1));
}

/// bento#1012: renewal must not wait, for the data path or for a store that hangs.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_costs_one_renewal_and_not_the_lease() {
    let table = Memory::default();
    let (mut one, mut two) = (Worker::new(&table, "one"), Worker::new(&table, "two"));
    one.tick(&["a"]).await.unwrap();
    table.next(&[Luck::NeverAnswers]);
    let began = Instant::now();
    one.store("a", after("5")).await.unwrap_err();
    assert!(began.elapsed() <= LOOK);
    two.tick(&["a"]).await.unwrap();
    pass(LOOK).await;
    one.tick(&["a"]).await.unwrap();
    two.tick(&["a"]).await.unwrap();
    assert_eq!((one.mine.len(), two.mine.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_position_never_moves_back_and_the_end_frees_the_shard() {
    let table = Memory::default();
    let mut one = Worker::new(&table, "one");
    one.tick(&["a"]).await.unwrap();
    one.store("a", after("10")).await.unwrap();
    one.store("a", after("9")).await.unwrap();
    assert_eq!(table.row("a").position, after("10"));
    assert_eq!(one.store("a", Position::End).await.unwrap(), []);
    assert_eq!((table.row("a").position, table.row("a").owner), (Position::End, None));
}

#[tokio::test(start_paused = true)]
async fn rows_of_shards_that_the_stream_no_longer_has_are_removed_but_never_the_last() {
    let table = Memory::default();
    let one = Worker::new(&table, "one");
    table.create(&[row("old"), row("a")]).await.unwrap();
    let only = |readable: &[&str], gone: &[&str]| {
        let set = |names: &[&str]| names.iter().map(|name| ShardId::from(*name)).collect();
        Scope { readable: set(readable), absent: Vec::new(), gone: set(gone) }
    };
    one.keeper.tick(|_| only(&["a"], &["old"]), &mut Vec::new()).await.unwrap();
    assert_eq!(table.rows.lock().unwrap().len(), 1);
    one.keeper.release_all().await.unwrap();
    one.keeper.tick(|_| only(&[], &["a"]), &mut Vec::new()).await.unwrap();
    assert_eq!(table.rows.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_is_made_up_for_with_the_next_renewal() {
    let table = Memory::default();
    let mut one = Worker::new(&table, "one");
    one.tick(&["a"]).await.unwrap();
    table.next(&[Luck::Refused]);
    one.keeper.release(&[ShardId::from("a")]).await.unwrap_err();
    assert!(table.row("a").owner.is_some());
    one.keeper.tick(|_| Scope::default(), &mut Vec::new()).await.unwrap();
    assert_eq!(table.row("a").owner, None);
}
