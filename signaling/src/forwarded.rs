//! A participant of one room that is shown in others, with its tracks.
//!
//! The room that it is in writes what the others may see into a [`watch`] channel; each of them follows
//! it. So no room ever waits for another, what changes often is told once, and the end of the sender,
//! however it comes, is the end of the forwarding.
//!
//! Bound: one value for each participant that is forwarded, whatever the number of rooms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::Claims;
use livekit_protocol::ClientInfo;
use sfu::{RoomId, TrackId};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::dynacast::Demand;
use crate::ids::ParticipantKey;
use crate::participant::Participant;
use crate::permissions::Permissions;
use crate::publication::Publication;
use crate::room::Mailbox;
use crate::subscriptions::SubscriptionRules;

/// What other rooms see of a participant.
#[derive(Debug, Clone)]
pub(crate) struct Showing {
    /// Where its tracks are published.
    pub(crate) media: RoomId,
    pub(crate) claims: Claims,
    pub(crate) client: ClientInfo,
    pub(crate) name: String,
    pub(crate) metadata: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) permissions: Permissions,
    pub(crate) is_publisher: bool,
    pub(crate) tracks: Vec<Publication>,
    /// Who may receive the tracks; by identity, as ids are those of another room.
    pub(crate) rules: SubscriptionRules,
    /// What viewers wait for in the rooms that show it.
    pub(crate) waiting: Waiting,
    /// How loud it speaks; 0 for silence.
    pub(crate) level: f32,
}

impl Showing {
    /// Shows a participant as it is now, and silent.
    pub(crate) fn of(participant: &Participant, media: RoomId) -> Self {
        Self {
            media,
            claims: participant.claims.clone(),
            client: participant.client.clone(),
            name: participant.name.clone(),
            metadata: participant.metadata.clone(),
            attributes: participant.attributes.clone(),
            permissions: participant.permissions.clone(),
            is_publisher: participant.is_publisher,
            tracks: participant.published.clone(),
            rules: participant.rules.clone(),
            waiting: participant.waiting.clone(),
            level: 0.0,
        }
    }
}

/// Which second codecs viewers in other rooms wait for: the highest layer by room and track. It is the
/// only thing that goes back to the room that a participant is in, which looks at it now and then.
///
/// Bound: an entry for each track in each room that shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<BTreeMap<(RoomId, TrackId), u8>>>);

impl Waiting {
    /// Says what viewers in `room` wait for of a track.
    pub(crate) fn set(&self, room: RoomId, track: TrackId, demand: Demand) {
        match demand {
            Some(spatial) => self.entries().insert((room, track), spatial),
            None => self.entries().remove(&(room, track)),
        };
    }

    /// Returns the most that is waited for of a track.
    pub(crate) fn highest(&self, track: TrackId) -> Demand {
        let entries = self.entries();
        let of_track = entries.iter().filter(|((_, of), _)| *of == track);
        of_track.map(|(_, spatial)| *spatial).max()
    }

    fn forget(&self, room: RoomId) {
        self.entries().retain(|(of, _), _| *of != room);
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<(RoomId, TrackId), u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a forwarded participant comes from, in the room that shows it.
#[derive(Debug)]
pub(crate) struct Source {
    /// The room that shows it.
    room: RoomId,
    waiting: Waiting,
    pub(crate) feed: watch::Receiver<Showing>,
    /// The level that the room was told last.
    pub(crate) level: f32,
    follower: AbortHandle,
}

impl Source {
    /// Follows `feed`: the room of `mailbox` hears of each change, and of the end, by `key`.
    pub(crate) fn follow(
        feed: watch::Receiver<Showing>,
        room: RoomId,
        key: ParticipantKey,
        mailbox: Mailbox,
    ) -> Self {
        let waiting = feed.borrow().waiting.clone();
        let mut followed = feed.clone();
        let task = tokio::spawn(async move {
            while followed.changed().await.is_ok() {
                mailbox.tell_shown(key).await;
            }
            mailbox.tell_shown(key).await;
        });
        Self {
            room,
            waiting,
            feed,
            level: 0.0,
            follower: task.abort_handle(),
        }
    }

    /// Where the tracks are published.
    pub(crate) fn media(&self) -> RoomId {
        self.feed.borrow().media
    }

    /// Tells the room that the participant is in what is waited for here of a track.
    pub(crate) fn wait_for(&self, track: TrackId, demand: Demand) {
        self.waiting.set(self.room, track, demand);
    }

    /// Tells whether the participant has left the room that it is in.
    pub(crate) fn has_ended(&self) -> bool {
        self.feed.has_changed().is_err()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.follower.abort();
        self.waiting.forget(self.room);
    }
}
