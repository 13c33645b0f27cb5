//! Whole calls over loopback UDP: the shards as they run, and real str0m clients.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod kit;

use std::net::UdpSocket;
use std::time::Duration;

use engine::{Event, Target};
use kit::client::Report;
use kit::{Stage, metric};
use prometheus::Registry;
use sfu::{SfuConfig, SfuError, SpillConfig, StartError};

/// A media server of so many shards that places each session of a room on the least loaded one.
fn spread(shards: usize) -> SfuConfig {
    SfuConfig {
        shards,
        spill: SpillConfig {
            sessions: 0,
            ..SpillConfig::default()
        },
        ..SfuConfig::default()
    }
}

/// Tells whether a camera and a microphone flow.
fn flows(report: &Report, packets: u64) -> bool {
    report.sections.len() == 2 && report.sections.values().all(|s| s.packets >= packets)
}

fn assert_whole(report: &Report) {
    assert!(report.is_in_order(), "{report:?}");
    for section in report.sections.values() {
        let (first, last) = section.sequence.unwrap();
        assert_eq!(last - first + 1, section.packets, "{report:?}");
    }
}

async fn two_peers_hear_each_other(config: SfuConfig) -> Stage {
    let mut stage = Stage::new(config).await;
    let (_, camera, microphone) = stage.publisher().await;

    let subscriber = stage.subscriber(&[camera, microphone]).await;
    let report = stage
        .received(subscriber, "media flows", |report| flows(report, 100))
        .await;

    assert_whole(&report);
    assert!(report.sections.values().any(|s| s.keyframes > 0));
    assert!(report.sections.values().any(|s| s.levels == s.packets));
    stage
}

#[tokio::test]
async fn packets_arrive_in_order_and_once_on_one_shard() {
    let stage = two_peers_hear_each_other(SfuConfig::default()).await;

    stage.running.shutdown();
}

#[tokio::test]
async fn packets_arrive_in_order_and_once_across_two_shards() {
    let mut stage = two_peers_hear_each_other(spread(2)).await;

    let relayed = "clapt_packets_relayed_total";
    assert!(stage.metric(relayed, |count| count > 100.0).await > 0.0);
    assert!(metric(&stage.registry, "clapt_relay_dropped_total") < 0.5);
    stage.running.shutdown();
}

#[tokio::test]
async fn every_socket_of_the_host_carries_a_call() {
    for bind_ip in ["0.0.0.0", "::", "127.0.0.1"] {
        let config = SfuConfig {
            bind_ip: bind_ip.parse().unwrap(),
            ..SfuConfig::default()
        };
        let stage = two_peers_hear_each_other(config).await;
        stage.running.shutdown();
    }
}

#[tokio::test]
async fn a_way_that_carries_no_picture_pauses_it_and_sound_goes_on() {
    for config in [SfuConfig::default(), spread(2)] {
        let mut stage = Stage::new(config).await;
        let (_, camera, microphone) = stage.publisher().await;
        let subscriber = stage.subscriber(&[camera, microphone]).await;
        stage
            .received(subscriber, "media flows", |report| flows(report, 50))
            .await;

        let bounded = stage.sfu.set_bandwidth_cap(subscriber, Some(90_000)).await;
        bounded.unwrap();
        let is_state = |event: &Event, expected: bool| {
            matches!(event, Event::StreamState { session, is_paused, .. }
                if (*session, *is_paused) == (subscriber, expected))
        };
        stage
            .event("the picture is paused", |event| is_state(event, true))
            .await;
        let paused = stage.received(subscriber, "", |_| true).await;
        let packets = |report: &Report| -> Vec<u64> {
            report
                .sections
                .values()
                .map(|section| section.packets)
                .collect()
        };
        let before = packets(&paused);
        stage
            .received(subscriber, "sound goes on", |report| {
                let now = packets(report);
                now.iter()
                    .zip(&before)
                    .any(|(now, before)| now - before >= 50)
            })
            .await;
        let ended = stage.sfu.set_bandwidth_cap(subscriber, None).await;
        ended.unwrap();

        stage
            .event("the picture goes on", |event| is_state(event, false))
            .await;
        stage
            .metric("clapt_streams_paused_total", |count| count > 0.5)
            .await;
        stage.running.shutdown();
    }
}

