//! Both ends of a relay: see [`RelayMessage`].

use std::time::Instant;

use crate::media::Packet;
use crate::relay::{RelayBody, RelayMessage};
use crate::track::Origin;
use crate::{Engine, RoomId, ShardId, TrackId};

impl Engine {
    /// Handles a message of another shard's engine.
    pub fn handle_relay(&mut self, now: Instant, from: ShardId, message: RelayMessage) {
        let RelayMessage { track: id, body } = message;
        if let RelayBody::Open { room } = body {
            return self.open_relay(from, id, room);
        }
        let Some(track) = self.track_ids.get(&id).copied() else {
            return; // It ended while the message was under way.
        };
        match body {
            RelayBody::Open { .. } => {}
            RelayBody::Close => self.close_relay(track, from),
            RelayBody::Demand { spatial } => self.set_relay_demand(track, from, spatial),
            RelayBody::Keyframe { encoding } => self.request_relayed_keyframe(track, encoding),
            RelayBody::Ended => self.end_track(track),
            RelayBody::Opened { is_muted } | RelayBody::Muted { is_muted } => {
                self.apply_muted(track, is_muted);
            }
            RelayBody::Report { encoding, report } => self.handle_report(track, encoding, report),
            RelayBody::Packet(packet) => {
                let packet = Packet {
                    view: packet.view,
                    payload: packet.payload,
                    extensions: packet.extensions,
                    red: packet.red,
                };
                self.route(now, track, packet);
            }
        }
    }

    fn open_relay(&mut self, from: ShardId, id: TrackId, room: RoomId) {
        let track = self.track_ids.get(&id).copied();
        let is_same_room = |track: &usize| self.rooms[self.tracks[*track].room].id == room;
        let body = match track.filter(is_same_room) {
            Some(index) => {
                let track = &mut self.tracks[index];
                if let Origin::Home { relays, .. } = &mut track.origin {
                    relays.entry(from).or_insert(None);
                }
                RelayBody::Opened {
                    is_muted: track.is_muted,
                }
            }
            None => RelayBody::Ended,
        };
        self.relays
            .push_back((from, RelayMessage { track: id, body }));
    }

    fn set_relay_demand(&mut self, track: usize, from: ShardId, spatial: Option<u8>) {
        if let Origin::Home { relays, .. } = &mut self.tracks[track].origin {
            relays.insert(from, spatial);
        }
        self.update_demand(track);
    }

    fn close_relay(&mut self, track: usize, from: ShardId) {
        if let Origin::Home { relays, .. } = &mut self.tracks[track].origin {
            relays.remove(&from);
        }
        self.update_demand(track);
    }

    /// Lets the room's throttle decide, which counts the requests of all shards.
    fn request_relayed_keyframe(&mut self, track: usize, encoding: u8) {
        let track = &self.tracks[track];
        let (room, key) = (track.room, track.key);
        self.rooms[room].media.request_keyframe(key, encoding);
        self.touch_room(room);
    }
}
