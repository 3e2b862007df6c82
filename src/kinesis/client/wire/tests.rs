use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// A server that gives `answer` to one request after the other and says what it was asked.
async fn serve(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        while !asked.ends_with("the body") {
            let mut piece = vec![0; 4_096];
            let n = stream.read(&mut piece).await.unwrap();
            asked += std::str::from_utf8(&piece[..n]).unwrap();
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        asked
    });
    (url, asked)
}

fn request(url: &str) -> HttpRequest {
    let request =
        http::Request::builder().method("POST").uri(url).header("x-amz-target", "Kinesis_20131202.GetRecords");
    HttpRequest::try_from(request.body(SdkBody::from("the body")).unwrap()).unwrap()
}

fn connector(wire: &Wire, settings: &HttpConnectorSettings) -> SharedHttpConnector {
    let components = RuntimeComponentsBuilder::for_tests().build().unwrap();
    wire.http_connector(settings, &components)
}

async fn exchange(url: &str) -> Result<HttpResponse, ConnectorError> {
    connector(&Wire::default(), &HttpConnectorSettings::builder().build()).call(request(url)).await
}

#[tokio::test]
async fn a_request_and_its_answer_arrive_as_they_are() {
    let answer = "HTTP/1.1 418 I'm a teapot\r\ncontent-length: 5\r\nx-amzn-requestid: r-1\r\n\r\nshort";
    let (url, asked) = serve(answer).await;
    let mut response = exchange(&format!("{url}/a%2Fb?c=d%20e")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("x-amzn-requestid")), (418, Some("r-1")));
    let body = http_body_util::BodyExt::collect(response.take_body()).await.unwrap().to_bytes();
    assert_eq!(body, "short");
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /a%2Fb?c=d%20e HTTP/1.1\r\n") && asked.ends_with("\r\n\r\nthe body"), "{asked}");
    assert!(asked.contains("x-amz-target: Kinesis_20131202.GetRecords\r\n"), "{asked}");
    assert!(asked.contains("content-length: 8\r\n"), "{asked}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (url, _) = serve("HTTP/1.1 307 Away\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(exchange(&url).await.unwrap().status().as_u16(), 307);
}

#[tokio::test]
async fn the_sdk_is_told_whether_it_may_try_again() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = exchange(&format!("http://{gone}/?token=s3cret")).await.unwrap_err();
    assert!(refused.is_io(), "{refused:?}");
    assert!(!format!("{refused:?}").contains("s3cret"), "an address can hold a token: {refused:?}");

    for answer in ["", "nonsense\r\n\r\n"] {
        let (url, _) = serve(answer).await;
        let cut = exchange(&url).await.unwrap_err();
        assert!(cut.is_io(), "{answer:?}: {cut:?}");
    }
    let nowhere = exchange("gopher://127.0.0.1/").await.unwrap_err();
    assert!(nowhere.is_user(), "{nowhere:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_as_long_as_was_asked() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let settings = HttpConnectorSettings::builder().read_timeout(Duration::from_millis(50)).build();
    let error = connector(&Wire::default(), &settings).call(request(&url)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn without_authorities_plain_http_is_spoken_and_https_says_what_is_missing() {
    let client = builder((None, None)).tls_certs_only([]).build().unwrap();
    let lacking = Some("no certificate found".to_owned());
    let opened = Arc::new(Opened { timeouts: (None, None), client: Ok(client), lacking });
    let lacking = Connector { opened, all: Arc::default() };
    let (url, _) = serve("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(lacking.call(request(&url)).await.unwrap().status().as_u16(), 204);
    let error = lacking.call(request("https://kinesis.eu-west-1.amazonaws.com/")).await.unwrap_err();
    let words = innermost(&error);
    assert!(words.contains("no certificate found") && words.contains("SSL_CERT_FILE"), "{words}");
}

#[tokio::test]
async fn connections_are_shared_by_requests_of_the_same_timeouts() {
    let wire = Wire::default();
    let (one, other) = (Duration::from_secs(1), Duration::from_secs(2));
    let settings = |connect| HttpConnectorSettings::builder().connect_timeout(connect).build();
    for (timeout, opened) in [(one, 1), (one, 1), (other, 2), (one, 2)] {
        connector(&wire, &settings(timeout));
        assert_eq!(wire.opened.lock().unwrap().len(), opened);
    }
}

/// A server that keeps its connections, answers each request with the next of these, and says on how many it was asked.
async fn serve_each(answers: [&'static str; 3]) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = tokio::spawn(async move {
        let (mut stream, mut connections) = (listener.accept().await.unwrap().0, 1);
        for answer in answers {
            let mut piece = vec![0; 65_536];
            loop {
                tokio::select! {
                    read = stream.read(&mut piece) => match read.unwrap() {
                        0 => (stream, connections) = (listener.accept().await.unwrap().0, connections + 1),
                        _ => break,
                    },
                    next = listener.accept() => (stream, connections) = (next.unwrap().0, connections + 1),
                }
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        connections
    });
    (url, connections)
}

#[tokio::test]
async fn a_connection_that_brought_a_servers_error_is_not_asked_again() {
    const WELL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n{\"StreamNames\":[],\"HasMoreStreams\":false}";
    const ILL: &str = "HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\n{}";
    for (answers, expected) in [([WELL, WELL, WELL], 1), ([WELL, ILL, WELL], 2), ([ILL, ILL, WELL], 3)] {
        let (url, connections) = serve_each(answers).await;
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(aws_sdk_kinesis::config::BehaviorVersion::latest())
            .region(aws_sdk_kinesis::config::Region::new("us-east-1"))
            .credentials_provider(aws_credential_types::Credentials::new("id", "secret", None, None, "test"))
            .retry_config(aws_sdk_kinesis::config::retry::RetryConfig::disabled())
            .endpoint_url(url)
            .http_client(Wire::default())
            .build();
        let client = aws_sdk_kinesis::Client::from_conf(config);
        for answer in answers {
            let answered = client.list_streams().send().await;
            assert_eq!(answered.is_ok(), answer == WELL, "{answered:?}");
        }
        assert_eq!(connections.await.unwrap(), expected, "{answers:?}");
    }
}
