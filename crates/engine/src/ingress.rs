//! A datagram's way to its session.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::Ssrc;
use str0m::{Input, Rtc};

use crate::counters::Drop;
use crate::demux::SessionIndex;
use crate::egress::{Path, is_control};
use crate::gate::{Refusal, parse_claim};
use crate::session::{Session, guard};
use crate::stun::is_stun;
use crate::{CloseReason, Engine, SessionKind};

/// Longest datagram that is read: what fits into one Ethernet frame.
const DATAGRAM_BYTES_MAX: usize = 1500;

/// How long after its last packet a session keeps its addresses to itself. Clients check at least every
/// 2.5 s, and send media much more often.
const ADDRESS_HELD: Duration = Duration::from_secs(3);

impl Engine {
    /// Handles a datagram that arrived at `destination`, one of the configured candidates.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) {
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += contents.len() as u64;
        if contents.is_empty() || contents.len() > DATAGRAM_BYTES_MAX {
            self.counters.drop(Drop::Malformed);
            return;
        }
        let Some(index) = self.demux.find(source, destination, contents) else {
            self.counters.drop(Drop::Unknown);
            return;
        };
        if let Err(reason) = self.deliver(now, index, source, destination, contents) {
            self.counters.drop(reason);
        }
        self.handle_peer_events(now);
    }

    fn deliver(
        &mut self,
        now: Instant,
        index: SessionIndex,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) -> Result<(), Drop> {
        let repair = self.check_gate(now, index, contents)?;
        let session = &mut self.sessions[index];
        let receive = guard(|| Receive::new(Protocol::Udp, source, destination, contents));
        let Ok(Ok(receive)) = receive else {
            return Err(Drop::Malformed);
        };
        let input = Input::Receive(now, receive);
        if !guard(|| session.rtc.accepts(&input)).unwrap_or(false) {
            return Err(Drop::NotAccepted);
        }
        session.heard_at = Some(now);
        let from = Path {
            source: destination,
            destination: source,
        };
        session.egress.route.handle_received(now, from, contents);
        if is_control(contents) && session.egress.has_streams() {
            let kind = session.kind;
            self.handle_feedback(now, index, contents)?;
            let route = &mut self.sessions[index].egress.route;
            route.handle_authentic(now, from);
            if kind == SessionKind::Subscriber {
                return Ok(()); // It is all about our streams.
            }
        }
        if is_stun(contents) {
            self.check_address(now, index, source, destination)?;
            self.learn_address(now, index, source, destination);
            let session = &mut self.sessions[index];
            if !session.is_connected && session.deadline.is_none() {
                let deadline = now + self.config.handshake_timeout;
                session.deadline = Some((deadline, CloseReason::HandshakeTimeout));
            }
        }
        let waiting = self.peer_events.len();
        let handled = self.sessions[index].handle_input(input);
        if let Err(Some(reason)) = handled {
            self.end_session(index, Some(reason));
            return Err(Drop::Refused);
        }
        self.drain(now, index);
        if let Some(repair) = repair {
            self.confirm_repair(index, repair, waiting);
        }
        handled.map_err(|_| Drop::Refused)
    }

    /// Limits the addresses that a session is newly heard from: str0m keeps a candidate for each, and
    /// whoever may speak for a session can forge as many sources as there are.
    fn check_address(
        &mut self,
        now: Instant,
        index: SessionIndex,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Result<(), Drop> {
        let is_known = self.demux.owner(source, destination) == Some(index);
        let may_pass = is_known || self.sessions[index].new_addresses.take(now, 1);
        may_pass.then_some(()).ok_or(Drop::AddressFlood)
    }

    /// Remembers where an authenticated request came from. An address that another session is heard
    /// from stays with that one: who may speak for one session could else take the address of another
    /// by a forged source.
    fn learn_address(
        &mut self,
        now: Instant,
        index: SessionIndex,
        source: SocketAddr,
        destination: SocketAddr,
    ) {
        let owner = self.demux.owner(source, destination);
        let is_taken = owner.filter(|owner| *owner != index).is_some_and(|owner| {
            let heard_at = self
                .sessions
                .get(owner)
                .and_then(|session| session.heard_at);
            heard_at.is_some_and(|at| now.saturating_duration_since(at) < ADDRESS_HELD)
        });
        if !is_taken {
            self.demux.learn_address(index, source, destination);
        }
    }

    /// Stops packets that claim a stream which is not theirs, before str0m sees them. Gives the SSRC of a
    /// repair stream of which no authentic packet is known.
    fn check_gate(
        &mut self,
        now: Instant,
        index: SessionIndex,
        contents: &[u8],
    ) -> Result<Option<u32>, Drop> {
        let session = &mut self.sessions[index];
        // RFC 7983, section 7: 128 to 191 is RTP or RTCP; payload types 64 to 95 are RTCP (RFC 5761).
        let is_rtp = (128..192).contains(&contents[0])
            && contents
                .get(1)
                .is_some_and(|second| !(64..96).contains(&(second & 0x7f)));
        if !is_rtp {
            return Ok(None);
        }
        let claim = parse_claim(contents, session.names).ok_or(Drop::Malformed)?;
        // As str0m binds: a packet that names a layer is of the layer's main stream, whatever else it says.
        let is_repair = claim.rid.is_none()
            && (claim.repaired_rid.is_some()
                || session.payload_types.is_repair(claim.payload_type));
        session
            .gate
            .check(now, &claim, is_repair)
            .map_err(|refusal| match refusal {
                Refusal::Stolen => Drop::SsrcStolen,
                Refusal::TooMany => Drop::SsrcFlood,
            })?;
        let repaired = session.gate.repaired_by(claim.ssrc);
        let restored = guard(|| match repaired {
            Some((mid, rid)) => restore_repair(&mut session.rtc, claim.ssrc.into(), mid, rid),
            None => restore_stream(session, claim.ssrc.into()),
        });
        restored.map_err(|reason| {
            self.end_session(index, Some(reason));
            Drop::Refused
        })?;
        Ok((is_repair && repaired.is_none()).then_some(claim.ssrc))
    }

    /// Notes a repair stream whose packet, the last one that was delivered, gave media: a forged one
    /// gives none. `waiting` events came before it.
    fn confirm_repair(&mut self, index: SessionIndex, repair: u32, waiting: usize) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        for (_, _, event) in self.peer_events.iter().skip(waiting) {
            if let str0m::Event::RtpPacket(packet) = event
                && let Some(stream) = session.ingress.get(&packet.header.ssrc)
            {
                let layer = (stream.mid, stream.rid);
                session.gate.handle_authentic_repair(repair, layer);
            }
        }
    }
}

