//! How packets leave: sealed once for each subscriber, straight from the shared payload, into one buffer.
//!
//! str0m negotiates, and agrees on the keys; what subscribers get is sent from here. The two share the
//! keys, and never an SSRC: see [`ssrcs`].
//!
//! Invariants:
//! - nothing is allocated per packet but what makes a buffer grow to its size once;
//! - the packets of a session leave together, at the flush, in the order in which they were queued.

mod body;
mod checks;
mod clock;
mod feedback;
mod header;
mod history;
mod padding;
mod repair;
mod route;
mod ssrcs;
mod stream;
mod trailer;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use forwarding::Forward;
use slab::Slab;

pub(crate) use self::clock::{Capture, PublisherClock, WallClock};
pub(crate) use self::feedback::Feedback;
use self::feedback::Reader;
pub(crate) use self::header::{ExtensionIds, MidBytes};
pub(crate) use self::history::History;
use self::repair::RepairClock;
pub(crate) use self::route::{Path, Route, Standing};
use self::ssrcs::Ssrcs;
pub(crate) use self::stream::{Stream, StreamConfig};
use crate::bandwidth::{Bandwidth, Finding};
use crate::media::Packet;
use crate::rtcp::{
    self, NtpTime, write_cname, write_goodbye, write_receiver_report, write_sender_report,
};
use crate::srtp::{ControlOpener, ControlSealer, KeyExhausted, MasterKeys, RtpSealer};
use crate::{CongestionConfig, Transmit};

/// Sender reports come at least once per second, with the first packet that is due.
const REPORT_INTERVAL: Duration = Duration::from_millis(900);

/// Most SSRCs in one BYE (RFC 3550, section 6.6).
const GOODBYES_MAX: usize = 31;

/// Transport-wide feedback that is read in one datagram; clients send one. Few bytes can name thousands
/// of packets.
const TRANSPORT_WIDE_MAX: usize = 4;

/// Which stream of a session is meant; nothing once the stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamKey {
    slot: usize,
    ssrc: u32,
}

/// A packet of the present batch, with its place in the history of its encoding.
pub(crate) type Kept = (Packet, u32);

/// A packet that waits for the flush.
#[derive(Debug, Clone, Copy)]
struct Queued {
    stream: StreamKey,
    /// Its index in the batch.
    packet: usize,
    forward: Forward,
}

/// The ciphers of a session.
struct Ciphers {
    media: RtpSealer,
    control: ControlSealer,
    feedback: ControlOpener,
}

/// All that one session sends beside what str0m does.
pub(crate) struct Egress {
    pub(crate) route: Route,
    pub(crate) is_touched: bool,
    ssrcs: Ssrcs,
    ciphers: Option<Ciphers>,
    streams: Slab<Stream>,
    by_ssrc: HashMap<u32, usize>,
    queue: Vec<Queued>,
    report_at: Option<Instant>,
    /// The packets of all streams, when it was last asked whether they flow.
    flowed: u32,
    round_trip: Option<Duration>,
    pub(crate) bandwidth: Bandwidth,
}

impl Egress {
    /// `random` is where the SSRCs of the session begin.
    pub(crate) fn new(ice_lite: bool, random: u32, congestion: CongestionConfig) -> Self {
        Self {
            route: Route::new(ice_lite),
            is_touched: false,
            ssrcs: Ssrcs::new(random),
            ciphers: None,
            streams: Slab::new(),
            by_ssrc: HashMap::new(),
            queue: Vec::new(),
            report_at: None,
            flowed: 0,
            round_trip: None,
            bandwidth: Bandwidth::new(congestion),
        }
    }

    /// Takes the keys that the handshake has agreed on.
    pub(crate) fn set_keys(&mut self, keys: &MasterKeys) {
        self.ciphers = Some(Ciphers {
            media: RtpSealer::new(keys),
            control: ControlSealer::new(keys),
            feedback: ControlOpener::new(keys),
        });
    }

    /// Gives an SSRC that was never used in this session and is not one of the client's.
    pub(crate) fn new_ssrc(&mut self, taken: impl Fn(u32) -> bool) -> u32 {
        self.ssrcs.next(taken)
    }

    /// Begins a stream. `next_repair` is 0, or what [`Egress::remove`] gave for an earlier one of its SSRC.
    pub(crate) fn add(&mut self, config: StreamConfig, next_repair: u64) -> StreamKey {
        let ssrc = config.ssrc;
        let repair = config.repair;
        let slot = self.streams.insert(Stream::new(config, next_repair));
        self.by_ssrc.insert(ssrc, slot);
        if let Some((repair, _)) = repair {
            self.by_ssrc.insert(repair, slot);
        }
        self.report_at = None;
        StreamKey { slot, ssrc }
    }

