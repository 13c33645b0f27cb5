//! Trying out whether more gets through: for a quarter of a second padding makes up what is sent to a goal.
//!
//! Some clients tell nothing of padding, or take it for lost. That shows, and is no answer.
//!
//! Bounds: a probe sends `bytes_max` of padding, and stops when a queue shows.

use super::sent::News;

/// How long a probe sends.
const MICROS: u64 = 250_000;

/// How long after that its packets may still be reported.
const PATIENCE_MICROS: u64 = 1_000_000;

/// How much slower than the fastest packets of a probe may be before it is given up.
const QUEUE_MICROS: i64 = 80_000;
const QUEUED_MAX: u32 = 5;

/// Fewer arrivals measure nothing.
const ARRIVALS_MIN: u64 = 8;

/// If none of so many packets of padding is told of, while most others are, no padding ever will be.
const PADDING_MIN: u64 = 8;

/// Loss beyond what the way loses anyway.
const LOSS_MAX: f64 = 0.1;

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// So much gets through, in bits per second.
    Measured(u64),
    /// Not what was to be proved.
    Failed,
    /// The client tells nothing of padding.
    Unheard,
}

/// A probe on its way.
#[derive(Debug)]
pub(crate) struct Probe {
    goal: u64,
    began: u64,
    /// Bytes and packets that the session had sent by then.
    bytes_before: u64,
    packets_before: u64,
    /// And by its end.
    packets_after: Option<u64>,
    padding_left: u64,
    /// Of what is counted below, what is padding.
    padding_sent: u64,
    padding_arrived: u64,
    padding_lost: u64,
    arrived: u64,
    bytes_arrived: u64,
    lost: u64,
    first: Option<(u64, i64, u16)>,
    last: Option<(u64, i64)>,
    delay_min: Option<i64>,
    queued: u32,
}

