//! Which kinds of events there are.

/// Which kind of event this is; each has its own daily indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Amazon Pinpoint and its successors in the same envelope.
    Pinpoint,
    /// AWS End User Messaging: SMS, MMS, voice, RCS and WhatsApp.
    Eum,
    /// Amazon SES: events and notifications.
    Ses,
    /// Bird, once SparkPost.
    Bird,
    /// Vonage, once Nexmo.
    Vonage,
    /// Pendula's activity sync.
    Pendula,
    /// Amazon Connect: contact records.
    Connect,
    /// JSON objects that no rule recognises.
    Unrecognized,
}

impl Family {
    /// Every one, in the order people are told of them.
    pub const ALL: [Self; 8] = [
        Self::Pinpoint,
        Self::Eum,
        Self::Ses,
        Self::Bird,
        Self::Vonage,
        Self::Pendula,
        Self::Connect,
        Self::Unrecognized,
    ];

    /// Its name in options, reports and `msg.provider`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pinpoint => "pinpoint",
            Self::Eum => "eum",
            Self::Ses => "ses",
            Self::Bird => "bird",
            Self::Vonage => "vonage",
            Self::Pendula => "pendula",
            Self::Connect => "connect",
            Self::Unrecognized => "unrecognized",
        }
    }
}

/// First part of the index names of each family; the day, `YYYY-MM-DD`, follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes([String; Family::ALL.len()]);

impl Default for Prefixes {
    fn default() -> Self {
        Self::by(|family| format!("{}-", family.name()))
    }
}

impl Prefixes {
    /// What `prefix` says for each family.
    pub fn by(prefix: impl FnMut(Family) -> String) -> Self {
        Self(Family::ALL.map(prefix))
    }

    /// What `prefix` says for each family, or the first thing that it refuses.
    pub fn try_by<E>(mut prefix: impl FnMut(Family) -> Result<String, E>) -> Result<Self, E> {
        let mut all = [const { String::new() }; Family::ALL.len()];
        for family in Family::ALL {
            all[family as usize] = prefix(family)?;
        }
        Ok(Self(all))
    }

    /// These, but for one family.
    pub fn with(mut self, family: Family, prefix: &str) -> Self {
        prefix.clone_into(&mut self.0[family as usize]);
        self
    }

    /// The prefix of `family`.
    pub fn of(&self, family: Family) -> &str {
        &self.0[family as usize]
    }

    /// Every family with its prefix.
    pub fn iter(&self) -> impl Iterator<Item = (Family, &str)> {
        Family::ALL.iter().map(|family| (*family, self.of(*family)))
    }

    /// Whose index this is, by its name.
    pub fn family_of(&self, index: &str) -> Option<Family> {
        self.iter().find(|(_, prefix)| index.starts_with(prefix)).map(|(family, _)| family)
    }
}
