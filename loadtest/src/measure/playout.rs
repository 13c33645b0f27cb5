//! What a viewer of one video stream sees: whole pictures, freezes, changes of the layer.
//!
//! Packets are put in order; a gap is waited for, then given up and a keyframe is wanted. A picture
//! counts when all of it is there and it can be decoded: after a loss, or when the layer changed,
//! only a keyframe goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Counter, Totals};

/// How long a missing packet is waited for: a retransmission over a slow path.
const GAP_MAX: Duration = Duration::from_millis(400);

/// Packets that may wait behind a gap; with more the gap is given up at once.
const WAITING_MAX: usize = 1024;

/// How often a keyframe is asked for while one is missing.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

/// What a packet is in its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// It begins a picture.
    pub(crate) is_start: bool,
    /// It ends one.
    pub(crate) is_end: bool,
    /// Its picture is a keyframe.
    pub(crate) is_keyframe: bool,
    /// Its simulcast layer.
    pub(crate) layer: u8,
    /// Pictures of the layer before its own, at the sender.
    pub(crate) frame: u32,
    /// When it was sent, on the sender's clock.
    pub(crate) sent_at: Duration,
}

/// A picture that was shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    at: Instant,
    piece: Piece,
}

/// One video stream at one viewer.
#[derive(Debug, Default)]
pub(crate) struct Playout {
    /// The number that comes next.
    next: Option<u64>,
    /// Bounded by [`WAITING_MAX`].
    waiting: BTreeMap<u64, Piece>,
    gap_since: Option<Instant>,
    /// The picture that is being received is whole so far.
    is_whole: bool,
    /// What was decoded before allows to go on.
    is_decodable: bool,
    /// That of the last picture that was shown.
    layer: Option<u8>,
    last_frame: Option<Shown>,
    /// Mean time between pictures, in seconds.
    mean_interval: f64,
    keyframe_asked: Option<Instant>,
}

