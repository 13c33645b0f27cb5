//! SDP as lines: what str0m's own types don't let us read or change.
//!
//! Invariant: a description that is parsed and written again without a change has the same lines.

use std::fmt;

use str0m::media::Mid;

use crate::MediaKind;

/// Covers a client that receives 250 tracks and sends 20, each in a section of its own.
const SECTIONS_MAX: usize = 512;

/// A session description (RFC 8866): session lines, then media sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    session: Vec<String>,
    pub(crate) sections: Vec<Section>,
}

/// What we send in a section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentTrack<'a> {
    /// First part of `a=msid`; it also names us as the source of the tracks that play in step.
    pub(crate) stream: &'a str,
    /// Second part of `a=msid`.
    pub(crate) name: &'a str,
    pub(crate) ssrc: u32,
    /// For retransmissions, where the section has them.
    pub(crate) repair: Option<u32>,
}

/// Kind and mid of a section; no kind is data.
pub(crate) type Outline = (Option<MediaKind>, Option<Mid>);

/// One media section; its first line is the `m=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    lines: Vec<String>,
}

/// Which way media flows, seen from the one who wrote the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub(crate) fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub(crate) fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    pub(crate) fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    fn attribute(self) -> &'static str {
        match self {
            Self::SendRecv => "a=sendrecv",
            Self::SendOnly => "a=sendonly",
            Self::RecvOnly => "a=recvonly",
            Self::Inactive => "a=inactive",
        }
    }

    fn from_attribute(line: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.attribute() == line)
    }
}

impl Description {
    /// Splits a text into lines and sections; `None` if there is no section, or too many.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut session = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        for line in text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
        {
            if line.starts_with("m=") {
                sections.push(Section { lines: Vec::new() });
            }
            match sections.last_mut() {
                Some(section) => section.lines.push(line.to_owned()),
                None => session.push(line.to_owned()),
            }
        }
        let is_usable = !sections.is_empty() && sections.len() <= SECTIONS_MAX;
        is_usable.then_some(Self { session, sections })
    }

    /// Kind and mid of each section, in order.
    pub(crate) fn outline(&self) -> Vec<Outline> {
        let sections = self.sections.iter();
        sections
            .map(|section| (section.kind(), section.mid()))
            .collect()
    }

    /// Says why no connection can be set up by the description (RFC 8839, section 5.4; RFC 8842, section 5;
    /// RFC 8829, section 5.8). Sections of other kinds are left out of str0m's answers, which then fit no offer.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        const NEEDED: [(&str, &str); 4] = [
            ("a=ice-ufrag:", "a=ice-ufrag is missing"),
            ("a=ice-pwd:", "a=ice-pwd is missing"),
            ("a=fingerprint:", "a=fingerprint is missing"),
            ("a=setup:", "a=setup is missing"),
        ];
        if !self.sections.iter().all(Section::is_known) {
            return Some("a section is neither of audio nor of video nor of application data");
        }
        let live = self.sections.iter().filter(|section| !section.is_stopped());
        let nameless = live.filter(|section| section.mid().is_none()).count();
        let mut mids: Vec<Mid> = self.sections.iter().filter_map(Section::mid).collect();
        mids.sort_unstable();
        if nameless > 0 || mids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Some("each section needs an a=mid of its own");
        }
        if !self.is_bundled() {
            return Some("a section is not in a=group:BUNDLE, and there is one connection for all");
        }
        let has = |prefix: &str| {
            let lines = self.sections.iter().flat_map(|section| &section.lines);
            self.session
                .iter()
                .chain(lines)
                .any(|line| line.starts_with(prefix))
        };
        let lacking = NEEDED.iter().find(|(prefix, _)| !has(prefix));
        lacking.map(|(_, message)| *message)
    }

    /// Whether all sections share a connection (RFC 9143). str0m leaves others out of its answers. Where nothing is
    /// said of groups they do.
    fn is_bundled(&self) -> bool {
        let mut lines = self.session.iter();
        let Some(group) = lines.find_map(|line| line.strip_prefix("a=group:BUNDLE")) else {
            return true;
        };
        let bundled: Vec<Mid> = group.split_whitespace().map(Into::into).collect();
        let live = self.sections.iter().filter(|section| !section.is_stopped());
        live.filter_map(Section::mid)
            .all(|mid| bundled.contains(&mid))
    }

    /// Removes the lines of the session and of all sections that start with `prefix`.
    pub(crate) fn remove_everywhere(&mut self, prefix: &str) {
        self.session.retain(|line| !line.starts_with(prefix));
        for section in &mut self.sections {
            section.remove(prefix);
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.sections.iter().flat_map(|section| &section.lines);
        for line in self.session.iter().chain(lines) {
            write!(formatter, "{line}\r\n")?;
        }
        Ok(())
    }
}

