//! Which RTP packets may reach a session at all.
//!
//! str0m binds an SSRC to a media section before it authenticates the packet, so one forged packet
//! that claims the section of a live stream would mute it. The gate stands before it and looks at the
//! plain header only.
//!
//! Invariants:
//! - a packet of an unknown SSRC that claims a section (and layer) whose present SSRC authenticated a
//!   packet within the last [`LIVE`] is refused;
//! - at most `per_second` unknown SSRCs pass per second, and at most [`STREAMS_MAX`] are remembered.
//!
//! Retransmissions have SSRCs of their own. str0m binds these unseen too, and a stream has one of them,
//! so a forged one would end all repairs: of a live layer that has an authentic repair stream, an
//! unknown one is refused. SSRC 0 carries probes without media.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};

/// How long after its last authentic packet a stream is taken to be alive.
const LIVE: Duration = Duration::from_millis(500);

/// Three layers of 20 tracks, with as many replaced ones.
const STREAMS_MAX: usize = 128;

/// libwebrtc probes the bandwidth with packets of this SSRC before it has media to send.
const PROBE_SSRC: u32 = 0;

/// RTP header ids of the extensions that name a section and a layer (RFC 9143, RFC 8852).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NameExtensions {
    pub(crate) mid: Option<u8>,
    pub(crate) rid: Option<u8>,
    pub(crate) repaired_rid: Option<u8>,
}

/// What the plain header of a packet claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    pub(crate) mid: Option<Mid>,
    pub(crate) rid: Option<Rid>,
    /// The layer that the packet repairs, if it is a retransmission that says so.
    pub(crate) repaired_rid: Option<Rid>,
}

/// Why a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It claims the section of a stream that is alive.
    Stolen,
    /// Too many new SSRCs.
    TooMany,
}

/// The gate of one session.
#[derive(Debug)]
pub(crate) struct SsrcGate {
    streams: HashMap<u32, Stream>,
    present: HashMap<Layer, u32>,
    repairs: VecDeque<Repair>,
    per_second: u32,
    window_start: Option<Instant>,
    in_window: u32,
}

#[derive(Debug)]
struct Stream {
    authentic_at: Instant,
}

/// A section and a layer of it.
type Layer = (Mid, Option<Rid>);

/// A stream of retransmissions.
#[derive(Debug)]
struct Repair {
    ssrc: u32,
    /// What it repairs, once one of its packets was authentic.
    layer: Option<Layer>,
}

