//! The path of a media packet through the engine, and what comes back for it.
//!
//! A packet becomes numbers ([`PacketView`]); `forwarding` says who gets it and how it is numbered; the
//! egress of each subscriber takes it with the shared payload.

use std::sync::Arc;
use std::time::Instant;

use forwarding::{
    Av1Frame, Codec, Descriptor, PacketView, RedBlock, RedLayout, SoundGap, SoundGaps, TrackKey,
    parse_h264, parse_red, parse_vp8, parse_vp9, picture_size,
};
use str0m::media::{KeyframeRequestKind, Mid, Rid, SenderFeedback};
use str0m::rtp::{ExtensionValues, RtpPacket, VideoOrientation};

use crate::counters::Drop;
use crate::demux::SessionIndex;
use crate::peer::{DescriptorBytes, PayloadTypes};
use crate::relay::{RelayBody, RelayMessage, RelayedPacket, SenderClock};
use crate::session::{IngressStream, Session, guard};
use crate::steering::spatial_of;
use crate::track::Origin;
use crate::{CloseReason, Engine, Event};

/// A media packet on its way through the engine. A clone shares the payload.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) view: PacketView,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) extensions: PacketExtensions,
    /// Set if the payload repeats earlier sound.
    pub(crate) red: Option<RedLayout>,
}

/// Header extensions that are passed on.
#[derive(Debug, Clone, Default)]
pub(crate) struct PacketExtensions {
    pub(crate) audio_level: Option<i8>,
    pub(crate) voice_activity: Option<bool>,
    pub(crate) video_orientation: Option<VideoOrientation>,
    descriptor: Option<Arc<DescriptorBytes>>,
}

impl PacketExtensions {
    fn of(values: &ExtensionValues) -> Self {
        Self {
            audio_level: values.audio_level,
            voice_activity: values.voice_activity,
            video_orientation: values.video_orientation,
            descriptor: values.user_values.get_arc::<DescriptorBytes>(),
        }
    }

    /// The bytes of the dependency descriptor, as received.
    pub(crate) fn descriptor(&self) -> Option<&[u8]> {
        self.descriptor.as_ref().map(|bytes| &bytes.0[..])
    }
}

impl Engine {
    /// Handles an authenticated packet of a publisher.
    pub(crate) fn handle_rtp(&mut self, now: Instant, index: SessionIndex, packet: RtpPacket) {
        self.counters.packets_in += 1;
        match self.read_packet(now, index, packet) {
            Ok((track, packet, gap)) => {
                if let Some(gap) = gap {
                    self.fill_gap(now, index, track, (gap, &packet));
                }
                self.route(now, track, packet);
            }
            Err(reason) => self.counters.drop(reason),
        }
    }

    /// Turns a received packet into numbers, and finds its track and the gap before it, if it is of sound.
    fn read_packet(
        &mut self,
        now: Instant,
        index: SessionIndex,
        packet: RtpPacket,
    ) -> Result<(usize, Packet, Option<SoundGap>), Drop> {
        let ssrc = packet.header.ssrc;
        if !self.sessions[index].ingress.contains_key(&ssrc) {
            self.bind_stream(now, index, ssrc)?;
        }
        let session = &mut self.sessions[index];
        let stream = session.ingress.get_mut(&ssrc).ok_or(Drop::Unbound)?;
        session
            .gate
            .handle_authentic(now, *ssrc, stream.mid, stream.rid);
        if !session.publish_rate.take(now, packet.payload.len()) {
            return Err(Drop::PublishRate);
        }
        let red = read_red(&session.payload_types, stream.codec, &packet)?;
        let extensions = PacketExtensions::of(&packet.header.ext_vals);
        let marker = packet.header.marker;
        let descriptor = read_descriptor(stream, &packet.payload, marker, &extensions);
        let view = PacketView {
            encoding: stream.encoding,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker,
            payload_bytes: u16::try_from(packet.payload.len()).map_err(|_| Drop::Malformed)?,
            descriptor,
        };
        let gap = match stream.codec {
            Codec::Red => stream.gaps.handle(view.sequence, view.timestamp),
            Codec::Opus | Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => None,
        };
        let (track, encoding) = (stream.track, stream.encoding);
        let size = picture_size(&descriptor, &packet.payload);
        if let Some(size) =
            size.filter(|size| stream.size.is_none_or(|old| size.area() > old.area()))
        {
            stream.size = Some(size);
            let (room, track) = (self.tracks[track].room, self.tracks[track].id);
            self.emit(
                room,
                Event::PictureSize {
                    track,
                    encoding,
                    size,
                },
            );
        }
        let packet = Packet {
            view,
            payload: packet.payload,
            extensions,
            red,
        };
        Ok((track, packet, gap))
    }

