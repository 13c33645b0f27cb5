//! Forwards packets of one publisher to 50 subscribers, without sockets, for a tool that counts
//! instructions: `tests/instructions/run.sh`.
//!
//! `instructions video` sends bursts of seven packets of 1200 bytes, as a camera at 2 Mbit/s does,
//! `instructions audio` single packets of 100 bytes. Sessions, keys and packets are real; the clients get
//! nothing but what they need to connect. Only [`measured_turn`] is to be counted. Prints how many
//! packets were forwarded in it.

#[path = "../tests/kit/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the kit of the tests does more than is needed here"
)]
mod kit;

use std::time::{Duration, Instant};

use engine::{Engine, SessionKind, Target, Transmit};
use forwarding::Vp8Descriptor;
use forwarding::descriptor::vp8::{PictureId, Vp8Temporal};
use kit::peer::Peer;
use kit::world::server_address;
use kit::{Client, Mode, Script, World};
use str0m::format::Codec;
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Input, Output};

const SUBSCRIBERS: usize = 50;
/// Turns before the count begins: buffers have grown to their size, and all subscribers have a keyframe.
const WARM_UP_TURNS: u64 = 20;
/// About two seconds: what happens once in a second is in the count.
const TURNS: u64 = 60;

/// What is published.
#[derive(Clone, Copy)]
struct Scene {
    script: Script,
    codec: Codec,
    packets_per_turn: u64,
    payload_bytes: usize,
    interval: Duration,
    ticks: u32,
}

const VIDEO: Scene = Scene {
    script: Script::Vp8,
    codec: Codec::Vp8,
    packets_per_turn: 7,
    payload_bytes: 1200,
    interval: Duration::from_millis(33),
    ticks: 2970,
};

const AUDIO: Scene = Scene {
    script: Script::Opus,
    codec: Codec::Opus,
    packets_per_turn: 1,
    payload_bytes: 100,
    interval: Duration::from_millis(20),
    ticks: 960,
};

fn main() {
    let scene = match std::env::args().nth(1).as_deref() {
        Some("video") => VIDEO,
        Some("audio") => AUDIO,
        Some(_) | None => {
            eprintln!("usage: instructions video|audio");
            std::process::exit(2);
        }
    };
    let mut stage = Stage::new(scene);
    for turn in 0..WARM_UP_TURNS {
        stage.prepare(turn);
        turn_of(&mut stage);
    }
    let mut sent = 0;
    for turn in WARM_UP_TURNS..WARM_UP_TURNS + TURNS {
        stage.prepare(turn);
        sent += measured_turn(&mut stage);
    }
    let forwards = SUBSCRIBERS * usize::try_from(scene.packets_per_turn * TURNS).expect("few");
    // Beside the packets there are the sender reports of a second or two.
    let reports = sent.checked_sub(forwards).expect("every packet was sent");
    assert!(reports <= 4 * SUBSCRIBERS, "{reports} reports were sent");
    println!("forwards {forwards}");
}

/// A call that flows, and what comes next.
struct Stage {
    world: World,
    scene: Scene,
    publisher: usize,
    next_sequence: u64,
    datagrams: Vec<Vec<u8>>,
    transmit: Transmit,
}

/// What is counted: the name tells the tool where.
#[inline(never)]
fn measured_turn(stage: &mut Stage) -> usize {
    turn_of(stage)
}

/// Takes in what the publisher sent, and flushes: what a shard does between two waits. Gives how many
/// datagrams leave.
fn turn_of(stage: &mut Stage) -> usize {
    let now = stage.world.now;
    let source = stage.world.peers[stage.publisher].public;
    let engine: &mut Engine = &mut stage.world.engines[0];
    for datagram in &stage.datagrams {
        engine.handle_datagram(now, source, server_address(0), datagram);
    }
    if engine.poll_timeout().is_some_and(|at| at <= now) {
        engine.handle_timeout(now);
    }
    let mut sent = 0;
    loop {
        let is_more = engine.flush(now, &mut stage.transmit);
        sent += stage.transmit.len();
        stage.transmit.clear();
        if !is_more {
            return sent;
        }
    }
}

