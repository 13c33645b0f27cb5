//! SDP fragments: what ICE has to say after the offer (RFC 8840, section 9).
//!
//! Invariant: whatever the text, at most [`CANDIDATES_MAX`] candidates are held.

/// Candidates of one request; a client with a dozen interfaces has fewer.
const CANDIDATES_MAX: usize = 64;

/// Longest candidate line that is looked at; real ones have about 150 bytes.
const CANDIDATE_BYTES_MAX: usize = 512;

/// Longest user fragment or password (RFC 8839, section 5.4).
const CREDENTIAL_BYTES_MAX: usize = 256;

/// What a client says of its ICE session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fragment {
    /// User fragment and password, if they are named.
    pub(crate) credentials: Option<Credentials>,
    /// Candidates, without `a=`.
    pub(crate) candidates: Vec<String>,
}

/// The credentials of an ICE session.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Credentials");
        debug.field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// Reads a fragment; `None` if it is none. Candidates that are too long or too many are left out, as
/// RFC 9725 asks of those that can't be used (section 4.3.2).
pub(crate) fn read(text: &str) -> Option<Fragment> {
    let lines = text.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.is_empty());
    let mut fragment = Fragment::default();
    let mut is_empty = true;
    for line in lines {
        is_empty = false;
        let (kind, value) = line.split_once('=')?;
        if kind.len() != 1 {
            return None;
        }
        if let Some(candidate) = value.strip_prefix("candidate:").filter(|_| kind == "a")
            && fragment.candidates.len() < CANDIDATES_MAX
            && candidate.len() <= CANDIDATE_BYTES_MAX
        {
            fragment.candidates.push(value.to_owned());
        }
    }
    if is_empty {
        return None;
    }
    fragment.credentials = credentials(text)?;
    Some(fragment)
}

/// Reads the first credentials of a description or fragment. `None` if one is there without the other
/// or breaks its grammar; `Some(None)` if there are none.
#[expect(clippy::option_option, reason = "none and unreadable are not the same")]
fn credentials(text: &str) -> Option<Option<Credentials>> {
    let value = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix));
    match (value("a=ice-ufrag:"), value("a=ice-pwd:")) {
        (None, None) => Some(None),
        (Some(ufrag), Some(password)) => {
            let (ufrag, password) = (ufrag.trim_end(), password.trim_end());
            let is_usable = is_ice_text(ufrag, 4) && is_ice_text(password, 22);
            is_usable.then(|| {
                Some(Credentials {
                    ufrag: ufrag.to_owned(),
                    password: password.to_owned(),
                })
            })
        }
        (Some(_), None) | (None, Some(_)) => None,
    }
}

/// Reads the credentials of a whole description.
pub(crate) fn credentials_of(description: &str) -> Option<Credentials> {
    credentials(description).flatten()
}

/// Tells whether a text has the grammar of ICE credentials (RFC 8839, section 5.4).
fn is_ice_text(text: &str, bytes_min: usize) -> bool {
    (bytes_min..=CREDENTIAL_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

/// Writes what an answer says of ICE as a fragment: session lines, then the section that the others
/// are bundled with.
pub(crate) fn write(answer: &str) -> String {
    const SESSION: [&str; 3] = ["a=ice-lite", "a=ice-options:", "a=group:"];
    const SECTION: [&str; 4] = ["m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:"];
    let lines: Vec<&str> = answer.lines().map(str::trim_end).collect();
    let is_head = |line: &&str| line.starts_with("m=");
    let head = lines.iter().position(is_head).unwrap_or(lines.len());
    let (session, sections) = lines.split_at(head);
    let first_end = sections.iter().skip(1).position(is_head);
    let first = &sections[..first_end.map_or(sections.len(), |end| end + 1)];
    let starts_with = |line: &str, wanted: &[&str]| wanted.iter().any(|w| line.starts_with(w));

    let mut written: Vec<&str> = Vec::new();
    // ICE options may stand in the session or in each section.
    let of_session = session.iter().chain(first);
    written.extend(of_session.filter(|line| starts_with(line, &SESSION)));
    // Credentials may as well.
    let of_section = first.iter().filter(|line| starts_with(line, &SECTION));
    written.extend(of_section);
    let has_ufrag = written.iter().any(|line| line.starts_with("a=ice-ufrag:"));
    if !has_ufrag {
        written.extend(session.iter().filter(|line| starts_with(line, &SECTION)));
    }
    written.extend(first.iter().filter(|line| line.starts_with("a=candidate:")));
    written.push("a=end-of-candidates");
    written
        .iter()
        .fold(String::new(), |text, line| text + line + "\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRICKLE: &str = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
        a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
        a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r\n\
        a=candidate:2 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\na=end-of-candidates\r\n";

    #[test]
    fn credentials_and_candidates_are_read() {
        let fragment = read(TRICKLE).unwrap();

        assert_eq!(fragment.candidates.len(), 2);
        assert!(fragment.candidates[0].starts_with("candidate:1 1 udp"));
        assert_eq!(fragment.credentials.unwrap().ufrag, "EsAw");
        let bare = read("a=candidate:1 1 udp 1 192.0.2.1 9 typ host").unwrap();
        assert_eq!((bare.credentials, bare.candidates.len()), (None, 1));
    }

    #[test]
    fn what_is_no_fragment_is_refused() {
        for text in [
            "",
            "\r\n",
            "{}",
            "hello",
            "candidate=1",
            "a=ice-ufrag:abcd",
            "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
            "a=ice-ufrag:abc\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
            "a=ice-ufrag:abcd\r\na=ice-pwd:short",
            "a=ice-ufrag:ab d\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_answer_becomes_a_fragment_of_its_first_section() {
        let answer = "v=0\r\ns=-\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\nm=audio 9 x 111\r\na=mid:0\r\n\
            a=ice-options:trickle\r\na=ice-ufrag:srv1\r\na=ice-pwd:secret\r\na=recvonly\r\n\
            a=candidate:1 1 udp 9 192.0.2.9 7882 typ host\r\nm=video 9 x 96\r\na=mid:1\r\n\
            a=ice-ufrag:srv1\r\na=ice-pwd:secret\r\na=candidate:1 1 udp 9 192.0.2.9 7882 typ host\r\n";

        let expected = "a=group:BUNDLE 0 1\r\na=ice-lite\r\na=ice-options:trickle\r\n\
            m=audio 9 x 111\r\na=mid:0\r\na=ice-ufrag:srv1\r\na=ice-pwd:secret\r\n\
            a=candidate:1 1 udp 9 192.0.2.9 7882 typ host\r\na=end-of-candidates\r\n";
        assert_eq!(write(answer), expected);
    }

    #[test]
    fn passwords_are_not_written_to_logs() {
        let fragment = read(TRICKLE).unwrap();

        assert!(!format!("{fragment:?}").contains("P2uYro"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_candidates_are_bounded(text in "([am]=(candidate:|ice-ufrag:|ice-pwd:)?[ -~]{0,30}\n){0,100}") {
            if let Some(fragment) = read(&text) {
                prop_assert!(fragment.candidates.len() <= CANDIDATES_MAX);
            }
            let _ = write(&text);
        }
    }
}
