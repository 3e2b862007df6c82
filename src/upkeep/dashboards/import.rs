//! The saved-objects import API: one form with one file in, one row an object out.

use std::fmt;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::Place;
use crate::opensearch::client::{Answer, Client};

/// Never found in the file: its lines begin with `{`.
const BOUNDARY: &str = "--essink-saved-objects";

/// What the import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Titles of the objects that are there now.
    pub installed: Vec<String>,
    /// Objects that were refused.
    pub refused: Vec<Refusal>,
}

/// One object that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What it is called.
    pub title: String,
    /// Why, in words.
    pub why: String,
}

/// Posts the file and reads the rows.
pub async fn post(client: &Client, place: &Place, file: &[u8]) -> anyhow::Result<Installed> {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    // Each of the two servers wants its own mark against forged requests and ignores the other's.
    let mut headers = vec![("content-type", content_type.as_str()), ("osd-xsrf", "true"), ("kbn-xsrf", "true")];
    headers.extend(place.tenant.as_deref().map(|tenant| ("securitytenant", tenant)));
    let answer = client.send_with(Method::POST, &path(place)?, &headers, form(file)).await?;
    read(&answer, file.len())
}

fn path(place: &Place) -> anyhow::Result<String> {
    let space = match &place.space {
        None => String::new(),
        Some(space) => {
            let usable = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
            anyhow::ensure!(
                !space.is_empty() && space.bytes().all(usable),
                "{space:?} is not the id of a space: a-z, 0-9, '-' and '_'"
            );
            format!("/s/{space}")
        }
    };
    Ok(format!("{space}/api/saved_objects/_import?overwrite=true"))
}

fn form(file: &[u8]) -> Bytes {
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"essink.ndjson\"\r\n\
         content-type: application/ndjson\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    [head.as_bytes(), file, tail.as_bytes()].concat().into()
}

fn read(answer: &Answer, posted: usize) -> anyhow::Result<Installed> {
    match answer.status {
        200..=299 => {}
        300..=399 => {
            bail!("the dashboards server asks for a login page (HTTP {}): give user and password", answer.status)
        }
        401 | 403 => {
            bail!("the dashboards server refuses us (HTTP {}): check user, password, tenant and space", answer.status)
        }
        404 => bail!(
            "there is no import API at this URL (HTTP 404): is it the dashboards server's and not the cluster's, with its base path"
        ),
        413 => bail!(
            "the dashboards server takes no file of {} bytes (HTTP 413): raise its savedObjects.maxImportPayloadBytes",
            posted
        ),
        status => {
            let said =
                answer.json()["message"].as_str().unwrap_or("no reason given").chars().take(300).collect::<String>();
            bail!("the dashboards server refuses the import (HTTP {status}): {said}")
        }
    }
    let reply: Value = serde_json::from_slice(&answer.body)
        .context("the answer is not that of the import API: is the URL the dashboards server's")?;
    let rows = |name: &str| reply[name].as_array().cloned().unwrap_or_default();
    let installed: Vec<String> = rows("successResults").iter().map(title).collect();
    let refused: Vec<Refusal> = rows("errors").iter().map(refusal).collect();
    anyhow::ensure!(
        !(installed.is_empty() && refused.is_empty()),
        "the dashboards server names no object in its answer: nothing is known to be installed"
    );
    Ok(Installed { installed, refused })
}

/// What people call an object, or a row about it.
pub fn title(row: &Value) -> String {
    let titles = [&row["meta"]["title"], &row["title"], &row["attributes"]["title"]];
    let said = titles.into_iter().find_map(Value::as_str).or(row["id"].as_str());
    format!("{} {}", row["type"].as_str().unwrap_or("object"), said.unwrap_or("without a name"))
}

fn refusal(row: &Value) -> Refusal {
    let error = &row["error"];
    let why = match error["type"].as_str().unwrap_or_default() {
        "conflict" | "ambiguous_conflict" => "another object has its id, and the server does not replace it".into(),
        "missing_references" => format!("what it refers to is missing: {}", references(&error["references"])),
        "unsupported_type" => "the server does not know this type of object".into(),
        kind => format!(
            "{kind}: {}",
            error["message"].as_str().unwrap_or("no reason given").chars().take(300).collect::<String>()
        ),
    };
    Refusal { title: title(row), why }
}

fn references(list: &Value) -> String {
    let name = |r: &Value| format!("{} {}", r["type"].as_str().unwrap_or("object"), r["id"].as_str().unwrap_or("?"));
    list.as_array().into_iter().flatten().take(5).map(name).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for title in &self.installed {
            writeln!(f, "installed {title}")?;
        }
        for refused in &self.refused {
            writeln!(f, "refused {}: {}", refused.title, refused.why)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, body: body.to_string().into(), retry_after: None }
    }

    #[test]
    fn rows_become_words() {
        let reply = json!({"success": false, "successCount": 1,
        "successResults": [{"type": "index-pattern", "id": "a", "meta": {"title": "pinpoint-*"}}],
        "errors": [
            {"type": "dashboard", "id": "d", "title": "Overview", "error": {"type": "missing_references", "references": [{"type": "visualization", "id": "v"}]}},
            {"type": "lens", "id": "l", "error": {"type": "unsupported_type"}},
            {"type": "visualization", "id": "w", "error": {"type": "unknown", "message": "newer version", "statusCode": 422}},
        ]});
        let installed = read(&answer(200, &reply), 0).unwrap();
        assert_eq!(
            installed.to_string(),
            "installed index-pattern pinpoint-*\n\
             refused dashboard Overview: what it refers to is missing: visualization v\n\
             refused lens l: the server does not know this type of object\n\
             refused visualization w: unknown: newer version\n"
        );
    }

    #[test]
    fn refusals_name_the_cure() {
        let check = |status, cure: &str| {
            let error = read(&answer(status, &json!({"message": "Bad multipart"})), 77).unwrap_err().to_string();
            assert!(error.contains(cure), "{error}");
        };
        check(302, "give user and password");
        check(401, "check user, password");
        check(404, "and not the cluster's");
        check(400, "Bad multipart");
        check(413, "77 bytes");
        check(200, "names no object");
    }

    #[test]
    fn a_space_is_part_of_the_path_and_nothing_else_is() {
        let of = |space: &str| path(&Place { space: Some(space.into()), tenant: None });
        assert_eq!(of("ops").unwrap(), "/s/ops/api/saved_objects/_import?overwrite=true");
        for bad in ["", "a/b", "a?b", ".."] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_form_is_one_file_between_boundaries() {
        let form = form(b"{}\n");
        let text = std::str::from_utf8(&form).unwrap();
        assert!(
            text.starts_with("----essink-saved-objects\r\ncontent-disposition: form-data; name=\"file\"; filename=")
        );
        assert!(text.ends_with("\r\n\r\n{}\n\r\n----essink-saved-objects--\r\n"), "{text}");
    }
}