impl Section {
    /// Audio or video; `None` for data.
    pub(crate) fn kind(&self) -> Option<MediaKind> {
        if self.lines[0].starts_with("m=audio ") {
            Some(MediaKind::Audio)
        } else if self.lines[0].starts_with("m=video ") {
            Some(MediaKind::Video)
        } else {
            None
        }
    }

    fn is_known(&self) -> bool {
        self.kind().is_some() || self.lines[0].starts_with("m=application ")
    }

    pub(crate) fn mid(&self) -> Option<Mid> {
        self.value("a=mid:").map(Into::into)
    }

    /// Tells whether the section is rejected or stopped: port 0 and not just bundled (RFC 9143,
    /// section 7.2.1).
    pub(crate) fn is_stopped(&self) -> bool {
        let port = self.lines[0].split(' ').nth(1);
        port == Some("0") && !self.lines.iter().any(|line| line == "a=bundle-only")
    }

    /// The direction; `sendrecv` if none is written (RFC 8866, section 6.7).
    pub(crate) fn direction(&self) -> Direction {
        self.lines
            .iter()
            .find_map(|line| Direction::from_attribute(line))
            .unwrap_or(Direction::SendRecv)
    }

    pub(crate) fn set_direction(&mut self, direction: Direction) {
        let written = self
            .lines
            .iter_mut()
            .find(|line| Direction::from_attribute(line).is_some());
        match written {
            Some(line) => direction.attribute().clone_into(line),
            None => self.lines.push(direction.attribute().to_owned()),
        }
    }

    /// The second part of `a=msid`, by which a client names the track that it sends.
    pub(crate) fn track_name(&self) -> Option<&str> {
        self.value("a=msid:")?.split(' ').nth(1)
    }

    /// How many simulcast layers the writer sends (RFC 8853): 1 without simulcast.
    pub(crate) fn sent_layers(&self) -> usize {
        self.sent_layer_names().len().max(1)
    }

    /// The ids of the simulcast layers that the writer sends, in its order (RFC 8853, section 5.1): of
    /// alternatives the first, whether it starts paused or not.
    pub(crate) fn sent_layer_names(&self) -> Vec<&str> {
        let simulcast = self.value("a=simulcast:").unwrap_or_default();
        let mut words = simulcast.split(' ').skip_while(|word| *word != "send");
        let list = words.nth(1).into_iter().flat_map(|list| list.split(';'));
        let first = |layer: &'_ str| layer.split(',').next().map_or(0, str::len);
        list.map(|layer| layer[..first(layer)].trim_start_matches('~'))
            .collect()
    }

    /// Names what we send in this section, or says that we send nothing.
    ///
    /// What str0m writes of its own streams is replaced; without a track there are no names at all, as a
    /// browser refuses the same name in two sections. SSRCs and their group are those of RFC 5576.
    pub(crate) fn set_track(&mut self, track: Option<&SentTrack<'_>>) {
        self.remove("a=msid:");
        self.remove("a=ssrc");
        let Some(track) = track else {
            return;
        };
        let SentTrack { stream, name, .. } = track;
        let repair = track.repair.filter(|_| self.has_repair());
        self.lines.push(format!("a=msid:{stream} {name}"));
        if let Some(repair) = repair {
            let group = format!("a=ssrc-group:FID {} {repair}", track.ssrc);
            self.lines.push(group);
        }
        for ssrc in [Some(track.ssrc), repair].into_iter().flatten() {
            self.lines.push(format!("a=ssrc:{ssrc} cname:{stream}"));
            self.lines
                .push(format!("a=ssrc:{ssrc} msid:{stream} {name}"));
        }
    }

    /// Payload types of media that can be sent again, each with that of its retransmission (RFC 4588,
    /// section 8.6).
    pub(crate) fn repairs(&self) -> impl Iterator<Item = (u8, u8)> {
        self.payload_types().filter_map(|payload_type| {
            let is_repair = self.encoding(payload_type)?.eq_ignore_ascii_case("rtx");
            let prefix = format!("a=fmtp:{payload_type} ");
            let parameters = self.value(&prefix).filter(|_| is_repair)?;
            let of = parameters
                .split(';')
                .find_map(|parameter| parameter.trim().strip_prefix("apt="))?;
            Some((of.parse().ok()?, payload_type.parse().ok()?))
        })
    }

