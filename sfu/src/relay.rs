//! The queues between shards.
//!
//! From each shard to each other one there are two bounded queues: one for media, whose overflow is
//! dropped and counted, and one for control, whose overflow waits at the sender and keeps its
//! order. Control is bounded by what signalling asks for; if a shard takes none of it for
//! [`CONTROL_WAITING_MAX`] messages it is stuck, and more are dropped with an error in the log.
//!
//! A batch of messages costs the other shard one wake-up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use engine::{RelayMessage, ShardId};

use crate::wake::ShardWaker;

const CONTROL_QUEUE: usize = 1024;
const CONTROL_WAITING_MAX: usize = 1 << 16;

/// What a queue carries. A trait so that tests can do without an engine.
pub(crate) trait Message: Send + 'static {
    /// Tells whether the message may be dropped.
    fn may_drop(&self) -> bool;
}

impl Message for RelayMessage {
    fn may_drop(&self) -> bool {
        self.is_media()
    }
}

/// The sending end of one direction.
#[derive(Debug)]
struct Lane<M> {
    media: SyncSender<M>,
    control: SyncSender<M>,
    waiting: VecDeque<M>,
    waker: Arc<ShardWaker>,
    filled: bool,
}

/// All that one shard sends to the others.
#[derive(Debug)]
pub(crate) struct Outbox<M = RelayMessage> {
    lanes: Vec<Option<Lane<M>>>,
    dropped: u64,
}

/// All that one shard receives from the others.
#[derive(Debug)]
pub(crate) struct Inbox<M = RelayMessage> {
    lanes: Vec<(ShardId, Receiver<M>, Receiver<M>)>,
}

/// Joins shards, given by their wakers in order, each with each other.
pub(crate) fn connect<M: Message>(
    wakers: &[Arc<ShardWaker>],
    media_max: usize,
) -> Vec<(Outbox<M>, Inbox<M>)> {
    let mut outboxes: Vec<Outbox<M>> = Vec::new();
    let mut inboxes: Vec<Inbox<M>> = Vec::new();
    for _ in wakers {
        outboxes.push(Outbox {
            lanes: Vec::new(),
            dropped: 0,
        });
        inboxes.push(Inbox { lanes: Vec::new() });
    }
    for (from, outbox) in (0_u8..).zip(&mut outboxes) {
        for ((to, waker), inbox) in (0_u8..).zip(wakers).zip(&mut inboxes) {
            if from == to {
                outbox.lanes.push(None);
                continue;
            }
            let (media, media_receiver) = sync_channel(media_max.max(1));
            let (control, control_receiver) = sync_channel(CONTROL_QUEUE);
            outbox.lanes.push(Some(Lane {
                media,
                control,
                waiting: VecDeque::new(),
                waker: Arc::clone(waker),
                filled: false,
            }));
            let receivers = (ShardId(from), control_receiver, media_receiver);
            inbox.lanes.push(receivers);
        }
    }
    outboxes.into_iter().zip(inboxes).collect()
}

impl<M: Message> Outbox<M> {
    /// Queues a message for shard `to`. Follow with [`Self::end_turn`].
    pub(crate) fn push(&mut self, to: ShardId, message: M) {
        let Some(Some(lane)) = self.lanes.get_mut(usize::from(to.0)) else {
            tracing::error!(shard.id = to.0, "a message for a shard that is not there");
            return;
        };
        if message.may_drop() {
            match lane.media.try_send(message) {
                Ok(()) => lane.filled = true,
                Err(_) => self.dropped += 1,
            }
        } else if lane.waiting.len() < CONTROL_WAITING_MAX {
            lane.waiting.push_back(message);
        } else {
            self.dropped += 1;
            tracing::error!(shard.id = to.0, "a shard is stuck, a message to it is lost");
        }
    }