    /// Finds the track and encoding of a stream that is seen for the first time.
    fn bind_stream(
        &mut self,
        now: Instant,
        index: SessionIndex,
        ssrc: str0m::rtp::Ssrc,
    ) -> Result<(), Drop> {
        let session = &mut self.sessions[index];
        let (mid, rid) = stream_names(session, ssrc).ok_or(Drop::Unbound)?;
        let track_index = session.track_in_section(mid).ok_or(Drop::Unbound)?;
        let track = &mut self.tracks[track_index];
        let encoding = session.layer_names.encoding(mid, rid);
        let Origin::Home { ssrcs, .. } = &mut track.origin else {
            return Err(Drop::Unbound);
        };
        let place = ssrcs.get_mut(usize::from(encoding)).ok_or(Drop::Unbound)?;
        let replaced = place.replace(ssrc);
        if let Some(replaced) = replaced {
            session.ingress.remove(&replaced);
        }
        let stream = IngressStream {
            track: track_index,
            encoding,
            mid,
            rid,
            codec: track.codec,
            descriptor_reader: forwarding::DependencyDescriptorReader::default(),
            gaps: SoundGaps::default(),
            size: None,
        };
        session.ingress.insert(ssrc, stream);
        session.gate.handle_authentic(now, *ssrc, mid, rid);
        let event = Event::EncodingStarted {
            track: track.id,
            encoding,
            ssrc: *ssrc,
        };
        let (room, key) = (track.room, track.key);
        if replaced.is_some() {
            track.forget_capture(encoding);
            self.rooms[room]
                .media
                .handle_encoding_restart(key, encoding);
        }
        self.emit(room, event);
        Ok(())
    }

    /// Gives a packet to all who want it: relays first, then the sessions of this shard.
    pub(crate) fn route(&mut self, now: Instant, track_index: usize, packet: Packet) {
        let track = &mut self.tracks[track_index];
        track.flow.count();
        if track.is_muted {
            self.counters.drop(Drop::Muted);
            return;
        }
        let (room, key) = (track.room, track.key);
        if let Some(level) = packet.extensions.audio_level
            && track.is_home()
        {
            let loudness = level.unsigned_abs();
            let voice = packet.extensions.voice_activity.unwrap_or(true);
            self.rooms[room]
                .media
                .handle_audio_level(now, key, loudness, voice);
        }
        self.relay_packet(track_index, &packet);
        self.forward(now, track_index, packet);
    }

    /// Queues a packet for all sessions of this shard that get it. It leaves with the flush.
    fn forward(&mut self, now: Instant, track_index: usize, packet: Packet) {
        let track = &mut self.tracks[track_index];
        let (room_index, key) = (track.room, track.key);
        let spatial = spatial_of(&packet.view.descriptor);
        track
            .rates
            .handle_packet(now, packet.view.encoding, spatial, packet.payload.len());
        let mut forwards = std::mem::take(&mut self.forwards);
        let media = &mut self.rooms[room_index].media;
        if let Some(level) = packet.extensions.audio_level {
            media.handle_loudness(now, key, level.unsigned_abs());
        }
        media.handle_packet(now, key, &packet.view, &mut forwards);
        if !forwards.is_empty() {
            let place = track.keep(now, &packet);
            let in_batch = self.batch.len();
            let bytes = u64::from(packet.view.payload_bytes);
            self.batch.push((packet, place));
            for forward in forwards.drain(..) {
                let subscriber = self.rooms[room_index].subscriber_mut(forward.subscription);
                let Some(subscriber) = subscriber else {
                    continue;
                };
                let is_first = !std::mem::replace(&mut subscriber.is_served, true);
                let (index, stream) = (subscriber.session, subscriber.stream);
                let egress = &mut self.sessions[index].egress;
                egress.queue(stream, in_batch, forward);
                if !std::mem::replace(&mut egress.is_touched, true) {
                    self.sending.push(index);
                }
                self.queued += 1;
                self.counters.packets_forwarded += 1;
                self.counters.bytes_forwarded += bytes;
                if is_first {
                    self.announce_subscribed(room_index, index, key);
                }
            }
        }
        self.forwards = forwards;
        self.touch_room(room_index);
    }