/// What a session has sent so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Total {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl Probe {
    /// Begins to send `goal` bits per second.
    pub(crate) fn new(now: u64, goal: u64, bytes_max: u64, sent: Total) -> Self {
        Self {
            goal,
            began: now,
            bytes_before: sent.bytes,
            packets_before: sent.packets,
            packets_after: None,
            padding_left: bytes_max,
            padding_sent: 0,
            padding_arrived: 0,
            padding_lost: 0,
            arrived: 0,
            bytes_arrived: 0,
            lost: 0,
            first: None,
            last: None,
            delay_min: None,
            queued: 0,
        }
    }

    pub(crate) fn goal(&self) -> u64 {
        self.goal
    }

    /// Whether padding is still to be sent.
    pub(crate) fn is_sending(&self) -> bool {
        self.packets_after.is_none()
    }

    /// Gives the bytes of padding that are due; the session has sent `sent` so far.
    pub(crate) fn due(&mut self, now: u64, sent: Total) -> u64 {
        let elapsed = now.saturating_sub(self.began);
        if elapsed >= MICROS || self.padding_left == 0 {
            self.stop(sent);
        }
        if !self.is_sending() {
            return 0;
        }
        let planned = self.goal.saturating_mul(elapsed) / 8_000_000;
        let due = planned.saturating_sub(sent.bytes - self.bytes_before);
        let due = due.min(self.padding_left);
        self.padding_left -= due;
        due
    }

    /// Notes a packet of padding that leaves.
    pub(crate) fn note_padding(&mut self) {
        self.padding_sent += 1;
    }

    /// Stops sending.
    fn stop(&mut self, sent: Total) {
        self.packets_after.get_or_insert(sent.packets);
    }

    /// Takes a packet that arrived at `arrived` of the client's clock. Those that left before are left out.
    pub(crate) fn handle_arrival(&mut self, news: &News, arrived: i64, total: Total) {
        let (sent, bytes) = (news.sent_micros, news.bytes);
        if sent < self.began {
            return;
        }
        self.padding_arrived += u64::from(news.is_padding);
        self.arrived += 1;
        self.bytes_arrived += u64::from(bytes);
        self.first.get_or_insert((sent, arrived, bytes));
        if self.last.is_none_or(|(_, last)| arrived >= last) {
            self.last = Some((sent, arrived));
        }
        let delay = arrived.wrapping_sub(i64::try_from(sent).unwrap_or(i64::MAX));
        let least = self.delay_min.map_or(delay, |least| least.min(delay));
        self.delay_min = Some(least);
        if delay.wrapping_sub(least) > QUEUE_MICROS {
            self.queued += 1;
        }
        if self.queued > QUEUED_MAX {
            self.stop(total);
        }
    }

    /// Takes a packet that is lost.
    pub(crate) fn handle_loss(&mut self, news: &News) {
        if news.sent_micros >= self.began {
            self.lost += 1;
            self.padding_lost += u64::from(news.is_padding);
        }
    }

    /// Tells how it ended, if it did. `own_loss` is the share that the way loses at any rate.
    pub(crate) fn outcome(&self, now: u64, own_loss: f32) -> Option<Outcome> {
        if self.queued > QUEUED_MAX {
            return Some(Outcome::Failed);
        }
        let packets = self.packets_after? - self.packets_before;
        let elapsed = now.saturating_sub(self.began);
        let is_reported = self.arrived + self.lost >= packets;
        if !is_reported && elapsed < MICROS + PATIENCE_MICROS {
            return None;
        }
        if self.arrived + self.lost == 0 || self.is_padding_unheard() {
            return Some(Outcome::Unheard);
        }
        if self.arrived < ARRIVALS_MIN {
            return Some(Outcome::Failed);
        }
        let Some(((sent, arrived, bytes), (last_sent, last_arrived))) = self.first.zip(self.last)
        else {
            return Some(Outcome::Failed);
        };
        let own_loss = f64::from(own_loss);
        if share(self.lost, self.arrived + self.lost) > own_loss + LOSS_MAX {
            return Some(Outcome::Failed);
        }
        let micros = last_arrived
            .saturating_sub(arrived)
            .unsigned_abs()
            .max(last_sent.saturating_sub(sent))
            .max(1);
        let bits = (self.bytes_arrived - u64::from(bytes)) * 8;
        let rate = bits.saturating_mul(1_000_000) / micros;
        Some(Outcome::Measured(without_loss(rate, own_loss)))
    }

    /// Of padding nothing came, though most of the rest did: a way that is full takes its share of both.
    fn is_padding_unheard(&self) -> bool {
        let others_lost = self.lost - self.padding_lost;
        self.padding_sent >= PADDING_MIN && self.padding_arrived == 0 && self.arrived > others_lost
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
fn share(part: u64, of: u64) -> f64 {
    part as f64 / of.max(1) as f64
}

/// What has to be sent for `rate` to arrive.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and far below 2^53"
)]
fn without_loss(rate: u64, own_loss: f64) -> u64 {
    (rate as f64 / (1.0 - own_loss.clamp(0.0, 0.9))) as u64
}

#[cfg(test)]
mod tests {
    use super::super::sent::Fate;
    use super::*;

    fn packet(sent_micros: u64, is_padding: bool) -> News {
        News {
            sent_micros,
            bytes: 250,
            is_padding,
            fate: Fate::Arrived,
        }
    }

    /// Probes a link of some bits per second, in packets of 250 bytes beside nothing else.
    fn probe(goal: u64, link: u64, loss_each: u64, own_loss: f32) -> (Option<Outcome>, u64) {
        let mut total = Total {
            bytes: 77,
            packets: 7,
        };
        let mut probe = Probe::new(1_000_000, goal, 200_000, total);
        let mut free_at = 0;
        let mut arrivals = Vec::new();
        let mut padding = 0;
        for step in 0..60_u64 {
            let now = 1_000_000 + step * 10_000;
            arrivals.retain(|(sent, arrived, is_lost)| {
                let is_due = *arrived + 50_000 <= now;
                if is_due && *is_lost {
                    probe.handle_loss(&packet(*sent, true));
                } else if is_due {
                    let arrived = i64::try_from(*arrived).unwrap();
                    probe.handle_arrival(&packet(*sent, true), arrived, total);
                }
                !is_due
            });
            let packets = probe.due(now, total).div_ceil(250);
            for _ in 0..packets {
                free_at = now.max(free_at) + 250 * 8_000_000 / link;
                total.packets += 1;
                total.bytes += 250;
                padding += 250;
                probe.note_padding();
                let is_lost = loss_each > 0 && total.packets.is_multiple_of(loss_each);
                arrivals.push((now, free_at, is_lost));
            }
            if let Some(outcome) = probe.outcome(now, own_loss) {
                return (Some(outcome), padding);
            }
        }
        (None, padding)
    }

