//! Letters in a bucket, for those who look after them.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufReader, Cursor};
use std::sync::PoisonError;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use super::{S3Letters, pack, root};
use crate::dead_letter::cabinet::{self, Cabinet, Ended, Filter, Page, Pending, Place, Walk};
use crate::dead_letter::head::Whole;
use crate::dead_letter::lines::{self, Lines};
use crate::pipeline::ports::StoreError;
use crate::s3::{Bucket, Object, S3Error};

/// Objects are ours and small; one letter alone may have some tens of megabytes.
const LARGEST: u64 = 256 << 20;
/// Letters of an import that go into objects together.
const TOGETHER: usize = 1_000;

type Reading = Lines<BufReader<MultiGzDecoder<Cursor<Bytes>>>>;

/// One walk, object by object.
struct S3Walk {
    bucket: Bucket,
    root: String,
    filter: Filter,
    bytes: bool,
    listed: VecDeque<Object>,
    after: Option<String>,
    at_end: bool,
    open: Option<Reading>,
}

impl Cabinet for S3Letters {
    fn walk(&self, filter: Filter, bytes: bool) -> Box<dyn Walk> {
        Box::new(S3Walk {
            bucket: self.bucket.clone(),
            root: root(&self.options.prefix),
            filter,
            bytes,
            listed: VecDeque::new(),
            after: None,
            at_end: false,
            open: None,
        })
    }

    fn settle<'a>(&'a self, ended: &'a [Ended]) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut objects: BTreeMap<&str, Vec<&Ended>> = BTreeMap::new();
            for one in ended {
                if let Place::Line(key) = &one.place {
                    objects.entry(key).or_default().push(one);
                }
            }
            for (key, ended) in objects {
                self.edit(key, &ended).await.map_err(stopped)?;
            }
            Ok(())
        })
    }

    fn add<'a>(&'a self, letters: &'a [Whole]) -> Pending<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut known = match known {
                Some(known) => known,
                None => cabinet::keys(self).await?,
            };
            let new: Vec<Whole> = letters.iter().filter(|l| known.insert(l.head.key())).cloned().collect();
            for some in new.chunks(TOGETHER) {
                self.put(some.to_vec()).await.map_err(stopped)?;
            }
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
            Ok(new.len() as u64)
        })
    }
}

impl S3Letters {
    /// Puts the object anew without the letters that go. If somebody else did so meanwhile, it is begun again.
    async fn edit(&self, key: &str, ended: &[&Ended]) -> Result<(), S3Error> {
        let Some(object) = self.bucket.look(key).await? else { return Ok(()) };
        let packed = self.bucket.read(&object, 0, object.size).await?;
        let ended: Vec<Ended> = ended.iter().map(|one| (*one).clone()).collect();
        let edited = tokio::task::spawn_blocking(move || {
            let mut out = Vec::new();
            let ended: Vec<&Ended> = ended.iter().collect();
            let left = lines::edit(&mut BufReader::new(MultiGzDecoder::new(&packed[..])), &ended, &mut out)?;
            Ok::<_, io::Error>((left, pack(&out)?))
        });
        let edited = edited.await.map_err(io::Error::other).and_then(|edited| edited);
        let (left, body) = edited.map_err(|error| unreadable(&self.bucket, key, &error))?;
        if left == 0 {
            return self.bucket.delete(key).await;
        }
        match self.bucket.replace(&object, body).await? {
            true => Ok(()),
            false => Err(S3Error::Busy(format!("s3://{}/{key} was changed by somebody else", self.bucket.name()))),
        }
    }
}

impl S3Walk {
    async fn page(&mut self) -> Result<Option<Page>, S3Error> {
        loop {
            if let Some(mut open) = self.open.take() {
                let (filter, bytes) = (self.filter.clone(), self.bytes);
                let read = tokio::task::spawn_blocking(move || {
                    let page = open.page(&filter, bytes);
                    (open, page)
                });
                let (open, page) = read.await.map_err(|error| S3Error::Halt(error.to_string()))?;
                match page {
                    Ok(Some(page)) => {
                        self.open = Some(open);
                        return Ok(Some(page));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let why = format!("{} cannot be inflated: {error}", open.name());
                        return Ok(Some(Page { found: Vec::new(), unreadable: vec![why] }));
                    }
                }
            }
            match self.next_object().await? {
                None => return Ok(None),
                Some(object) if object.size > LARGEST => {
                    let why =
                        format!("{} has {} bytes, no object of dead letters has so many", object.key, object.size);
                    return Ok(Some(Page { found: Vec::new(), unreadable: vec![why] }));
                }
                Some(object) => {
                    if let Err(error) = self.begin(&object).await {
                        // Whoever asks again gets it.
                        self.listed.push_front(object);
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn begin(&mut self, object: &Object) -> Result<(), S3Error> {
        match self.bucket.read(object, 0, object.size).await {
            Ok(packed) => {
                let reader = BufReader::new(MultiGzDecoder::new(Cursor::new(packed)));
                self.open = Some(Lines::new(object.key.clone(), reader));
                Ok(())
            }
            // Its last letter has just been removed, or one of several: then what is left is met in another walk.
            Err(S3Error::Gone(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn next_object(&mut self) -> Result<Option<Object>, S3Error> {
        while self.listed.is_empty() && !self.at_end {
            let listed = self.bucket.list(&self.root, self.after.as_deref()).await?;
            self.at_end = !listed.more;
            self.after = listed.objects.last().map(|object| object.key.clone()).or(self.after.take());
            let ours = |object: &Object| object.key.ends_with(".ndjson.gz");
            self.listed = listed.objects.into_iter().filter(ours).collect();
        }
        Ok(self.listed.pop_front())
    }
}

impl Walk for S3Walk {
    fn next(&mut self) -> Pending<'_, Result<Option<Page>, StoreError>> {
        Box::pin(async { self.page().await.map_err(stopped) })
    }
}

fn unreadable(bucket: &Bucket, key: &str, error: &io::Error) -> S3Error {
    S3Error::Halt(format!("s3://{}/{key} cannot be inflated, move it away: {error}", bucket.name()))
}

fn stopped(error: S3Error) -> StoreError {
    match error {
        S3Error::Busy(why) | S3Error::Gone(why) => StoreError::Busy(why),
        S3Error::Halt(why) => StoreError::Halt(why),
    }
}
