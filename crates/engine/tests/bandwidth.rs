//! Ways in that carry too little: layers go down in time and come back, sound goes on, and a way that
//! only loses packets keeps its pictures.

use std::time::{Duration, Instant};

use engine::{Event, SessionId, Target, TrackId};

use crate::kit::{Client, Fault, Link, MODES, Mode, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A camera of three layers, a microphone, and who watches.
struct Call {
    world: World,
    viewer: Client,
    sound: Track,
    cameras: Vec<Track>,
}

impl Call {
    /// Begins with as many publishers as `cameras`, and lets everything flow for a while.
    fn start(seed: u64, mode: Mode, cameras: usize, adjust: impl Fn(&mut World, Client)) -> Self {
        Self::start_in(World::new(seed), mode, cameras, adjust)
    }

    fn start_in(
        mut world: World,
        mode: Mode,
        cameras: usize,
        adjust: impl Fn(&mut World, Client),
    ) -> Self {
        let viewer = world.join(mode);
        adjust(&mut world, viewer);
        let speaker = world.join(Mode::Single);
        let sound = world.publish(speaker, Script::Opus);
        world.subscribe(viewer, sound, Target::ALL);
        let mut tracks = Vec::new();
        for _ in 0..cameras {
            let publisher = world.join(Mode::Single);
            let camera = world.publish(publisher, Script::Vp8Simulcast);
            world.source(camera).fill_as_720p();
            world.subscribe(viewer, camera, Target::ALL);
            world.wait_received(viewer, camera);
            tracks.push(camera);
        }
        world.run_for(4 * SECOND);
        Self {
            world,
            viewer,
            sound,
            cameras: tracks,
        }
    }

    fn set_rate(&mut self, rate: Option<u64>) {
        self.world.peers[self.viewer.subscriber].down.rate = rate;
    }

    fn set_loss(&mut self, permille: u64, burst: u64) {
        let link = &mut self.world.peers[self.viewer.subscriber].down;
        (link.loss_permille, link.burst) = (permille, burst);
    }

    /// The layers of a camera that were played in the last second.
    fn layers(&self, camera: usize) -> Vec<u8> {
        let since = self.world.now.checked_sub(SECOND).expect("it ran");
        let reception = self.world.reception(self.viewer, self.cameras[camera]);
        let played = reception.played.iter().rev();
        let recent = played.take_while(|played| played.at >= since);
        let mut layers: Vec<u8> = recent.map(|played| played.layer).collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    }

    /// The longest time since an instant in which no frame of a camera was played.
    fn longest_freeze(&self, camera: usize, since: Instant) -> Duration {
        let reception = self.world.reception(self.viewer, self.cameras[camera]);
        let played = reception.played.iter().map(|played| played.at);
        let times: Vec<Instant> = [since]
            .into_iter()
            .chain(played.filter(|at| *at >= since))
            .chain([self.world.now])
            .collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().expect("there are two times")
    }

    /// How often another layer of a camera was begun since an instant.
    fn switches(&self, camera: usize, since: Instant) -> usize {
        let reception = self.world.reception(self.viewer, self.cameras[camera]);
        let played: Vec<_> = reception
            .played
            .iter()
            .filter(|played| played.at >= since)
            .collect();
        let pairs = played.windows(2);
        pairs.filter(|pair| pair[0].layer != pair[1].layer).count()
    }

    /// Which streams were paused and resumed, in order.
    fn states(&self) -> Vec<(TrackId, bool)> {
        let events = self.world.events.iter();
        events
            .filter_map(|(_, event)| {
                let Event::StreamState {
                    session,
                    track,
                    is_paused,
                } = event
                else {
                    return None;
                };
                assert_eq!(*session, self.world.subscriber(self.viewer));
                Some((*track, *is_paused))
            })
            .collect()
    }

    fn sent_down(&self) -> usize {
        self.world.sent_down[&self.viewer.subscriber]
    }

    fn sound_since(&self, since: Instant) -> usize {
        self.world.packets_since(self.viewer, self.sound, since)
    }

    fn session(&self) -> SessionId {
        self.world.subscriber(self.viewer)
    }
}

#[test]
fn a_way_that_becomes_narrow_gets_a_lower_layer_in_time_and_the_high_one_back() {
    for (seed, mode) in [(700, Mode::Dual), (701, Mode::Single)] {
        let mut call = Call::start(seed, mode, 1, |_, _| {});
        assert_eq!(call.layers(0), [2]);

        call.set_rate(Some(1_000_000));
        let narrow = call.world.now;
        call.world.run_for(4 * SECOND);
        assert_eq!(call.layers(0), [1], "a second after the third one");
        let (steady, sent) = (call.world.now, call.sent_down());
        call.world.run_for(30 * SECOND);

        let bits = (call.sent_down() - sent) * 8;
        assert!(bits <= 1_200_000 * 30, "{bits} bits in 30 s");
        assert_eq!(call.switches(0, steady), 0, "it does not oscillate");
        let freeze = call.longest_freeze(0, narrow);
        assert!(freeze <= 2 * SECOND, "{freeze:?}");
        let heard = call.sound_since(steady);
        assert!(heard >= 1490, "{heard} of 1500 packets of sound");

        call.set_rate(None);
        call.world.run_for(15 * SECOND);
        assert_eq!(call.layers(0), [2], "15 s after the way is wide again");
        assert_eq!(call.states(), []);
        call.world.run_for(6 * SECOND);
        let counters = call.world.engines[0].counters();
        assert!(counters.probes_failed > 0 && counters.probes_proved > 0);
        assert_eq!(counters.limits[3], 1, "up to 1 Mbit/s, and found once");
        assert_eq!(counters.sessions_limited, 0);
        call.world.assert_nothing_closed();
    }
}

#[test]
fn sound_goes_on_and_the_picture_is_paused_when_its_lowest_layer_does_not_fit() {
    let mut call = Call::start(702, Mode::Dual, 1, |_, _| {});

    call.set_rate(Some(130_000));
    call.world.run_for(8 * SECOND);
    let camera = call.cameras[0].id;
    assert_eq!(call.states(), [(camera, true)]);
    let since = call.world.now;
    call.world.run_for(20 * SECOND);

    let heard = call.sound_since(since);
    assert!(heard >= 960, "{heard} of 1000 packets of sound");
    assert_eq!(call.states(), [(camera, true)], "it does not flap");
    call.set_rate(None);
    call.world.run_for(15 * SECOND);
    assert_eq!(call.states(), [(camera, true), (camera, false)]);
    assert_eq!(call.layers(0), [2]);
    call.world.assert_nothing_closed();
}

#[test]
fn two_pictures_share_what_there_is() {
    let mut call = Call::start(703, Mode::Dual, 2, |_, _| {});
    call.world.run_for(SECOND);

    call.set_rate(Some(1_600_000));
    call.world.run_for(12 * SECOND);

    assert_eq!([call.layers(0), call.layers(1)], [[1], [1]]);
    assert_eq!(call.states(), []);
}

#[test]
fn the_more_important_picture_goes_first() {
    let mut call = Call::start(704, Mode::Dual, 2, |_, _| {});
    let (session, second) = (call.session(), call.cameras[1].id);
    call.world
        .engine_of(session)
        .set_priority(session, second, 1);

    call.set_rate(Some(2_600_000));
    call.world.run_for(12 * SECOND);

    assert_eq!([call.layers(0), call.layers(1)], [[1], [2]]);
}

#[test]
fn random_loss_takes_no_picture_away() {
    for mode in MODES {
        let mut call = Call::start(705, mode, 1, |_, _| {});

        call.set_loss(200, 1);
        let since = call.world.now;
        call.world.run_for(30 * SECOND);

        assert_eq!(call.states(), []);
        assert_eq!(call.layers(0), [2], "the rate is not what loses packets");
        let freeze = call.longest_freeze(0, since);
        assert!(freeze <= 2 * SECOND, "{freeze:?}");
        call.world.assert_nothing_closed();
    }
}

#[test]
fn bursts_of_loss_freeze_the_picture_for_no_more_than_two_seconds() {
    for seed in [706, 707] {
        let mut call = Call::start(seed, Mode::Dual, 1, |_, _| {});

        call.set_loss(100, 8);
        let since = call.world.now;
        call.world.run_for(30 * SECOND);

        let freeze = call.longest_freeze(0, since);
        assert!(freeze <= 2 * SECOND, "{freeze:?}");
        assert_eq!(call.states(), []);
        call.world.assert_nothing_closed();
    }
}

#[test]
fn a_way_without_trouble_is_never_limited() {
    let mut call = Call::start(708, Mode::Dual, 2, |_, _| {});
    let link = &mut call.world.peers[call.viewer.subscriber].down;
    link.jitter = Duration::from_millis(60);
    let since = call.world.now;

    call.world.run_for(30 * SECOND);

    let counters = call.world.engines[0].counters();
    assert_eq!(counters.limits.iter().sum::<u64>(), 0);
    assert_eq!(
        (counters.sessions_limited, counters.packets_padding),
        (0, 0)
    );
    assert_eq!([call.switches(0, since), call.switches(1, since)], [0, 0]);
}

#[test]
fn a_client_without_transport_wide_feedback_is_limited_by_its_reports() {
    let mut call = Call::start(709, Mode::Dual, 1, |world, viewer| {
        world.peers[viewer.subscriber].fault = Some(Fault::NoTransportFeedback);
    });

    call.set_rate(Some(1_000_000));
    call.world.run_for(8 * SECOND);
    assert!(
        call.layers(0).iter().all(|layer| *layer < 2),
        "{:?}",
        call.layers(0)
    );
    let counters = call.world.engines[0].counters();
    assert_eq!(counters.probes_proved + counters.probes_failed, 0);
    call.set_rate(None);
    call.world.run_for(30 * SECOND);

    assert_eq!(call.layers(0), [2]);
}

#[test]
fn a_cap_holds_until_it_is_taken_back() {
    let mut call = Call::start(710, Mode::Single, 1, |_, _| {});
    let session = call.session();
    let now = call.world.now;

    call.world
        .engine_of(session)
        .set_bandwidth_cap(now, session, Some(700_000));
    call.world.run_for(10 * SECOND);
    assert_eq!(call.layers(0), [1]);
    let now = call.world.now;
    let cap = Some(100_000);
    call.world
        .engine_of(session)
        .set_bandwidth_cap(now, session, cap);
    call.world.run_for(2 * SECOND);
    assert_eq!(call.states(), [(call.cameras[0].id, true)]);
    let now = call.world.now;
    call.world
        .engine_of(session)
        .set_bandwidth_cap(now, session, None);
    call.world.run_for(3 * SECOND);

    assert_eq!(call.layers(0), [2]);
    assert_eq!(call.states().len(), 2);
    assert_eq!(call.world.engines[0].counters().sessions_limited, 0);
}

#[test]
fn what_the_publisher_is_asked_for_stays_while_a_viewer_can_not_have_it() {
    let mut call = Call::start(711, Mode::Dual, 1, |_, _| {});

    call.set_rate(Some(1_000_000));
    call.world.run_for(6 * SECOND);

    let camera = call.cameras[0].id;
    let demands =
        call.world.events.iter().filter(
            |(_, event)| matches!(event, Event::LayerDemand { track, .. } if *track == camera),
        );
    assert_eq!(demands.count(), 1, "only the one at the start");
}

#[test]
fn an_ice_restart_of_two_seconds_is_not_taken_for_congestion() {
    let ways = MODES
        .into_iter()
        .flat_map(|mode| [(mode, true), (mode, false)]);
    for (seed, (mode, ice_lite)) in (713..).zip(ways) {
        let mut world = World::new(seed);
        world.ice_lite = ice_lite;
        let mut call = Call::start_in(world, mode, 1, |_, _| {});
        let viewer = call.viewer;

        call.set_loss(Link::CUT, 1);
        call.world.peers[viewer.subscriber].up.loss_permille = Link::CUT;
        call.world.move_subscriber(viewer);
        call.world.run_for(2 * SECOND);
        call.set_loss(0, 1);
        call.world.peers[viewer.subscriber].up.loss_permille = 0;
        let healed = call.world.now;
        let camera = call.cameras[0];
        call.world
            .run_until("the picture is back", 3 * SECOND, |world| {
                world.played_since(viewer, camera, healed) > 0
            });
        let back = call.world.now;
        call.world.run_for(6 * SECOND);

        let freeze = call.longest_freeze(0, back);
        assert!(freeze <= SECOND / 2, "{freeze:?}");
        assert_eq!(call.layers(0), [2]);
        assert_eq!(call.states(), []);
        let counters = call.world.engines[0].counters();
        assert_eq!(
            counters.limits.iter().sum::<u64>(),
            0,
            "{mode:?} {ice_lite}"
        );
        call.world.assert_nothing_closed();
    }
}

#[test]
fn a_client_that_tells_nothing_of_padding_gets_its_layer_back() {
    for (seed, mode) in [(717, Mode::Dual), (718, Mode::Single)] {
        let mut call = Call::start(seed, mode, 1, |world, viewer| {
            world.peers[viewer.subscriber].fault = Some(Fault::DeafToPadding);
        });
        call.set_rate(Some(1_000_000));
        call.world.run_for(4 * SECOND);
        assert_eq!(call.layers(0), [1]);
        let narrow = call.world.now;
        call.world.run_for(MINUTE);

        let freeze = call.longest_freeze(0, narrow);
        assert!(freeze <= 2 * SECOND, "{freeze:?}");
        let switches = call.switches(0, narrow);
        assert!(switches <= 10, "{switches} switches in a minute");
        call.set_rate(None);
        call.world.run_for(MINUTE / 3);

        assert_eq!(call.layers(0), [2]);
        let counters = call.world.engines[0].counters();
        assert!(counters.probes_unheard > 0 && counters.probes_proved == 0);
        assert_eq!(call.states(), []);
        call.world.assert_nothing_closed();
    }
}
