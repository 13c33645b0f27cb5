//! What a description has to have before str0m sees it: it gives its connection up over some that lack it,
//! and uses an offer up over an answer that doesn't fit.

use std::collections::HashSet;

use str0m::media::Mid;

use super::{Description, Section};

/// Lines that stand in the session or in its sections (RFC 8829, section 5.2.1), and their names.
const NEEDED: [(&str, &str); 4] = [
    ("a=ice-ufrag:", "no ICE ufrag"),
    ("a=ice-pwd:", "no ICE password"),
    ("a=fingerprint:", "no certificate fingerprint"),
    ("a=setup:", "no DTLS role"),
];

/// Kind and id of each section, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outline(Vec<(String, Option<Mid>)>);

impl Description {
    /// Says what is missing for the description to be negotiated; `None`: nothing.
    pub(crate) fn lack(&self) -> Option<&'static str> {
        let missing = NEEDED.into_iter().find(|(prefix, _)| !self.has(prefix));
        if let Some((_, name)) = missing {
            return Some(name);
        }
        let mut mids = HashSet::new();
        for section in &self.sections {
            match section.mid() {
                Some(mid) if !mids.insert(mid) => return Some("two sections of one id"),
                None if !section.is_stopped() => return Some("a section without id"),
                Some(_) | None => {}
            }
        }
        None
    }

    /// Gives kind and id of each section.
    pub(crate) fn outline(&self) -> Outline {
        let sections = self.sections.iter();
        Outline(sections.map(|section| (section.kind_word(), section.mid())).collect())
    }
}

impl Outline {
    /// Tells whether `answer` has the same sections in the same order (RFC 3264, section 6). One that it
    /// rejects may lack its id.
    pub(crate) fn fits(&self, answer: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&answer.0);
        self.0.len() == answer.0.len()
            && pairs.all(|((kind, mid), (answered_kind, answered_mid))| {
                kind == answered_kind && (answered_mid.is_none() || mid == answered_mid)
            })
    }
}

impl Section {
    fn kind_word(&self) -> String {
        let words = self.first_line().split(' ').next();
        words.unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "v=0\r\na=fingerprint:sha-256 AA\r\nm=audio 9 x 0\r\na=mid:0\r\n\
        a=ice-ufrag:u\r\na=ice-pwd:p\r\na=setup:actpass\r\nm=video 0 x 0\r\na=mid:1\r\n";

    fn read(text: &str) -> Description {
        Description::parse(text).unwrap()
    }

    #[test]
    fn each_needed_line_is_missed() {
        assert_eq!(read(WHOLE).lack(), None);
        for (prefix, name) in NEEDED {
            let lines = WHOLE.lines().filter(|line| !line.starts_with(prefix));
            let text: Vec<&str> = lines.collect();
            assert_eq!(read(&text.join("\r\n")).lack(), Some(name));
        }
    }

    #[test]
    fn ids_are_unique_and_only_a_stopped_section_may_lack_one() {
        let twice = WHOLE.replace("a=mid:1", "a=mid:0");
        let stopped = WHOLE.replace("a=mid:1\r\n", "");
        let none = WHOLE.replace("a=mid:0\r\n", "");

        assert_eq!(read(&twice).lack(), Some("two sections of one id"));
        assert_eq!(read(&stopped).lack(), None);
        assert_eq!(read(&none).lack(), Some("a section without id"));
    }

    #[test]
    fn an_answer_fits_if_it_has_the_sections_of_the_offer() {
        let offer = read(WHOLE).outline();

        let fits = |text: &str| offer.fits(&read(text).outline());
        assert!(fits(WHOLE));
        assert!(fits(&WHOLE.replace("a=mid:1\r\n", "")));
        assert!(!fits(&WHOLE.replace("a=mid:1", "a=mid:2")));
        assert!(!fits(&WHOLE.replace("m=video", "m=audio")));
        assert!(!fits(&format!("{WHOLE}m=audio 9 x 0\r\na=mid:2\r\n")));
    }
}