    /// Ends a stream; what it has queued is not sent. Gives the number of its next retransmission.
    pub(crate) fn remove(&mut self, key: StreamKey) -> Option<u64> {
        self.stream_mut(key)?;
        let stream = self.streams.remove(key.slot);
        self.by_ssrc.retain(|_, slot| *slot != key.slot);
        stream.repair.map(|repair| repair.next())
    }

    /// Tells whether anything was sent since this was last asked.
    pub(crate) fn has_flowed(&mut self) -> bool {
        let counts = self.streams.iter().map(|(_, stream)| stream.packets());
        let packets = counts.fold(0, u32::wrapping_add);
        std::mem::replace(&mut self.flowed, packets) != packets
    }

    pub(crate) fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Queues the packet at `packet` in the batch until the flush.
    pub(crate) fn queue(&mut self, stream: StreamKey, packet: usize, forward: Forward) {
        self.queue.push(Queued {
            stream,
            packet,
            forward,
        });
    }

    /// Passes a datagram of str0m's on. Says no, and drops it, if str0m sends with an SSRC that is ours.
    pub(crate) fn pass_on(
        &mut self,
        now: Instant,
        by: Path,
        contents: &[u8],
        transmit: &mut Transmit,
    ) -> bool {
        let path = self.route.handle_sent(now, by, contents);
        if !self.is_allowed(contents) {
            return false;
        }
        transmit.push(path.source, path.destination, contents);
        true
    }