    fn announce_subscribed(&mut self, room: usize, index: SessionIndex, key: TrackKey) {
        let Some(track) = self.rooms[room].tracks.get(&key).copied() else {
            return;
        };
        let event = Event::Subscribed {
            session: self.sessions[index].id,
            track: self.tracks[track].id,
        };
        self.emit(room, event);
    }

    fn relay_packet(&mut self, track_index: usize, packet: &Packet) {
        let track = &self.tracks[track_index];
        let Origin::Home { relays, .. } = &track.origin else {
            return;
        };
        for (shard, wanted) in relays {
            if wanted.is_none_or(|highest| packet.view.encoding > highest) {
                continue;
            }
            let body = RelayBody::Packet(Box::new(RelayedPacket {
                view: packet.view,
                extensions: packet.extensions.clone(),
                red: packet.red,
                // A copy: two shards that count references on one payload would share cache lines.
                payload: Arc::from(&packet.payload[..]),
            }));
            let track = track.id;
            self.counters.packets_relayed += 1;
            self.relays
                .push_back((*shard, RelayMessage { track, body }));
        }
    }

    /// Handles the clock of a publisher's stream, which maps its simulcast layers onto each other, and its
    /// sound onto its pictures.
    pub(crate) fn handle_sender_feedback(
        &mut self,
        now: Instant,
        index: SessionIndex,
        feedback: &SenderFeedback,
    ) {
        let session = &mut self.sessions[index];
        let Some(track) = session.track_in_section(feedback.mid) else {
            return;
        };
        let sent = feedback.sender_info.ntp_time;
        let report = SenderClock {
            sent,
            at: session.clock.place(now, sent),
            rtp: low_32(feedback.sender_info.rtp_time.numer()),
        };
        let encoding = session.layer_names.encoding(feedback.mid, feedback.rid);
        self.handle_report(track, encoding, report);
        let track = &self.tracks[track];
        if let Origin::Home { relays, .. } = &track.origin {
            for shard in relays.keys() {
                let body = RelayBody::Report { encoding, report };
                self.relays.push_back((
                    *shard,
                    RelayMessage {
                        track: track.id,
                        body,
                    },
                ));
            }
        }
    }

    pub(crate) fn handle_report(&mut self, track: usize, encoding: u8, report: SenderClock) {
        let track = &mut self.tracks[track];
        track.set_capture(encoding, report);
        let media = &mut self.rooms[track.room].media;
        media.handle_sender_report(track.key, encoding, report.sent, report.rtp);
    }

    pub(crate) fn touch_room(&mut self, index: usize) {
        let room = &mut self.rooms[index];
        if !room.is_touched {
            room.is_touched = true;
            self.touched_rooms.push(index);
        }
    }

    /// Asks each room that was touched what it wants: keyframes, and who is heard.
    pub(crate) fn serve_rooms(&mut self, now: Instant) {
        for index in std::mem::take(&mut self.touched_rooms) {
            let Some(room) = self.rooms.get_mut(index) else {
                continue;
            };
            room.is_touched = false;
            self.serve_keyframes(now, index);
            self.serve_speakers(now, index);
            let room = &mut self.rooms[index];
            if let Some(at) = room.media.poll_timeout() {
                self.room_timers.set(index, &mut room.timer, at);
            }
        }
    }

    fn serve_keyframes(&mut self, now: Instant, room: usize) {
        while let Some((key, encoding)) = self.rooms[room].media.poll_keyframe_request(now) {
            if let Some(track) = self.rooms[room].tracks.get(&key).copied() {
                self.request_keyframe(track, encoding);
            }
        }
    }

