//! Publishing and subscribing: which tracks there are, and who wants them.

use std::collections::HashMap;

use forwarding::{Codec, LayerLimit, LayerTarget, SubscriptionKey};
use str0m::media::Mid;

use crate::demux::SessionIndex;
use crate::egress::{StreamConfig, StreamKey};
use crate::relay::{RelayBody, RelayMessage};
use crate::room::Subscriber;
use crate::session::Subscription;
use crate::track::{Demand, Origin, Track};
use crate::{Engine, Event, RoomId, SessionId, SessionKind, Subscribe, Target, TrackId};

impl Engine {
    /// Subscribes a session to a track. An offer, or a request for sections, follows with the next
    /// flush. A second subscription to the same track replaces the target of the first.
    pub fn subscribe(&mut self, session: SessionId, subscribe: Subscribe) {
        if let Some(index) = self.session_ids.get(&session).copied() {
            self.subscribe_in(self.sessions[index].room, session, subscribe);
        }
    }

    /// Subscribes a session to a track of another room, for those who forward participants. The track
    /// crosses to another shard once, for all rooms that watch it there.
    pub fn subscribe_across(&mut self, session: SessionId, room: RoomId, subscribe: Subscribe) {
        if let Some(room) = self.room_ids.get(&room).copied() {
            self.subscribe_in(room, session, subscribe);
        }
    }

