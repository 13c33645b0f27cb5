//! The handle by which signalling steers the shards.
//!
//! Every method sends one command to the shard that owns the session or track. Commands of one
//! caller to one shard keep their order. The queue to a shard is bounded: a caller waits for room,
//! so that a busy shard slows signalling down instead of growing memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use engine::{
    Answer, DataChannel, Event, Offer, OfferError, RoomId, SessionConfig, SessionId, ShardId,
    Subscribe, Target, TrackId,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::command::Command;
use crate::placement::Placement;
use crate::wake::ShardSender;

/// Events of one room that wait for signalling. When full, the session that has an event to tell
/// is closed, but for data on lossy channels, which is dropped.
const ROOM_EVENTS_MAX: usize = 4096;

/// Why a command did not succeed.
#[derive(Debug, Error)]
pub enum SfuError {
    /// The session is not, or no longer, there.
    #[error("the media session has ended")]
    NoSession,
    /// The SDP could not be used.
    #[error("the offer or answer was not accepted")]
    Sdp(#[from] OfferError),
    /// The shard holds as many sessions as it may.
    #[error("the media server is full")]
    Full,
    /// The shard is going down.
    #[error("the media server is shutting down")]
    Down,
}

/// Steers the media server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sfu {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shards: Vec<ShardSender>,
    placement: Placement,
    next: AtomicU64,
}

impl Sfu {
    pub(crate) fn new(shards: Vec<ShardSender>, placement: Placement) -> Self {
        Self {
            inner: Arc::new(Inner {
                shards,
                placement,
                next: AtomicU64::new(1),
            }),
        }
    }

