//! Where a number may be wrong though each of its events is right: at the left edge of the chosen time, and on a day that
//! another tool's index and essink's both have.

use essink::opensearch::client::Client;
use essink::panel::{self, Inputs, Panel, Range, Table};
use http::Method;
use serde_json::{Value, json};
use testkit::search::shared;

use crate::requests::{answer, ask, client, create_all};
use crate::support::{essink, finish};

const DAY: i64 = 86_400_000;
/// 2026-10-05, a Monday.
const MONDAY: i64 = 1_791_158_400_000;

fn panel(dashboard: &str, id: &str) -> &'static Panel {
    let dashboard = panel::dashboards().iter().find(|known| known.id == dashboard).expect("a dashboard");
    dashboard.panels.iter().find(|panel| panel.id == id).expect("a panel")
}

async fn said(client: &Client, path: &str, panel: &Panel, range: Range) -> Table {
    let body = panel.search(&range, &Inputs::new());
    let found = answer(client, Method::POST, &format!("/{path}/_search"), Some(&body)).await.json();
    panel.read(&found).unwrap_or_else(|why| panic!("{why}: {found}"))
}

fn mail(id: &str, day: u32, status: &str) -> Value {
    json!({"@timestamp": format!("2026-10-{day:02}T10:00:00.000Z"),
        "msg": {"channel": "email", "provider": "ses", "status": status, "id": id}})
}

/// A newsletter of Monday that is opened on Tuesday, beside Tuesday's own three mails.
#[tokio::test]
async fn what_was_sent_before_the_chosen_time_and_opened_in_it_was_not_sent_in_it() {
    let search = shared().lease().await.expect("OpenSearch");
    let init = ["init-templates", "--opensearch-url", search.url(), "--replicas", "0"];
    finish(essink(&init)).await.expect(0, &[]);
    let client = client(search.url());
    let newsletter: Vec<String> = (0..20).map(|n| format!("news-{n}")).collect();
    let of_monday: Vec<_> = newsletter.iter().flat_map(|id| ["sent", "delivered"].map(|s| mail(id, 5, s))).collect();
    let mut of_tuesday: Vec<_> =
        newsletter.iter().flat_map(|id| ["opened", "clicked", "complained"].map(|s| mail(id, 6, s))).collect();
    of_tuesday.extend(["sent", "delivered", "opened"].map(|status| mail("own-1", 6, status)));
    of_tuesday.push(mail("own-2", 6, "sent"));
    of_tuesday.push(mail("own-3", 6, "rejected"));
    assert!(create_all(&client, "ses-2026-10-05", &of_monday).await.is_empty());
    assert!(create_all(&client, "ses-2026-10-06", &of_tuesday).await.is_empty());
    let sent = panel("overview", "sent");
    for (range, expected) in [
        (Range { from: MONDAY, to: MONDAY + DAY }, 20.0),
        (Range { from: MONDAY + DAY, to: MONDAY + 2 * DAY }, 3.0),
        (Range { from: MONDAY, to: MONDAY + 2 * DAY }, 23.0),
    ] {
        let table = said(&client, "ses-*", sent, range).await;
        assert_eq!(table.rows[0].values, [Some(expected)], "{range:?}");
    }
}

fn text(id: &str, millicents: f64) -> Value {
    json!({"event_type": "_SMS.SUCCESS", "arrival_timestamp": MONDAY + 1_000, "event_timestamp": MONDAY,
        "attributes": {"message_id": id, "iso_country_code": "US"}, "metrics": {"price_in_millicents_usd": millicents}})
}

/// One guesses `float` and has 645.29998, the other has `double` and 645.3: it is one price of one text all the same.
#[tokio::test]
async fn a_day_in_an_old_index_and_a_new_one_costs_once() {
    let search = shared().lease().await.expect("OpenSearch");
    let client = client(search.url());
    let texts = [("a", 645.3), ("b", 645.3), ("c", 881.0), ("d", 9_704.7)].map(|(id, price)| text(id, price));
    assert!(create_all(&client, "pinpoint-2026-10", &texts).await.is_empty());
    let init = ["init-templates", "--opensearch-url", search.url(), "--replicas", "0"];
    finish(essink(&init)).await.expect(0, &[]);
    assert!(create_all(&client, "pinpoint-2026-10-05", &texts).await.is_empty());
    let field = "metrics.price_in_millicents_usd";
    for (index, kind) in [("pinpoint-2026-10", "float"), ("pinpoint-2026-10-05", "double")] {
        let mapping = ask(&client, Method::GET, &format!("/{index}/_mapping/field/{field}"), None).await;
        let known = &mapping[index]["mappings"][field]["mapping"]["price_in_millicents_usd"]["type"];
        assert_eq!(known, kind, "{mapping}");
    }
    let table =
        said(&client, "pinpoint-*", panel("texts", "pinpoint-cost"), Range { from: MONDAY, to: MONDAY + DAY }).await;
    let [row] = &table.rows[..] else { panic!("{:?}", table.rows) };
    // 645.3 + 645.3 + 881 + 9,704.7 thousandths of a cent.
    let cost = row.values[0].expect("a number");
    assert!((cost - 0.118_763).abs() < 1e-9, "{cost}");
    let funnel =
        said(&client, "pinpoint-*", panel("texts", "pinpoint-funnel"), Range { from: MONDAY, to: MONDAY + DAY });
    assert_eq!(funnel.await.rows[1].values, [Some(4.0)], "delivered");
}