    fn subscribe_in(&mut self, room: usize, session: SessionId, subscribe: Subscribe) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        if self.sessions[index]
            .subscription_of_track(subscribe.track)
            .is_some()
        {
            return self.set_target(session, subscribe.track, subscribe.target);
        }
        let Some(track) = self.find_or_relay(room, &subscribe) else {
            return;
        };
        self.sessions[index].subscriptions.push(Subscription {
            wish: subscribe,
            track,
            section: None,
            ssrcs: None,
            is_negotiated: false,
            is_refused: false,
            sending: None,
            priority: 0,
            granted: LayerLimit::None,
        });
        self.mark_dirty(index);
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, session: SessionId, track: TrackId) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        let subscriptions = &mut self.sessions[index].subscriptions;
        let position = subscriptions
            .iter()
            .position(|subscription| subscription.wish.track == track);
        if let Some(position) = position {
            let subscription = subscriptions.remove(position);
            self.stop_sending(index, &subscription);
            self.mark_dirty(index);
            self.forget_watcher(subscription.track);
        }
    }

    /// Changes what a subscriber gets of a track.
    pub fn set_target(&mut self, session: SessionId, track: TrackId, target: Target) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        let Some(subscription) = self.sessions[index].subscription_of_track(track) else {
            return;
        };
        subscription.wish.target = target;
        let (track, sending) = (subscription.track, subscription.sending);
        if let Some((key, _)) = sending {
            let Track { room, is_muted, .. } = self.tracks[track];
            let layers = layer_target(target).filter(|_| !is_muted);
            self.rooms[room].media.set_target(key, layers);
            self.touch_room(room);
        }
        self.update_demand(track);
    }

    /// Stops or resumes the forwarding of a track that is published here.
    pub fn set_muted(&mut self, track: TrackId, is_muted: bool) {
        let Some(index) = self.track_ids.get(&track).copied() else {
            return;
        };
        self.apply_muted(index, is_muted);
        if let Origin::Home { relays, .. } = &self.tracks[index].origin {
            for shard in relays.keys() {
                let body = RelayBody::Muted { is_muted };
                self.relays
                    .push_back((*shard, RelayMessage { track, body }));
            }
        }
    }

    /// Ends a track on the server's side; its client may go on sending, to nobody.
    pub fn unpublish(&mut self, track: TrackId) {
        let Some(index) = self.track_ids.get(&track).copied() else {
            return;
        };
        if let Origin::Home { session, mid, .. } = self.tracks[index].origin {
            let session = &mut self.sessions[session];
            session.received.retain(|(section, _)| *section != mid);
            session.ingress.retain(|_, stream| stream.mid != mid);
            session.forget_format(mid);
        }
        self.end_track(index);
    }

    /// Pauses or resumes all subscriptions of this shard: a pause leaves no gap in their numbers, and
    /// they go on with a keyframe.
    pub(crate) fn apply_muted(&mut self, track: usize, is_muted: bool) {
        self.tracks[track].is_muted = is_muted;
        let room = self.tracks[track].room;
        let sending: Vec<_> = self
            .sessions
            .iter()
            .flat_map(|(_, session)| &session.subscriptions)
            .filter(|subscription| subscription.track == track)
            .filter_map(|subscription| Some((subscription.sending?.0, subscription.wish.target)))
            .collect();
        for (key, target) in sending {
            let layers = layer_target(target).filter(|_| !is_muted);
            self.rooms[room].media.set_target(key, layers);
        }
        self.touch_room(room);
    }

    /// Starts a track in a section of a session of this shard.
    pub(crate) fn publish(
        &mut self,
        session: SessionIndex,
        mid: Mid,
        id: TrackId,
        codec: Codec,
        encodings: u8,
    ) {
        let room = self.sessions[session].room;
        let key = self.rooms[room].media.publish(codec, encodings);
        let origin = Origin::Home {
            session,
            mid,
            ssrcs: Default::default(),
            relays: HashMap::new(),
        };
        let track = self.tracks.insert(Track::new(id, room, key, codec, origin));
        self.track_ids.insert(id, track);
        self.rooms[room].tracks.insert(key, track);
        self.sessions[session].received.push((mid, track));
        self.counters.tracks += 1;
    }

    /// Takes a track out with all its subscriptions.
    pub(crate) fn end_track(&mut self, track: usize) {
        let watchers: Vec<SessionIndex> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                session
                    .subscriptions
                    .iter()
                    .any(|subscription| subscription.track == track)
            })
            .map(|(index, _)| index)
            .collect();
        for index in watchers {
            let subscriptions = &mut self.sessions[index].subscriptions;
            let position = subscriptions
                .iter()
                .position(|subscription| subscription.track == track);
            if let Some(position) = position {
                let subscription = subscriptions.remove(position);
                self.stop_sending(index, &subscription);
                self.mark_dirty(index);
            }
        }
        let ended = self.tracks.remove(track);
        self.track_ids.remove(&ended.id);
        let room = &mut self.rooms[ended.room];
        room.tracks.remove(&ended.key);
        room.media.unpublish(ended.key);
        if let Origin::Home { relays, .. } = ended.origin {
            self.counters.tracks -= 1;
            for shard in relays.into_keys() {
                let body = RelayBody::Ended;
                self.relays.push_back((
                    shard,
                    RelayMessage {
                        track: ended.id,
                        body,
                    },
                ));
            }
        }
    }

    /// Lets packets flow to a subscription whose section is agreed on. `make` gives what is agreed.
    pub(crate) fn start_stream(
        &mut self,
        index: SessionIndex,
        position: usize,
        make: impl FnOnce(SubscriptionKey) -> StreamConfig,
    ) {
        let session = &mut self.sessions[index];
        let subscription = &mut session.subscriptions[position];
        let track = &self.tracks[subscription.track];
        let target = layer_target(subscription.wish.target).filter(|_| !track.is_muted);
        let room = &mut self.rooms[track.room];
        let parked = &mut session.parked;
        let position_parked = parked
            .iter()
            .position(|(mid, ..)| Some(*mid) == subscription.section);
        let before = position_parked.map(|position| parked.swap_remove(position));
        let (stream_before, next_repair) =
            before.map_or_else(Default::default, |(_, stream, next)| (stream, next));
        let Some(key) =
            room.media
                .resume(track.key, target.unwrap_or(LayerTarget::ALL), stream_before)
        else {
            return;
        };
        if target.is_none() {
            room.media.set_target(key, None);
        }
        room.media.set_limit(key, subscription.granted);
        if subscription.wish.hears_all {
            room.media.hear_all(key);
        }
        let stream = session.egress.add(make(key), next_repair);
        room.add_subscriber(Subscriber {
            key,
            session: index,
            stream,
            is_served: false,
        });
        subscription.sending = Some((key, stream));
        let (track, room) = (subscription.track, track.room);
        self.touch_room(room);
        self.update_demand(track);
    }

    /// Stops a stream for good. Its SSRC is never used again: the next track in the section gets a new
    /// one. Only a player's stream waits for the next track.
    pub(crate) fn stop_sending(&mut self, index: SessionIndex, subscription: &Subscription) {
        if let Some(sending) = subscription.sending {
            self.end_stream(index, subscription.track, sending, subscription.section);
        }
    }

    pub(crate) fn end_stream(
        &mut self,
        index: SessionIndex,
        track: usize,
        sending: (SubscriptionKey, StreamKey),
        section: Option<Mid>,
    ) {
        let is_player = self.sessions[index].kind == SessionKind::Player;
        self.halt_stream(index, track, sending, section.filter(|_| is_player));
    }

    /// Stops a stream; if it has a `section` to wait in, the next track there goes on with its numbers.
    pub(crate) fn halt_stream(
        &mut self,
        index: SessionIndex,
        track: usize,
        (key, stream_key): (SubscriptionKey, StreamKey),
        section: Option<Mid>,
    ) {
        let session = &mut self.sessions[index];
        let room = &mut self.rooms[self.tracks[track].room];
        let stream = room.media.unsubscribe(key);
        room.remove_subscriber(key);
        let next_repair = session.egress.remove(stream_key).unwrap_or_default();
        let parked = section.zip(stream);
        let parked = parked.map(|(mid, stream)| (mid, stream, next_repair));
        session.parked.extend(parked);
    }

    /// Updates what a track's publisher is asked for after a subscription ended; a relay that nobody
    /// needs is closed.
    pub(crate) fn forget_watcher(&mut self, track: usize) {
        let is_watched = self
            .sessions
            .iter()
            .flat_map(|(_, session)| &session.subscriptions)
            .any(|subscription| subscription.track == track);
        let Some(entry) = self.tracks.get(track) else {
            return;
        };
        if is_watched || entry.is_home() {
            self.update_demand(track);
            return;
        }
        let (home, id) = (entry.id.shard(), entry.id);
        let body = RelayBody::Close;
        self.relays
            .push_back((home, RelayMessage { track: id, body }));
        self.end_track(track);
    }

    /// Tells the publisher (or the track's home) which layers are wanted, if that changed.
    pub(crate) fn update_demand(&mut self, track_index: usize) {
        let track = &mut self.tracks[track_index];
        let media = &self.rooms[track.room].media;
        let own = media.wanted_layers(track.key).map(|layers| layers.spatial);
        let wanted = match &track.origin {
            Origin::Home { relays, .. } => relays.values().copied().fold(own, Option::max),
            Origin::Relayed => own,
        };
        if track.told_demand == Demand::of(wanted) {
            return;
        }
        track.told_demand = Demand::of(wanted);
        let (id, room) = (track.id, track.room);
        if track.is_home() {
            let event = Event::LayerDemand {
                track: id,
                spatial: wanted,
            };
            self.emit(room, event);
        } else {
            let body = RelayBody::Demand { spatial: wanted };
            self.relays
                .push_back((id.shard(), RelayMessage { track: id, body }));
        }
    }

    /// The index of a track; one of another shard is asked for there.
    pub(crate) fn find_or_relay(&mut self, room: usize, subscribe: &Subscribe) -> Option<usize> {
        let id = subscribe.track;
        if let Some(track) = self.track_ids.get(&id).copied() {
            return (self.tracks[track].room == room).then_some(track);
        }
        if id.shard() == self.config.shard {
            return None; // It has ended.
        }
        let key = self.rooms[room]
            .media
            .publish(subscribe.codec, forwarding::ENCODINGS_MAX);
        let (codec, origin) = (subscribe.codec, Origin::Relayed);
        let track = self.tracks.insert(Track::new(id, room, key, codec, origin));
        self.track_ids.insert(id, track);
        self.rooms[room].tracks.insert(key, track);
        let body = RelayBody::Open {
            room: self.rooms[room].id,
        };
        self.relays
            .push_back((id.shard(), RelayMessage { track: id, body }));
        Some(track)
    }
}

fn layer_target(target: Target) -> Option<LayerTarget> {
    match target {
        Target::Paused => None,
        Target::Layers { spatial, temporal } => Some(LayerTarget { spatial, temporal }),
    }
}