    fn has_repair(&self) -> bool {
        self.repairs().next().is_some()
    }

    /// Payload types in the order of preference.
    pub(crate) fn payload_types(&self) -> impl Iterator<Item = &str> {
        self.lines[0].split(' ').skip(3)
    }

    /// The encoding name of a payload type, such as `VP8` (RFC 8866, section 6.6).
    pub(crate) fn encoding(&self, payload_type: &str) -> Option<&str> {
        let prefix = format!("a=rtpmap:{payload_type} ");
        self.value(&prefix)?.split('/').next()
    }

    /// Moves the payload types of `encoding` to the front: a browser sends with the first.
    pub(crate) fn prefer_encoding(&mut self, encoding: &str) {
        let head: Vec<&str> = self.lines[0].split(' ').take(3).collect();
        let is_wanted = |payload_type: &&str| {
            self.encoding(payload_type)
                .is_some_and(|name| name.eq_ignore_ascii_case(encoding))
        };
        let (first, rest): (Vec<&str>, Vec<&str>) = self.payload_types().partition(is_wanted);
        let line = [head, first, rest].concat().join(" ");
        self.lines[0] = line;
    }

    /// Leaves out all codecs but those whose encoding names `is_kept`, each with its retransmissions. A
    /// section that would have none left stays as it is, as it could not be written.
    pub(crate) fn retain_encodings(&mut self, is_kept: impl Fn(&str) -> bool) {
        let repairs: Vec<(u8, u8)> = self.repairs().collect();
        let is_media_kept = |payload_type: &str| self.encoding(payload_type).is_some_and(&is_kept);
        let is_kept = |payload_type: &&str| {
            let number = payload_type.parse().ok();
            let repaired = repairs.iter().find(|(_, repair)| Some(*repair) == number);
            match repaired {
                Some((of, _)) => is_media_kept(&of.to_string()),
                None => is_media_kept(payload_type),
            }
        };
        let (kept, left_out): (Vec<&str>, Vec<&str>) = self.payload_types().partition(is_kept);
        if kept.is_empty() || left_out.is_empty() {
            return;
        }
        let head = self.lines[0].split(' ').take(3);
        let first = head.chain(kept).collect::<Vec<_>>().join(" ");
        let is_about = |line: &str, payload_type: &str| {
            ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().any(|prefix| {
                let value = line.strip_prefix(prefix);
                value.and_then(|value| value.split(' ').next()) == Some(payload_type)
            })
        };
        let left_out: Vec<String> = left_out.into_iter().map(str::to_owned).collect();
        self.lines
            .retain(|line| !left_out.iter().any(|out| is_about(line, out)));
        self.lines[0] = first;
    }

    /// Format parameters that a client writes for its own encoder to read in our answer, such as the
    /// bitrate to start with (`x-google-start-bitrate`): payload type and parameter.
    pub(crate) fn encoder_hints(&self) -> Vec<(String, String)> {
        let mut hints = Vec::new();
        for line in &self.lines {
            let Some((payload_type, parameters)) = line
                .strip_prefix("a=fmtp:")
                .and_then(|format| format.split_once(' '))
            else {
                continue;
            };
            for parameter in parameters.split(';').map(str::trim) {
                if parameter.starts_with("x-google-") {
                    hints.push((payload_type.to_owned(), parameter.to_owned()));
                }
            }
        }
        hints
    }

    /// Adds `parameter` to the format parameters of `encoding`.
    pub(crate) fn add_parameter(&mut self, encoding: &str, parameter: &str) {
        let payload_types: Vec<String> = self
            .payload_types()
            .filter(|payload_type| self.encoding(payload_type) == Some(encoding))
            .map(str::to_owned)
            .collect();
        for payload_type in payload_types {
            self.add_format_parameter(&payload_type, parameter);
        }
    }

    /// Adds `parameter` to the format parameters of a payload type that the section has.
    pub(crate) fn add_format_parameter(&mut self, payload_type: &str, parameter: &str) {
        if !self.payload_types().any(|own| own == payload_type) {
            return;
        }
        let prefix = format!("a=fmtp:{payload_type} ");
        match self.lines.iter_mut().find(|line| line.starts_with(&prefix)) {
            Some(line) => {
                line.push(';');
                line.push_str(parameter);
            }
            None => self.lines.push(format!("{prefix}{parameter}")),
        }
    }

