//! The data channels of a session, with what waits to be sent.
//!
//! When a queue is full the reader is too slow. A lossy channel then loses its oldest message; a
//! reliable one can't lose any, so [`Push::Full`] tells the owner to end the session.
//!
//! Invariants:
//! - at most `bytes_max` wait per channel, but one message alone may be larger;
//! - a session with more than `open_max` channels, of whatever label, is given up;
//! - messages leave a channel in the order in which they came.

use std::collections::VecDeque;

use bytes::Bytes;
use str0m::channel::ChannelId;

use crate::DataChannel;

/// What became of a message that was to be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// It waits.
    Queued,
    /// It waits, and so many older ones were dropped for it.
    Dropped(usize),
    /// There is no room and nothing may be dropped.
    Full,
}

/// The channels of one session.
#[derive(Debug)]
pub(crate) struct Channels {
    reliable: Queue,
    lossy: Queue,
    data_track: Queue,
    bytes_max: usize,
    /// Open channels, those included that nobody asks for.
    open: usize,
    open_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    id: Option<ChannelId>,
    messages: VecDeque<Bytes>,
    bytes: usize,
}

impl Channels {
    pub(crate) const ALL: [DataChannel; 3] = [
        DataChannel::Reliable,
        DataChannel::Lossy,
        DataChannel::DataTrack,
    ];

    pub(crate) fn new(bytes_max: usize, open_max: usize) -> Self {
        Self {
            reliable: Queue::default(),
            lossy: Queue::default(),
            data_track: Queue::default(),
            bytes_max,
            open: 0,
            open_max,
        }
    }

    /// Counts a channel that opened, of whatever label; `false` if there are too many.
    pub(crate) fn count_open(&mut self) -> bool {
        self.open += 1;
        self.open <= self.open_max
    }

    /// Notes under which id a channel is open.
    pub(crate) fn handle_open(&mut self, channel: DataChannel, id: ChannelId) {
        self.queue_mut(channel).id = Some(id);
    }

    /// Notes that a channel closed; what waited for it goes.
    pub(crate) fn handle_close(&mut self, id: ChannelId) {
        self.open = self.open.saturating_sub(1);
        if let Some(channel) = self.find(id) {
            *self.queue_mut(channel) = Queue::default();
        }
    }

    /// Finds the channel that str0m knows as `id`.
    pub(crate) fn find(&self, id: ChannelId) -> Option<DataChannel> {
        Self::ALL
            .into_iter()
            .find(|channel| self.queue(*channel).id == Some(id))
    }

    /// Queues a message.
    pub(crate) fn push(&mut self, channel: DataChannel, message: Bytes) -> Push {
        let bytes_max = self.bytes_max;
        let queue = self.queue_mut(channel);
        let mut dropped = 0;
        while !queue.messages.is_empty() && queue.bytes + message.len() > bytes_max {
            match channel {
                DataChannel::Reliable => return Push::Full,
                DataChannel::Lossy | DataChannel::DataTrack => {
                    queue.pop();
                    dropped += 1;
                }
            }
        }
        queue.bytes += message.len();
        queue.messages.push_back(message);
        if dropped == 0 {
            Push::Queued
        } else {
            Push::Dropped(dropped)
        }
    }

    /// Sends what `write` takes, in order. `write` gives `false` when SCTP has no room.
    pub(crate) fn flush(&mut self, mut write: impl FnMut(ChannelId, &[u8]) -> bool) {
        for channel in Self::ALL {
            let queue = self.queue_mut(channel);
            let Some(id) = queue.id else { continue };
            while queue
                .messages
                .front()
                .is_some_and(|message| write(id, message))
            {
                queue.pop();
            }
        }
    }

    fn queue(&self, channel: DataChannel) -> &Queue {
        match channel {
            DataChannel::Reliable => &self.reliable,
            DataChannel::Lossy => &self.lossy,
            DataChannel::DataTrack => &self.data_track,
        }
    }

    fn queue_mut(&mut self, channel: DataChannel) -> &mut Queue {
        match channel {
            DataChannel::Reliable => &mut self.reliable,
            DataChannel::Lossy => &mut self.lossy,
            DataChannel::DataTrack => &mut self.data_track,
        }
    }
}

impl Queue {
    fn pop(&mut self) {
        if let Some(message) = self.messages.pop_front() {
            self.bytes -= message.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(byte: u8) -> Bytes {
        Bytes::from(vec![byte; 40])
    }

    #[test]
    fn a_full_lossy_channel_drops_its_oldest_message() {
        let mut channels = Channels::new(100, 3);

        let pushes: Vec<_> = (0..3)
            .map(|byte| channels.push(DataChannel::Lossy, message(byte)))
            .collect();

        assert_eq!(pushes, [Push::Queued, Push::Queued, Push::Dropped(1)]);
        assert_eq!(channels.lossy.messages, [message(1), message(2)]);
        assert_eq!(channels.lossy.bytes, 80);
    }

    #[test]
    fn a_full_reliable_channel_loses_nothing() {
        let mut channels = Channels::new(100, 3);

        let pushes: Vec<_> = (0..3)
            .map(|byte| channels.push(DataChannel::Reliable, message(byte)))
            .collect();

        assert_eq!(pushes, [Push::Queued, Push::Queued, Push::Full]);
        assert_eq!(channels.reliable.messages, [message(0), message(1)]);
    }

    #[test]
    fn one_message_may_be_larger_than_the_queue() {
        let mut channels = Channels::new(10, 3);

        let push = channels.push(DataChannel::Reliable, message(0));

        assert_eq!(push, Push::Queued);
    }

    #[test]
    fn nothing_is_written_before_the_channel_is_open() {
        let mut channels = Channels::new(100, 3);
        channels.push(DataChannel::Reliable, message(0));
        let mut written = 0;

        channels.flush(|_, _| {
            written += 1;
            true
        });

        assert_eq!((written, channels.reliable.messages.len()), (0, 1));
    }
}