#[tokio::test]
async fn a_late_joiner_asks_for_a_keyframe_and_gets_it() {
    for config in [SfuConfig::default(), spread(2)] {
        let mut stage = Stage::new(config).await;
        let (publisher, camera, _) = stage.publisher().await;
        let first = stage.subscriber(&[camera]).await;
        stage
            .received(first, "media flows", |report| report.packets() > 50)
            .await;
        let before = stage
            .received(publisher, "", |_| true)
            .await
            .keyframes_asked;

        let late = stage.subscriber(&[camera]).await;

        stage
            .received(publisher, "a keyframe is asked for", |report| {
                report.keyframes_asked > before
            })
            .await;
        let report = stage
            .received(late, "the late joiner gets a keyframe", |report| {
                report.sections.values().any(|s| s.keyframes > 0) && report.packets() > 50
            })
            .await;
        assert_whole(&report);
        stage.running.shutdown();
    }
}

#[tokio::test]
async fn nothing_comes_after_unsubscribing_and_again_after_subscribing() {
    let mut stage = Stage::new(SfuConfig::default()).await;
    let (_, camera, microphone) = stage.publisher().await;
    let subscriber = stage.subscriber(&[camera, microphone]).await;
    stage
        .received(subscriber, "media flows", |report| flows(report, 20))
        .await;

    stage.sfu.unsubscribe(subscriber, camera.id).await.unwrap();
    let offer =
        |event: &Event| matches!(event, Event::Offer { session, .. } if *session == subscriber);
    let event = stage.event("an offer without the camera", offer).await;
    let video = |report: &Report| {
        let video = report.sections.values().filter(|s| s.levels == 0);
        video.map(|s| s.packets).sum::<u64>()
    };
    let audio = |report: &Report| report.packets() - video(report);
    let stopped = stage.received(subscriber, "", |_| true).await;
    stage
        .received(subscriber, "audio goes on", |report| {
            audio(report) > audio(&stopped) + 50
        })
        .await;
    let later = stage.received(subscriber, "", |_| true).await;
    // What was in flight when the command was carried out may still come.
    assert!(
        video(&later) <= video(&stopped) + 8,
        "{stopped:?} {later:?}"
    );

    stage.answer(event).await;
    stage.subscribe(subscriber, camera).await;
    stage
        .received(subscriber, "video comes again", |report| {
            video(report) > video(&later) + 20
        })
        .await;
    stage.running.shutdown();
}

#[tokio::test]
async fn a_paused_track_stops_and_resumes() {
    let mut stage = Stage::new(SfuConfig::default()).await;
    let (_, camera, microphone) = stage.publisher().await;
    let subscriber = stage.subscriber(&[camera, microphone]).await;
    stage
        .received(subscriber, "media flows", |report| flows(report, 20))
        .await;
    let keyframes = |report: &Report| report.sections.values().map(|s| s.keyframes).sum::<u64>();

    let target = |target| stage.sfu.set_target(subscriber, camera.id, target);
    target(Target::Paused).await.unwrap();
    target(Target::ALL).await.unwrap();

    let before = stage.received(subscriber, "", |_| true).await;
    let report = stage
        .received(
            subscriber,
            "a keyframe starts the picture again",
            |report| keyframes(report) > keyframes(&before),
        )
        .await;
    assert!(report.is_in_order());
    stage.running.shutdown();
}

#[tokio::test]
async fn a_closed_session_is_gone() {
    let mut stage = Stage::new(spread(2)).await;
    let (publisher, camera, _) = stage.publisher().await;
    let subscriber = stage.subscriber(&[camera]).await;
    stage
        .metric("clapt_sessions", |count| (count - 2.0).abs() < 0.5)
        .await;

    stage.sfu.close_session(subscriber).await.unwrap();
    stage.sfu.close_session(publisher).await.unwrap();

    stage.metric("clapt_sessions", |count| count < 0.5).await;
    let answer = stage.sfu.handle_answer(subscriber, 0, String::new()).await;
    assert!(matches!(answer, Err(SfuError::NoSession)));
    stage.sfu.close_room(stage.room).await.unwrap();
    stage.metric("clapt_media_rooms", |count| count < 0.5).await;
    stage.running.shutdown();
}

#[tokio::test]
async fn after_shutdown_every_call_says_so() {
    let stage = Stage::new(spread(2)).await;
    let sfu = stage.sfu.clone();

    stage.running.shutdown();

    assert!(matches!(sfu.open_room().await, Err(SfuError::Down)));
}

#[tokio::test]
async fn a_full_shard_says_so() {
    let config = SfuConfig {
        sessions_per_shard_max: 1,
        ..SfuConfig::default()
    };
    let mut stage = Stage::new(config).await;
    stage.publisher().await;

    let config = engine::SessionConfig::new(engine::SessionKind::Publisher);
    let second = stage.sfu.create_session(stage.room, config, None).await;

    assert!(matches!(second, Err(SfuError::Full)));
    stage.running.shutdown();
}

