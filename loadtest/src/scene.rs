//! Scenes: who is in which room when, what they publish, and what they look at. Pure.
//!
//! A plan follows from its options and the seed alone, so that two servers get the same work.

mod churn;

use std::time::Duration;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use crate::media::encoder::LayerSpec;

/// How long somebody speaks before it is somebody else's turn.
const TURN: Duration = Duration::from_secs(8);

/// Talking and the pause after it, within a turn.
const SPURT: [Duration; 2] = [Duration::from_millis(3200), Duration::from_millis(600)];

/// Most peers of a plan.
const PEERS_MAX: usize = 20_000;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scene {
    /// One camera and microphone, watched by many.
    Livestream,
    /// Everybody sends; a large picture of who speaks, small ones of some others.
    Meeting,
    /// Many small meetings.
    Rooms,
    /// Microphones only.
    Audio,
    /// A meeting whose guests come, resume and go all the time.
    Churn,
    /// One shared screen and microphone, watched by many.
    Screen,
}

/// What a plan is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SceneOptions {
    /// What happens.
    pub scene: Scene,
    /// Rooms.
    pub rooms: usize,
    /// Viewers of each room of `livestream` and `screen`, else its participants.
    pub size: usize,
    /// Pictures that a participant of a meeting sees, the large one included.
    pub tiles: usize,
    /// Time over which peers arrive.
    pub ramp: Duration,
    /// Time from then until measuring begins.
    pub warm_up: Duration,
    /// Time that is measured.
    pub duration: Duration,
    /// Bits per second of the largest layer of a camera, and of a screen.
    pub bitrate: u32,
    /// Mean time that a guest of `churn` stays.
    pub stay: Duration,
    /// Subscribers that decrypt and check everything; others count only.
    pub sample: usize,
    /// Everything random follows from it.
    pub seed: u64,
}

#[cfg(test)]
impl SceneOptions {
    /// As tests take them: half a minute of a scene, which fills in ten seconds.
    pub(crate) fn of(scene: Scene, rooms: usize, size: usize) -> Self {
        Self {
            scene,
            rooms,
            size,
            tiles: 9,
            ramp: Duration::from_secs(10),
            warm_up: Duration::from_secs(3),
            duration: Duration::from_secs(30),
            bitrate: 1_700_000,
            stay: Duration::from_secs(10),
            sample: 5,
            seed: 1,
        }
    }
}

/// A track to publish.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TrackPlan {
    /// Simulcast layers, smallest first.
    Camera(Vec<LayerSpec>),
    /// A microphone.
    Microphone,
    /// A shared screen.
    Screen(LayerSpec),
}

/// What a peer looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Everything, large.
    Everything,
    /// So many tiles; the speaker is the large one.
    Tiles(usize),
}

/// How a peer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leave {
    /// When, since the run's beginning.
    pub(crate) at: Duration,
    /// Whether it says so.
    pub(crate) is_polite: bool,
}

/// What one peer does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PeerPlan {
    /// Its place among the peers of the run.
    pub(crate) number: u32,
    /// Its room.
    pub(crate) room: usize,
    /// Its seat in the room.
    pub(crate) seat: usize,
    /// When it joins, since the run's beginning.
    pub(crate) join_at: Duration,
    /// When it leaves before the end.
    pub(crate) leave: Option<Leave>,
    /// When its signalling connection breaks and is resumed.
    pub(crate) resume_at: Option<Duration>,
    /// What it publishes.
    pub(crate) tracks: Vec<TrackPlan>,
    /// What it looks at.
    pub(crate) view: View,
    /// It decrypts and checks everything.
    pub(crate) is_sampled: bool,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// Peers, by the time of joining.
    pub(crate) peers: Vec<PeerPlan>,
    /// Seats of a room.
    pub(crate) seats: usize,
    /// When measuring begins.
    pub(crate) measure_from: Duration,
    /// When the run ends.
    pub(crate) end: Duration,
    /// Who speaks when follows from it.
    pub(crate) seed: u64,
}

