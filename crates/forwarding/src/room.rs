//! The tracks of a room and who gets them. Routes only: what is decided is decided by the parts.
//!
//! Invariants:
//! - every subscription belongs to exactly one track and ends with it;
//! - work per packet is that of its track's subscriptions, whatever else is in the room.

use std::time::{Duration, Instant, SystemTime};

use crate::forwarder::{Forwarder, StreamState};
use crate::keyframes::INTERVAL_DEFAULT;
use crate::layer::{Codec, LayerLimit, LayerTarget};
use crate::packet::{Forward, PacketView};
use crate::slab::{Slab, SubscriptionKey, TrackKey};
use crate::speakers::{Speaker, Speakers};
use crate::timeline::SenderReport;
use crate::track::{Subscription, Track};
use crate::voices::{Hearing, Voices};

/// Where a subscription lies.
#[derive(Debug, Clone, Copy)]
struct SubscriptionPlace {
    track: TrackKey,
    index: usize,
}

/// How a room forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomOptions {
    /// An encoding is asked for a keyframe once in this time at most.
    pub keyframe_interval: Duration,
    /// How many tracks of sound are passed on, the loudest; 0: all.
    pub voices_max: usize,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            keyframe_interval: INTERVAL_DEFAULT,
            voices_max: 0,
        }
    }
}

/// A room: published tracks and subscriptions to them.
///
/// Keys of tracks and subscriptions that are gone are accepted everywhere and do nothing.
#[derive(Debug)]
pub struct Room {
    keyframe_interval: Duration,
    tracks: Slab<TrackKey, Track>,
    subscriptions: Slab<SubscriptionKey, SubscriptionPlace>,
    speakers: Speakers,
    /// Who is passed on, if not all are.
    voices: Option<Voices>,
    /// Some track has to be looked at by the next poll.
    is_stale: bool,
    /// When the next keyframe request is due.
    keyframes_due: Option<Instant>,
}

impl Room {
    /// Makes an empty room.
    #[must_use]
    pub fn new(options: RoomOptions) -> Self {
        Self {
            keyframe_interval: options.keyframe_interval,
            tracks: Slab::default(),
            subscriptions: Slab::default(),
            speakers: Speakers::default(),
            voices: (options.voices_max > 0).then(|| Voices::new(options.voices_max)),
            is_stale: false,
            keyframes_due: None,
        }
    }

    /// Adds a track of `encodings` simulcast encodings; 1 for sound, SVC and everything else.
    pub fn publish(&mut self, codec: Codec, encodings: u8) -> TrackKey {
        self.tracks
            .insert(Track::new(codec, encodings, self.keyframe_interval))
    }

    /// Removes a track and its subscriptions.
    pub fn unpublish(&mut self, track: TrackKey) {
        self.speakers.remove(track);
        if let Some(voices) = &mut self.voices {
            voices.remove(track);
        }
        if let Some(track) = self.tracks.remove(track) {
            for subscription in track.subscriptions {
                self.subscriptions.remove(subscription.key);
            }
        }
    }

    /// Adds a subscription; `None` if there is no such track. Video begins with the next keyframe,
    /// which is asked for.
    pub fn subscribe(&mut self, track: TrackKey, target: LayerTarget) -> Option<SubscriptionKey> {
        self.resume(track, target, StreamState::default())
    }

    /// Adds a subscription that goes on with the stream of one that has ended: with the next numbers
    /// and later times. `None` if there is no such track.
    pub fn resume(
        &mut self,
        track: TrackKey,
        target: LayerTarget,
        stream: StreamState,
    ) -> Option<SubscriptionKey> {
        let owner = self.tracks.get_mut(track)?;
        let key = self.subscriptions.insert(SubscriptionPlace {
            track,
            index: owner.subscriptions.len(),
        });
        owner.subscriptions.push(Subscription {
            key,
            forwarder: Forwarder::new(owner.codec, target, stream),
            hears_all: false,
        });
        owner.is_stale = true;
        self.is_stale = true;
        Some(key)
    }

    /// Removes a subscription, and gives what a later one needs to go on with its stream.
    pub fn unsubscribe(&mut self, subscription: SubscriptionKey) -> Option<StreamState> {
        let place = self.subscriptions.remove(subscription)?;
        let track = self.tracks.get_mut(place.track)?;
        let removed = track.subscriptions.swap_remove(place.index);
        if let Some(moved) = track.subscriptions.get(place.index)
            && let Some(moved_place) = self.subscriptions.get_mut(moved.key)
        {
            moved_place.index = place.index;
        }
        track.is_stale = true;
        self.is_stale = true;
        Some(removed.forwarder.into_stream())
    }

    /// Changes what a subscription wants; `None` pauses it.
    pub fn set_target(&mut self, subscription: SubscriptionKey, target: Option<LayerTarget>) {
        let Some((track, index)) = self.find(subscription) else {
            return;
        };
        track.subscriptions[index].forwarder.set_target(target);
        track.is_stale = true;
        self.is_stale = true;
    }

    /// Changes how much a subscription may get of what it wants. What is wanted of the publisher stays:
    /// [`Self::wanted_layers`].
    pub fn set_limit(&mut self, subscription: SubscriptionKey, limit: LayerLimit) {
        let Some((track, index)) = self.find(subscription) else {
            return;
        };
        track.subscriptions[index].forwarder.set_limit(limit);
        track.is_stale = true;
        self.is_stale = true;
    }

    /// Gives a subscription its track also while others are louder: for those who record or transcribe,
    /// and for sound that is no voice.
    pub fn hear_all(&mut self, subscription: SubscriptionKey) {
        if let Some((track, index)) = self.find(subscription) {
            track.subscriptions[index].hears_all = true;
        }
    }

