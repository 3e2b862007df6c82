//! The driver, on pages made here: a driver that sees nothing would let every page pass.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use testkit::browser::{Browser, Page, Thing};

const PAGE: &str = r#"<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>t</title>
<style>body { margin: 0 } @media (prefers-color-scheme: dark) { body { background: rgb(1, 2, 3) } }</style>
<button id="b" onclick="this.textContent = 'pressed'">press</button> <input id="i" aria-label="name">
<div style="height: 3000px"></div><button id="far" onclick="window.far = true">far</button>
<script>setTimeout(() => { window.late = 'come' }, 300)</script></html>"#;

const BAD: &str = r#"<!doctype html><meta http-equiv="Content-Security-Policy" content="img-src 'none'">
<img src="/x.png"><script>console.error('said so', 7); console.log('no harm')</script>
<script>throw new Error('left out')</script><script>fetch('/gone')</script>"#;

async fn serve() -> String {
    let app = Router::new().route("/", get(async || Html(PAGE))).route("/bad", get(async || Html(BAD)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let http = hyper::server::conn::http1::Builder::new();
        while let Ok((socket, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(app.clone());
            tokio::spawn(http.serve_connection(hyper_util::rt::TokioIo::new(socket), service));
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_clicked_typed_into_and_pictured() {
    let (url, browser) = (serve().await, Browser::start().await.unwrap());
    let page = browser.open(&url).await.unwrap();
    assert_eq!(page.until("window.late").await.unwrap(), "come");
    page.click("#b").await.unwrap();
    assert_eq!(page.until("document.querySelector('#b').textContent !== 'press'").await.unwrap(), true);
    page.click("#far").await.unwrap();
    page.until("window.far").await.unwrap();
    page.eval("window.scrollTo(0, 0)").await.unwrap();
    page.click("#i").await.unwrap();
    page.type_text("Åsa").await.unwrap();
    assert_eq!(page.eval("document.querySelector('#i').value").await.unwrap(), "Åsa");
    page.press("Shift+Tab").await.unwrap();
    assert_eq!(page.eval("document.activeElement.id").await.unwrap(), "b");
    page.eval("document.querySelector('#b').textContent = 'again'").await.unwrap();
    page.press("Enter").await.unwrap();
    assert_eq!(page.eval("document.querySelector('#b').textContent").await.unwrap(), "pressed");

    let things = page.things().await.unwrap();
    let thing = |role: &str, name: &str| Thing { role: role.to_owned(), name: name.to_owned() };
    assert!(things.contains(&thing("button", "pressed")) && things.contains(&thing("textbox", "name")), "{things:?}");
    assert_eq!(page.complaints().iter().filter(|complaint| !complaint.text.contains("favicon")).count(), 0);
    assert!(page.eval("nothing.there").await.unwrap_err().to_string().contains("nothing is not defined"));
    looks(&page).await;
    page.close().await.unwrap();
}

async fn looks(page: &Page) {
    let background = "getComputedStyle(document.body).backgroundColor";
    page.prefers(true, true).await.unwrap();
    assert_eq!(page.eval(background).await.unwrap(), "rgb(1, 2, 3)");
    assert_eq!(page.eval("matchMedia('(prefers-reduced-motion: reduce)').matches").await.unwrap(), true);
    page.prefers(false, false).await.unwrap();
    assert_eq!(page.eval(background).await.unwrap(), "rgba(0, 0, 0, 0)");
    page.viewport(390, 844, 1).await.unwrap();
    assert_eq!(page.eval("innerWidth").await.unwrap(), 390);
    // Width and height stand at bytes 16 and 20 of a PNG.
    let number = |png: &[u8], at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let png = page.screenshot(false).await.unwrap();
    assert_eq!((&png[1..4], number(&png, 16), number(&png, 20)), (&b"PNG"[..], 390, 844));
    let whole = page.screenshot(true).await.unwrap();
    assert!(number(&whole, 20) > 3000, "{}", number(&whole, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bad_page_does_is_complained_of() {
    let (url, browser) = (serve().await, Browser::start().await.unwrap());
    let page = browser.open(&format!("{url}/bad")).await.unwrap();
    page.until("document.readyState === 'complete'").await.unwrap();
    let wanted = [
        ("console.error", "said so 7"),
        ("uncaught", "Error: left out"),
        ("security", "img-src 'none'"),
        ("network", "/gone"),
    ];
    let has = |(of, words): &(&str, &str)| {
        page.complaints().iter().any(|complaint| complaint.of == *of && complaint.text.contains(words))
    };
    let begun = std::time::Instant::now();
    while !wanted.iter().all(has) {
        assert!(begun.elapsed().as_secs() < 30, "{:?}", page.complaints());
        page.eval("new Promise(done => requestAnimationFrame(done))").await.unwrap();
    }
    assert!(page.complaints().iter().all(|complaint| !complaint.text.contains("no harm")));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_with_its_profile_when_it_is_dropped() {
    let browser = Browser::start().await.unwrap();
    let profile = browser.profile().to_owned();
    assert!(profile.is_dir());
    drop(browser);
    let begun = std::time::Instant::now();
    while profile.exists() {
        assert!(begun.elapsed().as_secs() < 60, "{} is left", profile.display());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
