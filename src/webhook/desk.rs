//! What happens to every request, whoever sends it: head, body, events, stream, answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use tokio::time::Instant;

use super::answer::Answer;
use super::body::{self, Bounds};
use super::budget::{Budget, UNPROVEN_BODY};
use super::complaints::Complaints;
use super::gate::Gate;
use super::readiness::Readiness;
use super::receiver::{Admitted, Receipt, Receiver};
use super::serve::Seat;
use super::stream::{Refusal, Stream};
use crate::event::time::Millis;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::{Label, WebhookMetrics};

/// Numbers of the desk.
#[derive(Debug, Clone, Copy)]
pub struct DeskLimits {
    /// Bytes of one body.
    pub max_body: usize,
    /// Bytes of all bodies together.
    pub memory: usize,
    /// Requests a second and provider.
    pub rate: u32,
    /// How long a body may take to come.
    pub body_timeout: Duration,
}

/// What the desk reaches outside itself.
pub struct Outside {
    /// Where events go.
    pub stream: Arc<dyn Stream>,
    /// The time of day.
    pub now: fn() -> Millis,
    /// What is counted.
    pub metrics: WebhookMetrics,
    /// Whether the stream takes events.
    pub health: Health,
}

/// A path and who receives there.
pub struct Route {
    /// As `/bird`.
    pub path: &'static str,
    /// Whether a name may follow, as in `/json/pendula`.
    pub named: bool,
    /// Who receives.
    pub receiver: Arc<dyn Receiver>,
}

/// Takes requests.
pub struct Desk {
    routes: Vec<(Route, Arc<Gate>)>,
    limits: DeskLimits,
    budget: Budget,
    outside: Outside,
    complaints: Complaints,
    readiness: Readiness,
}

/// The longest name behind a path.
const LONGEST_NAME: usize = 64;

impl Route {
    fn is(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(self.path) else { return false };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        rest.is_empty()
            || (self.named
                && rest
                    .strip_prefix('/')
                    .is_some_and(|name| (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain)))
    }
}

impl Desk {
    /// A desk for these paths. Paths of one provider share its rate.
    pub fn new(routes: Vec<Route>, limits: DeskLimits, outside: Outside) -> Self {
        let mut gated: Vec<(Route, Arc<Gate>)> = Vec::with_capacity(routes.len());
        for route in routes {
            let sibling = gated.iter().find(|(other, _)| other.receiver.provider() == route.receiver.provider());
            let gate = sibling.map_or_else(|| Arc::new(Gate::new(limits.rate)), |(_, gate)| gate.clone());
            gated.push((route, gate));
        }
        let budget = Budget::new(limits.memory, outside.metrics.clone());
        let readiness = Readiness::new(outside.health.clone());
        Self { routes: gated, limits, budget, outside, complaints: Complaints::default(), readiness }
    }

    /// What is counted.
    pub fn metrics(&self) -> &WebhookMetrics {
        &self.outside.metrics
    }

    /// Where something is received, for people.
    pub fn paths(&self) -> String {
        let path = |(route, _): &(Route, Arc<Gate>)| {
            if route.named { format!("{0} {0}/NAME", route.path) } else { route.path.to_owned() }
        };
        self.routes.iter().map(path).collect::<Vec<_>>().join(" ")
    }

    /// Answers one request. Nothing is answered 200 before it is durable.
    pub async fn handle(&self, request: Request<Incoming>, seat: &Seat) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let (head, incoming) = request.into_parts();
        seat.leaves(!incoming.is_end_stream());
        let found = self.routes.iter().find(|(route, _)| route.is(head.uri.path()));
        let Some((route, gate)) = found else {
            self.outside.metrics.elsewhere();
            self.complaints.elsewhere(&self.paths());
            return Answer::not_found().into_response();
        };
        let receiver = &*route.receiver;
        let visit = Visit { receiver, gate, head: &head, began };
        let answer = self.take(&visit, incoming, seat).await.unwrap_or_else(|answer| answer);
        let (provider, took) = (receiver.provider(), began.elapsed());
        self.outside.metrics.answered(provider, answer.kind, took);
        // A stream that takes nothing has a line of its own.
        if !(answer.of_stream && self.readiness.is_red()) {
            self.complaints.note(provider, &answer);
        }
        tracing::debug!(
            webhook.provider = provider.text(),
            http.status = answer.status.as_u16(),
            took.millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "answered: {}",
            answer.said
        );
        receiver.dress(&head, answer, (self.outside.now)()).into_response()
    }

    async fn take(&self, visit: &Visit<'_>, incoming: Incoming, seat: &Seat) -> Result<Answer, Answer> {
        let Visit { receiver, gate, head, began } = *visit;
        let now = (self.outside.now)();
        let admitted = receiver.admit(head, now)?;
        let patience = receiver.patience();
        let (limit, beyond) = self.most(receiver, admitted);
        let bounds = Bounds { limit, beyond, deadline: began + self.limits.body_timeout.min(patience) };
        seat.reads_body();
        let mut body = body::read(incoming, bounds, self.budget.hold(admitted)).await?;
        seat.works();
        seat.leaves(false);
        let receipt = receiver.receive(head, admitted, &mut body, now).await?;
        body.hold.prove();
        // Only now: who could not prove who he is takes nobody's share.
        if !gate.passes() {
            return Err(Answer::too_many());
        }
        self.put(receiver, receipt, patience.saturating_sub(began.elapsed())).await
    }

    /// The largest body, and what is said of a larger one.
    fn most(&self, receiver: &dyn Receiver, admitted: Admitted) -> (usize, Answer) {
        let (largest, chosen) = (receiver.largest(), self.limits.max_body);
        let unproven = if admitted == Admitted::Unproven { UNPROVEN_BODY } else { usize::MAX };
        match largest.min(chosen).min(unproven) {
            limit if limit == largest => {
                (limit, Answer::too_large(format!("the body is larger than {limit} bytes")).and_close())
            }
            limit if limit == chosen => (limit, Answer::over_limit()),
            limit => (limit, Answer::too_large_to_prove(limit)),
        }
    }

    async fn put(&self, receiver: &dyn Receiver, receipt: Receipt, within: Duration) -> Result<Answer, Answer> {
        let Receipt { items, mark } = receipt;
        if items.is_empty() {
            return Ok(Answer::nothing("nothing to put"));
        }
        let (count, bytes) = (items.len() as u64, items.iter().map(|item| item.data.len() as u64).sum());
        match self.outside.stream.put(items, within).await {
            Ok(()) => {}
            Err(Refusal::TooLarge(why)) => return Err(Answer::too_large(why)),
            Err(Refusal::Busy(why)) => {
                self.readiness.refused(within, &why);
                return Err(Answer::stream_busy());
            }
        }
        self.readiness.taken();
        self.outside.metrics.put(receiver.provider(), count, bytes);
        if let Some(mark) = mark {
            receiver.settled(mark);
        }
        Ok(Answer::taken())
    }
}

/// One request on its way.
#[derive(Clone, Copy)]
struct Visit<'a> {
    receiver: &'a dyn Receiver,
    gate: &'a Gate,
    head: &'a Parts,
    began: Instant,
}
