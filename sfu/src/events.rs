//! Events on their way to signalling, one bounded queue per room.
//!
//! A room actor that reads too slowly must not make a shard wait or grow. When its queue is full:
//!
//! | event | what happens |
//! | --- | --- |
//! | data of a lossy channel, speakers, quality | dropped and counted: the next one replaces it |
//! | end of a session, layer demand, stream state, start of an encoding | owed: told when there is room again |
//! | all else | the session that it is about is closed, and its end is owed |
//!
//! What is owed is bounded by the number of sessions, tracks, encodings and subscriptions: a demand or
//! state replaces the one before it.

use std::collections::{HashMap, VecDeque};

use engine::{CloseReason, DataChannel, Event, RoomId, SessionId};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// What the shard has to do after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Nothing.
    None,
    /// The session can't be told about: close it.
    CloseSession(SessionId),
    /// Nobody reads the room's events any more: close it.
    CloseRoom(RoomId),
}

/// What happens to an event when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenFull {
    Drop,
    Owe,
    Close(SessionId),
}

fn when_full(event: &Event) -> WhenFull {
    match event {
        Event::Data {
            channel: DataChannel::Lossy | DataChannel::DataTrack,
            ..
        }
        | Event::PictureSize { .. }
        | Event::Speakers { .. }
        | Event::Quality { .. } => WhenFull::Drop,
        Event::Closed { .. }
        | Event::LayerDemand { .. }
        | Event::StreamState { .. }
        | Event::EncodingStarted { .. } => WhenFull::Owe,
        Event::Connected { session }
        | Event::Offer { session, .. }
        | Event::SectionsNeeded { session, .. }
        | Event::DataChannelOpen { session, .. }
        | Event::Data {
            session,
            channel: DataChannel::Reliable,
            ..
        }
        | Event::Subscribed { session, .. }
        | Event::CodecRefused { session, .. } => WhenFull::Close(*session),
    }
}

#[derive(Debug)]
struct RoomQueue {
    events: mpsc::Sender<Event>,
    owed: VecDeque<Event>,
}

impl RoomQueue {
    fn owe(&mut self, event: Event) {
        if let Event::LayerDemand { track, .. } = &event {
            let replaced =
                |owed: &Event| matches!(owed, Event::LayerDemand { track: of, .. } if of == track);
            self.owed.retain(|owed| !replaced(owed));
        }
        if let Event::StreamState { session, track, .. } = &event {
            let about = (session, track);
            let replaced = |owed: &Event| matches!(owed, Event::StreamState { session, track, .. } if (session, track) == about);
            self.owed.retain(|owed| !replaced(owed));
        }
        self.owed.push_back(event);
    }

    /// Sends what is owed, as far as there is room. Fails if nobody reads.
    fn settle(&mut self) -> Result<(), ()> {
        while let Some(event) = self.owed.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.owed.push_front(event);
                    break;
                }
                Err(TrySendError::Closed(_)) => return Err(()),
            }
        }
        Ok(())
    }
}

/// The event queues of all rooms.
#[derive(Debug, Default)]
pub(crate) struct EventQueues {
    rooms: HashMap<RoomId, RoomQueue>,
    /// Whether anything may be owed.
    indebted: bool,
    dropped: u64,
}

impl EventQueues {
    /// Opens the queue of a room.
    pub(crate) fn open(&mut self, room: RoomId, events: mpsc::Sender<Event>) {
        let owed = VecDeque::new();
        self.rooms.insert(room, RoomQueue { events, owed });
    }

    /// Tells whether a room is open.
    pub(crate) fn is_open(&self, room: RoomId) -> bool {
        self.rooms.contains_key(&room)
    }

    /// Closes the queue of a room.
    pub(crate) fn close(&mut self, room: RoomId) {
        self.rooms.remove(&room);
    }