/// Gives a stream its section back. The gate lets a new SSRC claim the section of a stream that is silent,
/// and str0m believes it unseen; so a forged packet in a pause would mute the stream for good. A true
/// successor is authentic by now, and has taken the stream's place in `ingress`.
fn restore_stream(session: &mut Session, ssrc: Ssrc) {
    let Some(stream) = session.ingress.get(&ssrc) else {
        return;
    };
    let mut direct = session.rtc.direct_api();
    if direct.stream_rx(&ssrc).is_some() {
        return;
    }
    let thief = direct
        .stream_rx_by_mid(stream.mid, stream.rid)
        .map(|thief| (thief.ssrc(), thief.rtx()));
    if let Some((thief, _)) = thief {
        direct.remove_stream_rx(thief);
    }
    let repair = thief.and_then(|(_, repair)| repair);
    // Sound is not sent again on request.
    direct
        .expect_stream_rx(ssrc, repair, stream.mid, stream.rid)
        .suppress_nack(!stream.codec.is_video());
}

/// Gives a repair stream its place back, which a forged packet may take while the media is silent.
fn restore_repair(rtc: &mut Rtc, repair: Ssrc, mid: Mid, rid: Option<Rid>) {
    let mut direct = rtc.direct_api();
    let repaired = direct
        .stream_rx_by_mid(mid, rid)
        .map(|stream| (stream.ssrc(), stream.rtx()));
    if let Some((ssrc, present)) = repaired
        && present != Some(repair)
    {
        direct.expect_stream_rx(ssrc, Some(repair), mid, rid);
    }
}

#[cfg(test)]
mod tests {
    use str0m::media::MediaKind;

    use super::*;

    #[test]
    fn a_repair_stream_gets_back_a_place_that_was_taken() {
        let now = crate::test_time::start();
        let builder = Rtc::builder().set_crypto_provider(crate::crypto::provider());
        let mut rtc = builder.set_rtp_mode(true).build(now);
        let (mid, media, repair): (Mid, Ssrc, Ssrc) = ("cam".into(), 1.into(), 2.into());
        let mut direct = rtc.direct_api();
        direct.declare_media(mid, MediaKind::Video);
        direct.expect_stream_rx(media, Some(repair), mid, None);
        direct.expect_stream_rx(media, Some(0xbad.into()), mid, None);

        restore_repair(&mut rtc, repair, mid, None);

        let mut direct = rtc.direct_api();
        let stream = direct.stream_rx_by_mid(mid, None).expect("it is declared");
        assert_eq!((stream.ssrc(), stream.rtx()), (media, Some(repair)));
    }
}
