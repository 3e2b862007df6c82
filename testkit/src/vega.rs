//! Vega and Vega-Lite as Kibana and OpenSearch Dashboards have them, in a browser: a specification and the answer to its
//! search go in, what is drawn comes out.
//!
//! Done as their plugin does it (`vis_type_vega`: `vega_parser`, `vega_base_view`, `vega_view`): the answer takes the place
//! of the address, the specification is fitted to its panel, compiled, and shown in an element. Whatever the libraries
//! warn of, which the plugin would put over the picture, is told.

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::browser::{Browser, Page};

/// The two ends of what is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Kibana 7.10.
    Oldest,
    /// OpenSearch Dashboards 3.
    Newest,
}

/// Files of `vendor/`.
const OLDEST: [(&str, &str); 2] = [
    ("oldest/vega.min.js", include_str!("../vendor/oldest/vega.min.js")),
    ("oldest/vega-lite.min.js", include_str!("../vendor/oldest/vega-lite.min.js")),
];
const NEWEST: [(&str, &str); 3] = [
    ("newest/vega.min.js", include_str!("../vendor/newest/vega.min.js")),
    ("newest/vega-lite.min.js", include_str!("../vendor/newest/vega-lite.min.js")),
    ("newest/vega-interpreter.min.js", include_str!("../vendor/newest/vega-interpreter.min.js")),
];
const DRAW: &str = include_str!("vega/draw.js");

/// A page that draws.
#[derive(Debug)]
pub struct Painter {
    page: Page,
    generation: Generation,
}

/// What a specification becomes.
#[derive(Debug, Clone, Deserialize)]
pub struct Drawing {
    /// Warnings and errors of the libraries; none where all is well.
    pub said: Vec<String>,
    /// Everything that is drawn for a row, from top to bottom and from left to right.
    pub marks: Vec<Mark>,
    /// What is written at the axes.
    pub labels: Vec<String>,
    /// Texts that do not fit into the panel.
    pub outside: Vec<String>,
}

/// One thing that is drawn for one row.
#[derive(Debug, Clone, Deserialize)]
pub struct Mark {
    /// `text`, `rect`, `symbol`…
    pub kind: String,
    /// What is written, where it is a text.
    pub text: Option<String>,
    /// The row.
    pub datum: Value,
}

impl Generation {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Oldest, Self::Newest];

    fn scripts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Oldest => &OLDEST,
            Self::Newest => &NEWEST,
        }
    }
}

impl Painter {
    /// A page of its own with the libraries of that generation.
    pub async fn new(browser: &Browser, generation: Generation) -> anyhow::Result<Self> {
        let page = browser.open("about:blank").await?;
        for (name, script) in generation.scripts() {
            page.eval(&format!("{script}\n;0")).await.with_context(|| (*name).to_owned())?;
        }
        page.eval(DRAW).await?;
        Ok(Self { page, generation })
    }

    /// Which libraries it has.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Draws a specification of the size of its panel, with the answer of the server.
    ///
    /// # Errors
    /// When it cannot be drawn at all: where the plugin shows an error and no picture.
    pub async fn draw(&self, spec: &Value, answer: &Value, size: (u32, u32)) -> anyhow::Result<Drawing> {
        let asked = json!({
            "spec": spec, "answer": answer, "width": size.0, "height": size.1,
            "interpreted": self.generation == Generation::Newest
        });
        let drawn = self.page.eval(&format!("draw({asked})")).await?;
        let mut drawing: Drawing = serde_json::from_value(drawn).context("no drawing")?;
        drawing.said.extend(self.page.complaints().into_iter().map(|complaint| complaint.text));
        Ok(drawing)
    }

    /// A picture of what was drawn last.
    pub async fn picture(&self) -> anyhow::Result<Vec<u8>> {
        self.page.screenshot(false).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../vendor/README.md");

    #[test]
    fn the_libraries_are_those_that_the_page_names() {
        for (name, script) in OLDEST.iter().chain(&NEWEST) {
            let sum = ring::digest::digest(&ring::digest::SHA256, script.as_bytes());
            let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let row = README.lines().find(|line| line.contains(&format!("`{name}`"))).unwrap_or_default();
            assert!(row.contains(&sum), "{name}: {sum}");
        }
    }
}
