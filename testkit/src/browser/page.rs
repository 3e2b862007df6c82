//! One page: what somebody does with it, and what can be seen of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine as _;
use serde_json::{Value, json};

use super::pipe::Pipe;

/// How long a condition may take to hold. Far more than any page takes; a test that hangs must end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one call may take: a picture of a long page, on a machine with much else to do.
const CALL_LIMIT: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(50);

/// A page; it stays open until the browser ends or [`Page::close`].
#[derive(Debug)]
pub struct Page {
    pipe: Arc<Pipe>,
    target: String,
    session: String,
    complaints: Mutex<Vec<Complaint>>,
}

/// Something that the console shows and no good page makes it show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// `console.error`, `uncaught`, or where the browser itself found it: `security`, `network`, …
    pub of: String,
    /// Its words, and where.
    pub text: String,
}

/// What a screen reader is told of one thing on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// `button`, `tab`, `table`, …
    pub role: String,
    /// What it is called.
    pub name: String,
}

impl Page {
    pub(super) async fn blank(pipe: Arc<Pipe>) -> anyhow::Result<Self> {
        let context = pipe.call(None, "Target.createBrowserContext", json!({"disposeOnDetach": true})).await?;
        let params = json!({"url": "about:blank", "browserContextId": context["browserContextId"]});
        let target = text(&pipe.call(None, "Target.createTarget", params).await?, "targetId")?;
        let params = json!({"targetId": target, "flatten": true});
        let session = text(&pipe.call(None, "Target.attachToTarget", params).await?, "sessionId")?;
        let page = Self { pipe, target, session, complaints: Mutex::default() };
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            page.call(&format!("{domain}.enable"), json!({})).await?;
        }
        Ok(page)
    }

    async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let called = self.pipe.call(Some(&self.session), method, params);
        tokio::time::timeout(CALL_LIMIT, called).await.with_context(|| format!("{method}: no answer"))?
    }

    /// Goes to an address and waits until the document is there.
    pub async fn goto(&self, url: &str) -> anyhow::Result<()> {
        let answer = self.call("Page.navigate", json!({"url": url})).await?;
        if let Some(error) = answer.get("errorText").and_then(Value::as_str) {
            bail!("{url}: {error}");
        }
        self.until("document.readyState !== 'loading'").await.map(drop)
    }

    /// The value of an expression; a promise is waited for.
    pub async fn eval(&self, script: &str) -> anyhow::Result<Value> {
        let params = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", params).await?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{script}: {}", words_of_exception(thrown));
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true (or anything but `false`, `null`, 0 and the empty text), and gives its value.
    /// An expression that throws is not true yet.
    pub async fn until(&self, script: &str) -> anyhow::Result<Value> {
        self.until_within(PATIENCE, script).await
    }

    /// The same, with another patience.
    pub async fn until_within(&self, patience: Duration, script: &str) -> anyhow::Result<Value> {
        let begun = Instant::now();
        loop {
            let now = self.eval(script).await;
            match now {
                Ok(value) if is_true(&value) => return Ok(value),
                other if begun.elapsed() > patience => {
                    let seen = self.eval("document.body.innerText.slice(0, 2000)").await.unwrap_or_default();
                    bail!("not within {patience:?}: {script}: {other:?}; the page says {seen}");
                }
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Clicks with the mouse in the middle of what a selector finds, as soon as it is there.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        let find = format!("document.querySelector({})", json!(selector));
        self.until(&format!("{find} !== null")).await?;
        let middle = format!(
            "(() => {{ const e = {find}; e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let middle = self.eval(&middle).await?;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", button).await?;
        }
        Ok(())
    }

    /// Types a text into whatever has the focus.
    pub async fn type_text(&self, text: &str) -> anyhow::Result<()> {
        self.call("Input.insertText", json!({"text": text})).await.map(drop)
    }

    /// Presses a key by its name: `Tab`, `Enter`, `ArrowRight`, `Home`, `End`, `Escape`, `Space`; `Shift+Tab` too.
    pub async fn press(&self, key: &str) -> anyhow::Result<()> {
        let (modifiers, key) = key.strip_prefix("Shift+").map_or((0, key), |key| (8, key));
        let (key, text, code) = match key {
            "Tab" => ("Tab", "", 9),
            "Enter" => ("Enter", "\r", 13),
            "Escape" => ("Escape", "", 27),
            "Space" => (" ", " ", 32),
            "End" => ("End", "", 35),
            "Home" => ("Home", "", 36),
            "ArrowLeft" => ("ArrowLeft", "", 37),
            "ArrowUp" => ("ArrowUp", "", 38),
            "ArrowRight" => ("ArrowRight", "", 39),
            "ArrowDown" => ("ArrowDown", "", 40),
            other => bail!("no key {other:?} here"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    /// The size of the window's inside, in CSS pixels, and how many dots a pixel has; a phone when it is narrow.
    pub async fn viewport(&self, width: u32, height: u32, dots: u32) -> anyhow::Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": dots, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }

    /// What the system asks of pages: dark colours, and no movement where `still`.
    pub async fn prefers(&self, dark: bool, still: bool) -> anyhow::Result<()> {
        let (scheme, motion) = (if dark { "dark" } else { "light" }, if still { "reduce" } else { "no-preference" });
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features})).await.map(drop)
    }

    /// A PNG of the window, or of the whole page however long.
    pub async fn screenshot(&self, whole: bool) -> anyhow::Result<Vec<u8>> {
        let params = json!({"format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": false});
        let answer = self.call("Page.captureScreenshot", params).await?;
        let data = answer["data"].as_str().context("no picture")?;
        Ok(base64::engine::general_purpose::STANDARD.decode(data)?)
    }

    /// A PNG of the page from its top, however long, but no more than so many CSS pixels of it.
    pub async fn top(&self, most: u32) -> anyhow::Result<Vec<u8>> {
        let size = self.eval("[document.documentElement.clientWidth, document.documentElement.scrollHeight]").await?;
        let height = size[1].as_u64().context("no height")?.min(u64::from(most));
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": height, "scale": 1});
        let params = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let answer = self.call("Page.captureScreenshot", params).await?;
        Ok(base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().context("no picture")?)?)
    }

    /// Everything a screen reader is told, in the order of the page.
    pub async fn things(&self) -> anyhow::Result<Vec<Thing>> {
        let answer = self.call("Accessibility.getFullAXTree", json!({})).await?;
        let nodes = answer["nodes"].as_array().context("no tree")?;
        let seen = nodes.iter().filter(|node| node["ignored"] == json!(false));
        let value = |node: &Value, name: &str| node[name]["value"].as_str().unwrap_or_default().to_owned();
        Ok(seen.map(|node| Thing { role: value(node, "role"), name: value(node, "name") }).collect())
    }

    /// Every complaint so far: errors and warnings on the console, uncaught errors, refusals of the page's own policy.
    pub fn complaints(&self) -> Vec<Complaint> {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.extend(self.pipe.take_events(&self.session).iter().filter_map(complaint));
        complaints.clone()
    }

    /// Closes the page.
    pub async fn close(self) -> anyhow::Result<()> {
        self.pipe.call(None, "Target.closeTarget", json!({"targetId": self.target})).await.map(drop)
    }
}

