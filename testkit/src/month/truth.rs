//! What happened, one plain line an event.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// One event, in the words of the vocabulary; what it does not say is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fact {
    /// The time that files it, Unix milliseconds.
    pub at: i64,
    /// Who says it.
    pub provider: &'static str,
    /// In the provider's own word.
    pub event: &'static str,
    /// email, sms and so on.
    pub channel: &'static str,
    /// sent, delivered and so on.
    pub status: &'static str,
    /// Whether it is said to be the last; most do not say.
    pub is_final: Option<bool>,
    /// The ids of the messages it is about: one, none, or in WhatsApp several.
    pub messages: Vec<String>,
    /// Whom it is about.
    pub to: Vec<String>,
    /// The domain of the first mail address in `to`.
    pub to_domain: &'static str,
    /// Who sent it.
    pub from: &'static str,
    /// Two letters.
    pub country: &'static str,
    /// By name or by code.
    pub carrier: &'static str,
    /// What it says for good that the message, or the conversation, cost.
    pub paid: Option<Paid>,
    /// The conversation that is paid for once.
    pub conversation: String,
    /// How many parts, or 0.
    pub parts: u32,
    /// Of a campaign, a journey or a reference of the sender's.
    pub campaign: &'static str,
    /// campaign or journey.
    pub campaign_kind: &'static str,
    /// How an attempt ended.
    pub send_status: &'static str,
    /// The person.
    pub user: String,
    /// The endpoint.
    pub client: String,
    /// The session.
    pub session: String,
    /// The model.
    pub device: &'static str,
    /// `device.platform.name` of the app's events.
    pub platform: &'static str,
    /// `device.locale.code`
    pub locale: &'static str,
    /// `application.version_name`
    pub version: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Which kind of why.
    pub reason_class: &'static str,
    /// Of SES.
    pub config_set: &'static str,
    /// What was clicked.
    pub link: &'static str,
    /// What opened or clicked.
    pub user_agent: &'static str,
    /// What was bought.
    pub purchase: Option<Purchase>,
    /// How long a session was that ended, in milliseconds.
    pub session_ms: Option<i64>,
    /// Of an app's page: its path.
    pub page: &'static str,
    /// Which page led there.
    pub referrer: &'static str,
    /// `utm_source`, `utm_medium` and `utm_campaign` of the address that led there.
    pub utm: [&'static str; 3],
    /// Whether Pinpoint itself wrote it, so that Firehose's indices may have it.
    pub is_pinpoints: bool,
}

/// Money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// Millionths of the currency: whole, so that sums are exact.
    pub millionths: i64,
    /// Three letters.
    pub currency: &'static str,
}

/// Something bought in the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// `_item_price` in hundredths.
    pub cents: i64,
    /// `_quantity`
    pub quantity: i64,
    /// `_currency`
    pub currency: &'static str,
    /// `_product_id`
    pub product: &'static str,
}

/// All that happened, in the order of its time.
#[derive(Debug)]
pub struct Truth {
    facts: Vec<Fact>,
}

impl Truth {
    pub(super) fn new(mut facts: Vec<Fact>) -> Self {
        facts.sort_by_key(|fact| fact.at);
        Self { facts }
    }

    /// All of it.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// What happened in these milliseconds.
    pub fn during(&self, when: Range<i64>) -> impl Iterator<Item = &Fact> {
        self.facts.iter().filter(move |fact| when.contains(&fact.at))
    }
}

/// How many messages these facts are about: each once, however many events it has.
pub fn distinct<'a>(facts: impl Iterator<Item = &'a Fact>) -> usize {
    facts.flat_map(|fact| &fact.messages).collect::<BTreeSet<_>>().len()
}

/// What the messages of these facts cost in one currency, in millionths: the most that is said of each message, and of
/// each conversation instead of its messages.
pub fn spent<'a>(facts: impl Iterator<Item = &'a Fact>, currency: &str) -> i64 {
    let mut most: BTreeMap<(bool, &str), i64> = BTreeMap::new();
    for fact in facts {
        let Some(paid) = fact.paid.filter(|paid| paid.currency == currency) else { continue };
        let is_conversation = !fact.conversation.is_empty();
        let whose = if is_conversation { fact.conversation.as_str() } else { fact.messages.first().map_or("", |m| m) };
        let known = most.entry((is_conversation, whose)).or_default();
        *known = paid.millionths.max(*known);
    }
    most.values().sum()
}
