//! What the payload types of a client mean.
//!
//! A payload type stands for one codec as long as the session lives (RFC 3264, section 8.3.2), in all sections
//! that share a transport (RFC 9143, section 9.1.1). str0m relies on that: a description that gives one of
//! them two meanings would make it panic.
//!
//! Invariant: at most 128 payload types are remembered.

use std::collections::BTreeMap;

use super::Description;
use super::text::Section;

/// Parameters that tell one format of a codec from another: name, what holds without it, how much of it
/// counts. The last two digits of an H.264 profile are its level, which may differ.
const TELLING: [(&str, &str, usize); 5] = [
    ("apt", "", usize::MAX),
    ("packetization-mode", "0", usize::MAX),
    ("profile", "0", usize::MAX),
    ("profile-id", "0", usize::MAX),
    ("profile-level-id", "4200", 4),
];

/// The meanings that were agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Formats(BTreeMap<u8, Vec<String>>);

impl Formats {
    /// Adds those of `description`.
    ///
    /// # Errors
    ///
    /// A payload type that means two things.
    pub(crate) fn with(&self, description: &Description) -> Result<Self, u8> {
        let mut all = self.clone();
        let live = description
            .sections
            .iter()
            .filter(|section| !section.is_stopped());
        for (payload_type, meaning) in live.flat_map(meanings) {
            let meaning = meaning.ok_or(payload_type)?;
            let known = all.0.entry(payload_type).or_insert_with(|| meaning.clone());
            if *known != meaning {
                return Err(payload_type);
            }
        }
        Ok(all)
    }
}

/// The meaning of each payload type that a section explains, if there is one; a payload type that is
/// explained twice comes twice.
fn meanings(section: &Section) -> Vec<(u8, Option<Vec<String>>)> {
    let explained = section.attributes("a=rtpmap:");
    let numbered = explained.filter_map(|(payload_type, encoding)| {
        let number: u8 = payload_type.parse().ok().filter(|number| *number < 128)?;
        Some((number, meaning(section, payload_type, encoding)))
    });
    numbered.collect()
}

/// What tells the format of a payload type from others; `None` if its parameters contradict each other.
fn meaning(section: &Section, payload_type: &str, encoding: &str) -> Option<Vec<String>> {
    let lines = section.attributes("a=fmtp:");
    let parameters: Vec<(&str, &str)> = lines
        .filter(|(of, _)| *of == payload_type)
        .flat_map(|(_, parameters)| parameters.split(';'))
        .filter_map(|parameter| parameter.trim().split_once('='))
        .collect();
    let mut meaning = vec![encoding.to_ascii_lowercase()];
    for (name, default, counts) in TELLING {
        let named = parameters
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let mut values = named.map(|(_, value)| {
            let value: String = value.chars().take(counts).collect();
            value.to_ascii_lowercase()
        });
        let value = values.next().unwrap_or_else(|| default.to_owned());
        if values.any(|other| other != value) {
            return None;
        }
        meaning.push(value);
    }
    Some(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formats(sections: &[&str]) -> Result<Formats, u8> {
        let head = "m=video 9 UDP/TLS/RTP/SAVPF 39 40\r\n";
        let text = sections
            .iter()
            .fold(String::new(), |text, section| text + head + section);
        let description = Description::parse(&text).expect("there are sections");
        Formats::default().with(&description)
    }

    const MAIN: &str =
        "a=rtpmap:39 H264/90000\r\na=fmtp:39 profile-level-id=4d001f;packetization-mode=1\r\n";

    #[test]
    fn what_differs_in_level_order_and_case_means_the_same() {
        let same = "a=rtpmap:39 h264/90000\r\na=fmtp:39 x=1; packetization-mode=1; profile-level-id=4D0034\r\n";

        assert!(formats(&[MAIN, same]).is_ok());
    }

    #[test]
    fn two_meanings_are_told_wherever_they_stand() {
        let vp8 = "a=rtpmap:39 VP8/90000\r\n";
        let base = "a=rtpmap:39 H264/90000\r\n";
        let mode = "a=rtpmap:39 H264/90000\r\na=fmtp:39 profile-level-id=4d001f\r\n";
        for other in [vp8, base, mode] {
            assert_eq!(formats(&[MAIN, other]), Err(39), "{other}");
        }
        let profile = "a=fmtp:39 profile-level-id=42001f\r\n";
        for other in [vp8, profile] {
            assert_eq!(formats(&[&format!("{MAIN}{other}")]), Err(39), "{other}");
        }
        let repair = |of: u8| format!("a=rtpmap:40 rtx/90000\r\na=fmtp:40 apt={of}\r\n");
        assert_eq!(formats(&[&repair(39), &repair(41)]), Err(40));
    }

    #[test]
    fn a_meaning_lasts_from_one_description_to_the_next() {
        let first = formats(&[MAIN]).expect("it is clear");
        let later = Description::parse("m=video 9 x 39\r\na=rtpmap:39 VP8/90000\r\n");

        assert_eq!(first.with(&later.expect("a section")), Err(39));
    }

    #[test]
    fn a_stopped_section_and_what_is_no_payload_type_mean_nothing() {
        let text = "m=video 0 x 39\r\na=rtpmap:39 VP8/90000\r\nm=video 9 x 39\r\na=rtpmap:39 VP9/90000\r\n\
                    a=rtpmap:300 VP8/90000\r\na=rtpmap:x\r\n";
        let description = Description::parse(text).expect("there are sections");

        let formats = Formats::default().with(&description).expect("it is clear");

        assert_eq!(formats.0.len(), 1);
    }
}