    fn measured(outcome: Option<Outcome>) -> u64 {
        let Some(Outcome::Measured(bits)) = outcome else {
            panic!("{outcome:?}");
        };
        bits
    }

    #[test]
    fn a_link_that_carries_the_goal_proves_it() {
        let (outcome, padding) = probe(1_500_000, 10_000_000, 0, 0.0);

        assert!(
            (1_350_000..1_650_000).contains(&measured(outcome)),
            "{outcome:?}"
        );
        assert!(padding <= 1_500_000 / 8 / 4 + 250 * 30, "{padding}");
    }

    #[test]
    fn a_link_that_carries_less_tells_how_much_and_is_not_flooded() {
        let (outcome, _) = probe(1_200_000, 1_000_000, 0, 0.0);
        assert!(
            (850_000..1_100_000).contains(&measured(outcome)),
            "{outcome:?}"
        );

        let (outcome, padding) = probe(4_000_000, 1_000_000, 0, 0.0);
        assert_eq!(outcome, Some(Outcome::Failed));
        assert!(padding < 100_000, "{padding}");
    }

    #[test]
    fn loss_fails_a_probe_unless_the_way_always_loses_as_much() {
        assert_eq!(
            probe(1_500_000, 10_000_000, 5, 0.0).0,
            Some(Outcome::Failed)
        );

        let (outcome, _) = probe(1_500_000, 10_000_000, 5, 0.2);
        assert!(
            (1_300_000..1_700_000).contains(&measured(outcome)),
            "{outcome:?}"
        );
    }

    #[test]
    fn a_probe_of_which_nothing_is_heard_says_so_in_the_end() {
        let total = Total {
            bytes: 0,
            packets: 0,
        };
        let mut probe = Probe::new(0, 1_000_000, 1000, total);
        assert_eq!(probe.due(100_000, total), 1000, "no more than allowed");
        let sent = Total {
            bytes: 1000,
            packets: 4,
        };
        probe.due(110_000, sent);

        assert_eq!(probe.outcome(500_000, 0.0), None);
        assert_eq!(probe.outcome(1_300_000, 0.0), Some(Outcome::Unheard));
    }

    /// A probe of 20 packets of padding between as many others, of which `others_lost` are.
    fn mixed(is_padding_heard: bool, is_padding_lost: bool, others_lost: u64) -> Option<Outcome> {
        let mut total = Total {
            bytes: 0,
            packets: 0,
        };
        let mut probe = Probe::new(0, 640_000, 100_000, total);
        for step in 0..40_u64 {
            let now = step * 6_250;
            let is_padding = step % 2 == 1;
            probe.due(now, total);
            total.packets += 1;
            total.bytes += 500;
            if is_padding {
                probe.note_padding();
            }
            if (is_padding && is_padding_lost) || (!is_padding && step / 2 < others_lost) {
                probe.handle_loss(&packet(now, is_padding));
            } else if !is_padding || is_padding_heard {
                let news = packet(now, is_padding);
                probe.handle_arrival(&news, i64::try_from(now).unwrap(), total);
            }
        }
        probe.due(MICROS, total);
        probe.outcome(MICROS + PATIENCE_MICROS, 0.0)
    }

    #[test]
    fn a_client_that_tells_of_all_but_padding_has_not_answered() {
        assert!(matches!(mixed(true, false, 0), Some(Outcome::Measured(_))));

        assert_eq!(mixed(false, false, 0), Some(Outcome::Unheard));
        assert_eq!(mixed(false, true, 0), Some(Outcome::Unheard));
        assert_eq!(
            mixed(false, true, 12),
            Some(Outcome::Failed),
            "the way loses most of all else too"
        );
    }
}