impl Stage {
    fn new(scene: Scene) -> Self {
        let mut world = World::new(7);
        let client = world.join(Mode::Single);
        world.sniffs = true;
        let track = world.publish(client, scene.script);
        world.run_for(Duration::from_millis(200));
        world.source(track).is_on = false;
        let last = world.sniffed.last().expect("the publisher sends");
        let last = u64::from(u16::from_be_bytes([last[2], last[3]]));
        for _ in 0..SUBSCRIBERS {
            let peer = world.add_peer(SessionKind::Subscriber, 0, true);
            let subscriber = Client {
                publisher: peer,
                subscriber: peer,
            };
            world.subscribe(subscriber, track, Target::ALL);
        }
        world.run_for(Duration::from_secs(2));
        let subscribed = world.peers.iter().filter(|peer| !peer.carried.is_empty());
        assert_eq!(subscribed.count(), SUBSCRIBERS);
        Self {
            world,
            scene,
            publisher: client.publisher,
            // The kit's first number is below 65 536 and above half of it.
            next_sequence: if last < 0x7f00 {
                last + (1 << 16)
            } else {
                last
            } + 1,
            datagrams: Vec::new(),
            transmit: Transmit::default(),
        }
    }

    /// Lets the publisher send the packets of a turn.
    fn prepare(&mut self, turn: u64) {
        self.world.now += self.scene.interval;
        let (now, scene) = (self.world.now, self.scene);
        let peer = &mut self.world.peers[self.publisher];
        for number in 0..scene.packets_per_turn {
            write(peer, now, scene, (turn, number), self.next_sequence);
            self.next_sequence += 1;
        }
        peer.rtc
            .handle_input(Input::Timeout(now))
            .expect("the publisher goes on");
        self.datagrams.clear();
        loop {
            match peer.rtc.poll_output().expect("the publisher goes on") {
                Output::Timeout(_) => break,
                Output::Transmit(datagram) => self.datagrams.push(datagram.contents.into()),
                Output::Event(_) => {}
            }
        }
    }
}

fn write(peer: &mut Peer, now: Instant, scene: Scene, (turn, number): (u64, u64), sequence: u64) {
    let mid = peer.sources[0].mid;
    let parameters = peer.rtc.codec_config().params().iter();
    let payload_type = parameters
        .clone()
        .find(|parameters| parameters.spec().codec == scene.codec)
        .expect("the codec is negotiated")
        .pt();
    let is_last = number + 1 == scene.packets_per_turn;
    let mut direct = peer.rtc.direct_api();
    let stream = direct
        .stream_tx_by_mid(mid, None)
        .expect("the track is published");
    let timestamp = (1 << 30) + u32::try_from(turn).expect("few turns") * scene.ticks;
    let packet = RtpWrite::new(
        payload_type,
        sequence.into(),
        timestamp,
        now,
        payload(scene, turn, number),
    );
    let extensions = ExtensionValues {
        audio_level: (scene.codec == Codec::Opus).then_some(-30),
        voice_activity: (scene.codec == Codec::Opus).then_some(true),
        ..ExtensionValues::default()
    };
    stream.write_rtp(
        packet
            .marker(is_last && scene.codec == Codec::Vp8)
            .nackable(scene.codec == Codec::Vp8)
            .ext_vals(extensions),
    );
}

fn payload(scene: Scene, turn: u64, number: u64) -> Vec<u8> {
    let mut payload = vec![0x55; scene.payload_bytes];
    if scene.codec == Codec::Vp8 {
        let id = u16::try_from(turn).expect("few turns");
        let descriptor = Vp8Descriptor {
            non_reference: false,
            partition_start: number == 0,
            partition: 0,
            picture_id: Some(PictureId::Wide(20_000 + id)),
            tl0_pic_idx: Some(u8::try_from(turn % 256).expect("it is below 256")),
            temporal: Some(Vp8Temporal {
                id: 0,
                layer_sync: false,
            }),
            key_idx: None,
            keyframe: turn == 0 && number == 0,
        };
        descriptor
            .write(&mut payload)
            .expect("there is room for the descriptor");
    }
    payload
}