    /// Forgets the numbers of an encoding, because its SSRC has changed: the next packet may have any
    /// sequence number and timestamp. Subscriptions go on with its next keyframe.
    pub fn handle_encoding_restart(&mut self, track: TrackKey, encoding: u8) {
        if let Some(track) = self.tracks.get_mut(track) {
            track.handle_restart(encoding);
            self.is_stale = true;
        }
    }

    /// Takes a packet and appends an order to `forwards` for each subscription that gets it.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        track: TrackKey,
        packet: &PacketView,
        forwards: &mut Vec<Forward>,
    ) {
        let Some(track) = self.tracks.get_mut(track) else {
            return;
        };
        let Some(arrival) = track.encodings.handle_packet(now, packet) else {
            return;
        };
        for subscription in &mut track.subscriptions {
            if !track.is_heard && !subscription.hears_all {
                subscription.forwarder.leave_out(packet, &arrival);
                continue;
            }
            let outgoing = subscription
                .forwarder
                .handle_packet(packet, &arrival, &track.encodings);
            if let Some(outgoing) = outgoing {
                forwards.push(Forward {
                    subscription: subscription.key,
                    sequence: outgoing.sequence,
                    timestamp: outgoing.timestamp,
                    marker: outgoing.marker,
                    rewrite: outgoing.rewrite,
                });
            }
        }
        track.handle_arrival(packet, &arrival);
        self.is_stale |= track.is_stale;
    }

    /// Takes a subscriber's request for a keyframe (PLI or FIR).
    pub fn handle_keyframe_request(&mut self, now: Instant, subscription: SubscriptionKey) {
        let Some((track, index)) = self.find(subscription) else {
            return;
        };
        let forwarder = &track.subscriptions[index].forwarder;
        if track.codec.is_video()
            && let Some(encoding) = forwarder.asks_for(&track.encodings, now)
        {
            track.keyframes.handle_request(encoding);
            track.is_stale = true;
            self.is_stale = true;
        }
    }

    /// Takes a request for a keyframe of one encoding, from a room on another shard.
    pub fn request_keyframe(&mut self, track: TrackKey, encoding: u8) {
        if let Some(track) = self.tracks.get_mut(track) {
            track.keyframes.handle_request(encoding);
            track.is_stale = true;
            self.is_stale = true;
        }
    }

    /// Gives the next request to send to a publisher: a track and the encoding that needs a keyframe.
    /// Call until it gives `None`, after every input and at [`poll_timeout`](Self::poll_timeout).
    pub fn poll_keyframe_request(&mut self, now: Instant) -> Option<(TrackKey, u8)> {
        if !self.is_stale && self.keyframes_due.is_none_or(|due| due > now) {
            return None;
        }
        let mut due = None;
        for (key, track) in self.tracks.iter_mut() {
            // What is waited for may be long stale when only time has passed.
            if track.is_stale || track.keyframes.timeout(now).is_some_and(|at| at <= now) {
                track.evaluate(now);
            }
            if let Some(encoding) = track.keyframes.poll(now) {
                return Some((key, encoding));
            }
            due = earlier(due, track.keyframes.timeout(now));
        }
        self.is_stale = false;
        self.keyframes_due = due;
        None
    }

    /// Says when to call the polls again if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        earlier(self.keyframes_due, self.speakers.timeout())
    }

    /// Gives the highest layers that any subscription of a track wants; `None`: nobody watches.
    #[must_use]
    pub fn wanted_layers(&self, track: TrackKey) -> Option<LayerTarget> {
        self.tracks.get(track)?.demand()
    }

    /// Takes a publisher's sender report: `sent` is its NTP time, `rtp` the timestamp of the same
    /// moment. Timestamps of simulcast encodings are aligned by them.
    pub fn handle_sender_report(
        &mut self,
        track: TrackKey,
        encoding: u8,
        sent: SystemTime,
        rtp: u32,
    ) {
        if let Some(track) = self.tracks.get_mut(track) {
            track
                .encodings
                .handle_sender_report(encoding, SenderReport { sent, rtp });
        }
    }

    /// Takes the audio level of one packet (RFC 6464): `level_dbov` is 0 (loudest) to 127 (silence),
    /// `voice` the sender's voice activity bit; `true` if it sends none.
    pub fn handle_audio_level(
        &mut self,
        now: Instant,
        track: TrackKey,
        level_dbov: u8,
        voice: bool,
    ) {
        if self.tracks.get(track).is_some() {
            self.speakers.handle_level(now, track, level_dbov, voice);
        }
    }

    /// Takes the loudness of the packet that is handled next, 0 (loudest) to 127 (silence; RFC 6464), where
    /// not all sound is passed on. A track without levels always is.
    pub fn handle_loudness(&mut self, now: Instant, track: TrackKey, level_dbov: u8) {
        let Some(voices) = &mut self.voices else {
            return;
        };
        let Some(owner) = self.tracks.get_mut(track) else {
            return;
        };
        owner.loudness.add(level_dbov);
        let hearing = voices.hear(now, track, owner.loudness);
        owner.is_heard = hearing != Hearing::Unheard;
        if let Hearing::Heard {
            instead_of: Some(replaced),
        } = hearing
            && let Some(replaced) = self.tracks.get_mut(replaced)
        {
            replaced.is_heard = false;
        }
    }

    /// Gives who is heard, loudest first, if that has changed; an empty list means silence.
    pub fn poll_speakers(&mut self, now: Instant) -> Option<&[Speaker]> {
        self.speakers.poll(now)
    }

    fn find(&mut self, subscription: SubscriptionKey) -> Option<(&mut Track, usize)> {
        let place = *self.subscriptions.get(subscription)?;
        let track = self.tracks.get_mut(place.track)?;
        Some((track, place.index))
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new(RoomOptions::default())
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}