/// Layers that a browser makes of a 720p camera, smallest first; `bitrate` is that of the largest.
pub(crate) fn camera_layers(bitrate: u32) -> Vec<LayerSpec> {
    let scaled = |share: u32| {
        let bits = u64::from(bitrate) * u64::from(share) / 1_700_000;
        u32::try_from(bits).unwrap_or(u32::MAX).max(30_000)
    };
    let layer = |rid, width, height, rate, share| LayerSpec {
        rid,
        width,
        height,
        rate,
        bitrate: scaled(share),
    };
    vec![
        layer("q", 320, 180, 20, 160_000),
        layer("h", 640, 360, 20, 450_000),
        layer("f", 1280, 720, 30, 1_700_000),
    ]
}

impl Scene {
    /// Rooms and size if none are given.
    #[must_use]
    pub fn default_size(self) -> (usize, usize) {
        match self {
            Self::Livestream => (1, 50),
            Self::Meeting | Self::Audio => (1, 10),
            Self::Rooms => (20, 3),
            Self::Churn => (1, 12),
            Self::Screen => (1, 20),
        }
    }
}

/// Makes the plan of a run.
///
/// # Errors
///
/// A sentence that says which option is out of range.
pub(crate) fn plan(options: &SceneOptions) -> Result<Plan, String> {
    let measure_from = options.ramp + options.warm_up;
    let end = measure_from + options.duration;
    if options.rooms == 0 || options.size == 0 {
        return Err("there must be a room and somebody in it".to_owned());
    }
    if options.rooms.saturating_mul(options.size) > PEERS_MAX {
        return Err(format!("at most {PEERS_MAX} peers are possible"));
    }
    let mut peers = if options.scene == Scene::Churn {
        churn::peers(options, end)?
    } else {
        let rooms = 0..options.rooms;
        rooms.flat_map(|room| fixed_room(options, room)).collect()
    };
    spread_arrivals(&mut peers, options);
    peers.sort_by_key(|peer| peer.join_at);
    for (number, peer) in (0..).zip(&mut peers) {
        peer.number = number;
    }
    choose_sample(&mut peers, options.sample);
    let has_host = matches!(
        options.scene,
        Scene::Livestream | Scene::Screen | Scene::Churn
    );
    Ok(Plan {
        peers,
        seats: options.size + usize::from(has_host),
        measure_from,
        end,
        seed: options.seed,
    })
}

fn peer(room: usize, seat: usize) -> PeerPlan {
    PeerPlan {
        number: 0,
        room,
        seat,
        join_at: Duration::ZERO,
        leave: None,
        resume_at: None,
        tracks: Vec::new(),
        view: View::Everything,
        is_sampled: false,
    }
}

fn fixed_room(options: &SceneOptions, room: usize) -> Vec<PeerPlan> {
    let camera = || TrackPlan::Camera(camera_layers(options.bitrate));
    let with = |seat, tracks, view| PeerPlan {
        tracks,
        view,
        ..peer(room, seat)
    };
    let watched = |tracks: Vec<TrackPlan>| {
        let viewers = (1..=options.size).map(|seat| peer(room, seat));
        std::iter::once(with(0, tracks, View::Everything))
            .chain(viewers)
            .collect()
    };
    match options.scene {
        Scene::Livestream => watched(vec![camera(), TrackPlan::Microphone]),
        Scene::Screen => {
            let screen = LayerSpec {
                rid: "",
                width: 1920,
                height: 1080,
                rate: 15,
                bitrate: options.bitrate,
            };
            watched(vec![TrackPlan::Screen(screen), TrackPlan::Microphone])
        }
        Scene::Meeting | Scene::Rooms | Scene::Churn => (0..options.size)
            .map(|seat| {
                let tracks = vec![camera(), TrackPlan::Microphone];
                with(seat, tracks, View::Tiles(options.tiles))
            })
            .collect(),
        Scene::Audio => (0..options.size)
            .map(|seat| with(seat, vec![TrackPlan::Microphone], View::Everything))
            .collect(),
    }
}