impl SsrcGate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            streams: HashMap::new(),
            present: HashMap::new(),
            repairs: VecDeque::new(),
            per_second,
            window_start: None,
            in_window: 0,
        }
    }

    /// Decides about a packet before it is authenticated.
    ///
    /// # Errors
    ///
    /// The reason why the packet has to be dropped.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        claim: &Claim,
        is_repair: bool,
    ) -> Result<(), Refusal> {
        if claim.ssrc == PROBE_SSRC || self.streams.contains_key(&claim.ssrc) {
            return Ok(());
        }
        if is_repair {
            return self.check_repair(now, claim);
        }
        // Padding of a repair stream may come with the payload type of the media.
        if self.repaired_by(claim.ssrc).is_some() {
            return Ok(());
        }
        let layer = claim.mid.map(|mid| (mid, claim.rid));
        if let Some(layer) = layer
            && self.is_alive(now, layer)
        {
            return Err(Refusal::Stolen);
        }
        self.count_new(now)
    }

    /// Notes that a packet of `ssrc`, bound to this section and layer, was authentic.
    pub(crate) fn handle_authentic(&mut self, now: Instant, ssrc: u32, mid: Mid, rid: Option<Rid>) {
        if let Some(stream) = self.streams.get_mut(&ssrc) {
            stream.authentic_at = now;
            return;
        }
        if self.streams.len() >= STREAMS_MAX {
            self.forget_quietest();
        }
        self.streams.insert(ssrc, Stream { authentic_at: now });
        if let Some(replaced) = self.present.insert((mid, rid), ssrc)
            && replaced != ssrc
        {
            self.streams.remove(&replaced);
            self.forget_repairs(|layer| layer == (mid, rid));
        }
    }

    /// Notes that a packet of `ssrc` was authentic and repaired this layer.
    pub(crate) fn handle_authentic_repair(&mut self, ssrc: u32, layer: Layer) {
        let known = self.repairs.iter().position(|repair| repair.ssrc == ssrc);
        let known = known.and_then(|position| self.repairs.remove(position));
        if known.is_none() {
            return;
        }
        self.forget_repairs(|other| other == layer);
        let layer = Some(layer);
        self.repairs.push_back(Repair { ssrc, layer });
    }

    /// The layer that an authentic repair stream repairs.
    pub(crate) fn repaired_by(&self, ssrc: u32) -> Option<Layer> {
        let repair = self.repairs.iter().find(|repair| repair.ssrc == ssrc);
        repair.and_then(|repair| repair.layer)
    }

    fn forget_repairs(&mut self, is_meant: impl Fn(Layer) -> bool) {
        self.repairs
            .retain(|repair| !repair.layer.is_some_and(&is_meant));
    }

    /// Forgets a section, so that its next stream is new.
    pub(crate) fn forget_section(&mut self, mid: Mid) {
        let streams = &mut self.streams;
        self.present.retain(|(section, _), ssrc| {
            if *section == mid {
                streams.remove(ssrc);
            }
            *section != mid
        });
        self.forget_repairs(|(section, _)| section == mid);
    }

    #[cfg(feature = "testing")]
    pub(crate) fn len(&self) -> usize {
        self.streams.len() + self.present.len() + self.repairs.len()
    }

    fn check_repair(&mut self, now: Instant, claim: &Claim) -> Result<(), Refusal> {
        let known = self
            .repairs
            .iter()
            .find(|repair| repair.ssrc == claim.ssrc)
            .map(|repair| repair.layer.is_some());
        if known == Some(true) {
            return Ok(());
        }
        let layer = claim.mid.map(|mid| (mid, claim.repaired_rid));
        if let Some(layer) = layer
            && self
                .repairs
                .iter()
                .any(|repair| repair.layer == Some(layer))
            && self.is_alive(now, layer)
        {
            return Err(Refusal::Stolen);
        }
        if known.is_some() {
            return Ok(());
        }
        self.count_new(now)?;
        self.remember_repair(claim.ssrc);
        Ok(())
    }

    /// Remembers a repair stream; beyond the bound the oldest one goes of which nothing was authentic.
    fn remember_repair(&mut self, ssrc: u32) {
        self.repairs.push_back(Repair { ssrc, layer: None });
        if self.repairs.len() > STREAMS_MAX {
            let unproven = self
                .repairs
                .iter()
                .position(|repair| repair.layer.is_none());
            self.repairs.remove(unproven.unwrap_or(0));
        }
    }

    fn is_alive(&self, now: Instant, layer: Layer) -> bool {
        let Some(stream) = self
            .present
            .get(&layer)
            .and_then(|ssrc| self.streams.get(ssrc))
        else {
            return false;
        };
        now.saturating_duration_since(stream.authentic_at) < LIVE
    }

    fn count_new(&mut self, now: Instant) -> Result<(), Refusal> {
        let fresh = self
            .window_start
            .is_none_or(|start| now.saturating_duration_since(start) >= Duration::from_secs(1));
        if fresh {
            self.window_start = Some(now);
            self.in_window = 0;
        }
        if self.in_window >= self.per_second {
            return Err(Refusal::TooMany);
        }
        self.in_window += 1;
        Ok(())
    }

    fn forget_quietest(&mut self) {
        let quietest = self
            .streams
            .iter()
            .min_by_key(|(_, stream)| stream.authentic_at)
            .map(|(ssrc, _)| *ssrc);
        if let Some(ssrc) = quietest {
            self.streams.remove(&ssrc);
            self.present.retain(|_, present| *present != ssrc);
        }
    }
}

/// Reads what the plain header of an RTP packet claims (RFC 3550, section 5.1; RFC 8285). Any bytes
/// are allowed; `None` if they are no RTP header.
pub(crate) fn parse_claim(packet: &[u8], names: NameExtensions) -> Option<Claim> {
    let fixed = packet.get(..12)?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    let mut claim = Claim {
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        payload_type: fixed[1] & 0x7f,
        mid: None,
        rid: None,
        repaired_rid: None,
    };
    let contributing = usize::from(fixed[0] & 0x0f) * 4;
    let rest = packet.get(12 + contributing..)?;
    if fixed[0] & 0x10 == 0 {
        return Some(claim);
    }
    let header = rest.get(..4)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]])) * 4;
    let block = rest.get(4..4 + length)?;
    let profile = u16::from_be_bytes([header[0], header[1]]);
    for_each_extension(profile, block, |id, value| {
        let name = std::str::from_utf8(value)
            .ok()
            .filter(|name| !name.is_empty());
        let Some(name) = name else { return };
        if Some(id) == names.mid {
            claim.mid = Some(name.into());
        } else if Some(id) == names.rid {
            claim.rid = Some(name.into());
        } else if Some(id) == names.repaired_rid {
            claim.repaired_rid = Some(name.into());
        }
    });
    Some(claim)
}

