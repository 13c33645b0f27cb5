//! Hooks for tests, behind the feature `testing`: no release has them.

use std::collections::BTreeMap;

use crate::{Engine, SessionId, crypto, plain};

/// Lets all engines of this process do without secrets, for fuzzing: see `plain`. Call it before the
/// first engine starts; `false` means that it came too late.
#[must_use]
pub fn use_plain_crypto() -> bool {
    crypto::install(plain::provider())
}

impl Engine {
    /// Lets the next input of a session panic, as a bug of the peer connection would.
    pub fn panic_at_next_input(&mut self, session: SessionId) {
        if let Some(index) = self.session_ids.get(&session).copied() {
            self.sessions[index].panic_message = Some("a test asked for it");
            self.touch(index);
        }
    }

    /// Counts the media streams that str0m means to send itself, in all sections that carry tracks.
    pub fn declared_streams(&mut self) -> usize {
        let mut count = 0;
        for (_, session) in &mut self.sessions {
            let subscribed = session.subscriptions.iter().filter_map(|s| s.section);
            let received = session.received.iter().map(|(mid, _)| *mid);
            let sendable = session.sendable.iter().map(|(mid, _)| *mid);
            let sections: Vec<_> = subscribed.chain(received).chain(sendable).collect();
            let mut direct = session.rtc.direct_api();
            for mid in sections {
                count += usize::from(direct.stream_tx_by_mid(mid, None).is_some());
            }
        }
        count
    }

    /// Counts the entries of every table, by name: what grows without bound shows here.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<&'static str, usize> {
        let sessions = || self.sessions.iter().map(|(_, session)| session);
        let rooms = || self.rooms.iter().map(|(_, room)| room);
        BTreeMap::from([
            ("sessions", self.sessions.len()),
            ("session ids", self.session_ids.len()),
            ("rooms", self.rooms.len()),
            ("tracks", self.tracks.len()),
            ("track ids", self.track_ids.len()),
            ("demux", self.demux.len()),
            ("timers", self.timers.len()),
            ("room timers", self.room_timers.len()),
            ("bandwidth timers", self.bandwidth_timers.len()),
            ("touched", self.touched.len()),
            ("dirty", self.dirty.len()),
            ("received", sessions().map(|s| s.received.len()).sum()),
            (
                "sent formats",
                sessions().map(|s| s.sent_formats.len()).sum(),
            ),
            ("ingress", sessions().map(|s| s.ingress.len()).sum()),
            ("sendable", sessions().map(|s| s.sendable.len()).sum()),
            (
                "subscriptions",
                sessions().map(|s| s.subscriptions.len()).sum(),
            ),
            ("gate", sessions().map(|s| s.gate.len()).sum()),
            ("nack counts", sessions().map(|s| s.nacks_out.len()).sum()),
            ("room tracks", rooms().map(|room| room.tracks.len()).sum()),
            ("subscribers", rooms().map(crate::room::Room::len).sum()),
        ])
    }
}
