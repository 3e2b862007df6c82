//! What the live page reads outside the process: the table of leases while somebody watches, and what is asked of events.

mod disk;
mod glance;
mod search;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use self::disk::Disks;
use self::glance::Glance;
use self::search::Searches;
use super::clock;
use super::exit::Failure;
use super::stores::{self, Table, Whose};
use crate::config::{RunOptions, StateOptions};
use crate::lease::table::{LeaseTable, Row};
use crate::lease::view::{Seen, View};
use crate::opensearch::client::Client;
use crate::page::{Disk, Later, Lease, Leases, Outside, Trouble};
use crate::panel::Over;
use crate::pipeline::position::Position;

/// Between two looks at the table of leases.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A table that does not answer in this time is in trouble.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Leases listed.
const ROWS: usize = 200;

/// The port. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Beyond {
    shared: Arc<Shared>,
}

struct Shared {
    searches: Searches,
    disks: Disks,
    /// Known once the worker is connected.
    place: OnceLock<Place>,
    /// The table, where one connection does for every look.
    table: OnceCell<Table>,
    leases: Glance<(View, Leases)>,
}

/// Where leases are.
pub struct Place {
    /// `--state`.
    pub state: StateOptions,
    /// Of which stream and group.
    pub whose: Whose,
    /// The cluster.
    pub client: Client,
    /// The name of this worker.
    pub worker: String,
}

impl Beyond {
    /// Of a worker that is about to begin.
    pub fn new(options: &RunOptions) -> Self {
        let shared = Shared {
            searches: Searches::new(&options.cluster, &options.names),
            disks: Disks::new(options),
            place: OnceLock::new(),
            table: OnceCell::new(),
            leases: Glance::new(LOOK_EVERY, (View::new(3 * LOOK_EVERY), Leases::default())),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The worker is connected, and about to take leases.
    pub fn connected(&self, place: Place) {
        // Said once a process.
        self.shared.place.set(place).ok();
    }
}

impl Outside for Beyond {
    fn now(&self) -> i64 {
        clock::now().0
    }

    fn leases(&self) -> Later<'_, Leases> {
        if self.shared.place.get().is_some() && self.shared.leases.is_due() {
            tokio::spawn(look(self.shared.clone()).boxed());
        }
        Box::pin(std::future::ready(self.shared.leases.seen(|(_, leases)| leases.clone())))
    }

    fn disk(&self) -> Later<'_, Disk> {
        Box::pin(std::future::ready(disk::seen(&self.shared)))
    }

    fn search(&self, over: Over, body: Value) -> Later<'_, Result<Value, Trouble>> {
        Box::pin(async move { self.shared.searches.ask(over, &body).await })
    }
}

async fn look(shared: Arc<Shared>) {
    let Some(place) = shared.place.get() else { return };
    let listed = timeout(LOOK_TIMEOUT, list(place, &shared.table)).await;
    let listed = listed.unwrap_or_else(|_| Err(format!("no answer in {} s", LOOK_TIMEOUT.as_secs())));
    shared.leases.looked(|(view, leases)| match listed {
        Ok(rows) => {
            view.look(rows, Instant::now());
            *leases = shown(view, &place.worker);
        }
        Err(error) => {
            let error = format!("the table of leases cannot be read: {error}");
            let cure = "mend what --state names; what is shown here is of when it was last read".to_owned();
            leases.trouble = Some(Trouble { error, cure });
        }
    });
}

/// A file that is only looked at is read when it is opened, so it is opened anew each time.
async fn list(place: &Place, table: &OnceCell<Table>) -> Result<Vec<Row>, String> {
    let open = || stores::table_to_look_at(&place.state, &place.whose, &place.client);
    let failed = |failure: Failure| failure.to_string();
    let rows = match &place.state {
        StateOptions::File(_) => open().await.map_err(failed)?.list().await,
        _ => table.get_or_try_init(open).await.map_err(failed)?.list().await,
    };
    rows.map_err(|error| error.to_string())
}

fn shown(view: &View, worker: &str) -> Leases {
    let lease = |seen: &Seen| Lease {
        shard: seen.row.shard.to_string(),
        owner: seen.row.owner.clone(),
        mine: seen.row.owner.as_deref() == Some(worker),
        still_seconds: seen.still.as_secs(),
        wanted_by: seen.row.wanted_by.clone(),
        position: seen.row.position.to_string(),
        ended: seen.row.position == Position::End,
    };
    let rows: Vec<Lease> = view.rows().take(ROWS).map(lease).collect();
    let more = view.rows().count() - rows.len();
    Leases { read_at: Some(clock::now().0), rows, more, trouble: None }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
