//! What a peer looks at, as it tells the server.

use std::sync::Arc;
use std::time::Duration;

use crate::scene::Tile;

use super::{Peer, requests};

impl Peer {
    /// Tells the server what is visible now.
    pub(super) fn look(&mut self, at: Duration) {
        let setting = Arc::clone(&self.setting);
        let plan = &setting.plan.peers[self.index];
        let receiver = self.receiver();
        let mut settings = Vec::new();
        for (sid, track) in &mut self.others {
            if !track.is_video || !track.is_offered {
                continue;
            }
            let tile = setting.plan.tile(plan, track.seat, at);
            if track.tile.replace(tile) == Some(tile) {
                continue;
            }
            settings.push(requests::track_settings(sid, tile));
            if tile == Tile::Hidden
                && let Some(link) = &mut self.links[receiver]
            {
                link.reception().pause(track.publisher);
            }
        }
        for message in settings {
            self.say(message);
        }
    }
}
