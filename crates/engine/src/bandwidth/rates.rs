//! What the layers of a track cost, measured where they come in.

use std::time::{Duration, Instant};

/// Simulcast encodings, or spatial layers of one encoding: AV1 has 4 at most.
pub(crate) const LEVELS: usize = 4;

/// What a packet costs beside its payload: UDP, IPv4 and RTP headers, extensions, and the tag of SRTP.
pub(crate) const OVERHEAD_BYTES: usize = 28 + 12 + 12 + 16;

/// Bytes are summed up over this long; over less at the start, when any figure is better than none.
const INTERVAL: Duration = Duration::from_secs(1);
const INTERVAL_FIRST: Duration = Duration::from_millis(300);

/// A layer that sent nothing for longer has stopped.
const FLOWING_FOR: Duration = Duration::from_millis(1500);

#[derive(Debug, Default, Clone, Copy)]
struct Level {
    bytes: u64,
    bits_per_second: Option<u64>,
    seen_at: Option<Instant>,
}

/// The rates of one track's layers.
#[derive(Debug, Default)]
pub(crate) struct LayerRates {
    levels: [Level; LEVELS],
    since: Option<Instant>,
    /// Layers build on each other, so that the higher ones cost what the lower ones do as well.
    is_scalable: bool,
}

impl LayerRates {
    /// Notes a packet of an encoding, or of a spatial layer of the only one.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        encoding: u8,
        spatial: u8,
        payload_bytes: usize,
    ) {
        self.is_scalable |= spatial > 0;
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        let is_first = self
            .levels
            .iter()
            .all(|level| level.bits_per_second.is_none());
        if elapsed >= INTERVAL || (is_first && elapsed >= INTERVAL_FIRST) {
            self.close(elapsed);
            self.since = Some(now);
        }
        let level = self.levels.get_mut(usize::from(encoding.max(spatial)));
        if let Some(level) = level {
            level.bytes += (payload_bytes + OVERHEAD_BYTES) as u64;
            level.seen_at = Some(now);
        }
    }

    fn close(&mut self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        for level in &mut self.levels {
            let bytes = std::mem::take(&mut level.bytes);
            if bytes == 0 {
                continue; // What it cost before is the best guess at what it will.
            }
            let rate = bytes.saturating_mul(8_000_000) / micros;
            let known = level.bits_per_second.unwrap_or(rate);
            level.bits_per_second = Some(u64::midpoint(known, rate));
        }
    }

    /// Gives what it costs to send up to each level, in bits per second; `None`: it doesn't flow.
    pub(crate) fn costs(&self, now: Instant) -> [Option<u64>; LEVELS] {
        let mut below = 0;
        self.levels.map(|level| {
            let seen_at = level.seen_at?;
            if now.saturating_duration_since(seen_at) > FLOWING_FOR {
                return None;
            }
            let cost = level.bits_per_second? + below;
            if self.is_scalable {
                below = cost;
            }
            Some(cost)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::start;

    /// Two seconds of packets every 10 ms; of the second level twice as much as of the first.
    fn measured(start: Instant, is_scalable: bool) -> LayerRates {
        let mut rates = LayerRates::default();
        for step in 0..200 {
            let now = start + Duration::from_millis(10 * step);
            let bytes = 1000 - OVERHEAD_BYTES;
            rates.handle_packet(now, 0, 0, bytes);
            for _ in 0..2 {
                let (encoding, spatial) = if is_scalable { (0, 1) } else { (1, 0) };
                rates.handle_packet(now, encoding, spatial, bytes);
            }
        }
        rates
    }

    fn kilobits(costs: [Option<u64>; LEVELS]) -> [Option<u64>; LEVELS] {
        costs.map(|cost| cost.map(|bits| (bits + 25_000) / 50_000 * 50))
    }

    #[test]
    fn an_encoding_costs_what_it_sends_and_a_spatial_layer_what_is_below_too() {
        let start = start();
        let now = start + Duration::from_secs(2);

        let simulcast = measured(start, false).costs(now);
        let scalable = measured(start, true).costs(now);

        assert_eq!(kilobits(simulcast), [Some(800), Some(1600), None, None]);
        assert_eq!(kilobits(scalable), [Some(800), Some(2400), None, None]);
    }

    #[test]
    fn a_layer_that_has_stopped_costs_nothing() {
        let start = start();
        let rates = measured(start, false);

        assert!(
            rates
                .costs(start + Duration::from_secs(4))
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn the_first_figure_comes_within_a_third_of_a_second() {
        let start = start();
        let mut rates = LayerRates::default();
        for step in 0..40 {
            let now = start + Duration::from_millis(10 * step);
            rates.handle_packet(now, 0, 0, 1000 - OVERHEAD_BYTES);
        }

        let costs = rates.costs(start + Duration::from_millis(400));
        assert_eq!(kilobits(costs)[0], Some(800));
    }
}