impl Playout {
    /// Handles a packet with its extended sequence number.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        number: u64,
        piece: Piece,
        totals: &mut Totals,
    ) {
        let next = *self.next.get_or_insert(number);
        if number < next {
            return;
        }
        self.waiting.insert(number, piece);
        if self.waiting.len() > WAITING_MAX {
            self.give_up();
        }
        self.advance(now, totals);
    }

    /// Gives up a gap that was waited for long enough. Call it now and then.
    pub(crate) fn handle_timeout(&mut self, now: Instant, totals: &mut Totals) {
        if self.gap_since.is_some_and(|since| now >= since + GAP_MAX) {
            self.give_up();
            self.advance(now, totals);
        }
    }

    /// Tells whether to ask for a keyframe now.
    pub(crate) fn wants_keyframe(&mut self, now: Instant) -> bool {
        let is_due = self
            .keyframe_asked
            .is_none_or(|asked| now >= asked + KEYFRAME_INTERVAL);
        // Nothing is asked for before the first packet.
        let is_wanted = self.next.is_some() && !self.is_decodable && is_due;
        if is_wanted {
            self.keyframe_asked = Some(now);
        }
        is_wanted
    }

    /// Tells whether a picture was ever shown.
    pub(crate) fn has_shown(&self) -> bool {
        self.layer.is_some()
    }

    /// The viewer has hidden the video: until it is back nothing is a freeze.
    pub(crate) fn pause(&mut self) {
        self.last_frame = None;
    }

    /// Ends the watching: a pause that goes on counts too.
    pub(crate) fn finish(&mut self, now: Instant, totals: &mut Totals) {
        if let Some(last) = self.last_frame.take() {
            let interval = now.saturating_duration_since(last.at);
            self.count_interval(interval, Duration::ZERO, totals);
        }
    }

    fn give_up(&mut self) {
        self.next = self.waiting.keys().next().copied();
        self.gap_since = None;
        self.is_whole = false;
        self.is_decodable = false;
    }

    fn advance(&mut self, now: Instant, totals: &mut Totals) {
        while let Some(next) = self.next
            && let Some(piece) = self.waiting.remove(&next)
        {
            self.next = Some(next + 1);
            self.gap_since = None;
            self.take(now, piece, totals);
        }
        if !self.waiting.is_empty() && self.gap_since.is_none() {
            self.gap_since = Some(now);
        }
    }

    fn take(&mut self, now: Instant, piece: Piece, totals: &mut Totals) {
        if piece.is_start {
            self.is_whole = true;
            if piece.is_keyframe {
                self.is_decodable = true;
            } else if self.layer.is_some_and(|layer| layer != piece.layer) {
                self.is_decodable = false;
            }
        }
        if piece.is_end && self.is_whole && self.is_decodable {
            self.show(now, piece, totals);
        }
        if piece.is_end {
            self.is_whole = false;
        }
    }

    fn show(&mut self, now: Instant, piece: Piece, totals: &mut Totals) {
        totals.count(Counter::Frames);
        let layer = piece.layer;
        if self.layer.replace(layer).is_some_and(|old| old != layer) {
            totals.count(Counter::LayerSwitches);
        }
        let shown = Shown { at: now, piece };
        if let Some(last) = self.last_frame.replace(shown) {
            let is_next = last.piece.layer == layer && last.piece.frame + 1 == piece.frame;
            let sent = piece.sent_at.saturating_sub(last.piece.sent_at);
            let pause = if is_next { sent } else { Duration::ZERO };
            self.count_interval(now.saturating_duration_since(last.at), pause, totals);
        }
    }

    /// Counts the time since the last picture; it is a freeze if it is three times the usual one
    /// and 150 ms longer (as `freezeCount` of W3C's webrtc-stats has it). `pause` is how long the
    /// sender itself took between the two: that much is usual.
    fn count_interval(&mut self, interval: Duration, pause: Duration, totals: &mut Totals) {
        totals.add_micros(Counter::WatchedMicros, interval);
        let seconds = interval.as_secs_f64();
        if self.mean_interval > 0.0 {
            let usual = self.mean_interval.max(pause.as_secs_f64());
            let limit = (usual + 2.0 * self.mean_interval).max(usual + 0.15);
            if seconds > limit {
                totals.count(Counter::Freezes);
                totals.add_micros(Counter::FreezeMicros, interval.saturating_sub(pause));
                return;
            }
            // The mean is that of what flows.
            if usual <= 3.0 * self.mean_interval {
                self.mean_interval += (seconds - self.mean_interval) / 30.0;
            }
        } else {
            self.mean_interval = seconds;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Viewer {
        playout: Playout,
        totals: Totals,
        start: Instant,
        number: u64,
        frame: u32,
    }

    impl Viewer {
        fn new() -> Self {
            Self {
                playout: Playout::default(),
                totals: Totals::default(),
                start: Instant::now(),
                number: 100,
                frame: 0,
            }
        }

        fn at(&self, millis: u64) -> Instant {
            self.start + Duration::from_millis(millis)
        }

        /// Gives a picture of two packets at `millis`, without those in `lost`. It was sent as if
        /// the sender was regular.
        fn picture(&mut self, millis: u64, layer: u8, is_keyframe: bool, lost: &[usize]) {
            let sent = u64::from(self.frame) * 33;
            self.picture_sent(sent, millis, layer, is_keyframe, lost);
        }

        fn picture_sent(
            &mut self,
            sent: u64,
            millis: u64,
            layer: u8,
            is_keyframe: bool,
            lost: &[usize],
        ) {
            for index in 0..2 {
                let piece = Piece {
                    is_start: index == 0,
                    is_end: index == 1,
                    is_keyframe,
                    layer,
                    frame: self.frame,
                    sent_at: Duration::from_millis(sent),
                };
                self.number += 1;
                if !lost.contains(&index) {
                    let at = self.at(millis);
                    let (number, totals) = (self.number, &mut self.totals);
                    self.playout.handle_packet(at, number, piece, totals);
                }
            }
            self.frame += 1;
        }

        fn flow(&mut self, millis: std::ops::Range<u64>) {
            for at in millis.step_by(33) {
                self.picture(at, 2, self.frame == 0, &[]);
            }
        }
    }

    #[test]
    fn a_steady_flow_shows_every_picture_and_never_freezes() {
        let mut viewer = Viewer::new();

        viewer.flow(0..3300);

        assert_eq!(viewer.totals[Counter::Frames], 100);
        assert_eq!(viewer.totals[Counter::Freezes], 0);
        assert_eq!(viewer.totals[Counter::WatchedMicros], 99 * 33_000);
        assert!(viewer.playout.has_shown());
    }

    #[test]
    fn nothing_is_shown_before_a_keyframe_and_one_is_wanted_at_intervals() {
        let mut viewer = Viewer::new();
        viewer.picture(0, 2, false, &[]);

        assert_eq!(viewer.totals[Counter::Frames], 0);
        assert!(viewer.playout.wants_keyframe(viewer.at(1)));
        assert!(!viewer.playout.wants_keyframe(viewer.at(400)));
        assert!(viewer.playout.wants_keyframe(viewer.at(600)));
        viewer.picture(610, 2, true, &[]);
        assert!(!viewer.playout.wants_keyframe(viewer.at(5000)));
        assert_eq!(viewer.totals[Counter::Frames], 1);
    }

    #[test]
    fn a_lost_packet_freezes_the_picture_until_a_keyframe() {
        let mut viewer = Viewer::new();
        viewer.flow(0..990);
        viewer.picture(990, 2, false, &[1]);
        viewer.picture(1023, 2, false, &[]);
        let at = viewer.at(1500);
        viewer.playout.handle_timeout(at, &mut viewer.totals);
        viewer.picture(1500, 2, false, &[]);

        assert_eq!(viewer.totals[Counter::Frames], 30);
        assert!(viewer.playout.wants_keyframe(at));
        viewer.picture(1960, 2, true, &[]);
        assert_eq!(viewer.totals[Counter::Frames], 31);
        assert_eq!(viewer.totals[Counter::Freezes], 1);
        assert_eq!(viewer.totals[Counter::FreezeMicros], 1_003_000);
    }

    #[test]
    fn a_packet_that_comes_late_repairs_the_picture() {
        let mut viewer = Viewer::new();
        viewer.flow(0..990);
        viewer.picture(990, 2, false, &[1]);
        let missing = viewer.number;
        viewer.picture(1023, 2, false, &[]);
        let end = Piece {
            is_start: false,
            is_end: true,
            is_keyframe: false,
            layer: 2,
            frame: 30,
            sent_at: Duration::from_millis(990),
        };
        let at = viewer.at(1050);
        viewer
            .playout
            .handle_packet(at, missing, end, &mut viewer.totals);

        assert_eq!(viewer.totals[Counter::Frames], 32);
        assert_eq!(viewer.totals[Counter::Freezes], 0);
    }

    #[test]
    fn another_layer_needs_a_keyframe_and_is_counted_once() {
        let mut viewer = Viewer::new();
        viewer.flow(0..990);
        viewer.picture(990, 1, false, &[]);
        assert_eq!(viewer.totals[Counter::LayerSwitches], 0);

        viewer.picture(1023, 1, true, &[]);
        viewer.picture(1056, 1, false, &[]);

        assert_eq!(viewer.totals[Counter::LayerSwitches], 1);
        assert_eq!(viewer.totals[Counter::Frames], 32);
    }

    #[test]
    fn hiding_is_no_freeze_but_an_end_without_pictures_is() {
        let mut viewer = Viewer::new();
        viewer.flow(0..990);
        viewer.playout.pause();
        viewer.picture(9000, 2, false, &[]);
        assert_eq!(viewer.totals[Counter::Freezes], 0);

        let end = viewer.at(12_000);
        viewer.playout.finish(end, &mut viewer.totals);
        assert_eq!(viewer.totals[Counter::Freezes], 1);
        assert_eq!(viewer.totals[Counter::FreezeMicros], 3_000_000);
    }

    #[test]
    fn a_pause_of_the_sender_is_no_freeze_but_what_was_added_on_the_way_is() {
        let mut viewer = Viewer::new();
        viewer.flow(0..990);
        viewer.picture_sent(9000, 9001, 2, false, &[]);
        assert_eq!(viewer.totals[Counter::Freezes], 0);

        viewer.picture_sent(10_000, 10_501, 2, false, &[]);
        assert_eq!(viewer.totals[Counter::Freezes], 1);
        assert_eq!(viewer.totals[Counter::FreezeMicros], 500_000);
    }

    #[test]
    fn a_picture_that_was_left_out_on_the_way_is_no_pause_of_the_sender() {
        let mut viewer = Viewer::new();
        viewer.flow(0..990);
        viewer.frame += 1;
        viewer.picture_sent(9000, 9001, 2, false, &[]);

        assert_eq!(viewer.totals[Counter::Freezes], 1);
    }
}
