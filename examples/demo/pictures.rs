//! The pictures of the docs: each a view of essink's page, which is an address.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;
use testkit::browser::{Browser, Page};
use testkit::month::Month;

use crate::shrink::shrink;

/// Pictures are looked at in a browser, over a network.
const MOST_BYTES: usize = 200_000;

/// How much of the month is in when the pipeline's pictures are taken, in percent.
const PART: u64 = 65;

/// A month comes in within this, on any machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// How a view is looked at.
#[derive(Clone, Copy)]
struct Look {
    /// What the file's name ends with.
    suffix: &'static str,
    /// Width and height in CSS pixels.
    size: (u32, u32),
    dots: u32,
    theme: &'static str,
    /// How much of the page, in CSS pixels from its top.
    most: u32,
}

const WIDE: Look = Look { suffix: "", size: (1280, 800), dots: 1, theme: "light", most: 2600 };
const DARK: Look = Look { suffix: "-dark", theme: "dark", ..WIDE };
const PHONE: Look = Look { suffix: "-phone", size: (390, 844), dots: 2, theme: "light", most: 844 };

pub struct Pictures {
    dir: PathBuf,
    page: String,
    /// The month, in milliseconds.
    span: (i64, i64),
    browser: Browser,
}

impl Pictures {
    /// Of the page at an address, for a month.
    pub async fn start(dir: PathBuf, page: &str, first: NaiveDate, end: NaiveDate) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        let browser = Browser::start().await?;
        Ok(Self { dir, page: page.to_owned(), span: (midnight(first), midnight(end)), browser })
    }

    /// While it works: once a good part of `events` is in.
    pub async fn of_the_pipeline(&self, events: u64) -> anyhow::Result<()> {
        let enough = events * PART / 100;
        let indexed = "Number(document.querySelector('[data-figure=\"indexed\"]')?.dataset.value)";
        let ready = format!("{indexed} > {enough}");
        for look in [DARK, PHONE] {
            self.take("live", "pipeline", look, &ready).await?;
        }
        Ok(())
    }

    /// Each dashboard, with what a reader would type into those that ask for something.
    pub async fn of_the_events(&self, month: &Month) -> anyhow::Result<()> {
        let url = format!("{}page/dashboards", self.page);
        let dashboards = testkit::http::must(&testkit::http::client()?, reqwest::Method::GET, &url, None).await?;
        let dashboards =
            dashboards.as_array().or(dashboards["dashboards"].as_array()).context("no dashboards")?.clone();
        for dashboard in &dashboards {
            let id = dashboard["id"].as_str().context("a dashboard without an id")?;
            // What there is of the pipeline's dashboard is of the day it came in, and that is today.
            let view = format!("events/{id}?{}{}", self.when(id), inputs(dashboard, month));
            self.take(id, &view, WIDE, SHOWN).await?;
            if id == "overview" {
                self.take(id, &view, PHONE, SHOWN).await?;
            }
        }
        Ok(())
    }

    fn when(&self, dashboard: &str) -> String {
        const DAY: i64 = 86_400_000;
        let (from, to) = self.span;
        match dashboard {
            "pipeline" => format!("from={to}&to={}", to + DAY),
            _ => format!("from={from}&to={to}"),
        }
    }

    async fn take(&self, name: &str, view: &str, look: Look, ready: &str) -> anyhow::Result<()> {
        let page = self.browser.blank().await?;
        page.viewport(look.size.0, look.size.1, look.dots).await?;
        page.prefers(look.theme == "dark", true).await?;
        page.goto(&format!("{}?theme={}#{view}", self.page, look.theme)).await?;
        page.until_within(PATIENCE, ready).await.with_context(|| format!("{view} is not ready for its picture"))?;
        settle(&page).await?;
        let complaints = page.complaints();
        anyhow::ensure!(complaints.is_empty(), "{view} complains: {complaints:?}");
        let picture = shrink(&page.top(look.most).await?, MOST_BYTES)?;
        let path = self.dir.join(format!("{name}{}.png", look.suffix));
        std::fs::write(&path, &picture).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("{}: {} bytes", path.display(), picture.len());
        page.close().await
    }
}

/// Every panel of the chosen dashboard has its numbers.
const SHOWN: &str = "(() => { const all = [...document.querySelectorAll('#view-events [data-panel]')]; \
                     return all.length > 0 && all.every(panel => panel.dataset.state === 'ready'); })()";

/// Fonts and two frames: what was changed has been drawn.
async fn settle(page: &Page) -> anyhow::Result<()> {
    let drawn = "document.fonts.ready.then(() => new Promise(done => \
                 requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))";
    page.eval(drawn).await.map(drop)
}

/// A message of several events, and its person: by the ids of a dashboard's inputs.
fn inputs(dashboard: &Value, month: &Month) -> String {
    let facts = month.truth().facts();
    let told =
        facts.iter().find(|fact| fact.event == "_SMS.SUCCESS" && !fact.to.is_empty() && !fact.messages.is_empty());
    let Some(told) = told else { return String::new() };
    let mut query = String::new();
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let mut asked: Vec<&str> = panels
        .flat_map(|panel| panel["inputs"].as_array().into_iter().flatten())
        .filter_map(|i| i["id"].as_str())
        .collect();
    asked.sort_unstable();
    asked.dedup();
    for id in asked {
        let value = match id {
            "message" => told.messages[0].as_str(),
            "recipient" => told.to[0].as_str(),
            "user" => told.user.as_str(),
            _ => continue,
        };
        query += &format!("&{id}={}", escaped(value));
    }
    query
}

/// As a query in an address wants it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
