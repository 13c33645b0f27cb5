//! Descriptions as text: what is read from them, and what peers write into them.

use str0m::media::Mid;

/// How many media sections a description has.
pub(crate) fn sections(sdp: &str) -> usize {
    sdp.lines().filter(|line| line.starts_with("m=")).count()
}

/// Leaves the payload types of retransmissions out.
pub(crate) fn without_repair(sdp: &str) -> String {
    let types = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"));
    let types: Vec<&str> = types
        .filter_map(|map| map.strip_suffix(" rtx/90000"))
        .collect();
    let is_of_repair = |line: &str| {
        let (_, rest) = line.split_once(':').unwrap_or_default();
        line.starts_with("a=") && types.contains(&rest.split(' ').next().unwrap_or_default())
    };
    let lines = sdp.lines().filter(|line| !is_of_repair(line));
    lines
        .map(|line| {
            let words = line.split(' ');
            let words: Vec<_> = if line.starts_with("m=video") {
                words.filter(|word| !types.contains(word)).collect()
            } else {
                words.collect()
            };
            words.join(" ") + "\r\n"
        })
        .collect()
}

/// Leaves the transport-wide numbers out, and the feedback about them.
pub(crate) fn without_transport_feedback(sdp: &str) -> String {
    let lines = sdp.lines().filter(|line| !line.contains("transport-"));
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

/// Writes new track names into sections, as a browser does whose sender has a new track.
pub(crate) fn rename(sdp: &str, names: &[(Mid, String)]) -> String {
    let mut sections: Vec<String> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") || sections.is_empty() {
            sections.push(String::new());
        }
        let section = sections.last_mut().expect("one was pushed");
        section.push_str(line);
        section.push_str("\r\n");
    }
    for section in &mut sections {
        let name = names
            .iter()
            .find(|(mid, _)| section.contains(&format!("a=mid:{mid}\r\n")));
        if let Some((_, cid)) = name {
            *section = section
                .lines()
                .map(|line| {
                    if line.starts_with("a=msid:") {
                        format!("a=msid:stream {cid}\r\n")
                    } else {
                        format!("{line}\r\n")
                    }
                })
                .collect();
        }
    }
    sections.concat()
}

/// The description with a fingerprint that is as long, but not the same.
pub(crate) fn of_another_certificate(sdp: &str) -> String {
    const PREFIX: &str = "a=fingerprint:sha-256 ";
    let lines = sdp.lines().map(|line| match line.strip_prefix(PREFIX) {
        Some(hex) => {
            let digit = if hex.starts_with('0') { '1' } else { '0' };
            format!("{PREFIX}{digit}{}\r\n", &hex[1..])
        }
        None => format!("{line}\r\n"),
    });
    lines.collect()
}
