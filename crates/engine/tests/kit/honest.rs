//! An honest call whose packets are counted while others misbehave.

use std::time::Instant;

use engine::Target;

use super::client::{Client, Mode, Track};
use super::source::Script;
use super::world::World;

/// Packets per second of an Opus stream.
const PACKETS_PER_SECOND: f64 = 50.0;

/// Share of an honest call's packets that have to arrive whatever others do.
const DELIVERED_MIN: f64 = 0.99;

/// One client that speaks and one that listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Honest {
    pub(crate) speaker: Client,
    pub(crate) listener: Client,
    pub(crate) sound: Track,
    since: Instant,
}

impl Honest {
    /// Brings up the call; what arrives is counted from here on.
    pub(crate) fn start(world: &mut World) -> Self {
        let (speaker, listener) = (world.join(Mode::Single), world.join(Mode::Dual));
        let sound = world.publish(speaker, Script::Opus);
        world.subscribe(listener, sound, Target::ALL);
        world.wait_received(listener, sound);
        Self {
            speaker,
            listener,
            sound,
            since: world.now,
        }
    }

    /// Prints how much has arrived, and fails if it is too little.
    pub(crate) fn assert_intact(&self, world: &World, attack: &str) {
        let elapsed = world.now.duration_since(self.since).as_secs_f64();
        let sent = (elapsed * PACKETS_PER_SECOND).floor();
        let received = world.packets_since(self.listener, self.sound, self.since);
        let received = f64::from(u32::try_from(received).expect("few packets"));
        println!("{attack}: the honest call got {received} of {sent} packets");
        assert!(sent >= 50.0, "the attack was too short to tell");
        // One may be on its way.
        assert!(
            received + 1.0 >= DELIVERED_MIN * sent,
            "{received} of {sent}"
        );
        for session in [
            world.publisher(self.speaker),
            world.subscriber(self.listener),
        ] {
            assert_eq!(world.closed(session), None);
        }
    }
}
