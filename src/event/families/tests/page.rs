//! `docs/events.md` says of each family what its file says, and shows what becomes of a published event.

use std::fmt::Write;

use super::*;
use crate::event::msg::Field;

const PAGE: &str = "docs/events.md";
const BEGIN: &str = "<!-- made by `WRITE_PAGES=1 cargo test --lib page`: begin -->\n";
const END: &str = "<!-- end -->\n";

/// Each family: its file, and a published event of it.
const FAMILIES: [(&str, Family, &str, &str); 9] = [
    ("Amazon Pinpoint", Family::Pinpoint, include_str!("../pinpoint.rs"), "pinpoint-guide-sms-success.json"),
    ("AWS End User Messaging", Family::Eum, include_str!("../eum.rs"), "eum-eventbridge-text-delivered.json"),
    ("WhatsApp", Family::Eum, include_str!("../whatsapp.rs"), "eum-social-eventbridge-whatsapp-delivered.json"),
    ("Amazon SES", Family::Ses, include_str!("../ses.rs"), "ses-firehose-bounce.json"),
    ("Bird", Family::Bird, include_str!("../bird.rs"), "sparkpost-events-api-click.json"),
    ("Vonage, SMS API", Family::Vonage, include_str!("../vonage.rs"), "vonage-dlr-delivered.json"),
    (
        "Vonage, Messages API",
        Family::Vonage,
        include_str!("../vonage/messages.rs"),
        "made-vonage-messages-delivered.json",
    ),
    ("Pendula", Family::Pendula, include_str!("../pendula.rs"), "made-pendula-queued.json"),
    ("Amazon Connect", Family::Connect, include_str!("../connect.rs"), "made-connect-campaign-call.json"),
];

fn made() -> String {
    let mut page = String::from(BEGIN);
    page.push_str("## The vocabulary\n\n| field | what it is |\n|---|---|\n");
    page.push_str("| `@timestamp` | When it happened: the time that files the event. |\n");
    for field in Field::ALL {
        writeln!(page, "| `msg.{}` | {} |", field.name(), field.meaning()).expect("memory");
    }
    page.push_str("\n## The families\n");
    for (title, family, source, sample) in FAMILIES {
        writeln!(page, "\n### {title}\n\nIn `{}-YYYY-MM-DD`.\n", family.name()).expect("memory");
        page.push_str(&said(source));
        let text = std::fs::read(format!("tests/samples/{sample}")).unwrap_or_else(|e| panic!("{sample}: {e}"));
        let (event, document) = events(text).into_iter().next().expect("an event");
        assert_eq!(event.family, family, "{sample}");
        let shown = serde_json::json!({"@timestamp": document["@timestamp"], "essink": document["essink"], "msg": document["msg"]});
        let shown = serde_json::to_string_pretty(&shown).expect("JSON");
        writeln!(page, "\nOf `{sample}`, beside its own members:\n\n```json\n{shown}\n```").expect("memory");
    }
    page.push_str("\n## Envelopes\n\n");
    page.push_str(&said(include_str!("../../envelope.rs")));
    page.push_str(END);
    page
}

/// What a file says at its head.
fn said(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    // Links of the code are of no use here.
    let plain = |line: &str| {
        line.strip_prefix(' ').unwrap_or(line).replace("[`", "`").replace("`]", "`").replace("super::", "")
    };
    lines.map(|line| plain(line) + "\n").collect()
}

#[test]
fn the_page_of_events_is_what_the_code_does() {
    testkit::made::holds(PAGE, BEGIN, END, &made(), "WRITE_PAGES=1 cargo test --lib page");
}
