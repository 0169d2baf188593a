use std::time::Duration;

use super::*;
use crate::report::samples;

fn page_of_samples() -> String {
    page(&samples::run())
}

/// The page without the style and the script that it came with.
fn without_code(page: &str) -> String {
    [("<style>", "</style>"), ("<script>", "</script>")]
        .iter()
        .fold(page.to_owned(), |page, (from, to)| {
            let (start, end) = (page.find(from).unwrap(), page.find(to).unwrap());
            format!("{}{}", &page[..start], &page[end + to.len()..])
        })
}

#[test]
fn page_then_needs_nothing_from_elsewhere_and_runs_nothing_but_its_own() {
    let page = page_of_samples();
    for outside in ["@import", "url("] {
        assert!(!STYLE.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
    for tag in without_code(&page).split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        for forbidden in [" src=", " style=", " on"] {
            assert!(!tag.contains(forbidden), "<{tag}>");
        }
        for forbidden in ["script", "link", "iframe", "object", "img"] {
            assert!(!tag.starts_with(forbidden), "<{tag}>");
        }
    }
}

#[test]
fn peers_text_then_stays_text() {
    let page = page_of_samples();
    assert!(page.contains("&lt;script&gt;alert(1)"), "the text is shown");
    assert_eq!(page.matches("<script>").count(), 1, "only the page's own");
    assert!(!page.contains("<img"));
    for hidden in ['\u{202e}', '\u{1b}', '\0'] {
        assert!(!page.contains(hidden), "{:x}", u32::from(hidden));
    }
    assert!(page.contains("\\u{202e}"), "spelt out");
}

#[test]
fn megabytes_of_a_peer_then_a_page_that_opens() {
    let page = page_of_samples();
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
}

#[test]
fn every_element_then_closed_where_it_was_opened() {
    let page = without_code(&page_of_samples());
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split(|end: char| " >\n".contains(end)).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "at <{tag}"),
            None if ["!DOCTYPE", "meta", "input", "wbr"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn ids_then_unique_and_every_link_leads_somewhere() {
    let page = page_of_samples();
    let values = |attribute: &str| -> Vec<String> {
        let start = format!(" {attribute}=\"");
        let values = page.split(start.as_str()).skip(1);
        values
            .map(|rest| rest[..rest.find('"').unwrap()].to_owned())
            .collect()
    };
    let mut ids = values("id");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is given twice");
    for link in values("href") {
        let id = link.strip_prefix('#').unwrap();
        assert!(ids.iter().any(|known| known == id), "{link}");
    }
}

#[test]
fn failure_then_told_with_all_that_is_known_of_it() {
    let page = page_of_samples();
    for part in [
        "first divergence",
        "our deviation",
        "A nonce used before ends the session.",
        "can play recorded messages again",
        "syncspec replay failures/envelope.json",
        "What the peer printed",
        "How to read a dialogue",
        "3 of 10 plays did not pass",
        "being mended",
    ] {
        let plain = part.replace("&#39;", "'");
        assert!(page.contains(part) || page.contains(&plain), "{part}");
    }
}

#[test]
fn passed_and_failed_then_failures_come_first() {
    let page = page_of_samples();
    let at = |text: &str| page.find(text).unwrap();
    assert!(at("id=\"case-0\"") < at("id=\"rules-title\""));
    assert!(page.contains("2 failed, 1 flaky"), "the headline");
}

#[test]
fn no_case_played_then_says_why_and_nothing_passed() {
    let page = page(&samples::not_played());
    for part in ["<h1>no case was played</h1>", "the peer is not set up"] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["Every case passed", "What to look at", "id=\"search\""] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(
        page.contains("<main id=\"main\">"),
        "the link to the results"
    );
    assert!(!page.contains("<script>alert"), "{page}");
}

#[test]
fn peer_that_fails_everything_then_the_rest_is_counted() {
    let run = samples::run();
    let many: Vec<_> = run.results.iter().cycle().take(2_000).cloned().collect();
    let page = page(&Run {
        results: &many,
        ..run
    });
    assert!(page.contains("more are in the list of all cases"));
    assert!(page.len() < 30_000_000, "{}", page.len());
}

#[test]
fn days_then_dates() {
    let at = |seconds| date(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(at(0), "1970-01-01 00:00 UTC");
    assert_eq!(at(951_827_696), "2000-02-29 12:34 UTC");
    assert_eq!(at(1_767_225_599), "2025-12-31 23:59 UTC");
}