    /// Asks the publisher for a keyframe; for a relayed track its home does.
    fn request_keyframe(&mut self, track: usize, encoding: u8) {
        let track = &self.tracks[track];
        let Origin::Home {
            session,
            mid,
            ssrcs,
            ..
        } = &track.origin
        else {
            let body = RelayBody::Keyframe { encoding };
            let home = track.id.shard();
            self.relays.push_back((
                home,
                RelayMessage {
                    track: track.id,
                    body,
                },
            ));
            return;
        };
        let (index, mid) = (*session, *mid);
        let Some(ssrc) = ssrcs.get(usize::from(encoding)).copied().flatten() else {
            return;
        };
        let session = &mut self.sessions[index];
        let rtc = &mut session.rtc;
        let asked = guard(|| {
            let mut direct = rtc.direct_api();
            direct
                .stream_rx(&ssrc)
                .map(|stream| stream.request_keyframe(KeyframeRequestKind::Pli))
        });
        match asked {
            Ok(Some(())) => {
                self.counters.pli_out += 1;
                self.touch(index);
            }
            Ok(None) => tracing::trace!(%mid, encoding, "no stream to ask for a keyframe"),
            Err(_) => self.end_session(index, Some(CloseReason::Panic)),
        }
    }

    fn serve_speakers(&mut self, now: Instant, index: usize) {
        let room = &mut self.rooms[index];
        let Some(speakers) = room.media.poll_speakers(now) else {
            return;
        };
        let speakers: Vec<_> = speakers
            .iter()
            .filter_map(|speaker| {
                let track = room.tracks.get(&speaker.track)?;
                Some((self.tracks[*track].id, speaker.level))
            })
            .collect();
        let shard = self.config.shard;
        self.emit(index, Event::Speakers { shard, speakers });
    }
}

/// An RTP timestamp wraps at 32 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper bits count wraps"
)]
fn low_32(time: u64) -> u32 {
    time as u32
}

/// The section and layer that str0m has bound a stream to.
fn stream_names(session: &mut Session, ssrc: str0m::rtp::Ssrc) -> Option<(Mid, Option<Rid>)> {
    let mut direct = session.rtc.direct_api();
    let stream = direct.stream_rx(&ssrc)?;
    Some((stream.mid(), stream.rid()))
}

/// Checks that a packet is of the codec of its track. Redundant sound is Opus throughout, and plain Opus
/// may come between.
fn read_red(
    types: &PayloadTypes,
    of_track: Codec,
    packet: &RtpPacket,
) -> Result<Option<RedLayout>, Drop> {
    let codec = types.codec(packet.header.payload_type);
    match (codec, of_track) {
        (Some(Codec::Red), Codec::Red) => {
            let layout = parse_red(&packet.payload).map_err(|_| Drop::Descriptor)?;
            let is_opus =
                |block: RedBlock<'_>| types.codec(block.payload_type.into()) == Some(Codec::Opus);
            let are_all_opus = layout.blocks(&packet.payload).all(is_opus);
            are_all_opus.then_some(Some(layout)).ok_or(Drop::Descriptor)
        }
        (Some(Codec::Opus), Codec::Red) => Ok(None),
        (Some(codec), _) if codec == of_track => Ok(None),
        (Some(_) | None, _) => Err(Drop::Descriptor),
    }
}

/// Reads what the codec says of a packet. What can't be read is told as such: `forwarding` then asks for
/// a keyframe.
fn read_descriptor(
    stream: &mut IngressStream,
    payload: &[u8],
    marker: bool,
    extensions: &PacketExtensions,
) -> Descriptor {
    let read = match stream.codec {
        Codec::Opus | Codec::Red => Ok(Descriptor::Audio),
        Codec::Vp8 => parse_vp8(payload).map(Descriptor::Vp8),
        Codec::H264 => parse_h264(payload).map(Descriptor::H264),
        Codec::Vp9 => parse_vp9(payload).map(Descriptor::Vp9),
        Codec::Av1 => match &extensions.descriptor {
            Some(bytes) => stream.descriptor_reader.read(&bytes.0).map(Descriptor::Av1),
            None => Ok(Descriptor::Av1(Av1Frame::without_descriptor(
                payload, marker,
            ))),
        },
    };
    read.unwrap_or(Descriptor::Unreadable)
}
