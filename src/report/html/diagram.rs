//! The dialogue of a case as a sequence diagram: two lifelines, an SVG arrow for each message. Rows are laid out as a
//! list around their arrows, because text within SVG does not wrap, and a phone is narrow.

use maud::{Markup, html};

use crate::report::{
    CaseResult,
    transcript::{Direction, Row, has_several_sessions, rows},
};

/// The diagram.
pub fn of(result: &CaseResult) -> Markup {
    let several = has_several_sessions(&result.trace);
    let (rows, left_out) = rows(&result.trace);
    let first = result
        .findings
        .iter()
        .filter_map(|finding| finding.event)
        .min();
    let ours = match result.scenario.role {
        crate::wire::Role::Responder => "syncspec, initiator",
        crate::wire::Role::Initiator => "syncspec, responder",
    };
    html! {
        div.sequence {
            p.ends aria-hidden="true" { span { (ours) } span { "the peer" } }
            ol {
                @for (at, row) in rows.iter().enumerate() {
                    @if let Some((place, count)) = left_out && place == at { li.gap { span.label { (count) " more" } } }
                    (line(row, result, first, several))
                }
            }
        }
    }
}

fn line(row: &Row, result: &CaseResult, first: Option<usize>, several: bool) -> Markup {
    let findings = || {
        result
            .findings
            .iter()
            .filter(|finding| finding.event == Some(row.index))
    };
    let way = match row.direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
        Direction::Here => "here",
    };
    let mark = match (findings().next().is_some(), row.deviations.is_empty()) {
        (true, _) => "wrong",
        (false, false) => "deviation",
        (false, true) => "plain",
    };
    html! {
        li.(way).(mark) {
            span.time { (format!("{:.1} ms", row.at.as_secs_f64() * 1000.0)) }
            div.lane {
                p.label {
                    @if several { span.session { (row.session) } " " }
                    b { (row.name) }
                    @if let Some(counter) = row.counter { span.counter { " #" (counter) } }
                    @if !row.detail.is_empty() { " " bdi.detail { (row.detail) } }
                }
                (arrow(row.direction))
                @if !row.deviations.is_empty() {
                    p.note { b { "our deviation" } " " bdi { (row.deviations.join(", ")) } }
                }
                @for finding in findings() {
                    p.note {
                        b { @if first == Some(row.index) { "first divergence" } @else { "broken" } }
                        " " code { (finding.rule.as_str()) }
                    }
                }
            }
        }
    }
}

/// The arrow is drawn from both of its ends, so that it fits any width without its head being stretched.
fn arrow(direction: Direction) -> Markup {
    match direction {
        Direction::Here => html! {},
        Direction::Sent => html! {
            svg.arrow width="100%" height="9" role="img" aria-label="from us to the peer" {
                line x1="0" y1="4.5" x2="100%" y2="4.5" {}
                svg x="100%" overflow="visible" { path d="M-9 0.5 L0 4.5 L-9 8.5 Z" {} }
            }
        },
        Direction::Received => html! {
            svg.arrow width="100%" height="9" role="img" aria-label="from the peer to us" {
                line x1="0" y1="4.5" x2="100%" y2="4.5" {}
                path d="M9 0.5 L0 4.5 L9 8.5 Z" {}
            }
        },
    }
}
