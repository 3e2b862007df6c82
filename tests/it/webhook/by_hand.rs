//! The commands of docs/webhooks.md that post by hand, as they are written there.

use testkit::kinesis::Kinesis;
use tokio::process::Command;

use crate::put::in_stream;
use crate::receiver::Receiver;

const PAGE: &str = include_str!("../../../docs/webhooks.md");

/// The blocks of commands of the page.
fn blocks() -> impl Iterator<Item = &'static str> {
    PAGE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default())
}

#[tokio::test]
async fn every_post_of_the_page_is_taken_and_without_its_secret_refused() {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let exports: String =
        blocks().flat_map(str::lines).filter(|line| line.starts_with("export ")).collect::<Vec<_>>().join("\n");
    let secrets = exports.split_whitespace().filter_map(|word| word.split_once('='));
    let mut options = Vec::new();
    for (name, secret) in secrets {
        let option = name.strip_prefix("ESSINK_").expect("of essink").to_lowercase().replace('_', "-");
        let file = dir.path().join(&option).display().to_string();
        std::fs::write(&file, secret).expect("a file");
        options.extend([format!("--{option}-file"), file]);
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let receiver = Receiver::start(&kinesis, "s", dir.path(), &options).await;
    let posts = blocks().filter(|block| block.contains("curl ")).collect::<String>();
    let script = posts.replace("http://127.0.0.1:8080", &receiver.url);
    let n_posts = posts.matches("curl -i ").count();
    let answers = |before: String| {
        let mut shell = Command::new("sh");
        shell.args(["-euc", &format!("{before}\n{script}")]);
        async move {
            let output = shell.output().await.expect("sh, curl and openssl");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            said
        }
    };
    let said = answers(exports.clone()).await;
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), n_posts, "{said}");
    let mut expected = [
        r#"{"hello":"world"}"#,
        r#"{"message-timestamp":"2026-11-26 12:00:00","messageId":"0A01","msisdn":"447700900000","status":"delivered","to":"Acme"}"#,
        r#"{"msys":{"message_event":{"type":"delivery","event_id":"1","message_id":"m-1","rcpt_to":"ann@example.org","timestamp":"1795694400"}}}"#,
        r#"{"a":1}"#,
        r#"{"kind":"delivered","messageId":"m-1","timestamp":"2026-11-26T12:00:00Z"}"#,
    ];
    expected.sort_unstable();
    assert_eq!(in_stream(&kinesis).await, expected);
    let wrong = exports.replace("=try", "=guess");
    let said = answers(wrong).await;
    assert_eq!(said.matches("HTTP/1.1 401 Unauthorized").count(), n_posts, "{said}");
    assert_eq!(in_stream(&kinesis).await.len(), expected.len());
}
