//! The stream: what is called, what is read, and how far it is behind. No position moves.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::finding::{Finding, Tried, permission};
use crate::app::clock;
use crate::app::columns::age_of;
use crate::app::leases::unread::Unread;
use crate::event::time::Millis;
use crate::kinesis::client::{AccessError, Kinesis, Stream};
use crate::kinesis::lineage::Shard;
use crate::kinesis::shard::api::{Fault, Record, ShardApi};
use crate::pipeline::position::{Position, ShardId};

const ABOUT: &str = "kinesis";
/// Windows that are tried in turn, the most recent first: what comes now says more than what came first.
const WINDOWS: [Duration; 2] = [Duration::from_secs(600), Duration::from_secs(86_400)];
/// Empty pages are normal far from the tip.
const PAGES: usize = 5;
/// Law of Kinesis: 5 GetRecords calls a second and shard, which its readers need too.
const PAUSE: Duration = Duration::from_millis(250);
/// Streams of many quiet shards are not read for longer.
const READING: Duration = Duration::from_secs(60);
/// Of the retention: a backlog older than this share may expire before it is read.
const RISK: (i64, i64) = (1, 2);

/// Records of a sample, each with its shard.
pub type Records = Vec<(ShardId, Record)>;

/// What opening the stream has shown.
pub fn opened(error: &AccessError) -> Vec<Finding> {
    let cure = "mend it and check again";
    match error {
        AccessError::Refused { operation, reason, .. } => {
            let name = format!("kinesis:{operation}");
            vec![permission(ABOUT, &name, "find the stream", Tried::Denied(reason.clone()))]
        }
        other => vec![Finding::problem(ABOUT, other.to_string(), cure)],
    }
}

/// Shards to read from, spread over all: open ones, else those that hold records still.
fn chosen(shards: &[Shard], most: usize) -> Vec<ShardId> {
    let open: Vec<&Shard> = shards.iter().filter(|shard| !shard.closed).collect();
    let from = if open.is_empty() { shards.iter().collect() } else { open };
    let step = from.len().div_ceil(most.max(1)).max(1);
    from.into_iter().step_by(step).map(|shard| shard.id.clone()).collect()
}

/// Reads at most `wanted` records, all shards together, and says what that has shown of the permissions.
pub async fn sample(kinesis: &Kinesis, stream: &Stream, shards: &[Shard], wanted: u32) -> (Records, Vec<Finding>) {
    let reader = kinesis.reader(stream);
    let most = (wanted as usize).max(1);
    let chosen = chosen(shards, most);
    let share = u32::try_from(most.div_ceil(chosen.len().max(1))).unwrap_or(1);
    let (mut records, mut refused) = (Vec::new(), None);
    let (mut iterated, mut read) = (false, false);
    let began = Instant::now();
    for shard in chosen.iter().take_while(|_| began.elapsed() < READING) {
        match some(&reader, shard, share, &mut iterated, &mut read).await {
            Ok(some) => records.extend(some.into_iter().map(|record| (shard.clone(), record))),
            Err(fault) => {
                refused = Some(fault);
                break;
            }
        }
    }
    records.truncate(wanted as usize);
    let mut found = findings(refused.as_ref(), iterated, read);
    let refused = refused.as_ref();
    // Of AWS's own key nobody has to be allowed anything; if it is refused all the same, that is said.
    if stream.key.is_some() || matches!(refused, Some(Fault::Refused(said)) if is_of_key(said)) {
        found.push(decrypts(refused, !records.is_empty()));
    }
    (records, found)
}

/// Whether the service says that it may not, or cannot, use the key of the stream.
fn is_of_key(said: &str) -> bool {
    said.starts_with("KMS")
}

/// The right to the key of an encrypted stream.
fn decrypts(refused: Option<&Fault>, has_records: bool) -> Finding {
    let tried = match refused {
        // Disabled and deleted keys are refused too: the words tell.
        Some(Fault::Refused(said)) if is_of_key(said) => Tried::Denied(said.clone()),
        _ if has_records => Tried::Granted,
        _ => Tried::Unknown("there was no record to decrypt".to_owned()),
    };
    permission(ABOUT, "kms:Decrypt", "read what the key of the stream encrypts", tried)
}

/// Both permissions, from how far reading came.
fn findings(refused: Option<&Fault>, iterated: bool, read: bool) -> Vec<Finding> {
    let untried = |what: &str| Tried::Unknown(what.to_owned());
    let tried = |done: bool, fault: Option<&Fault>| match fault {
        _ if done => Tried::Granted,
        Some(Fault::Refused(said)) if is_of_key(said) => untried("the key of the stream cannot be used"),
        Some(Fault::Refused(said)) => Tried::Denied(said.clone()),
        Some(fault) => untried(&fault.to_string()),
        None => untried("there was no shard to read"),
    };
    let iterator = tried(iterated, refused);
    let records = match (&iterator, read) {
        (Tried::Granted, _) => tried(read, refused),
        _ => untried("no iterator could be had"),
    };
    let mut found = vec![
        permission(ABOUT, "kinesis:GetShardIterator", "read", iterator),
        permission(ABOUT, "kinesis:GetRecords", "read", records),
    ];
    if let Some(fault) = refused.filter(|fault| !matches!(fault, Fault::Refused(_))) {
        let cure = "other readers may use up the five reads a second of a shard; check again";
        found.push(Finding::warning(ABOUT, format!("the sample is not whole: {fault}"), cure));
    }
    found
}