    /// Gives all open rooms.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.rooms.keys().copied()
    }

    /// Tells how many events were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Tells whether [`Self::settle`] is to be called again.
    pub(crate) fn is_indebted(&self) -> bool {
        self.indebted
    }

    /// Delivers an event, or does what the table in the module's header says.
    pub(crate) fn deliver(&mut self, room: RoomId, event: Event) -> Consequence {
        let Some(queue) = self.rooms.get_mut(&room) else {
            return Consequence::None;
        };
        if queue.settle().is_err() {
            return Consequence::CloseRoom(room);
        }
        let event = if queue.owed.is_empty() {
            match queue.events.try_send(event) {
                Ok(()) => None,
                Err(TrySendError::Full(event)) => Some(event),
                Err(TrySendError::Closed(_)) => return Consequence::CloseRoom(room),
            }
        } else {
            Some(event)
        };
        let mut consequence = Consequence::None;
        if let Some(event) = event {
            match when_full(&event) {
                WhenFull::Drop => self.dropped += 1,
                WhenFull::Owe => queue.owe(event),
                WhenFull::Close(session) => {
                    self.dropped += 1;
                    let reason = CloseReason::SlowReader;
                    queue.owe(Event::Closed { session, reason });
                    consequence = Consequence::CloseSession(session);
                }
            }
        }
        self.indebted |= !queue.owed.is_empty();
        consequence
    }

    /// Sends what is owed, as far as there is room.
    pub(crate) fn settle(&mut self) {
        if !self.indebted {
            return;
        }
        self.indebted = false;
        for queue in self.rooms.values_mut() {
            if queue.settle().is_err() {
                queue.owed.clear();
            }
            self.indebted |= !queue.owed.is_empty();
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::{ShardId, TrackId};

    use super::*;

    const ROOM: RoomId = RoomId(1);

    fn session(number: u64) -> SessionId {
        SessionId::new(ShardId(0), number)
    }

    fn queues(capacity: usize) -> (EventQueues, mpsc::Receiver<Event>) {
        let mut queues = EventQueues::default();
        let (sender, receiver) = mpsc::channel(capacity);
        queues.open(ROOM, sender);
        (queues, receiver)
    }

    fn data(number: u64, channel: DataChannel) -> Event {
        Event::Data {
            session: session(number),
            channel,
            data: bytes::Bytes::new(),
        }
    }

    fn connected(number: u64) -> Event {
        Event::Connected {
            session: session(number),
        }
    }

    fn demand(spatial: u8) -> Event {
        Event::LayerDemand {
            track: TrackId::new(ShardId(0), 9),
            spatial: Some(spatial),
        }
    }

    #[test]
    fn lossy_data_is_dropped_when_the_queue_is_full() {
        let (mut queues, mut receiver) = queues(1);

        queues.deliver(ROOM, connected(1));
        let consequence = queues.deliver(ROOM, data(2, DataChannel::Lossy));

        assert_eq!(consequence, Consequence::None);
        assert_eq!(queues.dropped(), 1);
        assert_eq!(receiver.try_recv(), Ok(connected(1)));
        queues.settle();
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn reliable_data_that_can_not_be_told_ends_its_session() {
        let (mut queues, mut receiver) = queues(1);

        queues.deliver(ROOM, connected(1));
        let consequence = queues.deliver(ROOM, data(2, DataChannel::Reliable));

        assert_eq!(consequence, Consequence::CloseSession(session(2)));
        assert_eq!(receiver.try_recv(), Ok(connected(1)));
        queues.settle();
        let end = Event::Closed {
            session: session(2),
            reason: CloseReason::SlowReader,
        };
        assert_eq!(receiver.try_recv(), Ok(end));
        assert!(!queues.is_indebted());
    }

    #[test]
    fn of_several_owed_demands_only_the_last_is_told() {
        let (mut queues, mut receiver) = queues(1);

        queues.deliver(ROOM, connected(1));
        for spatial in 0..3 {
            queues.deliver(ROOM, demand(spatial));
        }

        assert_eq!(receiver.try_recv(), Ok(connected(1)));
        queues.settle();
        assert_eq!(receiver.try_recv(), Ok(demand(2)));
        queues.settle();
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn what_is_owed_is_told_before_what_follows() {
        let (mut queues, mut receiver) = queues(2);

        queues.deliver(ROOM, connected(1));
        queues.deliver(ROOM, connected(2));
        queues.deliver(ROOM, demand(1));
        receiver.try_recv().unwrap();
        receiver.try_recv().unwrap();
        queues.deliver(ROOM, connected(3));

        assert_eq!(receiver.try_recv(), Ok(demand(1)));
        assert_eq!(receiver.try_recv(), Ok(connected(3)));
    }

    #[test]
    fn a_room_that_nobody_reads_is_closed() {
        let (mut queues, receiver) = queues(2);
        drop(receiver);

        let consequence = queues.deliver(ROOM, connected(1));

        assert_eq!(consequence, Consequence::CloseRoom(ROOM));
    }
}
