//! For everybody: by keyboard, on a phone, in the dark, by a screen reader; and for nobody without the token.

use serde_json::json;

use super::*;

const TOKEN: &str = "a token of some length";

/// Both tabs, in both colours and three widths.
#[tokio::test]
async fn it_fits_a_phone_and_follows_light_and_dark() {
    let world = World::new().await;
    world.put(0..EVENTS).await;
    let worker = world.worker(&[]);
    let page = world.open("#pipeline").await;
    holds(&page, &format!("document.querySelector('[data-figure=\"indexed\"]').dataset.value === '{EVENTS}'")).await;
    let background = "getComputedStyle(document.body).backgroundColor";
    let mut seen = Vec::new();
    for dark in [false, true] {
        page.prefers(dark, true).await.expect("colours");
        let theme = if dark { "dark" } else { "light" };
        holds(&page, &format!("document.documentElement.dataset.theme === '{theme}'")).await;
        seen.push(value(&page, background).await);
        let contrast = value(&page, CONTRAST).await;
        assert!(contrast.as_f64().is_some_and(|ratio| ratio >= 4.5), "{theme}: text at {contrast} to 1");
        for tab in ["pipeline", "events"] {
            value(&page, &format!("location.hash = '#{tab}'")).await;
            holds(&page, &format!("!document.querySelector('#view-{tab}').hidden")).await;
            for width in [360, 390, 1280] {
                page.viewport(width, 800, 1).await.expect("a size");
                // A chart is drawn anew when its box has changed.
                let fits = page.until(&format!("{TOO_WIDE}.length === 0")).await;
                let wide = value(&page, TOO_WIDE).await;
                assert!(fits.is_ok(), "{tab} at {width}, {theme}: {wide}");
            }
        }
    }
    assert_ne!(seen[0], seen[1], "dark looks like light");
    // What the address says goes before what the system asks for.
    let page = world.browser.blank().await.expect("a page");
    page.prefers(true, true).await.expect("colours");
    page.goto(&world.address.url("?theme=light#pipeline")).await.expect("the page");
    holds(&page, "document.documentElement.dataset.theme === 'light'").await;
    assert_eq!(value(&page, background).await, seen[0]);
    is_clean(&page);
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}

/// Elements that stick out of the window and in no box that scrolls by itself; empty when the page does not scroll aside.
const TOO_WIDE: &str = "(() => { const root = document.documentElement; \
    if (root.scrollWidth <= root.clientWidth) return []; \
    return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1) \
      .slice(0, 5).map(e => e.tagName + '.' + e.className + '#' + e.id); })()";

/// The least of texts with what is behind them, as WCAG counts it; 0 when the edge of what can be pressed is not seen.
const CONTRAST: &str = "(() => { const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(v => { \
      v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); \
      return 0.2126 * r + 0.7152 * g + 0.0722 * b; }; \
    const probe = document.body.appendChild(document.createElement('i')); \
    const of = name => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); }; \
    const pairs = ['ink', 'dim', 'accent', 'good', 'warn', 'bad'].flatMap(text => [[text, 'bg'], [text, 'card']]) \
      .concat([['on-accent', 'accent'], ['good', 'good-bg'], ['warn', 'warn-bg'], ['bad', 'bad-bg'], ['ink', 'bad-bg']]); \
    const ratios = pairs.map(([text, back]) => { const [a, b] = [of(text), of(back)].sort((x, y) => y - x); \
      return (a + 0.05) / (b + 0.05); }); \
    const [edge, card] = [of('edge'), of('card')].sort((x, y) => y - x); \
    probe.remove(); return (edge + 0.05) / (card + 0.05) < 3 ? 0 : Math.min(...ratios); })()";