#[tokio::test]
async fn a_taken_port_is_named_in_one_line() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = SfuConfig {
        udp_port: port,
        ..SfuConfig::default()
    };

    let error = sfu::start(&config, &Registry::new()).unwrap_err();

    assert!(matches!(error, StartError::PortTaken(address) if address.port() == port));
    let text = error.to_string();
    assert!(
        text.contains(&port.to_string()) && !text.contains('\n'),
        "{text}"
    );
}

#[tokio::test]
async fn an_honest_call_stays_whole_beside_malformed_datagrams() {
    let mut stage = Stage::new(SfuConfig::default()).await;
    let (_, camera, microphone) = stage.publisher().await;
    let subscriber = stage.subscriber(&[camera, microphone]).await;
    let server = ("127.0.0.1", stage.running.ports()[0]);
    let before = stage
        .received(subscriber, "media flows", |report| flows(report, 20))
        .await;

    let attack = tokio::task::spawn_blocking(move || {
        let attacker = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sent = 0_u32;
        for length in (0..120).chain([500, 1200, 1500, 1501, 2029, 9000, 65_000]) {
            for first in (0..=255)
                .step_by(3)
                .map(|first: u16| first.to_be_bytes()[1])
            {
                let mut bytes = vec![first; length];
                if let Some(rest) = bytes.get_mut(1..) {
                    for (byte, value) in rest.iter_mut().zip((0..=255_u8).cycle()) {
                        *byte = value ^ first;
                    }
                }
                attacker.send_to(&bytes, server).unwrap();
                sent += 1;
            }
        }
        f64::from(sent)
    });
    let sent = attack.await.unwrap();

    // The kernel may drop some of the flood; most has to be counted as dropped by us.
    let dropped = "clapt_packets_dropped_total";
    stage.metric(dropped, |count| count > sent / 4.0).await;
    let report = stage
        .received(subscriber, "media goes on", |report| {
            report.packets() > before.packets() + 300
        })
        .await;
    assert!(report.is_in_order());
    assert!(metric(&stage.registry, "clapt_session_panics_total") < 0.5);
    stage.running.shutdown();
}

#[tokio::test]
async fn a_full_relay_queue_drops_and_counts() {
    let config = SfuConfig {
        relay_packets_max: 1,
        // So much is gathered that a batch never fits into the queue.
        gather: Duration::from_millis(100),
        gather_datagrams_per_second: 0,
        ..spread(2)
    };
    let mut stage = Stage::new(config).await;
    let (_, camera, microphone) = stage.publisher().await;
    let subscriber = stage.subscriber(&[camera, microphone]).await;

    stage
        .metric("clapt_relay_dropped_total", |count| count > 10.0)
        .await;

    let report = stage
        .received(subscriber, "some packets pass", |report| {
            report.packets() > 20
        })
        .await;
    assert!(report.is_in_order());
    stage.running.shutdown();
}

#[tokio::test]
async fn a_shard_that_panics_ends_its_sessions_and_begins_anew_and_the_others_lose_nothing() {
    let mut stage = Stage::new(spread(2)).await;
    let (publisher, camera, microphone) = stage.publisher().await;
    let (mut near, mut far) = (None, None);
    while near.is_none() || far.is_none() {
        let session = stage.subscriber(&[camera, microphone]).await;
        if session.shard() == publisher.shard() {
            near = Some(session);
        } else {
            far = Some(session);
        }
    }
    let (near, far) = (near.unwrap(), far.unwrap());
    for session in [near, far] {
        stage
            .received(session, "media flows", |report| flows(report, 20))
            .await;
    }
    let before = stage.received(near, "", |_| true).await.packets();

    stage.sfu.panic_shard(far.shard()).await.unwrap();

    let closed = |event: &Event| matches!(event, Event::Closed { session, .. } if *session == far);
    let event = stage.event("the session ends", closed).await;
    let reason = sfu::CloseReason::Panic;
    assert_eq!(
        event,
        Event::Closed {
            session: far,
            reason
        }
    );
    let report = stage
        .received(near, "media goes on", |report| {
            report.packets() > before + 200
        })
        .await;
    assert_whole(&report);
    println!(
        "the other shard's subscriber got all of {} packets",
        report.packets()
    );
    let mut late = stage.subscriber(&[camera, microphone]).await;
    while late.shard() != far.shard() {
        late = stage.subscriber(&[camera, microphone]).await;
    }
    let report = stage
        .received(late, "the new shard serves", |report| flows(report, 50))
        .await;
    assert!(report.is_in_order(), "{report:?}");
    let panics = "clapt_session_panics_total";
    assert!(stage.metric(panics, |count| count > 0.0).await > 0.0);
    stage.running.shutdown();
}
