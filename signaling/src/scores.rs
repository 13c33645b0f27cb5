//! How good a connection is, from loss and round trip.
//!
//! The score is a mean opinion score, 1 (bad) to 4.5, by the shape of the E-model (ITU-T G.107)
//! with loss weighted for codecs that conceal it.

use livekit_protocol::{ConnectionQuality, ConnectionQualityInfo};
use sfu::{LinkQuality, MediaFlow};

/// A transmission rating without any damage gives a score of 4.5.
const RATING_MAX: f32 = 100.0;

/// Rating lost for each percent of lost packets.
const RATING_PER_LOSS_PERCENT: f32 = 4.0;

/// Above this one-way delay people start to talk over each other (G.107: 177 ms).
const DELAY_KNEE_MS: f32 = 177.0;

/// Scores from which a connection is called good and excellent.
const EXCELLENT: f32 = 4.1;
const GOOD: f32 = 3.0;

/// The most that a score can be when some picture is smaller than asked for by one layer, and by more or
/// paused. `LiveKit` says good and poor of these.
const SCORE_MAX_SMALLER: f32 = 3.9;
const SCORE_MAX_MUCH_SMALLER: f32 = 2.9;

/// Scores of a link on which media that should flow does not, while the client is there and while it is
/// not: LiveKit's.
const DRY: f32 = 2.1;
const LOST: f32 = 1.3;

/// Rates a link.
pub(crate) fn score(quality: LinkQuality) -> f32 {
    match quality.flow {
        MediaFlow::Steady => score_of_transport(quality),
        MediaFlow::Dry => score_of_transport(quality).min(DRY),
        MediaFlow::Lost => LOST,
    }
}

fn score_of_transport(quality: LinkQuality) -> f32 {
    let loss = quality
        .loss_up
        .unwrap_or(0.0)
        .max(quality.loss_down.unwrap_or(0.0));
    let delay_ms = quality.rtt_ms.unwrap_or(0.0) / 2.0;
    let above_knee = (delay_ms - DELAY_KNEE_MS).max(0.0);
    let delay_damage = 0.024 * delay_ms + 0.11 * above_knee;
    let loss_damage = loss.clamp(0.0, 1.0) * 100.0 * RATING_PER_LOSS_PERCENT;
    let rating = (RATING_MAX - delay_damage - loss_damage).clamp(0.0, RATING_MAX);
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (RATING_MAX - rating) * 7e-6;
    let most = match quality.layers_missing {
        0 => 4.5,
        1 => SCORE_MAX_SMALLER,
        _ => SCORE_MAX_MUCH_SMALLER,
    };
    (score.clamp(1.0, most) * 10.0).round() / 10.0
}

/// Writes the rating of a participant's link.
pub(crate) fn quality_info(sid: &str, quality: LinkQuality) -> ConnectionQualityInfo {
    let score = score(quality);
    let quality = if quality.flow == MediaFlow::Lost {
        ConnectionQuality::Lost
    } else if score >= EXCELLENT {
        ConnectionQuality::Excellent
    } else if score >= GOOD {
        ConnectionQuality::Good
    } else {
        ConnectionQuality::Poor
    };
    ConnectionQualityInfo {
        participant_sid: sid.to_owned(),
        quality: quality.into(),
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(rtt_ms: f32, loss: f32) -> LinkQuality {
        LinkQuality {
            rtt_ms: Some(rtt_ms),
            loss_up: Some(loss),
            loss_down: None,
            layers_missing: 0,
            flow: MediaFlow::Steady,
        }
    }

    #[test]
    fn pictures_that_do_not_fit_are_felt_as_well() {
        use ConnectionQuality::{Excellent, Good, Poor};

        for (layers_missing, expected) in [(0, Excellent), (1, Good), (2, Poor), (3, Poor)] {
            let quality = LinkQuality {
                layers_missing,
                ..link(20.0, 0.0)
            };
            assert_eq!(quality_info("PA_x", quality).quality(), expected);
        }
    }

    #[test]
    fn loss_and_delay_are_felt() {
        use ConnectionQuality::{Excellent, Good, Poor};

        for (rtt_ms, loss, expected) in [
            (0.0, 0.0, Excellent),
            (80.0, 0.01, Excellent),
            (80.0, 0.06, Good),
            (80.0, 0.2, Poor),
            (900.0, 0.0, Good),
            (900.0, 0.08, Poor),
            (f32::MAX, 1.0, Poor),
        ] {
            let info = quality_info("PA_x", link(rtt_ms, loss));
            assert_eq!(
                info.quality(),
                expected,
                "{rtt_ms} ms, {loss}: {}",
                info.score
            );
        }
        assert_eq!(
            quality_info("PA_x", LinkQuality::default()).quality(),
            Excellent
        );
    }

    #[test]
    fn a_link_on_which_nothing_comes_is_poor_and_without_its_client_lost() {
        let with = |flow| {
            let link = LinkQuality {
                flow,
                ..link(20.0, 0.0)
            };
            quality_info("PA_x", link)
        };

        assert_eq!(
            with(MediaFlow::Steady).quality(),
            ConnectionQuality::Excellent
        );
        assert_eq!(with(MediaFlow::Dry).quality(), ConnectionQuality::Poor);
        assert_eq!(with(MediaFlow::Lost).quality(), ConnectionQuality::Lost);
        assert!(with(MediaFlow::Lost).score < with(MediaFlow::Dry).score);
    }

    #[test]
    fn scores_stay_in_range_and_fall_with_loss() {
        let mut last = 5.0;
        for percent in 0_u8..=100 {
            let score = score(link(50.0, f32::from(percent) / 100.0));
            assert!((1.0..=4.5).contains(&score) && score <= last);
            last = score;
        }
    }
}