    pub(crate) fn remove(&mut self, prefix: &str) {
        self.lines.retain(|line| !line.starts_with(prefix));
    }

    /// The attributes that explain a payload type: that, and what is said of it.
    pub(crate) fn attributes(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.lines.iter();
        lines.filter_map(move |line| line.strip_prefix(prefix)?.split_once(' '))
    }

    fn value(&self, prefix: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| line.strip_prefix(prefix))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 9\r\na=mid:0\r\na=sendonly\r\na=msid:stream cid-1\r\n\
        a=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=fmtp:111 minptime=10\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96 97 98\r\na=bundle-only\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\na=rid:q send\r\n\
        a=simulcast:recv x send q;h;f\r\na=ssrc:5 cname:c\r\na=ssrc:5 msid:a b\r\n\
        m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";

    fn offer() -> Description {
        Description::parse(OFFER).unwrap()
    }

    #[test]
    fn sections_tell_kind_direction_and_names() {
        let offer = offer();
        let [audio, video, data] = &offer.sections[..] else {
            panic!("three sections")
        };

        assert_eq!(audio.kind(), Some(MediaKind::Audio));
        assert_eq!(audio.direction(), Direction::SendOnly);
        assert_eq!(audio.track_name(), Some("cid-1"));
        assert_eq!(video.direction(), Direction::SendRecv);
        assert_eq!(video.sent_layers(), 3);
        assert!(!video.is_stopped());
        assert!(data.is_stopped());
        assert_eq!(data.kind(), None);
    }

    #[test]
    fn a_section_of_a_kind_that_is_not_known_is_a_fault() {
        let mut offer = offer();
        offer.sections[2].lines[0] = "m=text 9 UDP/TLS/RTP/SAVPF 98".to_owned();

        let fault = offer.fault();

        assert_eq!(
            fault,
            Some("a section is neither of audio nor of video nor of application data")
        );
    }

    #[test]
    fn a_section_outside_of_the_group_is_a_fault_unless_it_is_stopped() {
        let is_bundled = |mids: Option<&[Mid]>| {
            let mut offer = offer();
            offer.session.retain(|line| !line.starts_with("a=group:"));
            if let Some(mids) = mids {
                let words = mids.iter().map(Mid::to_string).collect::<Vec<_>>();
                offer
                    .session
                    .push(format!("a=group:BUNDLE {}", words.join(" ")));
            }
            offer.is_bundled()
        };
        // The third section is stopped.
        let mids: Vec<Mid> = offer().sections.iter().filter_map(Section::mid).collect();

        assert!(is_bundled(None));
        assert!(is_bundled(Some(&mids)));
        assert!(is_bundled(Some(&mids[..2])));
        assert!(!is_bundled(Some(&mids[..1])));
    }

    #[test]
    fn the_wanted_codec_comes_first_and_the_rest_keeps_its_order() {
        let mut offer = offer();

        offer.sections[1].prefer_encoding("vp9");

        let order: Vec<_> = offer.sections[1].payload_types().collect();
        assert_eq!(order, ["98", "96", "97"]);
    }

    #[test]
    fn a_codec_is_left_out_with_all_that_belongs_to_it() {
        let mut offer = offer();
        let before = offer.sections[0].clone();

        offer.sections[1].retain_encodings(|name| name == "VP9");
        offer.sections[0].retain_encodings(|name| name == "PCMU");

        let video = offer.sections[1].lines.join("\n");
        assert!(
            video.starts_with("m=video 0 UDP/TLS/RTP/SAVPF 98\n"),
            "{video}"
        );
        assert!(!video.contains(":96") && !video.contains(":97"), "{video}");
        assert!(video.contains("a=rtpmap:98 VP9/90000") && video.contains("a=rid:q send"));
        assert_eq!(offer.sections[0], before);
    }

    #[test]
    fn a_codec_that_stays_keeps_its_retransmissions() {
        let mut offer = offer();

        offer.sections[1].retain_encodings(|name| name == "VP8");

        let types: Vec<_> = offer.sections[1].payload_types().collect();
        assert_eq!(types, ["96", "97"]);
        assert_eq!(offer.sections[1].repairs().collect::<Vec<_>>(), [(96, 97)]);
    }

