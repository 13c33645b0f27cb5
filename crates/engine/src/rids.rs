//! Which layer a restriction id names (RFC 8851): ids are free, and their order in an offer is not kept
//! to by everybody, so known sets of names come first.
//!
//! | names | from small to large | who |
//! | --- | --- | --- |
//! | quarter, half, full | `q`, `h`, `f` | LiveKit's clients |
//! | low, medium, high | `l`, `m`, `h`, or the words | many pages |
//! | numbers | `2`, `1`, `0`: the first is the whole picture | OBS |
//! | others | from last to first, as the first is preferred (RFC 8853, section 5.2) | |

use str0m::media::{Mid, Rid};

const QUARTER_HALF_FULL: &[(&str, u32)] = &[("q", 0), ("h", 1), ("f", 2)];

#[rustfmt::skip]
const LOW_MEDIUM_HIGH: &[(&str, u32)] = &[
    ("l", 0), ("lo", 0), ("low", 0),
    ("m", 1), ("mid", 1), ("med", 1), ("medium", 1),
    ("h", 2), ("hi", 2), ("high", 2),
];

/// The layers that a client sends in its sections, from small to large.
#[derive(Debug, Default)]
pub(crate) struct LayerNames(Vec<(Mid, Vec<Rid>)>);

impl LayerNames {
    /// Notes the ids that a section's `a=simulcast` lists, in its order.
    pub(crate) fn set(&mut self, section: Mid, sent: &[&str]) {
        self.0.retain(|(mid, _)| *mid != section);
        if sent.len() > 1 {
            let sorted = from_small_to_large(sent);
            self.0
                .push((section, sorted.into_iter().map(Rid::from).collect()));
        }
    }

    /// The place of a layer among those of its section; 0 for one that has no name or that nobody listed.
    pub(crate) fn encoding(&self, section: Mid, rid: Option<Rid>) -> u8 {
        let names = self.0.iter().find(|(mid, _)| *mid == section);
        let place = names.and_then(|(_, names)| names.iter().position(|name| Some(*name) == rid));
        place.map_or(0, |place| u8::try_from(place).unwrap_or(u8::MAX))
    }
}

fn from_small_to_large<'a>(sent: &[&'a str]) -> Vec<&'a str> {
    let mut sorted = sent.to_vec();
    if let Some(ranks) = ranks(sent, QUARTER_HALF_FULL).or_else(|| ranks(sent, LOW_MEDIUM_HIGH)) {
        let rank = |name: &&str| {
            sent.iter()
                .position(|sent| sent == name)
                .map(|at| ranks[at])
        };
        sorted.sort_by_key(rank);
    } else if sent.iter().all(|name| name.parse::<u32>().is_ok()) {
        sorted.sort_by_key(|name| std::cmp::Reverse(name.parse::<u32>().ok()));
    } else {
        sorted.reverse();
    }
    sorted
}

/// The ranks of the names, if the table has all of them.
fn ranks(sent: &[&str], table: &[(&str, u32)]) -> Option<Vec<u32>> {
    let rank = |name: &&str| table.iter().find(|(known, _)| known == name);
    sent.iter()
        .map(|name| rank(name).map(|(_, rank)| *rank))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_sorted_whatever_the_order_and_others_are_taken_from_the_last() {
        for (sent, sorted) in [
            (vec!["q", "h", "f"], vec!["q", "h", "f"]),
            (vec!["f", "h", "q"], vec!["q", "h", "f"]),
            (vec!["h", "q"], vec!["q", "h"]),
            (vec!["h", "m", "l"], vec!["l", "m", "h"]),
            (vec!["l", "h"], vec!["l", "h"]),
            (vec!["low", "high", "mid"], vec!["low", "mid", "high"]),
            (vec!["0", "1", "2"], vec!["2", "1", "0"]),
            (vec!["2", "0", "1"], vec!["2", "1", "0"]),
            (vec!["10", "9"], vec!["10", "9"]),
            (vec!["best", "good", "poor"], vec!["poor", "good", "best"]),
            (vec!["q", "x"], vec!["x", "q"]),
        ] {
            assert_eq!(from_small_to_large(&sent), sorted, "{sent:?}");
        }
    }

    #[test]
    fn a_layer_has_its_place_in_its_own_section_only() {
        let (camera, screen) = (Mid::from("1"), Mid::from("2"));
        let mut names = LayerNames::default();

        names.set(camera, &["0", "1", "2"]);
        names.set(screen, &["f"]);

        let place = |section, name: &str| names.encoding(section, Some(Rid::from(name)));
        assert_eq!(
            [place(camera, "2"), place(camera, "1"), place(camera, "0")],
            [0, 1, 2]
        );
        assert_eq!([place(camera, "x"), place(screen, "f")], [0, 0]);
        assert_eq!(names.encoding(camera, None), 0);
        names.set(camera, &["q", "h"]);
        assert_eq!(
            names.encoding(camera, Some(Rid::from("h"))),
            1,
            "as in the newest offer"
        );
    }
}
