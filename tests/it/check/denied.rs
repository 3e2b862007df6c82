//! What AWS denies is named by its action, whichever it is; and a clock that is wrong is seen.

use testkit::search::shared;

use super::*;

/// One call of a service, and what is answered to it.
#[derive(Clone)]
struct Denied {
    behind: String,
    /// The end of `x-amz-target`, or a method.
    call: &'static str,
    status: u16,
    answer: String,
    /// As an answer tells the time; that of this machine where there is none.
    date: Option<&'static str>,
}

/// Passes everything on but that.
async fn deny(State(denied): State<Denied>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let target =
        head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or(head.method.as_str());
    let mut answer = Response::builder();
    if let Some(date) = denied.date {
        answer = answer.header("date", date);
    }
    if target.ends_with(denied.call) {
        return answer.status(denied.status).body(Body::from(denied.answer)).expect("valid");
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let url = format!("{}{}", denied.behind, head.uri.path_and_query().expect("a path"));
    let mut passed = testkit::http::client().expect("a client").request(head.method, url).body(body);
    for (name, value) in head.headers.iter().filter(|(name, _)| *name != "content-length") {
        passed = passed.header(name, value);
    }
    let passed = passed.send().await.expect("an answer");
    let answer = answer.status(passed.status().as_u16());
    answer.body(Body::from(passed.bytes().await.expect("a body"))).expect("valid")
}

impl Denied {
    /// Of a service of JSON, as AWS denies it.
    fn by_aws(behind: &str, call: &'static str, kind: &str) -> Self {
        let answer = json!({"__type": kind, "message": format!("User is not authorized to perform {call}")});
        Self { behind: behind.to_owned(), call, status: 400, answer: answer.to_string(), date: None }
    }

    async fn start(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(deny).with_state(self)).await });
        url
    }
}

/// Problems of a check without a cluster, but that one.
async fn problems(kinesis: &str, more: &[&str]) -> Vec<String> {
    let report = parsed(finish(essink(&args(kinesis, NOBODY, &[&["--json"], more].concat()))).await.expect(69, &[]));
    let problems = found(&report, "problem").into_iter().filter(|problem| !problem.starts_with("cluster: "));
    problems.collect()
}

async fn stream_of_one() -> Kinesis {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    kinesis.client().put_records("s", &[numbered(0, "")]).await.expect("put");
    kinesis
}

#[tokio::test]
async fn each_action_on_the_stream_is_named_when_it_is_denied() {
    let (kinesis, dir) = (stream_of_one().await, tempfile::tempdir().expect("a directory"));
    let state = format!("file:{}", dir.path().join("state").display());
    for (call, kind, name) in [
        ("DescribeStreamSummary", "AccessDeniedException", "kinesis:DescribeStreamSummary"),
        ("ListShards", "AccessDeniedException", "kinesis:ListShards"),
        ("GetShardIterator", "AccessDeniedException", "kinesis:GetShardIterator"),
        ("GetRecords", "AccessDeniedException", "kinesis:GetRecords"),
        ("GetRecords", "KMSAccessDeniedException", "kms:Decrypt"),
    ] {
        let url = Denied::by_aws(&kinesis.url(), call, kind).start().await;
        let problems = problems(&url, &["--state", &state]).await;
        let expected = format!("kinesis: {name} is not granted");
        assert!(problems.len() == 1 && problems[0].starts_with(&expected), "{expected}: {problems:#?}");
    }
}

#[tokio::test]
async fn each_action_on_the_table_of_leases_is_named_when_it_is_denied() {
    let (kinesis, dynamo) = (stream_of_one().await, DynamoDb::start().await.expect("DynamoDB"));
    let world = shared().lease().await.expect("OpenSearch");
    let (url, table) = (dynamo.url(), ["--state", "dynamodb:leases", "--dynamodb-endpoint-url"]);
    catch_up(&kinesis, &world, "s", &[&table[..], &[&url]].concat()).await.expect(0, &[]);
    drop(world);
    let names = |problem: &str, call: &str| {
        let words = [format!("state: dynamodb:{call} is not granted"), format!("state: dynamodb refuses {call} on")];
        words.iter().any(|words| problem.starts_with(words))
    };
    for call in ["DescribeTable", "Scan", "PutItem", "UpdateItem", "DeleteItem"] {
        let url = Denied::by_aws(&dynamo.url(), call, "AccessDeniedException").start().await;
        let problems = problems(&kinesis.url(), &[&table[..], &[&url]].concat()).await;
        assert!(problems.len() == 1 && names(&problems[0], call), "{call}: {problems:#?}");
    }
    let away = problems(&kinesis.url(), &[&table[..], &[NOBODY]].concat()).await;
    assert!(away.len() == 1 && away[0].starts_with("state: "), "{away:#?}");
}

#[tokio::test]
async fn each_action_on_the_bucket_of_dead_letters_is_named_when_it_is_denied() {
    let (kinesis, s3) = (stream_of_one().await, S3::start(&["letters"]).expect("S3"));
    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state").display());
    for (call, name) in [("PUT", "s3:PutObject in letters/kept/"), ("GET", "s3:ListBucket on letters")] {
        let answer = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>".to_owned();
        let url = Denied { behind: s3.url(), call, status: 403, answer, date: None }.start().await;
        let place = ["--state", &state, "--dead-letters", "s3://letters/kept", "--s3-endpoint-url", &url];
        let problems = problems(&kinesis.url(), &place).await;
        let expected = format!("dead letters: {name} is not granted");
        assert!(problems.len() == 1 && problems[0].starts_with(&expected), "{expected}: {problems:#?}");
    }
}

#[tokio::test]
async fn a_clock_that_is_far_from_that_of_aws_is_warned_of() {
    let kinesis = stream_of_one().await;
    let date = Some("Thu, 01 Jan 2026 00:00:00 GMT");
    let denied = Denied { date, ..Denied::by_aws(&kinesis.url(), "Nothing", "") };
    let done = finish(essink(&args(&denied.start().await, NOBODY, &["--json"]))).await.expect(69, &[]);
    let warned = found(&parsed(done), "warning");
    assert!(
        has(&warned, &["kinesis: this machine's clock is", "ahead of that of AWS", "five minutes off"]),
        "{warned:#?}"
    );
}

#[tokio::test]
async fn an_action_that_aws_denies_is_named_with_the_policy_to_paste() {
    let world = World::fed(EVENTS).await;
    let between = Denied::by_aws(&world.kinesis.url(), "GetRecords", "AccessDeniedException").start().await;
    let done = finish(essink(&args(&between, world.search.url(), &[]))).await.expect(69, &["a run would not work"]);
    let line = done.out.lines().find(|line| line.contains("kinesis:GetRecords is not granted")).expect("named");
    assert!(line.starts_with("PROBLEM") && line.contains("not authorized") && line.contains("-> grant it"), "{line}");
    assert!(done.out.contains("kinesis:GetShardIterator: granted"), "{}", done.out);
    let (_, policy) = done.out.split_once("IAM policy of the AWS role:\n").expect("a policy");
    let policy = serde_json::Deserializer::from_str(policy).into_iter::<Value>().next().expect("JSON").expect("whole");
    assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:kinesis:us-east-1:000000000000:stream/s");
}