/// Lets those who are there from the beginning arrive one by one.
fn spread_arrivals(peers: &mut [PeerPlan], options: &SceneOptions) {
    let fixed = peers.iter().filter(|peer| peer.leave.is_none()).count();
    let step = options.ramp / u32::try_from(fixed.max(1)).unwrap_or(u32::MAX);
    let staying = peers.iter_mut().filter(|peer| peer.leave.is_none());
    for (arrived, peer) in (0..).zip(staying) {
        peer.join_at = step * arrived;
    }
}

/// Chooses those who decrypt: evenly among all who receive, so that each kind is met.
fn choose_sample(peers: &mut [PeerPlan], sample: usize) {
    let is_alone = peers.len() == 1;
    let mut receivers: Vec<&mut PeerPlan> = peers
        .iter_mut()
        .filter(|peer| is_alone || peer.seat > 0 || peer.view != View::Everything)
        .collect();
    let count = receivers.len();
    let sample = sample.min(count);
    for index in 0..sample {
        receivers[index * count / sample].is_sampled = true;
    }
}

/// What of another's video a peer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tile {
    /// Nothing.
    Hidden,
    /// 320 × 180.
    Small,
    /// 1280 × 720.
    Large,
}

impl Plan {
    /// Tells whether a peer has left by now.
    pub(crate) fn has_left(&self, number: u32, now: Duration) -> bool {
        let peer = usize::try_from(number)
            .ok()
            .and_then(|number| self.peers.get(number));
        let leave = peer.and_then(|peer| peer.leave);
        leave.is_some_and(|leave| leave.at <= now)
    }

    /// Which seat of a room speaks.
    pub(crate) fn speaker(&self, room: usize, now: Duration) -> usize {
        let turn = now.as_millis() / TURN.as_millis();
        let turn = u64::try_from(turn).unwrap_or(u64::MAX);
        let mixed = self
            .seed
            .wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_add((room as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9));
        let mut rng = StdRng::seed_from_u64(mixed);
        rng.random_range(0..self.seats)
    }

    /// When the next turn begins.
    pub(crate) fn next_turn(now: Duration) -> Duration {
        let turns = now.as_millis() / TURN.as_millis() + 1;
        TURN * u32::try_from(turns).unwrap_or(u32::MAX)
    }

    /// Tells whether a peer talks. Who watches everything has one who talks all the time.
    pub(crate) fn is_talking(&self, peer: &PeerPlan, now: Duration) -> bool {
        let is_host = peer.view == View::Everything && peer.tracks.len() > 1;
        let within = now.as_millis() % (SPURT[0] + SPURT[1]).as_millis();
        let is_spurt = within < SPURT[0].as_millis();
        is_spurt && (is_host || self.speaker(peer.room, now) == peer.seat)
    }

    /// What `viewer` sees of the one on `seat`: the speaker large, and those that follow on its own
    /// seat small, as many as there are tiles.
    pub(crate) fn tile(&self, viewer: &PeerPlan, seat: usize, now: Duration) -> Tile {
        let View::Tiles(tiles) = viewer.view else {
            return Tile::Large;
        };
        let speaker = self.speaker(viewer.room, now);
        // Nobody sees themselves large: then it is the next one.
        let large = if speaker == viewer.seat {
            (speaker + 1) % self.seats
        } else {
            speaker
        };
        if tiles == 0 || seat == viewer.seat {
            return Tile::Hidden;
        }
        if seat == large {
            return Tile::Large;
        }
        let distance = |seat: usize| (seat + self.seats - viewer.seat) % self.seats;
        let before = (1..distance(seat)).filter(|step| *step != distance(large));
        if before.count() + 1 < tiles {
            Tile::Small
        } else {
            Tile::Hidden
        }
    }
}

#[cfg(test)]
#[path = "scene_tests.rs"]
mod tests;
