//! ICE candidates as clients write them: the JSON of `RTCIceCandidateInit`.

use serde::Deserialize;

/// Longest candidate line that is looked at; real ones have about 150 bytes.
const CANDIDATE_BYTES_MAX: usize = 512;

#[derive(Deserialize)]
struct CandidateInit {
    #[serde(default)]
    candidate: String,
}

/// Takes the candidate line out of `json`. An empty one means that there are no more, and nothing
/// needs to be done about it; the same goes for what can't be read.
pub(crate) fn candidate(json: &str) -> Option<String> {
    let init: CandidateInit = serde_json::from_str(json).ok()?;
    let line = init.candidate;
    let is_usable = !line.is_empty() && line.len() <= CANDIDATE_BYTES_MAX;
    is_usable.then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_taken_out_of_its_json() {
        let json = r#"{"sdpMid":"0","sdpMLineIndex":0,"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}"#;

        assert_eq!(
            candidate(json).unwrap(),
            "candidate:1 1 udp 1 192.0.2.1 9 typ host"
        );
    }

    #[test]
    fn the_end_of_candidates_and_nonsense_are_passed_over() {
        for json in [
            "",
            "{}",
            r#"{"candidate":""}"#,
            r#"{"candidate":7}"#,
            "[]",
            "null",
        ] {
            assert_eq!(candidate(json), None, "{json}");
        }
        let long = format!(r#"{{"candidate":"{}"}}"#, "x".repeat(600));
        assert_eq!(candidate(&long), None);
    }
}