#[tokio::test]
async fn the_keyboard_reaches_all_and_a_screen_reader_is_told() {
    let world = World::new().await;
    world.put(0..EVENTS).await;
    let worker = world.worker(&[]);
    let page = world.open("#pipeline").await;
    holds(&page, &format!("document.querySelector('[data-figure=\"indexed\"]').dataset.value === '{EVENTS}'")).await;
    // The first stop leads past the head; the next is the chosen tab, and only that one.
    page.press("Tab").await.expect("a key");
    assert_eq!(value(&page, "document.activeElement.getAttribute('href')").await, json!("#main"));
    page.press("Tab").await.expect("a key");
    let focus = "document.activeElement.id";
    assert_eq!(value(&page, focus).await, json!("tab-pipeline"));
    for (key, tab) in [
        ("ArrowRight", "events"),
        ("ArrowRight", "pipeline"),
        ("End", "events"),
        ("Home", "pipeline"),
        ("ArrowLeft", "events"),
    ] {
        page.press(key).await.expect("a key");
        assert_eq!(value(&page, focus).await, json!(format!("tab-{tab}")), "{key}");
        let chosen = "[...document.querySelectorAll('[role=tab][aria-selected=true]')].map(tab => tab.id).join()";
        assert_eq!(value(&page, chosen).await, json!(format!("tab-{tab}")), "{key}");
        let shown = "[...document.querySelectorAll('[role=tabpanel]')].filter(view => !view.hidden).map(view => view.id).join()";
        assert_eq!(value(&page, shown).await, json!(format!("view-{tab}")), "{key}");
        assert!(
            value(&page, "location.hash").await.as_str().is_some_and(|hash| hash.starts_with(&format!("#{tab}"))),
            "{key}"
        );
    }
    // Past the head, and not to another view.
    value(&page, "document.querySelector('#skip').focus()").await;
    page.press("Enter").await.expect("a key");
    assert_eq!(value(&page, focus).await, json!("main"));
    assert_eq!(value(&page, "document.querySelector('#view-events').hidden").await, json!(false));
    assert_eq!(value(&page, "location.hash.startsWith('#events')").await, json!(true));
    value(&page, "document.querySelector('#tab-events').focus()").await;
    page.press("ArrowLeft").await.expect("a key");
    // What has the focus is seen to have it.
    let outline = "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle + s.outlineWidth + s.boxShadow; })()";
    assert_ne!(value(&page, outline).await, json!("none0pxnone"));

    let things = page.things().await.expect("a tree");
    let named = |role: &str, name: &str| things.iter().any(|thing| thing.role == role && thing.name.contains(name));
    assert!(named("tab", "Pipeline") && named("tab", "Events"), "{things:?}");
    assert!(named("tabpanel", "Pipeline"), "{things:?}");
    let nameless: Vec<_> = things
        .iter()
        .filter(|thing| {
            ["button", "link", "tab", "combobox", "textbox", "image", "img"].contains(&thing.role.as_str())
                && thing.name.is_empty()
        })
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
    charts_have_tables(&page, "#view-pipeline").await;
    is_clean(&page);
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}

/// Each chart is named for who cannot see it, and a table beside it has its numbers.
pub async fn charts_have_tables(page: &Page, view: &str) {
    let all = value(page, &format!("document.querySelectorAll('{view} canvas').length")).await;
    assert!(all.as_u64() > Some(0), "no charts in {view}");
    let bare = format!(
        "[...document.querySelectorAll('{view} canvas')].filter(canvas => {{ \
           const box = canvas.closest('section'); const table = box.querySelector('table'); \
           return !canvas.getAttribute('aria-label') || !table || !table.querySelector('thead th') || !table.closest('section').isSameNode(box); \
         }}).map(canvas => canvas.closest('section')?.innerText.slice(0, 60))"
    );
    assert_eq!(value(page, &bare).await, json!([]));
}

#[tokio::test]
async fn without_the_token_nothing_is_shown_and_with_it_all_is() {
    let world = World::new().await;
    world.put(0..EVENTS).await;
    let token = world.dir.path().join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).expect("a file");
    let worker = world.worker(&["--http-token-file", token.to_str().expect("a path")]);
    let page = world.open("#pipeline").await;
    holds(&page, "!document.querySelector('#login').hidden").await;
    let status = "fetch('/page/pipeline').then(answer => answer.status)";
    assert_eq!(value(&page, status).await, json!(401));
    assert_eq!(value(&page, "document.querySelector('#view-pipeline').checkVisibility()").await, json!(false));
    let shown = value(&page, "document.body.innerText").await;
    assert!(
        !shown.as_str().is_some_and(|shown| shown.contains("shardId") || shown.contains(&EVENTS.to_string())),
        "{shown}"
    );

    page.click("#token").await.expect("a click");
    page.type_text("a token of another").await.expect("typed");
    page.press("Enter").await.expect("a key");
    holds(&page, "document.querySelector('#login-trouble').innerText.includes('not the token')").await;
    assert_eq!(value(&page, status).await, json!(401));

    value(&page, "document.querySelector('#token').value = ''").await;
    page.click("#token").await.expect("a click");
    page.type_text(TOKEN).await.expect("typed");
    page.press("Enter").await.expect("a key");
    holds(&page, &format!("document.querySelector('[data-figure=\"indexed\"]').dataset.value === '{EVENTS}'")).await;
    assert_eq!(value(&page, "document.querySelector('#login').checkVisibility()").await, json!(false));
    // No script can read what stands for the token, and no address holds it.
    assert_eq!(value(&page, "document.cookie + location.href.includes('token')").await, json!("false"));
    // The browser writes each 401 on its console; nothing else is there.
    let others: Vec<_> = page.complaints().into_iter().filter(|complaint| !complaint.text.contains("401")).collect();
    assert_eq!(others, []);
    page.click("#logout").await.expect("a click");
    holds(&page, "!document.querySelector('#login').hidden").await;
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}
