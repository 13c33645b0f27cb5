//! Guests that come, resume and go.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Leave, PEERS_MAX, PeerPlan, SceneOptions, TrackPlan, View, camera_layers, peer};

/// Hosts that stay, and seats on which guest follows guest until `end`.
///
/// # Errors
///
/// A sentence if there were too many.
pub(super) fn peers(options: &SceneOptions, end: Duration) -> Result<Vec<PeerPlan>, String> {
    const STAY_MIN: Duration = Duration::from_secs(2);
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut exponential = move |mean: Duration| {
        let uniform: f64 = rng.random_range(1e-6..1.0);
        mean.mul_f64(-uniform.ln())
    };
    let mut rng = StdRng::seed_from_u64(options.seed ^ 0x5eed);
    let both = || {
        let camera = TrackPlan::Camera(camera_layers(options.bitrate));
        vec![camera, TrackPlan::Microphone]
    };
    let mut peers = Vec::new();
    for room in 0..options.rooms {
        peers.push(PeerPlan {
            tracks: both(),
            view: View::Tiles(options.tiles),
            ..peer(room, 0)
        });
        for seat in 1..=options.size {
            let mut at = exponential(options.stay) / 4;
            while at < end {
                let stay = exponential(options.stay).max(STAY_MIN);
                let publishes = rng.random_bool(0.25);
                peers.push(PeerPlan {
                    join_at: at,
                    leave: Some(Leave {
                        at: at + stay,
                        is_polite: rng.random_bool(0.7),
                    }),
                    resume_at: rng.random_bool(0.25).then(|| at + stay / 2),
                    tracks: if publishes { both() } else { Vec::new() },
                    view: View::Tiles(options.tiles),
                    ..peer(room, seat)
                });
                at += stay + exponential(Duration::from_secs(1));
                if peers.len() > PEERS_MAX {
                    return Err(format!(
                        "more than {PEERS_MAX} peers would come and go; lengthen --stay"
                    ));
                }
            }
        }
    }
    Ok(peers)
}
