//! The values a label may take: closed lists, so that a label can never grow with what comes from outside.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// One `name="value"` pair.
pub(super) type Pair = [(&'static str, &'static str); 1];

/// A closed list of label values.
pub(crate) trait Label: Copy + 'static {
    /// Name of the label.
    const KEY: &'static str;
    /// Every value, in the order of `index`.
    const ALL: &'static [Self];
    /// Place in `ALL`.
    fn index(self) -> usize;
    /// The value as Prometheus sees it.
    fn text(self) -> &'static str;
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident as $key:literal { $($(#[$of:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$of])* $variant),+ }

        impl Label for $name {
            const KEY: &'static str = $key;
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn index(self) -> usize { self as usize }
            fn text(self) -> &'static str { match self { $(Self::$variant => $text),+ } }
        }
    };
}

label! {
    /// How an event ended: the four ways of the contract.
    Outcome as "outcome" {
        /// Created in its index.
        Indexed = "indexed",
        /// A replay: the index had it.
        AlreadyThere = "already_there",
        /// Kept as a dead letter.
        DeadLettered = "dead_lettered",
        /// Past retention; counted, not kept.
        Expired = "expired",
    }
}

label! {
    /// What became of one bulk request.
    BulkResult as "result" {
        /// Every item settled.
        Settled = "settled",
        /// Some items settled, some did not.
        Partial = "partial",
        /// Nothing settled: the cluster is busy, or no usable answer came.
        Busy = "busy",
        /// Nothing settled: a block stands on the index.
        Blocked = "blocked",
        /// Nothing settled: larger than the cluster takes.
        TooLarge = "too_large",
        /// Nothing settled: the set-up is wrong.
        Halt = "halt",
    }
}

label! {
    /// Why something is done again.
    RetryReason as "reason" {
        /// The cluster was busy or could not be reached.
        ClusterBusy = "cluster_busy",
        /// A block stood on an index.
        Blocked = "blocked",
        /// A request was cut in two because it was too large.
        TooLarge = "too_large",
        /// A position could not be stored.
        Checkpoint = "checkpoint",
    }
}

label! {
    /// Who posts to `essink webhook`.
    Provider as "provider" {
        /// Vonage, once Nexmo: receipts and statuses of messages.
        Vonage = "vonage",
        /// Bird, once SparkPost: batches of mail events.
        Bird = "bird",
        /// A Firehose stream whose destination is an HTTP endpoint.
        Firehose = "firehose",
        /// An SNS topic with a subscription over HTTP(S).
        Sns = "sns",
        /// Whoever else posts JSON: Pendula, own programs.
        Json = "json",
    }
}

label! {
    /// How a request to `essink webhook` was answered.
    WebhookAnswer as "answer" {
        /// 200: what was posted is in the stream.
        Taken = "taken",
        /// 200, with nothing to put: a test, a repeat, a confirmation, a token that was given out.
        Nothing = "nothing",
        /// 503 to a request without a signature, so that it comes again with one.
        Unsigned = "unsigned",
        /// 401 or 403: wrong credentials, signature, window or topic.
        Refused = "refused",
        /// 400: not what this provider posts.
        Malformed = "malformed",
        /// 404 or 405: no such path, or another method.
        NotFound = "not_found",
        /// 408: head or body did not come in time.
        Slow = "slow",
        /// 413: larger than may be taken.
        TooLarge = "too_large",
        /// 429: more requests than `--webhook-rate`.
        TooMany = "too_many",
        /// 503: the stream does not take it now, or no room is left for bodies.
        Busy = "busy",
    }
}

label! {
    /// What a shard's reader is doing.
    ShardState as "state" {
        /// Its parents are not settled yet.
        Waiting = "waiting",
        /// Being read.
        Reading = "reading",
        /// Read to its end; not everything has settled.
        Draining = "draining",
        /// Reading was given up because of an error.
        Stopped = "stopped",
    }
}

/// One counter a label value, resolved once: counting is an index and an atomic add.
#[derive(Debug)]
pub(super) struct Counters<L> {
    counters: Vec<Counter>,
    label: std::marker::PhantomData<L>,
}

impl<L: Label> Counters<L> {
    /// Registers the family with every value at zero, so that a rate can be taken from the first event on.
    pub(super) fn register(registry: &mut Registry, name: &str, help: &str) -> Self {
        let family = Family::<Pair, Counter>::default();
        registry.register(name, help, family.clone());
        let counter = |value: &L| family.get_or_create_owned(&[(L::KEY, value.text())]);
        Self { counters: L::ALL.iter().map(counter).collect(), label: std::marker::PhantomData }
    }

    /// The counter of one value.
    pub(super) fn of(&self, value: L) -> &Counter {
        &self.counters[value.index()]
    }

    /// All values together.
    pub(super) fn sum(&self) -> u64 {
        self.counters.iter().map(Counter::get).sum()
    }
}