fn text(answer: &Value, name: &str) -> anyhow::Result<String> {
    Ok(answer[name].as_str().with_context(|| format!("no {name} in {answer}"))?.to_owned())
}

fn is_true(value: &Value) -> bool {
    !(value.is_null() || value == &json!(false) || value == &json!(0) || value == &json!(""))
}

fn words_of_exception(details: &Value) -> String {
    let exception = &details["exception"];
    let words = exception["description"].as_str().or(exception["value"].as_str()).or(details["text"].as_str());
    words.unwrap_or("an exception without words").to_owned()
}

fn complaint(event: &Value) -> Option<Complaint> {
    let params = &event["params"];
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => {
            Some(Complaint { of: "uncaught".into(), text: words_of_exception(&params["exceptionDetails"]) })
        }
        "Runtime.consoleAPICalled" => {
            let kind = params["type"].as_str().filter(|kind| ["error", "warning", "assert"].contains(kind))?;
            let args = params["args"].as_array().into_iter().flatten();
            let said = args.map(|arg| arg["value"].as_str().map_or_else(|| words(&arg["description"]), str::to_owned));
            Some(Complaint { of: format!("console.{kind}"), text: said.collect::<Vec<_>>().join(" ") })
        }
        "Log.entryAdded" => {
            let entry = &params["entry"];
            entry["level"].as_str().filter(|level| ["error", "warning"].contains(level))?;
            let text = format!("{} {}", words(&entry["text"]), words(&entry["url"]));
            Some(Complaint { of: words(&entry["source"]), text: text.trim_end().to_owned() })
        }
        _ => None,
    }
}
