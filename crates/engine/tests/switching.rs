//! Two tracks that are one to the client: the second takes the place of the first.

use std::time::Duration;

use engine::{Event, Target};

use crate::kit::reception::Reception;
use crate::kit::{Client, MODES, Mode, SOON, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);

fn receptions(world: &World, client: Client) -> Vec<&Reception> {
    let receptions = world.peers[client.subscriber].receptions.values();
    receptions.collect()
}

fn packets(world: &World, client: Client) -> usize {
    let receptions = receptions(world, client);
    receptions
        .iter()
        .map(|reception| reception.packets.len())
        .sum()
}

fn wait_for_more(world: &mut World, client: Client) {
    let before = packets(world, client);
    world.run_until("packets come", SOON, |world| {
        packets(world, client) > before + 50
    });
}

/// Offers and requests for sections so far.
fn negotiations(world: &World) -> usize {
    let is_one =
        |event: &Event| matches!(event, Event::Offer { .. } | Event::SectionsNeeded { .. });
    world
        .events
        .iter()
        .filter(|(_, event)| is_one(event))
        .count()
}

fn refusals(world: &World, client: Client) -> Vec<Event> {
    let is_one = |event: &&Event| matches!(event, Event::CodecRefused { session, .. } if *session == world.subscriber(client));
    let events = world.events.iter().map(|(_, event)| event);
    events.filter(is_one).cloned().collect()
}

/// Demands for a track, in order.
fn demands(world: &World, wanted: Track) -> Vec<Option<u8>> {
    let events = world.events.iter();
    let demands = events.filter_map(|(_, event)| {
        let Event::LayerDemand { track, spatial } = event else {
            return None;
        };
        (*track == wanted.id).then_some(*spatial)
    });
    demands.collect()
}

/// Lets a client join that knows no VP9.
fn join_without_vp9(world: &mut World, mode: Mode, shard: u8) -> Client {
    let client = world.begin_join(mode, shard);
    let now = world.now;
    world.peers[client.publisher].forget_vp9(now);
    world.peers[client.subscriber].forget_vp9(now);
    world.wait_joined(client);
    client
}

#[test]
fn a_stream_goes_on_with_the_other_codec_in_the_same_section() {
    for mode in MODES {
        let mut world = World::new(110);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let vp9 = world.publish(alice, Script::Vp9Svc);
        let vp8 = world.publish(alice, Script::Vp8);
        world.subscribe(bob, vp9, Target::ALL);
        wait_for_more(&mut world, bob);
        let negotiated = negotiations(&world);

        for (from, to) in [(vp9, vp8), (vp8, vp9), (vp9, vp8)] {
            world.switch(bob, from, to);
            wait_for_more(&mut world, bob);
            assert_eq!(demands(&world, from).last(), Some(&None));
            assert!(demands(&world, to).last().is_some_and(Option::is_some));
        }

        assert_eq!(negotiations(&world), negotiated);
        let streams = receptions(&world, bob);
        assert_eq!(streams.len(), 1, "one SSRC for all");
        streams[0].assert_numbers_rise();
        assert_eq!(streams[0].missing(), 0);
        world.assert_nothing_closed();
    }
}

#[test]
fn who_lacks_a_codec_is_told_of_once_and_gets_the_other_without_a_new_offer() {
    for mode in MODES {
        let mut world = World::new(111);
        let alice = world.join(mode);
        let bob = join_without_vp9(&mut world, mode, 0);
        let vp9 = world.publish(alice, Script::Vp9Svc);

        world.subscribe(bob, vp9, Target::ALL);
        world.run_for(SECOND);
        let vp8 = world.publish(alice, Script::Vp8);
        world.run_for(SECOND);
        let refused = refusals(&world, bob);
        let negotiated = negotiations(&world);
        world.switch(bob, vp9, vp8);
        wait_for_more(&mut world, bob);

        let session = world.subscriber(bob);
        let track = vp9.id;
        assert_eq!(refused, [Event::CodecRefused { session, track }]);
        assert_eq!(refusals(&world, bob), refused);
        assert_eq!(demands(&world, vp9).last(), Some(&None), "nobody gets it");
        assert_eq!(negotiations(&world), negotiated);
        world.assert_nothing_closed();
    }
}

#[test]
fn a_refused_subscription_that_is_ended_leaves_its_section_to_others() {
    for mode in MODES {
        let mut world = World::new(112);
        let alice = world.join(mode);
        let bob = join_without_vp9(&mut world, mode, 0);
        let vp9 = world.publish(alice, Script::Vp9Svc);
        let vp8 = world.publish(alice, Script::Vp8);
        world.subscribe(bob, vp9, Target::ALL);
        world.run_for(SECOND);

        world.unsubscribe(bob, vp9);
        world.run_for(SECOND);
        world.subscribe(bob, vp8, Target::ALL);

        wait_for_more(&mut world, bob);
    }
}

#[test]
fn a_section_begins_with_new_numbers_though_a_stream_waited_in_it() {
    for mode in MODES {
        let mut world = World::new(113);
        let alice = world.join(mode);
        let bob = join_without_vp9(&mut world, mode, 0);
        let vp9 = world.publish(alice, Script::Vp9Svc);
        let vp8 = world.publish(alice, Script::Vp8);
        world.subscribe(bob, vp8, Target::ALL);
        wait_for_more(&mut world, bob);

        world.switch(bob, vp8, vp9); // Refused: the stream waits for another track.
        world.run_for(SECOND);
        let last = receptions(&world, bob)[0].packets.keys().next_back();
        let last = *last.expect("packets have come");
        world.unsubscribe(bob, vp9);
        world.run_for(SECOND);
        world.subscribe(bob, vp8, Target::ALL);
        wait_for_more(&mut world, bob);

        let streams = receptions(&world, bob);
        assert_eq!(streams.len(), 2, "each use of a section has its SSRC");
        let goes_on = |stream: &&&Reception| stream.packets.keys().next() == Some(&(last + 1));
        assert_eq!(streams.iter().filter(goes_on).count(), 0);
        world.assert_nothing_closed();
    }
}

#[test]
fn a_switch_may_cross_shards() {
    let mut world = World::with(114, 2, |_| {});
    let alice = world.join_on(Mode::Single, 0);
    let bob = join_without_vp9(&mut world, Mode::Dual, 1);
    let vp9 = world.publish(alice, Script::Vp9Svc);
    world.subscribe(bob, vp9, Target::ALL);
    world.run_for(SECOND);
    assert_eq!(refusals(&world, bob).len(), 1);

    let vp8 = world.publish(alice, Script::Vp8);
    world.switch(bob, vp9, vp8);

    wait_for_more(&mut world, bob);
    assert_eq!(demands(&world, vp9).last(), Some(&None));
}
