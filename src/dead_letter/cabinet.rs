//! A store of letters, as those see it who look after them.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;

use super::head::{Head, LetterKey, Refusal, Whole};
use crate::event::time::Millis;
use crate::pipeline::ports::StoreError;

/// What will be there later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store of letters: the cluster, a directory or a bucket.
pub trait Cabinet: Send + Sync {
    /// Walks over the letters that `filter` admits, by day of arrival; their bytes come along when they are wanted.
    fn walk(&self, filter: Filter, bytes: bool) -> Box<dyn Walk>;

    /// Removes and updates letters. May be done again, in whole or in part.
    fn settle<'a>(&'a self, ended: &'a [Ended]) -> Pending<'a, Result<(), StoreError>>;

    /// Takes letters in; gives how many were new.
    fn add<'a>(&'a self, letters: &'a [Whole]) -> Pending<'a, Result<u64, StoreError>>;
}

/// A walk over a store, page by page. What is changed meanwhile is met or not.
pub trait Walk: Send {
    /// The next letters; `None` at the end.
    fn next(&mut self) -> Pending<'_, Result<Option<Page>, StoreError>>;
}

/// Some letters.
#[derive(Debug, Default)]
pub struct Page {
    /// Those that could be read.
    pub found: Vec<Found>,
    /// What could not, each with its place and the cure.
    pub unreadable: Vec<String>,
}

/// A letter and where it is.
#[derive(Debug, Clone)]
pub struct Found {
    /// What is known of it.
    pub head: Head,
    /// Its bytes, when they were wanted; an error says what of them is missing.
    pub bytes: Option<Result<bytes::Bytes, String>>,
    /// Where it is.
    pub place: Place,
}

/// Where a letter is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In documents of the cluster: index and id of each.
    Documents(Vec<(String, String)>),
    /// In a line of the file or object with this name.
    Line(String),
}

/// A letter that was sent again, and what is to become of it.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Where it is.
    pub place: Place,
    /// Which it is.
    pub head: Head,
    /// `None` removes it.
    pub refused: Option<(Refusal, Millis)>,
}

impl Ended {
    /// Which letter it is.
    pub fn key(&self) -> LetterKey {
        self.head.key()
    }

    /// What is known of the letter from now on; `None` when it goes.
    pub fn updated(&self) -> Option<Head> {
        let (refusal, at) = self.refused.as_ref()?;
        let mut head = self.head.clone();
        head.refused_again(refusal, *at);
        Some(head)
    }
}

/// Which letters.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// With one of these reasons; any when empty.
    pub reasons: Vec<String>,
    /// Meant for this index; a star at its end stands for the rest.
    pub index: Option<String>,
    /// That arrived at this time or later.
    pub since: Option<Millis>,
    /// With this id, its own or its event's.
    pub id: Option<String>,
}

impl Filter {
    /// Whether the letter is one of them.
    pub fn admits(&self, head: &Head) -> bool {
        let named = |index: &str| match (self.index.as_deref(), self.index.as_deref().and_then(|i| i.strip_suffix('*')))
        {
            (_, Some(begin)) => index.starts_with(begin),
            (Some(whole), None) => index == whole,
            (None, None) => true,
        };
        let is_id = |id: &String| head.letter == *id || head.id.as_ref() == Some(id);
        (self.reasons.is_empty() || self.reasons.contains(&head.reason))
            && (self.index.is_none() || head.index.as_deref().is_some_and(named))
            && self.since.is_none_or(|since| head.arrived >= since.0)
            && self.id.as_ref().is_none_or(is_id)
    }
}

/// What is in a store, to know what is new. Some hundred bytes a letter.
pub(super) async fn keys(cabinet: &impl Cabinet) -> Result<HashSet<LetterKey>, StoreError> {
    let mut walk = cabinet.walk(Filter::default(), false);
    let mut keys = HashSet::new();
    while let Some(page) = walk.next().await? {
        keys.extend(page.found.iter().map(|found| found.head.key()));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letter::document::tests::{ARRIVED, letter};

    #[test]
    fn a_filter_admits_what_all_its_parts_admit() {
        let head = Head::of(&letter("x"), None);
        let admits = |filter: Filter| filter.admits(&head);
        let index = |name: &str| Filter { index: Some(name.to_owned()), ..Filter::default() };
        let id = |id: &str| Filter { id: Some(id.to_owned()), ..Filter::default() };
        assert!(admits(Filter::default()));
        assert!(admits(index("pinpoint-2026-11-20")) && admits(index("pinpoint-2026-*")) && admits(index("*")));
        assert!(!admits(index("pinpoint-2026-11-2")) && !admits(index("ses-*")));
        assert!(!index("*").admits(&Head { index: None, ..head.clone() }), "meant for none");
        assert!(admits(id(&head.letter)) && admits(id(head.id.as_deref().unwrap())) && !admits(id("other")));
        let since = |at: i64| Filter { since: Some(Millis(at)), ..Filter::default() };
        assert!(admits(since(ARRIVED.0)) && !admits(since(ARRIVED.0 + 1)));
        let reasons =
            |all: &[&str]| Filter { reasons: all.iter().map(|&r| r.to_owned()).collect(), ..Filter::default() };
        assert!(admits(reasons(&["refused", "not_json"])) && !admits(reasons(&["refused"])));
        assert!(!admits(Filter { since: Some(Millis(ARRIVED.0 + 1)), ..reasons(&["not_json"]) }));
    }
}
