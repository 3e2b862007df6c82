use std::collections::BTreeSet;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::opensearch::client::Connection;
use crate::upkeep::templates::{TemplateOptions, all};

fn parsed(prefix: &str) -> Vec<Value> {
    let text = ndjson(prefix);
    text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

/// JSON hidden in a string of an object's attributes.
fn hidden(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).and_then(Value::as_str).map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

#[test]
fn every_line_is_an_object() {
    let lines = PINPOINT.lines().count();
    assert_eq!(objects().count(), lines);
    assert_eq!(parsed("pinpoint-").len(), lines);
}

#[test]
fn every_reference_resolves() {
    let objects = parsed("pinpoint-");
    let known: BTreeSet<_> = objects.iter().map(|o| (o["type"].to_string(), o["id"].to_string())).collect();
    assert_eq!(known.len(), objects.len(), "two objects share an id");
    for object in &objects {
        for reference in object["references"].as_array().unwrap() {
            assert!(known.contains(&(reference["type"].to_string(), reference["id"].to_string())), "{reference}");
        }
    }
    // Names used inside the hidden JSON are those of the references.
    for object in &objects {
        let names: BTreeSet<_> =
            object["references"].as_array().unwrap().iter().map(|r| r["name"].clone().to_string()).collect();
        let source = hidden(object, "/attributes/kibanaSavedObjectMeta/searchSourceJSON");
        let panels = hidden(object, "/attributes/panelsJSON");
        let panels = panels.as_array().into_iter().flatten().map(|p| p["panelRefName"].to_string());
        let index = source.get("indexRefName").map(Value::to_string);
        assert_eq!(index.into_iter().chain(panels).collect::<BTreeSet<_>>(), names, "{}", object["id"]);
    }
}

/// Every field a panel aggregates on or asks for.
fn fields() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for object in objects() {
        let state = hidden(&object, "/attributes/visState");
        let of_aggs = state["aggs"].as_array().into_iter().flatten().filter_map(|a| a["params"]["field"].as_str());
        fields.extend(of_aggs.map(str::to_owned));
        fields.extend(object["attributes"]["timeFieldName"].as_str().map(str::to_owned));
        let source = hidden(&object, "/attributes/kibanaSavedObjectMeta/searchSourceJSON");
        let words = source["query"]["query"].as_str().unwrap_or_default().split_whitespace();
        fields.extend(words.filter_map(|word| word.strip_suffix(':')).map(str::to_owned));
    }
    fields
}

#[test]
fn every_field_of_a_panel_is_in_the_template() {
    let pinpoint = all(&TemplateOptions::default()).into_iter().find(|t| t.name == "essink-pinpoint").unwrap();
    let root = &pinpoint.body["template"]["mappings"];
    let find = |at: Option<Value>, name: &str| {
        let at = at?;
        [&at["properties"][name], &at["fields"][name]].into_iter().find(|v| v.is_object()).cloned()
    };
    let fields = fields();
    assert!(fields.len() >= 7, "{fields:?}");
    for field in fields {
        let found = field.split('.').fold(Some(root.clone()), find);
        let kind = found.and_then(|f| f["type"].as_str().map(str::to_owned));
        assert!(["keyword", "date", "double"].contains(&kind.as_deref().unwrap_or_default()), "{field}: {kind:?}");
    }
}

#[test]
fn nothing_is_newer_than_7_10() {
    for object in objects() {
        let (kind, versions) = (object["type"].as_str().unwrap().to_owned(), object["migrationVersion"].clone());
        assert!(["index-pattern", "visualization", "dashboard"].contains(&kind.as_str()), "{kind}");
        let version: Vec<u32> = versions[&kind].as_str().unwrap().split('.').map(|n| n.parse().unwrap()).collect();
        assert!(version <= vec![7, 10, 0], "{versions}");
        assert_eq!(object.get("coreMigrationVersion"), None);
    }
}

#[test]
fn another_prefix_has_its_own_pattern_and_ids() {
    let objects = parsed("acme-");
    assert_eq!(objects[0]["attributes"]["title"], "acme-*");
    assert!(objects.iter().all(|o| o["id"].as_str().unwrap().starts_with("essink-acme")));
    assert!(
        objects
            .iter()
            .flat_map(|o| o["references"].as_array().unwrap())
            .all(|r| r["id"].as_str().unwrap().starts_with("essink-acme"))
    );
    assert_eq!(parsed("pinpoint-")[0]["id"], "essink-pinpoint");
}

#[test]
fn exported_files_are_what_is_installed() {
    let dir = tempfile::tempdir().unwrap();
    let files = export(&dir.path().join("new"), "pinpoint-").unwrap();
    assert_eq!(fs::read(&files[0]).unwrap(), ndjson("pinpoint-"));
}

/// Answers one request with `reply` and gives back what was asked.
async fn asked_once(listener: TcpListener, reply: &'static str) -> String {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut asked = Vec::new();
    while !asked.ends_with(b"--essink-saved-objects--\r\n") {
        assert_ne!(socket.read_buf(&mut asked).await.unwrap(), 0, "the request ended early");
    }
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", reply.len());
    socket.write_all(format!("{head}{reply}").as_bytes()).await.unwrap();
    String::from_utf8(asked).unwrap()
}

#[tokio::test]
async fn the_request_is_one_the_import_api_takes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let reply = r#"{"success":true,"successResults":[{"type":"dashboard","meta":{"title":"Pinpoint: overview"}}]}"#;
    let server = tokio::spawn(asked_once(listener, reply));
    let client = Client::new(Connection::to(&url)).unwrap();
    let place = Place { tenant: Some("global".into()), ..Place::default() };
    let installed = install(&client, "pinpoint-", &place).await.unwrap();
    assert_eq!(installed.installed, ["dashboard Pinpoint: overview"]);
    let asked = server.await.unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /api/saved_objects/_import?overwrite=true http/1.1\r\n"), "{head}");
    for header in [
        "osd-xsrf: true",
        "kbn-xsrf: true",
        "securitytenant: global",
        "content-type: multipart/form-data; boundary=--essink-saved-objects",
    ] {
        assert!(head.contains(header), "{header} is missing from {head}");
    }
    assert_eq!(head.matches("content-type:").count(), 1);
    assert_eq!(body.matches("\"type\":\"visualization\"").count(), 7 + 7, "seven panels, each also referred to once");
}
