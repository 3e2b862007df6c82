//! Which event follows from which, when, and how often.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;

use super::json::mix;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// What connects events: a session, or a message from its sending to its last click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thread {
    /// Session or message.
    pub(super) id: u64,
    pub(super) person: u64,
    pub(super) campaign: u64,
    pub(super) began_ms: i64,
}

/// The number of people is small enough that they come back and large enough that they are many.
const PEOPLE: u64 = 20_000;
const CAMPAIGNS: u64 = 12;

impl Thread {
    pub(super) fn new(chance: &mut Rng, seed: u64, number: u64, began_ms: i64) -> Self {
        let id = mix(mix(seed) ^ number);
        Self { id, person: chance.u64(..PEOPLE), campaign: chance.u64(..CAMPAIGNS), began_ms }
    }
}

/// One kind of event; the event type follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    App(App),
    Enriched(Custom),
    Campaign(Channel),
    Journey(Channel),
    Push(Push),
    Mail(Mail),
    Sms(Sms),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum App {
    SessionStart,
    SessionPause,
    SessionResume,
    SessionStop,
    SignIn,
    SignUp,
    AuthFail,
    Purchase,
    Custom(Custom),
}

/// The app's own events. Pinpoint leaves their names to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Custom {
    PageView,
    AddToCart,
    Search,
    LevelCompleted,
    ButtonClicked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Mail,
    Sms,
    Push,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Push {
    Foreground,
    Background,
    Opened,
    JourneyOpened,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mail {
    Send,
    Delivered,
    HardBounce,
    SoftBounce,
    Complaint,
    Open,
    Click,
    Unsubscribe,
    Rejected,
    RenderingFailure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sms {
    Buffered,
    Success,
    Failure,
    OptOut,
}

impl Kind {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::App(App::SessionStart) => "_session.start",
            Self::App(App::SessionPause) => "_session.pause",
            Self::App(App::SessionResume) => "_session.resume",
            Self::App(App::SessionStop) => "_session.stop",
            Self::App(App::SignIn) => "_userauth.sign_in",
            Self::App(App::SignUp) => "_userauth.sign_up",
            Self::App(App::AuthFail) => "_userauth.auth_fail",
            Self::App(App::Purchase) => "_monetization.purchase",
            Self::App(App::Custom(what)) | Self::Enriched(what) => what.event_type(),
            Self::Campaign(_) => "_campaign.send",
            Self::Journey(_) => "_journey.send",
            Self::Push(Push::Foreground) => "_campaign.received_foreground",
            Self::Push(Push::Background) => "_campaign.received_background",
            Self::Push(Push::Opened) => "_campaign.opened_notification",
            Self::Push(Push::JourneyOpened) => "_journey.opened_notification",
            Self::Mail(what) => what.event_type(),
            Self::Sms(Sms::Buffered) => "_SMS.BUFFERED",
            Self::Sms(Sms::Success) => "_SMS.SUCCESS",
            Self::Sms(Sms::Failure) => "_SMS.FAILURE",
            Self::Sms(Sms::OptOut) => "_SMS.OPTOUT",
        }
    }

    pub(super) fn is_enriched(self) -> bool {
        matches!(self, Self::Enriched(_))
    }
}

impl Custom {
    const ALL: [Self; 5] = [Self::PageView, Self::AddToCart, Self::Search, Self::LevelCompleted, Self::ButtonClicked];

    fn event_type(self) -> &'static str {
        match self {
            Self::PageView => "pageView",
            Self::AddToCart => "add_to_cart",
            Self::Search => "search",
            Self::LevelCompleted => "level_completed",
            Self::ButtonClicked => "button_clicked",
        }
    }
}

impl Mail {
    fn event_type(self) -> &'static str {
        match self {
            Self::Send => "_email.send",
            Self::Delivered => "_email.delivered",
            Self::HardBounce => "_email.hardbounce",
            Self::SoftBounce => "_email.softbounce",
            Self::Complaint => "_email.complaint",
            Self::Open => "_email.open",
            Self::Click => "_email.click",
            Self::Unsubscribe => "_email.unsubscribe",
            Self::Rejected => "_email.rejected",
            Self::RenderingFailure => "_email.rendering_failure",
        }
    }
}

/// An event that will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) due_ms: i64,
    pub(super) kind: Kind,
    pub(super) thread: Thread,
}

// A max-heap: the earliest must be the greatest. The thread's id makes the order of equal times the seed's, not the heap's.
impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |pending: &Self| Reverse((pending.due_ms, pending.thread.id, pending.kind.event_type()));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The first event of something new.
pub(super) fn begin(chance: &mut Rng, enriched: bool) -> Kind {
    match chance.u32(..100) {
        0..25 => Kind::App(App::SessionStart),
        25..40 if enriched => Kind::Enriched(any_custom(chance)),
        40..70 => Kind::Campaign(Channel::Mail),
        70..80 => Kind::Journey(Channel::Mail),
        80..88 => Kind::Campaign(Channel::Sms),
        88..90 => Kind::Journey(Channel::Sms),
        90..96 => Kind::Campaign(Channel::Push),
        96..98 => Kind::Journey(Channel::Push),
        _ => Kind::App(App::SessionStart),
    }
}