async fn some(
    reader: &impl ShardApi,
    shard: &ShardId,
    share: u32,
    iterated: &mut bool,
    read: &mut bool,
) -> Result<Vec<Record>, Fault> {
    let now = clock::now().0;
    let at = |window: &Duration| Position::At(Millis(now - i64::try_from(window.as_millis()).unwrap_or(0)));
    for from in WINDOWS.iter().map(at).chain([Position::TrimHorizon]) {
        let mut iterator = reader.iterator(shard, &from).await?;
        *iterated = true;
        for _ in 0..PAGES {
            let answer = reader.records(&iterator, share).await?;
            *read = true;
            sleep(PAUSE).await;
            if !answer.records.is_empty() {
                return Ok(answer.records);
            }
            match answer.next {
                Some(next) if answer.behind != Some(Duration::ZERO) => iterator = next,
                _ => break,
            }
        }
    }
    Ok(Vec::new())
}

/// Retention, and what may expire before it is read.
pub fn backlog(retention: Duration, unread: &[(ShardId, Unread)]) -> Vec<Finding> {
    let hours = retention.as_secs() / 3_600;
    let mut found = Vec::new();
    let oldest = unread.iter().filter_map(|(shard, unread)| Some((unread.oldest_ms?, shard))).max();
    let kept = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    match oldest {
        Some((age, shard)) if kept > 0 && age >= kept / RISK.1 * RISK.0 => found.push(Finding::warning(
            ABOUT,
            format!(
                "shard {shard} has unread records {} old, and the stream keeps them {hours} h",
                age_of(u64::try_from(age).unwrap_or(0))
            ),
            "raise the stream's retention until the run has caught up",
        )),
        Some((age, _)) => {
            let age = age_of(u64::try_from(age).unwrap_or(0));
            found.push(Finding::ok(ABOUT, format!("the oldest unread record is {age} old, kept {hours} h")));
        }
        None if hours > 0 => found.push(Finding::ok(ABOUT, format!("records are kept {hours} h"))),
        None => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn shard(n: usize, closed: bool) -> Shard {
        Shard { id: format!("shardId-{n:012}").as_str().into(), parents: Vec::new(), closed }
    }

    #[test]
    fn a_sample_is_spread_over_open_shards() {
        let shards: Vec<Shard> = (0..10).map(|n| shard(n, n < 2)).collect();
        assert_eq!(chosen(&shards, 100).len(), 8);
        let few = chosen(&shards, 3);
        assert_eq!(few, [2, 5, 8].map(|n| shard(n, false).id));
        assert_eq!(chosen(&[shard(0, true)], 5).len(), 1, "what a closed shard holds is better than nothing");
        assert_eq!(chosen(&[], 5), []);
    }

    #[test]
    fn each_permission_is_named_as_far_as_it_was_tried() {
        let levels = |found: Vec<Finding>| found.iter().map(|f| (f.level, f.what.clone())).collect::<Vec<_>>();
        let granted = levels(findings(None, true, true));
        assert!(granted.iter().all(|(level, what)| *level == Level::Ok && what.ends_with("granted")), "{granted:?}");
        let denied = levels(findings(Some(&Fault::Refused("AccessDenied".to_owned())), true, false));
        assert_eq!((denied[0].0, denied[1].0), (Level::Ok, Level::Problem));
        assert!(denied[1].1.contains("kinesis:GetRecords is not granted"), "{denied:?}");
        let slow = findings(Some(&Fault::Throttled("slow down".to_owned())), true, false);
        assert!(slow.iter().all(|f| f.level != Level::Problem), "it says nothing of permissions: {slow:?}");
        assert_eq!(slow[2].level, Level::Warning);
    }

    #[test]
    fn the_right_to_a_key_is_told_from_the_right_to_read() {
        let denied = Fault::Refused("KMSAccessDeniedException: no".to_owned());
        let levels: Vec<Level> = findings(Some(&denied), true, false).iter().map(|found| found.level).collect();
        assert_eq!(levels, [Level::Ok; 2], "nothing is known of the right to read");
        let said = decrypts(Some(&denied), false);
        assert!(said.level == Level::Problem && said.what.starts_with("kms:Decrypt is not granted"), "{said:?}");
        assert_eq!(decrypts(None, true).what, "kms:Decrypt: granted");
        let untried = decrypts(Some(&Fault::Refused("AccessDenied".to_owned())), false);
        assert!(untried.level == Level::Ok && untried.what.contains("not tried"), "{untried:?}");
    }

    #[test]
    fn a_backlog_that_may_expire_is_warned_of() {
        let day = Duration::from_secs(86_400);
        let level = |age_hours: i64| {
            let unread = Unread { oldest_ms: Some(age_hours * 3_600_000), ..Unread::default() };
            backlog(day, &[("s".into(), unread)])[0].level
        };
        assert_eq!((level(11), level(12), level(23)), (Level::Ok, Level::Warning, Level::Warning));
        assert_eq!(backlog(day, &[])[0].level, Level::Ok);
    }
}
