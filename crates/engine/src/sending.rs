//! What leaves for subscribers at the flush, and what they report of it.

use std::time::Instant;

use crate::counters::Drop;
use crate::demux::SessionIndex;
use crate::egress::Feedback;
use crate::session::guard;
use crate::{CloseReason, Engine};

/// Bytes after which a flush pauses, so that what was sealed is sent while it is still in the cache.
const FLUSH_BYTES: usize = 256 * 1024;

impl Engine {
    /// Seals what is queued, session by session, until there is enough to send.
    pub(crate) fn send_queued(&mut self, now: Instant) {
        self.batch.settle(self.config.even_out_bytes_max);
        while self.transmit.bytes() < FLUSH_BYTES
            && let Some(index) = self.sending.pop()
        {
            self.send_queued_of(now, index);
        }
        if self.sending.is_empty() {
            self.batch.clear();
            self.queued = 0;
        }
    }

    fn send_queued_of(&mut self, now: Instant, index: SessionIndex) {
        let clock = self.wall_clock(now);
        let (batch, tracks, transmit) = (&self.batch, &self.tracks, &mut self.transmit);
        let egress = &mut self.sessions[index].egress;
        egress.is_touched = false;
        let sealed = guard(|| {
            let dropped = egress.flush(now, batch, transmit);
            let capture = |track, encoding| tracks.get(track)?.capture(encoding);
            let reported = egress.send_reports(now, &clock, capture, transmit);
            reported.map(|()| dropped)
        });
        let reason = match sealed {
            Ok(Ok(dropped)) => return self.counters.drop_many(Drop::Unsendable, dropped),
            Ok(Err(_)) => CloseReason::Protocol,
            Err(reason) => reason,
        };
        self.transmit.mend();
        self.end_session(index, Some(reason));
    }

    /// Handles what a client reports of the streams that it receives (RTCP).
    ///
    /// # Errors
    ///
    /// [`Drop`] if the datagram is not authentic, or not RTCP.
    pub(crate) fn handle_feedback(
        &mut self,
        now: Instant,
        index: SessionIndex,
        datagram: &[u8],
    ) -> Result<(), Drop> {
        let clock = self.wall_clock(now);
        let (tracks, transmit) = (&self.tracks, &mut self.transmit);
        let feedback = &mut self.feedback;
        let session = &mut self.sessions[index];
        let handled = guard(|| {
            let egress = &mut session.egress;
            let times = (now, clock.ntp(now));
            let is_good = egress.read_feedback(times, datagram, feedback);
            let history = |track, encoding| tracks.get(track)?.history(encoding);
            let repaired = egress.repair(now, &clock, feedback, history, transmit);
            is_good.then_some(repaired)
        });
        match handled {
            Ok(Some(repaired)) => self.counters.packets_repaired += repaired as u64,
            Ok(None) => return Err(Drop::Refused),
            Err(reason) => {
                self.transmit.mend();
                self.end_session(index, Some(reason));
                return Err(Drop::Refused);
            }
        }
        let feedback = std::mem::take(&mut self.feedback);
        self.apply_feedback(now, index, &feedback);
        self.feedback = feedback;
        Ok(())
    }

    fn apply_feedback(&mut self, now: Instant, index: SessionIndex, feedback: &Feedback) {
        let session = &mut self.sessions[index];
        session.link.add(feedback.round_trip, feedback.loss);
        self.counters.nacks_in += feedback.lost().len() as u64;
        self.counters.pli_in += feedback.picture_losses.len() as u64;
        self.counters.fir_in += feedback.full_intras.len() as u64;
        for (track, key) in feedback.picture_losses.iter().chain(&feedback.full_intras) {
            if let Some(room) = self.tracks.get(*track).map(|track| track.room) {
                self.rooms[room].media.handle_keyframe_request(now, *key);
                self.touch_room(room);
            }
        }
        self.handle_finding(now, index, feedback.finding);
    }
}
