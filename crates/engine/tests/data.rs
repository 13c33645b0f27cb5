//! Data channels.

use std::time::Duration;

use engine::{CloseReason, DataChannel, Drop, Event};

use crate::kit::{Link, MODES, Mode, World};

const CHANNELS: [DataChannel; 3] = [
    DataChannel::Reliable,
    DataChannel::Lossy,
    DataChannel::DataTrack,
];

#[test]
fn messages_go_both_ways_on_all_channels() {
    for mode in MODES {
        let mut world = World::new(50);
        let client = world.join(mode);
        let (up, down) = (world.publisher(client), world.subscriber(client));

        for channel in CHANNELS {
            world.say(client, channel, channel.label().as_bytes());
            world.send_data(down, channel, channel.label().as_bytes());
        }
        world.run_for(Duration::from_secs(1));

        for wanted in CHANNELS {
            let arrived = world.events.iter().any(|(_, event)| {
                let data = wanted.label().into();
                let session = up;
                let channel = wanted;
                *event
                    == Event::Data {
                        session,
                        channel,
                        data,
                    }
            });
            assert!(arrived, "{wanted:?}");
            let message = (wanted, wanted.label().as_bytes().to_vec());
            assert!(world.peers[client.subscriber].inbox.contains(&message));
        }
    }
}

#[test]
fn reliable_messages_arrive_once_and_in_order_over_a_bad_link() {
    for mode in MODES {
        let mut world = World::new(51);
        let client = world.join(mode);
        let session = world.subscriber(client);
        for peer in &mut world.peers {
            peer.up.loss_permille = 100;
            peer.down.loss_permille = 100;
        }

        for number in 0..200_u32 {
            world.send_data(session, DataChannel::Reliable, &number.to_be_bytes());
            world.say(client, DataChannel::Reliable, &number.to_be_bytes());
            world.run_for(Duration::from_millis(5));
        }
        world.run_for(Duration::from_secs(20));

        let expected: Vec<Vec<u8>> = (0..200_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let inbox = &world.peers[client.subscriber].inbox;
        let received: Vec<_> = inbox.iter().map(|(_, message)| message.clone()).collect();
        assert_eq!(received, expected);
        let events = world.events.iter();
        let said: Vec<_> = events
            .filter_map(|(_, event)| {
                let Event::Data { data, .. } = event else {
                    return None;
                };
                Some(data.to_vec())
            })
            .collect();
        assert_eq!(said, expected);
    }
}

#[test]
fn what_is_sent_before_the_channel_is_open_waits_for_it() {
    for mode in MODES {
        let mut world = World::new(52);
        let client = world.begin_join(mode, 0);
        let session = world.subscriber(client);

        world.send_data(session, DataChannel::Reliable, b"early");
        world.wait_joined(client);
        world.run_for(Duration::from_secs(1));

        let message = (DataChannel::Reliable, b"early".to_vec());
        assert_eq!(world.peers[client.subscriber].inbox, [message]);
    }
}

#[test]
fn a_reader_that_does_not_read_ends_its_session_within_the_bound() {
    let mut world = World::with(53, 1, |config| config.data_queue_bytes_max = 64 * 1024);
    let (slow, other) = (world.join(Mode::Single), world.join(Mode::Single));
    let session = world.subscriber(slow);

    world.peers[slow.subscriber].up.loss_permille = Link::CUT;
    let mut sent = 0;
    while world.closed(session).is_none() {
        world.send_data(session, DataChannel::Reliable, &[0; 1024]);
        world.run_for(Duration::from_micros(100));
        sent += 1;
        assert!(sent < 600, "the queue has no bound");
    }

    assert_eq!(world.closed(session), Some(CloseReason::SlowReader));
    assert_eq!(world.drops(0, Drop::DataQueue), 1);
    assert_eq!(world.closed(world.subscriber(other)), None);
}

#[test]
fn a_full_lossy_channel_loses_its_oldest_messages_only() {
    let mut world = World::with(54, 1, |config| config.data_queue_bytes_max = 64 * 1024);
    let client = world.join(Mode::Dual);
    let session = world.subscriber(client);

    world.peers[client.subscriber].up.loss_permille = Link::CUT;
    for number in 0..1000_u32 {
        let mut message = vec![0; 1024];
        message[..4].copy_from_slice(&number.to_be_bytes());
        world.send_data(session, DataChannel::Lossy, &message);
        world.run_for(Duration::from_micros(100));
    }
    world.peers[client.subscriber].up.loss_permille = 0;
    world.run_for(Duration::from_secs(8));

    let inbox = &world.peers[client.subscriber].inbox;
    let numbers: Vec<u32> = inbox
        .iter()
        .map(|(_, message)| u32::from_be_bytes([message[0], message[1], message[2], message[3]]))
        .collect();
    assert!(world.drops(0, Drop::DataQueue) > 500);
    assert!(numbers.ends_with(&[998, 999]), "{numbers:?}");
    world.assert_nothing_closed();
}