/// What comes of an event, put where the future is kept.
pub(super) fn follow(kind: Kind, thread: Thread, now_ms: i64, chance: &mut Rng, future: &mut BinaryHeap<Pending>) {
    let mut after = |from: i64, to: i64, kind: Kind, chance: &mut Rng| {
        future.push(Pending { due_ms: now_ms + chance.i64(from..to), kind, thread });
    };
    match kind {
        Kind::App(App::SessionStart) => session(&mut after, chance),
        Kind::App(App::SessionPause) => after(SECOND, MINUTE, Kind::App(App::SessionResume), chance),
        Kind::App(App::AuthFail) => after(SECOND, 30 * SECOND, Kind::App(App::SignIn), chance),
        Kind::Enriched(_) if chance.u32(..4) > 0 => after(SECOND, MINUTE, Kind::Enriched(any_custom(chance)), chance),
        Kind::Campaign(Channel::Mail) | Kind::Journey(Channel::Mail) => match chance.u32(..1000) {
            0..4 => after(1, SECOND, Kind::Mail(Mail::RenderingFailure), chance),
            4..8 => after(1, SECOND, Kind::Mail(Mail::Rejected), chance),
            _ => after(1, SECOND, Kind::Mail(Mail::Send), chance),
        },
        Kind::Campaign(Channel::Sms) | Kind::Journey(Channel::Sms) => {
            after(1, SECOND, Kind::Sms(Sms::Buffered), chance);
        }
        Kind::Campaign(Channel::Push) => match chance.u32(..10) {
            0..3 => after(SECOND, HOUR, Kind::Push(Push::Foreground), chance),
            3..8 => after(SECOND, HOUR, Kind::Push(Push::Background), chance),
            _ => {}
        },
        Kind::Journey(Channel::Push) if chance.bool() => {
            after(SECOND, HOUR, Kind::Push(Push::JourneyOpened), chance);
        }
        Kind::Push(Push::Background) if chance.u32(..3) == 0 => {
            after(SECOND, HOUR, Kind::Push(Push::Opened), chance);
        }
        Kind::Mail(what) => mail(what, &mut after, chance),
        Kind::Sms(Sms::Buffered) => match chance.u32(..100) {
            0..90 => after(SECOND, MINUTE, Kind::Sms(Sms::Success), chance),
            90..98 => after(SECOND, HOUR, Kind::Sms(Sms::Failure), chance),
            _ => after(MINUTE, HOUR, Kind::Sms(Sms::OptOut), chance),
        },
        _ => {}
    }
}

fn session(after: &mut impl FnMut(i64, i64, Kind, &mut Rng), chance: &mut Rng) {
    match chance.u32(..20) {
        0..4 => after(SECOND, 10 * SECOND, Kind::App(App::SignIn), chance),
        4 => after(SECOND, 10 * SECOND, Kind::App(App::SignUp), chance),
        5 => after(SECOND, 10 * SECOND, Kind::App(App::AuthFail), chance),
        6..8 => after(MINUTE, 2 * MINUTE, Kind::App(App::SessionPause), chance),
        8..10 => after(2 * MINUTE, 4 * MINUTE, Kind::App(App::Purchase), chance),
        _ => {}
    }
    for _ in 0..chance.u32(1..4) {
        after(SECOND, 4 * MINUTE, Kind::App(App::Custom(any_custom(chance))), chance);
    }
    after(5 * MINUTE, 10 * MINUTE, Kind::App(App::SessionStop), chance);
}

fn mail(what: Mail, after: &mut impl FnMut(i64, i64, Kind, &mut Rng), chance: &mut Rng) {
    match (what, chance.u32(..100)) {
        (Mail::Send, 0..3) => after(SECOND, MINUTE, Kind::Mail(Mail::HardBounce), chance),
        (Mail::Send, 3..6) => after(MINUTE, HOUR, Kind::Mail(Mail::SoftBounce), chance),
        (Mail::Send, _) => after(SECOND / 2, 10 * SECOND, Kind::Mail(Mail::Delivered), chance),
        (Mail::Delivered, 0..45) => after(MINUTE, 12 * HOUR, Kind::Mail(Mail::Open), chance),
        (Mail::Delivered, 99) => after(MINUTE, 12 * HOUR, Kind::Mail(Mail::Complaint), chance),
        (Mail::Open, 0..15) => after(MINUTE, 6 * HOUR, Kind::Mail(Mail::Open), chance),
        (Mail::Open, 15..45) => after(SECOND, 5 * MINUTE, Kind::Mail(Mail::Click), chance),
        (Mail::Open, 45..47) => after(SECOND, 5 * MINUTE, Kind::Mail(Mail::Unsubscribe), chance),
        _ => {}
    }
}

fn any_custom(chance: &mut Rng) -> Custom {
    Custom::ALL[chance.usize(..Custom::ALL.len())]
}

pub(super) fn all_event_types() -> Vec<&'static str> {
    use Mail::{
        Click, Complaint, Delivered, HardBounce, Open, Rejected, RenderingFailure, Send, SoftBounce, Unsubscribe,
    };
    let app = [
        App::SessionStart,
        App::SessionPause,
        App::SessionResume,
        App::SessionStop,
        App::SignIn,
        App::SignUp,
        App::AuthFail,
        App::Purchase,
    ];
    let mail =
        [Send, Delivered, HardBounce, SoftBounce, Complaint, Open, Click, Unsubscribe, Rejected, RenderingFailure];
    let push = [Push::Foreground, Push::Background, Push::Opened, Push::JourneyOpened];
    let sms = [Sms::Buffered, Sms::Success, Sms::Failure, Sms::OptOut];
    let kinds = app.map(Kind::App).into_iter().chain(Custom::ALL.map(Kind::Enriched)).chain(mail.map(Kind::Mail));
    let kinds = kinds.chain(push.map(Kind::Push)).chain(sms.map(Kind::Sms));
    let kinds = kinds.chain([Kind::Campaign(Channel::Mail), Kind::Journey(Channel::Mail)]);
    kinds.map(Kind::event_type).collect()
}