/// Walks header extensions in the one-byte and two-byte forms (RFC 8285, sections 4.2 and 4.3).
fn for_each_extension<'a>(profile: u16, mut block: &'a [u8], mut each: impl FnMut(u8, &'a [u8])) {
    let two_bytes = match profile {
        0xbede => false,
        other if other & 0xfff0 == 0x1000 => true,
        _ => return,
    };
    while let Some((&first, rest)) = block.split_first() {
        if first == 0 {
            block = rest;
            continue;
        }
        let (id, length, rest) = if two_bytes {
            let Some((&length, rest)) = rest.split_first() else {
                return;
            };
            (first, usize::from(length), rest)
        } else {
            if first >> 4 == 15 {
                return;
            }
            (first >> 4, usize::from(first & 0x0f) + 1, rest)
        };
        let Some((value, rest)) = rest.split_at_checked(length) else {
            return;
        };
        each(id, value);
        block = rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: NameExtensions = NameExtensions {
        mid: Some(4),
        rid: Some(10),
        repaired_rid: Some(11),
    };

    fn claim(ssrc: u32, mid: &str, rid: Option<&str>) -> Claim {
        Claim {
            ssrc,
            payload_type: 96,
            mid: Some(mid.into()),
            rid: rid.map(Into::into),
            repaired_rid: None,
        }
    }

    #[test]
    fn a_stranger_cannot_take_the_section_of_a_live_stream() {
        let start = crate::test_time::start();
        let mut gate = SsrcGate::new(10);
        gate.check(start, &claim(1, "0", None), false).unwrap();
        gate.handle_authentic(start, 1, "0".into(), None);

        let soon = start + LIVE / 2;
        let stolen = gate.check(soon, &claim(2, "0", None), false);
        let own = gate.check(soon, &claim(1, "0", None), false);
        let other_layer = gate.check(soon, &claim(3, "0", Some("q")), false);
        let repair = gate.check(soon, &claim(4, "0", None), true);
        let late = gate.check(start + LIVE, &claim(5, "0", None), false);

        assert_eq!(stolen, Err(Refusal::Stolen));
        assert_eq!([own, other_layer, repair, late], [Ok(()); 4]);
    }

    #[test]
    fn new_ssrcs_are_limited_per_second() {
        let start = crate::test_time::start();
        let mut gate = SsrcGate::new(2);

        let answers: Vec<_> = (1..4)
            .map(|ssrc| gate.check(start, &claim(ssrc, "0", None), false))
            .collect();
        let later = gate.check(start + Duration::from_secs(1), &claim(9, "0", None), false);

        assert_eq!(answers, [Ok(()), Ok(()), Err(Refusal::TooMany)]);
        assert_eq!(later, Ok(()));
    }

    #[test]
    fn a_repair_stream_is_new_only_once() {
        let start = crate::test_time::start();
        let mut gate = SsrcGate::new(1);

        let answers: Vec<_> = (0..100)
            .map(|_| gate.check(start, &claim(7, "0", None), true))
            .collect();

        assert!(answers.iter().all(Result::is_ok));
    }

    #[test]
    fn the_gate_remembers_a_bounded_number_of_streams() {
        let start = crate::test_time::start();
        let mut gate = SsrcGate::new(10);

        for ssrc in 0..1000 {
            let mid = Mid::from(ssrc.to_string().as_str());
            gate.handle_authentic(
                start + Duration::from_millis(u64::from(ssrc)),
                ssrc,
                mid,
                None,
            );
        }

        assert!(gate.streams.len() <= STREAMS_MAX);
        assert!(gate.present.len() <= STREAMS_MAX);
    }

    #[test]
    fn section_and_layer_are_read_in_both_forms() {
        let one_byte = [
            0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x40, b'5', 0xa0, b'q',
        ];
        let two_byte = [
            0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x10, 0, 0, 2, 4, 1, b'5', 0, 11, 1, b'h', 0,
        ];

        let first = parse_claim(&one_byte, NAMES).unwrap();
        let second = parse_claim(&two_byte, NAMES).unwrap();

        assert_eq!((first.mid, first.rid), (Some("5".into()), Some("q".into())));
        assert_eq!((first.ssrc, first.payload_type), (7, 96));
        assert_eq!(second.repaired_rid, Some("h".into()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), rtp: bool) {
            if rtp && !bytes.is_empty() {
                bytes[0] = 0x90 | (bytes[0] & 0x0f);
            }
            let _ = parse_claim(&bytes, NAMES);
        }
    }
}
