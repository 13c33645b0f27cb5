//! A subscription that goes over from one track to another that shows the same in another codec.
//!
//! Clients know the two as one track: names, section and SSRC stay, so that nothing is negotiated. Only
//! the payload type changes, with a keyframe.

use crate::demux::SessionIndex;
use crate::{Engine, Event, SessionId, Subscribe, TrackId};

impl Engine {
    /// Lets the subscription to `from` carry another track from now on: its numbers and times go on. The
    /// names of `to` are those that were given for `from`. Without a subscription to `from` it begins one.
    pub fn switch(&mut self, session: SessionId, from: TrackId, to: Subscribe) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        let of_track = |wanted: TrackId| {
            let mut subscriptions = self.sessions[index].subscriptions.iter();
            subscriptions.position(|subscription| subscription.wish.track == wanted)
        };
        let (Some(position), None) = (of_track(from), of_track(to.track)) else {
            self.unsubscribe(session, from);
            return self.subscribe(session, to);
        };
        let before = self.sessions[index].subscriptions[position].track;
        let room = self.tracks[before].room;
        let Some(track) = self.find_or_relay(room, &to) else {
            return self.unsubscribe(session, from);
        };
        let subscription = &mut self.sessions[index].subscriptions[position];
        subscription.wish = to;
        subscription.track = track;
        subscription.is_refused = false;
        let (sending, section) = (subscription.sending.take(), subscription.section);
        if let Some(sending) = sending {
            self.halt_stream(index, before, sending, section);
        }
        self.forget_watcher(before);
        self.start_sending(index);
        self.touch(index);
    }

    /// Tells once that a client can't get a track. The subscription stays: another track may take its
    /// place.
    pub(crate) fn refuse(&mut self, index: SessionIndex, position: usize) {
        let session = &mut self.sessions[index];
        let (room, id) = (session.room, session.id);
        let subscription = &mut session.subscriptions[position];
        subscription.is_refused = true;
        let (track, index) = (subscription.wish.track, subscription.track);
        self.update_demand(index);
        self.emit(room, Event::CodecRefused { session: id, track });
    }
}