    #[test]
    fn a_track_is_named_in_both_places_or_in_none() {
        let mut offer = offer();
        let sent = |repair| SentTrack {
            stream: "PA_1|camera",
            name: "TR_1",
            ssrc: 7,
            repair,
        };

        offer.sections[0].set_track(Some(&sent(Some(8))));
        offer.sections[1].set_track(Some(&sent(Some(8))));
        let named = offer.to_string();
        offer.sections[1].set_track(None);
        let nameless = offer.sections[1].lines.join("\n");

        assert_eq!(named.matches("a=msid:PA_1|camera TR_1\r\n").count(), 2);
        assert_eq!(
            named.matches("a=ssrc:7 msid:PA_1|camera TR_1\r\n").count(),
            2
        );
        // Only one of the sections has retransmission.
        assert_eq!(named.matches("a=ssrc-group:FID 7 8\r\n").count(), 1);
        assert_eq!(named.matches("a=ssrc:8 cname:PA_1|camera\r\n").count(), 1);
        assert!(!named.contains("a=ssrc:5"));
        assert!(!nameless.contains("a=ssrc") && !nameless.contains("a=msid"));
    }

    #[test]
    fn retransmissions_are_found_by_what_they_repair() {
        let offer = offer();

        let repairs = |section: usize| offer.sections[section].repairs().collect::<Vec<_>>();

        assert_eq!(repairs(0), []);
        assert_eq!(repairs(1), [(96, 97)]);
    }

    #[test]
    fn parameters_join_those_that_are_there() {
        let mut offer = offer();

        offer.sections[0].add_parameter("opus", "usedtx=1");
        offer.sections[1].add_parameter("VP8", "x=1");

        let text = offer.to_string();
        assert!(text.contains("a=fmtp:111 minptime=10;usedtx=1\r\n"));
        assert!(text.contains("a=fmtp:96 x=1\r\n"));
    }

    #[test]
    fn hints_for_the_encoder_are_found_and_kept_to_payload_types_that_are_there() {
        let text = "m=video 9 x 96\r\na=fmtp:96 x-google-start-bitrate=540;max-fr=30\r\n\
            a=fmtp:98 x-google-max-bitrate=900\r\n";
        let offer = Description::parse(text).unwrap();
        let mut answer = Description::parse("m=video 9 x 96\r\na=rtpmap:96 VP8/90000\r\n").unwrap();

        for (payload_type, parameter) in offer.sections[0].encoder_hints() {
            answer.sections[0].add_format_parameter(&payload_type, &parameter);
        }

        let written = answer.to_string();
        assert!(written.contains("a=fmtp:96 x-google-start-bitrate=540\r\n"));
        assert!(!written.contains("max-fr") && !written.contains("fmtp:98"));
    }

    #[test]
    fn a_direction_can_be_changed_where_none_was_written() {
        let mut offer = offer();

        offer.sections[1].set_direction(Direction::Inactive);

        assert_eq!(offer.sections[1].direction(), Direction::Inactive);
    }

    proptest! {
        #[test]
        fn writing_a_parsed_text_keeps_its_lines(lines in proptest::collection::vec("[a-z]=[ -~]{0,20}[!-~]", 0..20)) {
            let text = lines.iter().fold(String::new(), |text, line| text + line + "\r\n");
            let with_section = format!("{text}m=audio 9 x 0\r\n{text}");
            let parsed = Description::parse(&with_section);
            prop_assert_eq!(parsed.map(|description| description.to_string()), Some(with_section));
        }

        #[test]
        fn no_text_panics(text in "(m=(audio|video|x)?( [0-9]{0,2}){0,5}\r?\n|a=(mid|msid|rtpmap|simulcast|ssrc):?[ -~]{0,12}\n|[ -~\n]{0,9}){0,12}") {
            if let Some(mut description) = Description::parse(&text) {
                for section in &mut description.sections {
                    let _ = (section.kind(), section.mid(), section.is_stopped(), section.sent_layers());
                    section.prefer_encoding("VP8");
                    section.add_parameter("opus", "stereo=1");
                    section.retain_encodings(|name| name.len() > 2);
                    let track = SentTrack {
                        stream: "a",
                        name: "b",
                        ssrc: 1,
                        repair: Some(2),
                    };
                    section.set_track(Some(&track));
                    let _ = section.repairs().count();
                    section.set_direction(Direction::RecvOnly);
                }
                let _ = description.to_string();
            }
        }
    }
}