    /// str0m sends no media, and RTCP only with SSRCs that were never ours.
    fn is_allowed(&mut self, contents: &[u8]) -> bool {
        if !contents
            .first()
            .is_some_and(|first| (128..192).contains(first))
        {
            return true;
        }
        match contents.get(4..8).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) if is_control(contents) => {
                self.ssrcs.may_be_foreign(u32::from_be_bytes(bytes))
            }
            Some(_) | None => false,
        }
    }

    /// Seals all that is queued. Gives how many packets could not be sent.
    pub(crate) fn flush(&mut self, now: Instant, batch: &[Kept], transmit: &mut Transmit) -> usize {
        let mut dropped = 0;
        let (Some(ciphers), Some(path)) = (&self.ciphers, self.route.path()) else {
            dropped = self.queue.len();
            self.queue.clear();
            return dropped;
        };
        let bandwidth = &mut self.bandwidth;
        let micros = bandwidth.micros(now);
        for queued in self.queue.drain(..) {
            let StreamKey { slot, ssrc } = queued.stream;
            let stream = self.streams.get_mut(slot);
            let stream = stream.filter(|stream| stream.config.ssrc == ssrc);
            let (Some(stream), Some((packet, place))) = (stream, batch.get(queued.packet)) else {
                dropped += 1;
                continue;
            };
            let start = transmit.bytes();
            let kept = (packet, *place);
            let forward = &queued.forward;
            let number = bandwidth.next_number();
            let buffer = transmit.buffer();
            if stream.seal(now, &ciphers.media, buffer, kept, forward, number) {
                transmit.finish(path.source, path.destination, start);
                let bytes = transmit.bytes() - start;
                bandwidth.note_sent(micros, bytes, stream.config.ids.are_numbered());
            } else {
                transmit.abandon(start);
                dropped += 1;
            }
        }
        dropped
    }

    /// Sends sender reports of the streams that flow, if it is time.
    ///
    /// # Errors
    ///
    /// [`KeyExhausted`]: the session has to end.
    pub(crate) fn send_reports(
        &mut self,
        now: Instant,
        clock: &WallClock,
        capture: impl Fn(usize, u8) -> Option<Capture>,
        transmit: &mut Transmit,
    ) -> Result<(), KeyExhausted> {
        if self.report_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        let (Some(ciphers), Some(path)) = (&mut self.ciphers, self.route.path()) else {
            return Ok(());
        };
        self.report_at = Some(now + REPORT_INTERVAL);
        let ntp = clock.ntp(now);
        for (_, stream) in &mut self.streams {
            let Some(info) = stream.report(now, ntp, &capture) else {
                continue;
            };
            let start = transmit.bytes();
            let buffer = transmit.buffer();
            write_sender_report(buffer, stream.config.ssrc, &info);
            write_cname(buffer, stream.config.ssrc, &stream.config.name);
            ciphers.control.seal(buffer, start)?;
            transmit.finish(path.source, path.destination, start);
        }
        Ok(())
    }

    /// Says that all streams end (RTCP BYE).
    pub(crate) fn say_goodbye(&mut self, transmit: &mut Transmit) {
        let (Some(ciphers), Some(path)) = (&mut self.ciphers, self.route.path()) else {
            return;
        };
        let ssrcs: Vec<u32> = self
            .streams
            .iter()
            .map(|(_, stream)| stream.config.ssrc)
            .collect();
        for ssrcs in ssrcs.chunks(GOODBYES_MAX) {
            let start = transmit.bytes();
            let buffer = transmit.buffer();
            write_receiver_report(buffer, ssrcs[0]);
            write_goodbye(buffer, ssrcs);
            match ciphers.control.seal(buffer, start) {
                Ok(()) => transmit.finish(path.source, path.destination, start),
                Err(KeyExhausted) => transmit.abandon(start),
            }
        }
    }

    /// Reads an RTCP datagram of the client into `feedback`, as far as it concerns our streams. Says no if
    /// it is not authentic or not one.
    pub(crate) fn read_feedback(
        &mut self,
        (at, now): (Instant, NtpTime),
        datagram: &[u8],
        feedback: &mut Feedback,
    ) -> bool {
        feedback.clear();
        self.look_at_way(at);
        let Some(ciphers) = &mut self.ciphers else {
            return false;
        };
        let Ok(compound) = ciphers.feedback.open(datagram) else {
            return false;
        };
        let mut reader = Reader::new(now, &mut self.streams, &self.by_ssrc, feedback);
        let (bandwidth, mut transport_wide) = (&mut self.bandwidth, 0);
        for packet in rtcp::read(compound) {
            match packet {
                Ok(rtcp::Packet::TransportWide { arrivals, .. }) => {
                    transport_wide += 1;
                    if transport_wide <= TRANSPORT_WIDE_MAX {
                        bandwidth.handle_arrivals(at, arrivals);
                    }
                }
                Ok(packet) => reader.handle(packet),
                Err(_) => return false,
            }
        }
        self.round_trip = feedback.round_trip.or(self.round_trip);
        feedback.finding = self.conclude(at, feedback);
        true
    }

    /// Tells the estimate since when feedback is of the present way.
    pub(crate) fn look_at_way(&mut self, now: Instant) {
        let standing = self.route.standing(now);
        self.bandwidth.handle_standing(now, standing);
    }

    /// Finds out what feedback tells of the way.
    fn conclude(&mut self, now: Instant, feedback: &Feedback) -> Finding {
        let mut finding = self.bandwidth.conclude(now);
        if let Some(bits_per_second) = feedback.estimate {
            finding = finding.or(self.bandwidth.handle_estimate(now, bits_per_second));
        }
        if let Some(loss) = feedback.loss {
            finding = finding.or(self.bandwidth.handle_loss(now, loss));
        }
        finding
    }

    /// Sends again what `feedback` says is lost, as far as it is still there and may be. `histories` gives
    /// those of a track. Gives how many packets were sent again.
    pub(crate) fn repair<'a>(
        &mut self,
        now: Instant,
        clock: &WallClock,
        feedback: &Feedback,
        histories: impl Fn(usize, u8) -> Option<&'a History>,
        transmit: &mut Transmit,
    ) -> usize {
        let (Some(ciphers), Some(path)) = (&self.ciphers, self.route.path()) else {
            return 0;
        };
        let clock = RepairClock::new(clock.at, now, self.round_trip);
        let bandwidth = &mut self.bandwidth;
        let micros = bandwidth.micros(now);
        let mut repaired = 0;
        for (slot, number) in feedback.lost() {
            let Some(stream) = self.streams.get_mut(*slot) else {
                continue;
            };
            let repair = stream.repair.as_ref();
            let Some(lost) = repair.and_then(|repair| repair.find(*number, clock)) else {
                continue;
            };
            let history = histories(stream.config.track, lost.encoding);
            let Some(packet) = history.and_then(|history| history.get(now, lost.place)) else {
                continue;
            };
            let start = transmit.bytes();
            let (media, number) = (&ciphers.media, bandwidth.next_number());
            let buffer = transmit.buffer();
            if stream.seal_again(media, buffer, packet, &lost, clock, number) {
                transmit.finish(path.source, path.destination, start);
                let bytes = transmit.bytes() - start;
                bandwidth.note_sent(micros, bytes, stream.config.ids.are_numbered());
                repaired += 1;
            } else {
                transmit.abandon(start);
            }
        }
        repaired
    }

    fn stream_mut(&mut self, key: StreamKey) -> Option<&mut Stream> {
        let stream = self.streams.get_mut(key.slot)?;
        (stream.config.ssrc == key.ssrc).then_some(stream)
    }
}

/// Tells RTCP from RTP by the second byte (RFC 5761, section 4).
pub(crate) fn is_control(contents: &[u8]) -> bool {
    let is_media = contents
        .first()
        .is_some_and(|first| (128..192).contains(first));
    is_media
        && contents
            .get(1)
            .is_some_and(|second| (64..96).contains(&(second & 0x7f)))
}
