//! Dynacast: telling a publisher which layers somebody watches.
//!
//! Invariants:
//! - a rise is announced at once, as somebody waits for it;
//! - a fall is announced only after it has lasted for [`LOWER_DELAY`], as a viewer who scrolls past
//!   a tile would otherwise stop and start the encoder again and again.

use std::time::{Duration, Instant};

use livekit_protocol::{
    SubscribedCodec, SubscribedQuality, SubscribedQualityUpdate, VideoLayer, VideoQuality,
};

/// Encoders take up to 2 s to give a good picture after a start; LiveKit waits for 5 s too.
const LOWER_DELAY: Duration = Duration::from_secs(5);

/// The highest spatial layer that is wanted; `None`: nothing is.
pub(crate) type Demand = Option<u8>;

/// The demand for one track, as announced and as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dynacast {
    /// `None` before the first announcement: then the publisher sends everything.
    announced: Option<Demand>,
    falling: Option<(Demand, Instant)>,
}

impl Dynacast {
    /// Takes a change of demand and tells what to announce now, if anything.
    pub(crate) fn handle_demand(&mut self, now: Instant, demand: Demand) -> Option<Demand> {
        match self.announced {
            Some(announced) if demand == announced => {
                self.falling = None;
                None
            }
            Some(announced) if demand > announced => self.announce(demand),
            None if demand.is_some() => self.announce(demand),
            Some(_) | None => {
                let since = self.falling.map_or(now, |(_, since)| since);
                self.falling = Some((demand, since));
                None
            }
        }
    }

    /// Announces a fall that has lasted long enough.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Demand> {
        let (demand, since) = self.falling?;
        if now.saturating_duration_since(since) < LOWER_DELAY {
            return None;
        }
        self.announce(demand)
    }

    /// Tells what was announced last, for a client that has lost its connection since.
    pub(crate) fn announced(&self) -> Option<Demand> {
        self.announced
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "the callers return an optional announcement"
    )]
    fn announce(&mut self, demand: Demand) -> Option<Demand> {
        self.announced = Some(demand);
        self.falling = None;
        Some(demand)
    }
}

/// What is wanted of one codec of a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodecDemand<'a> {
    pub(crate) codec: &'a str,
    /// Sorted from small to large.
    pub(crate) layers: &'a [VideoLayer],
    pub(crate) demand: Demand,
}

/// Writes an announcement for a track; its first codec is the one that older clients know.
pub(crate) fn quality_update(
    track_sid: &str,
    codecs: &[CodecDemand<'_>],
) -> SubscribedQualityUpdate {
    let subscribed = codecs.iter().map(|wanted| SubscribedCodec {
        codec: wanted.codec.to_owned(),
        qualities: qualities(wanted),
    });
    let subscribed_codecs: Vec<SubscribedCodec> = subscribed.collect();
    let first = subscribed_codecs.first();
    #[expect(deprecated, reason = "older clients read `subscribed_qualities`")]
    SubscribedQualityUpdate {
        track_sid: track_sid.to_owned(),
        subscribed_qualities: first
            .map(|codec| codec.qualities.clone())
            .unwrap_or_default(),
        subscribed_codecs,
    }
}

fn qualities(wanted: &CodecDemand<'_>) -> Vec<SubscribedQuality> {
    let CodecDemand { layers, demand, .. } = *wanted;
    let is_wanted = |quality: VideoQuality| {
        demand.is_some_and(|highest| {
            let index = layers.iter().position(|layer| layer.quality() == quality);
            layers.len() <= 1 || index.is_some_and(|index| index <= usize::from(highest))
        })
    };
    [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High]
        .into_iter()
        .map(|quality| SubscribedQuality {
            quality: quality.into(),
            enabled: is_wanted(quality),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn enabled(layers: &[VideoQuality], demand: Demand) -> Vec<bool> {
        let layers: Vec<VideoLayer> = layers
            .iter()
            .map(|quality| VideoLayer {
                quality: (*quality).into(),
                ..VideoLayer::default()
            })
            .collect();
        let wanted = CodecDemand {
            codec: "vp8",
            layers: &layers,
            demand,
        };
        let update = quality_update("TR_x", &[wanted]);
        let qualities = &update.subscribed_codecs[0].qualities;
        qualities.iter().map(|quality| quality.enabled).collect()
    }

    #[test]
    fn a_rise_is_announced_at_once_and_a_fall_after_a_while() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut dynacast = Dynacast::default();

        assert_eq!(dynacast.handle_demand(start, Some(0)), Some(Some(0)));
        assert_eq!(dynacast.handle_demand(later(1), Some(2)), Some(Some(2)));
        assert_eq!(dynacast.handle_demand(later(2), Some(1)), None);
        assert_eq!(dynacast.handle_demand(later(4), None), None);
        assert_eq!(dynacast.handle_timeout(later(6)), None);
        assert_eq!(dynacast.handle_timeout(later(7)), Some(None));
        assert_eq!(dynacast.handle_timeout(later(60)), None);
    }

    #[test]
    fn a_fall_that_is_taken_back_is_never_announced() {
        let start = Instant::now();
        let mut dynacast = Dynacast::default();
        dynacast.handle_demand(start, Some(2));

        dynacast.handle_demand(start, None);
        let back = dynacast.handle_demand(start + Duration::from_secs(1), Some(2));

        assert_eq!(back, None);
        assert_eq!(
            dynacast.handle_timeout(start + Duration::from_mins(1)),
            None
        );
    }

    #[test]
    fn qualities_up_to_the_demand_are_enabled() {
        use VideoQuality::{High, Low, Medium};

        assert_eq!(enabled(&[Low, Medium, High], Some(1)), [true, true, false]);
        assert_eq!(enabled(&[Low, Medium, High], Some(u8::MAX)), [true; 3]);
        assert_eq!(enabled(&[Low, Medium, High], None), [false; 3]);
        assert_eq!(enabled(&[Low, Medium], Some(1)), [true, true, false]);
        assert_eq!(enabled(&[High], Some(0)), [true; 3]);
        assert_eq!(enabled(&[High], None), [false; 3]);
    }

    proptest! {
        #[test]
        fn what_is_announced_is_never_below_the_demand(
            steps in prop::collection::vec((0_u64..9, prop::option::of(0_u8..3)), 1..60)
        ) {
            let mut now = Instant::now();
            let mut dynacast = Dynacast::default();
            for (seconds, demand) in steps {
                now += Duration::from_secs(seconds);
                dynacast.handle_timeout(now);
                dynacast.handle_demand(now, demand);
                if let Some(announced) = dynacast.announced() {
                    prop_assert!(announced >= demand);
                }
            }
        }
    }
}
