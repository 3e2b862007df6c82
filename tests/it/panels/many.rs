//! A field of many values must not be too much for a cluster.

use essink::panel::{self, Inputs, Over, Range};
use http::Method;
use serde_json::{Value, json};
use testkit::search::shared;

use crate::requests::{answer, client, create_all};
use crate::support::{essink, finish};

/// A day of mail in which every link, diagnostic and program is another: a cluster that kept 256 KB for each would need
/// more than half of its memory.
fn mail(n: usize) -> Value {
    let status = (["clicked", "bounced", "opened", "delivered"])[n % 4];
    json!({"@timestamp": "2026-10-01T10:00:00.000Z", "msg": {"channel": "email", "provider": "ses", "status": status,
        "id": format!("id-{n}"), "link": format!("https://shop.example/{n}"), "to_domain": format!("{n}.example"),
        "from_domain": "shop.example", "from": format!("{n}@shop.example"), "reason": format!("{n}"),
        "user_agent": format!("agent {n}"), "campaign": format!("campaign {n}")}})
}

fn text(n: usize) -> Value {
    json!({"@timestamp": "2026-10-01T10:00:00.000Z", "msg": {"channel": "sms", "provider": "eum", "status": "failed",
        "id": format!("id-{n}"), "carrier": format!("carrier {n}"), "from": format!("{n}"), "reason": format!("{n}"),
        "cost_usd": (n % 500) as f64 / 1_000.0, "campaign": format!("campaign {n}")}})
}

#[tokio::test]
async fn fields_of_many_values_are_not_too_much_for_a_small_cluster() {
    let search = shared().lease().await.expect("OpenSearch");
    let init = ["init-templates", "--opensearch-url", search.url(), "--replicas", "0"];
    finish(essink(&init)).await.expect(0, &[]);
    let client = client(search.url());
    let mails: Vec<_> = (0..8_000).map(mail).collect();
    assert!(create_all(&client, "ses-2026-10-01", &mails).await.is_empty());
    let texts: Vec<_> = (0..4_000).map(text).collect();
    assert!(create_all(&client, "eum-2026-10-01", &texts).await.is_empty());
    let range = Range { from: 1_790_812_800_000, to: 1_790_899_200_000 };
    let panels = panel::dashboards().iter().flat_map(|dashboard| &dashboard.panels);
    for panel in panels.filter(|panel| panel.over == Over::Messages) {
        let body = panel.search(&range, &Inputs::new());
        let found = answer(&client, Method::POST, "/ses-*,eum-*/_search", Some(&body)).await.json();
        let read = panel.read(&found);
        assert!(read.is_ok(), "{}: {read:?} {}", panel.id, found["error"]["caused_by"]);
    }
}
