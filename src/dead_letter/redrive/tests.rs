use tempfile::TempDir;

use super::*;
use crate::dead_letter::cabinet::{Filter, Found, Walk};
use crate::dead_letter::document::tests::letter;
use crate::dead_letter::{DirLetters, DirOptions};
use crate::pipeline::position::Sequence;

const NOW: Millis = Millis(1_800_000_000_000);

async fn all(store: &DirLetters) -> Vec<Found> {
    let mut walk: Box<dyn Walk> = store.walk(Filter::default(), false);
    let mut found = Vec::new();
    while let Some(page) = walk.next().await.unwrap() {
        found.extend(page.found);
    }
    found
}

fn refused(serial: u64, reason: &'static str) -> Letter {
    let mut letter = Letter { reason, detail: format!("{serial}"), ..letter("a piece of it") };
    letter.source.origin.serial = serial;
    letter
}

fn after(serial: u64) -> [(ShardId, Position); 1] {
    [(ShardId::from("letters"), Position::After(Sequence::from(serial)))]
}

#[tokio::test]
async fn a_letter_goes_when_its_position_is_stored_and_stays_when_any_of_it_was_refused() {
    let dir = TempDir::new().unwrap();
    let store = DirLetters::open(DirOptions::new(dir.path())).unwrap();
    store.keep(&["a", "b", "c", "d"].map(letter)).await.unwrap();
    let store = Arc::new(store);
    let redrive = Redrive::new(store.clone(), || NOW);
    for (serial, found) in (0..).zip(all(&store).await) {
        redrive.enter(serial, found.head, found.place);
    }
    redrive.keep(&[refused(1, "refused"), refused(1, "too_large"), refused(3, "refused")]).await.unwrap();
    assert_eq!(all(&store).await.len(), 4, "a refusal alone changes nothing");
    redrive.store(&after(1)).await.unwrap();
    assert_eq!(redrive.done(), Redriven { removed: 1, refused: 1 });
    let left = all(&store).await;
    assert_eq!(left.len(), 3, "what is behind the position stays");
    assert_eq!((left[0].head.reason.as_str(), left[0].head.tries, left[0].head.tried), ("refused", 1, Some(NOW.0)));
    assert_eq!((left[1].head.tries, left[2].head.tries), (0, 0));
    redrive.store(&[(ShardId::from("letters"), Position::End)]).await.unwrap();
    assert_eq!(redrive.done(), Redriven { removed: 2, refused: 2 });
    let tries: Vec<u32> = all(&store).await.iter().map(|found| found.head.tries).collect();
    assert_eq!(tries, [1, 1]);
}