    /// Sends what waits and wakes the shards that got something. Gives whether some still waits.
    pub(crate) fn end_turn(&mut self) -> bool {
        let mut waits = false;
        for lane in self.lanes.iter_mut().flatten() {
            while let Some(message) = lane.waiting.pop_front() {
                match lane.control.try_send(message) {
                    Ok(()) => lane.filled = true,
                    Err(TrySendError::Full(message)) => {
                        lane.waiting.push_front(message);
                        break;
                    }
                    // The other shard has ended: there is nobody to tell.
                    Err(TrySendError::Disconnected(_)) => {}
                }
            }
            waits |= !lane.waiting.is_empty();
            if std::mem::take(&mut lane.filled) {
                lane.waker.wake();
            }
        }
        waits
    }

    /// Tells how many messages were dropped because a queue was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<M: Message> Inbox<M> {
    /// Hands at most `max` messages of each queue to `handle`, control first. Gives whether more
    /// may be there.
    pub(crate) fn drain(&mut self, max: usize, mut handle: impl FnMut(ShardId, M)) -> bool {
        let mut more = false;
        for (from, control, media) in &self.lanes {
            for queue in [control, media] {
                let mut handled = 0;
                while handled < max
                    && let Ok(message) = queue.try_recv()
                {
                    handle(*from, message);
                    handled += 1;
                }
                more |= handled == max;
            }
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Probe {
        Media(u32),
        Control(u32),
    }

    impl Message for Probe {
        fn may_drop(&self) -> bool {
            matches!(self, Self::Media(_))
        }
    }

    fn pair(media_max: usize) -> (Outbox<Probe>, Inbox<Probe>, Vec<mio::Poll>) {
        let polls: Vec<mio::Poll> = (0..2).map(|_| mio::Poll::new().unwrap()).collect();
        let wakers: Vec<_> = polls
            .iter()
            .map(|poll| mio::Waker::new(poll.registry(), mio::Token(0)).unwrap())
            .map(|waker| Arc::new(ShardWaker::new(waker)))
            .collect();
        let mut ends = connect(&wakers, media_max).into_iter();
        let (outbox, _) = ends.next().unwrap();
        let (_, inbox) = ends.next().unwrap();
        (outbox, inbox, polls)
    }

    fn drain(inbox: &mut Inbox<Probe>) -> Vec<Probe> {
        let mut messages = Vec::new();
        while inbox.drain(100, |from, message| {
            assert_eq!(from, ShardId(0));
            messages.push(message);
        }) {}
        messages
    }

    #[test]
    fn a_full_queue_drops_media_and_counts_it() {
        let (mut outbox, mut inbox, _polls) = pair(3);

        for number in 0..5 {
            outbox.push(ShardId(1), Probe::Media(number));
        }
        outbox.end_turn();

        assert_eq!(drain(&mut inbox), [0, 1, 2].map(Probe::Media));
        assert_eq!(outbox.dropped(), 2);
    }

    #[test]
    fn control_is_never_dropped_and_keeps_its_order() {
        let (mut outbox, mut inbox, _polls) = pair(1);
        let total = u32::try_from(CONTROL_QUEUE).unwrap() + 500;

        outbox.push(ShardId(1), Probe::Media(0));
        for number in 0..total {
            outbox.push(ShardId(1), Probe::Control(number));
        }
        let waits = outbox.end_turn();
        let mut received = drain(&mut inbox);
        let still_waits = outbox.end_turn();
        received.extend(drain(&mut inbox));

        assert!(waits && !still_waits);
        received.retain(|message| !message.may_drop());
        assert!(received.into_iter().eq((0..total).map(Probe::Control)));
        assert_eq!(outbox.dropped(), 0);
    }

    #[test]
    fn a_batch_wakes_the_other_shard() {
        let (mut outbox, _inbox, mut polls) = pair(8);
        let mut events = mio::Events::with_capacity(4);

        outbox.push(ShardId(1), Probe::Media(1));
        outbox.push(ShardId(1), Probe::Control(2));
        outbox.end_turn();

        let deadline = std::time::Duration::from_secs(5);
        polls[1].poll(&mut events, Some(deadline)).unwrap();
        assert_eq!(events.iter().count(), 1);
    }
}