    /// Opens a room and gives the receiver of all its events.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn open_room(&self) -> Result<(RoomId, mpsc::Receiver<Event>), SfuError> {
        let room = RoomId(self.inner.next.fetch_add(1, Ordering::Relaxed));
        let (events, receiver) = mpsc::channel(ROOM_EVENTS_MAX);
        for shard in &self.inner.shards {
            let events = events.clone();
            shard.send(Command::OpenRoom { room, events }).await?;
        }
        Ok((room, receiver))
    }

    /// Closes a room with all its sessions.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn close_room(&self, room: RoomId) -> Result<(), SfuError> {
        for shard in &self.inner.shards {
            shard.send(Command::CloseRoom { room }).await?;
        }
        self.inner.placement.forget(room);
        Ok(())
    }

    /// Creates a session on a shard that the room already uses and that has capacity left, else on
    /// the one with the least load.
    ///
    /// A session that belongs to the same participant as `beside` goes to the same shard.
    ///
    /// # Errors
    ///
    /// [`SfuError::Full`] if that shard takes no more sessions, [`SfuError::NoSession`] if the room
    /// is closed, [`SfuError::Down`] if the server is shutting down.
    pub async fn create_session(
        &self,
        room: RoomId,
        config: SessionConfig,
        beside: Option<SessionId>,
    ) -> Result<SessionId, SfuError> {
        let shard = beside.map_or_else(|| self.inner.placement.place(room), SessionId::shard);
        let _expected = self.inner.placement.expect_session(shard);
        let number = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let session = SessionId::new(shard, number);
        self.call(shard, |reply| Command::CreateSession {
            room,
            session,
            config,
            reply,
        })
        .await??;
        Ok(session)
    }

    /// Makes an id for a track that `publisher` has announced. Nothing happens until an offer
    /// carries the track.
    #[must_use]
    pub fn new_track_id(&self, publisher: SessionId) -> TrackId {
        TrackId::new(
            publisher.shard(),
            self.inner.next.fetch_add(1, Ordering::Relaxed),
        )
    }

    /// Handles a client's offer (publisher and single sessions).
    ///
    /// # Errors
    ///
    /// [`SfuError::Sdp`] if the text can't be used: tell the client and keep the session as it was.
    pub async fn handle_offer(&self, session: SessionId, offer: Offer) -> Result<Answer, SfuError> {
        self.call(session.shard(), |reply| Command::Offer {
            session,
            offer,
            reply,
        })
        .await?
    }

    /// Handles the client's answer to [`Event::Offer`]. An `id` of 0 means that the client doesn't
    /// number its answers; an answer to another offer than the last is ignored.
    ///
    /// # Errors
    ///
    /// [`SfuError::Sdp`] if the text can't be used.
    pub async fn handle_answer(
        &self,
        session: SessionId,
        id: u32,
        sdp: String,
    ) -> Result<(), SfuError> {
        self.call(session.shard(), |reply| Command::Answer {
            session,
            id,
            sdp,
            reply,
        })
        .await?
    }

    /// Adds a candidate of the client, as in `a=candidate:…` (with or without `a=`). One that can't be
    /// read or used is ignored, as ICE asks.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn add_candidate(
        &self,
        session: SessionId,
        candidate: String,
    ) -> Result<(), SfuError> {
        let command = Command::Candidate { session, candidate };
        self.send(session.shard(), command).await
    }

    /// Offers again with new ICE credentials (subscriber sessions). In the other kinds it is the
    /// client who restarts, by its offer.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn restart_ice(&self, session: SessionId) -> Result<(), SfuError> {
        self.send(session.shard(), Command::RestartIce { session })
            .await
    }

    /// Subscribes a session to a track, wherever it is published. An offer or a request for sections
    /// follows as an event, one for all subscriptions that come together.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn subscribe(
        &self,
        session: SessionId,
        subscribe: Subscribe,
    ) -> Result<(), SfuError> {
        let command = Command::Subscribe {
            session,
            room: None,
            subscribe,
        };
        self.send(session.shard(), command).await
    }

    /// Subscribes a session to a track that is published in another `room`, as [`Self::subscribe`] does
    /// in its own. It ends as others do, and with that room.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn subscribe_across(
        &self,
        session: SessionId,
        room: RoomId,
        subscribe: Subscribe,
    ) -> Result<(), SfuError> {
        let command = Command::Subscribe {
            session,
            room: Some(room),
            subscribe,
        };
        self.send(session.shard(), command).await
    }

    /// Lets another track take the place of a subscribed one, which shows the same in another codec. To
    /// the client it is the same track: nothing is negotiated.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn switch(
        &self,
        session: SessionId,
        from: TrackId,
        to: Subscribe,
    ) -> Result<(), SfuError> {
        let command = Command::Switch { session, from, to };
        self.send(session.shard(), command).await
    }

    /// Ends a subscription; unknown ones are ignored.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn unsubscribe(&self, session: SessionId, track: TrackId) -> Result<(), SfuError> {
        self.send(session.shard(), Command::Unsubscribe { session, track })
            .await
    }

    /// Changes what a subscriber gets of a track.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn set_target(
        &self,
        session: SessionId,
        track: TrackId,
        target: Target,
    ) -> Result<(), SfuError> {
        let about = (session, track);
        let command = Command::SetTarget { about, target };
        self.send(session.shard(), command).await
    }

    /// Sets how important a track is to a subscriber when not all fits its way in; higher goes first.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn set_priority(
        &self,
        session: SessionId,
        track: TrackId,
        priority: u8,
    ) -> Result<(), SfuError> {
        let about = (session, track);
        let command = Command::SetPriority { about, priority };
        self.send(session.shard(), command).await
    }

    /// Takes it that a subscriber's way in carries no more than so many bits per second; `None` ends
    /// that.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn set_bandwidth_cap(
        &self,
        session: SessionId,
        bits_per_second: Option<u64>,
    ) -> Result<(), SfuError> {
        let command = Command::SetBandwidthCap {
            session,
            most: bits_per_second,
        };
        self.send(session.shard(), command).await
    }

    /// Stops or resumes the forwarding of a published track, whatever its client does.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn set_muted(&self, track: TrackId, muted: bool) -> Result<(), SfuError> {
        self.send(track.shard(), Command::SetMuted { track, muted })
            .await
    }

    /// Ends a published track on the server's side: its packets are dropped from now on and its
    /// subscriptions end.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn unpublish(&self, track: TrackId) -> Result<(), SfuError> {
        self.send(track.shard(), Command::Unpublish { track }).await
    }

    /// Queues a message for the client. What happens when the queue is full is written in
    /// `engine`: lossy channels drop, a reliable one ends the session.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn send_data(
        &self,
        session: SessionId,
        channel: DataChannel,
        data: Bytes,
    ) -> Result<(), SfuError> {
        let command = Command::SendData {
            session,
            channel,
            data,
        };
        self.send(session.shard(), command).await
    }

    /// Closes a session with all that it publishes and receives. No event follows.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    pub async fn close_session(&self, session: SessionId) -> Result<(), SfuError> {
        self.send(session.shard(), Command::CloseSession { session })
            .await
    }

    /// Lets a shard panic outside of what the engine contains, as a bug would.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the server is shutting down.
    #[cfg(feature = "testing")]
    pub async fn panic_shard(&self, shard: ShardId) -> Result<(), SfuError> {
        self.send(shard, Command::Panic).await
    }

    async fn send(&self, shard: ShardId, command: Command) -> Result<(), SfuError> {
        match self.inner.shards.get(usize::from(shard.0)) {
            Some(sender) => sender.send(command).await,
            None => Err(SfuError::NoSession),
        }
    }

    async fn call<T>(
        &self,
        shard: ShardId,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, SfuError> {
        let (reply, answer) = oneshot::channel();
        self.send(shard, command(reply)).await?;
        answer.await.map_err(|_| SfuError::Down)
    }
}
