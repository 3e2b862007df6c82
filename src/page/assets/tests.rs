use std::path::Path;

use http_body_util::BodyExt as _;

use super::*;

/// What fits a phone's patience, raw; and the program's size.
const MOST: usize = 300 * 1000;

fn asked(name: &str, header: Option<(axum::http::HeaderName, &str)>) -> Response {
    file(name, &header.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect())
}

async fn body(response: Response) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

#[test]
fn all_together_are_small() {
    let sum: usize = ASSETS.iter().map(|asset| asset.plain().body.len()).sum();
    assert!(sum < MOST, "{sum} bytes of assets, more than {MOST}");
}

#[test]
fn every_file_of_the_folder_is_served_and_the_other_way_round() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut files = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.retain(|name| name != "vendor/README.md");
    files.sort_unstable();
    let mut served: Vec<_> = ASSETS.iter().map(|asset| asset.name).collect();
    served.sort_unstable();
    assert_eq!(served, files);
}

#[test]
fn every_file_is_served_as_it_is_in_the_folder() {
    for asset in &ASSETS {
        let file = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(asset.name)).unwrap();
        assert!(asset.plain().body == file, "{}", asset.name);
    }
}

#[test]
fn every_file_that_is_named_is_there() {
    let names = ASSETS.iter().map(|asset| asset.name);
    let texts = ASSETS.iter().filter(|asset| !asset.name.starts_with("vendor/"));
    let mut found = 0;
    for asset in texts {
        let text = std::str::from_utf8(&asset.plain().body).unwrap();
        let imports = text.split("from \"./").skip(1).chain(text.split("/page/assets/").skip(1));
        for rest in imports {
            let name = rest.split(['"', '\'', ')']).next().unwrap();
            assert!(names.clone().any(|known| known == name), "{} names {name}", asset.name);
            found += 1;
        }
    }
    assert!(found > 15, "{found} names found: does the test still see them?");
}

#[test]
fn nothing_is_from_elsewhere_and_nothing_is_inline() {
    for asset in ASSETS.iter().filter(|asset| !asset.name.starts_with("vendor/") && asset.name != "icon.svg") {
        let text = std::str::from_utf8(&asset.plain().body).unwrap();
        for bad in ["http://", "https://", "innerHTML", "style=\"", "onclick=", "eval("] {
            assert!(!text.contains(bad), "{} holds {bad}", asset.name);
        }
    }
}

#[test]
fn the_chart_library_is_untouched() {
    let (_, wanted) = include_str!("../../../assets/vendor/README.md").split_once("SHA-256 `").unwrap();
    let wanted = wanted.split('`').next().unwrap();
    let asset = ASSETS.iter().find(|asset| asset.name == "vendor/chart.umd.min.js").unwrap();
    let is: String = Sha256::digest(&asset.plain().body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(is, wanted, "take the file anew from the package, and write its version and sum into vendor/README.md");
}

#[tokio::test]
async fn gzip_for_who_takes_it() {
    let plain = asked("page.css", None);
    assert_eq!(plain.headers()[CONTENT_TYPE], CSS);
    assert!(plain.headers().get(CONTENT_ENCODING).is_none());
    let plain = body(plain).await;
    assert_eq!(plain, include_bytes!("../../../assets/page.css"));
    let packed = asked("page.css", Some((ACCEPT_ENCODING, "br;q=1.0, gzip;q=0.8")));
    assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&body(packed).await[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    for not in ["br", "gzip;q=0", "gzipped", "identity"] {
        let headers = asked("page.css", Some((ACCEPT_ENCODING, not)));
        assert!(headers.headers().get(CONTENT_ENCODING).is_none(), "{not}");
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let first = asked("main.js", None);
    let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
    assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
    let again = asked("main.js", Some((IF_NONE_MATCH, &tag)));
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(body(again).await, b"");
    assert_eq!(asked("main.js", Some((IF_NONE_MATCH, "\"other\""))).status(), StatusCode::OK);
    assert_eq!(asked("../Cargo.toml", None).status(), StatusCode::NOT_FOUND);
}
