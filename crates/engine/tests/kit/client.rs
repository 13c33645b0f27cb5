//! A participant: one peer connection, or two, and what a `LiveKit` SDK does with them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::{
    DataChannel, Event, PendingTrack, RoomId, SessionConfig, SessionId, SessionKind, ShardId,
    Subscribe, Target, TrackId,
};
use str0m::media::Mid;

use super::peer::{Change, Peer, host};
use super::reception::Reception;
use super::source::{Script, Source};
use super::world::World;

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Two peer connections (v0).
    Dual,
    /// One (v1).
    Single,
}

pub(crate) const MODES: [Mode; 2] = [Mode::Dual, Mode::Single];

/// Indices of a client's peers; the same one twice in single mode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) publisher: usize,
    pub(crate) subscriber: usize,
}

/// What is subscribed to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) script: Script,
    pub(crate) publisher: Client,
}

/// Packets are out of order by less than this.
const REORDERING_MAX: Duration = Duration::from_secs(3);

pub(crate) const SOON: Duration = Duration::from_secs(5);

impl World {
    /// Lets a client begin to join on a shard.
    pub(crate) fn begin_join(&mut self, mode: Mode, shard: u8) -> Client {
        let lite = self.ice_lite;
        match mode {
            Mode::Single => {
                let peer = self.add_peer(SessionKind::Single, shard, lite);
                Client {
                    publisher: peer,
                    subscriber: peer,
                }
            }
            Mode::Dual => {
                let subscriber = self.add_peer(SessionKind::Subscriber, shard, lite);
                let publisher = self.add_peer(SessionKind::Publisher, shard, lite);
                Client {
                    publisher,
                    subscriber,
                }
            }
        }
    }

    /// Lets a client join and waits until it has.
    pub(crate) fn join(&mut self, mode: Mode) -> Client {
        self.join_on(mode, 0)
    }

    pub(crate) fn join_on(&mut self, mode: Mode, shard: u8) -> Client {
        let client = self.begin_join(mode, shard);
        self.wait_joined(client);
        client
    }

    pub(crate) fn wait_joined(&mut self, client: Client) {
        self.run_until("a client joins", SOON, |world| world.is_joined(client));
    }

    pub(crate) fn add_peer(&mut self, kind: SessionKind, shard: u8, ice_lite: bool) -> usize {
        let number = self.next_id();
        let session = SessionId::new(ShardId(shard), number);
        let config = SessionConfig {
            kind,
            ice_lite,
            publishes: self.publishes,
            receives: self.receives,
            reuse_sections: self.reuse_sections,
        };
        let now = self.now;
        self.engines[usize::from(shard)]
            .create_session(now, self.room, session, config)
            .expect("there is room for a session");
        let port = 40_000 + u16::try_from(number).expect("few peers");
        let address = SocketAddr::from(([10, 0, 0, 1], port));
        self.peers
            .push(Peer::new(session, kind, address, (now, self.knows_red)));
        self.peers.len() - 1
    }

    /// Connected, with all channels, in the eyes of both sides.
    pub(crate) fn is_joined(&self, client: Client) -> bool {
        [client.publisher, client.subscriber]
            .into_iter()
            .all(|index| {
                let peer = &self.peers[index];
                let open = self.events.iter().filter(|(_, event)| {
                matches!(event, Event::DataChannelOpen { session, .. } if *session == peer.session)
            });
                peer.is_connected && peer.channels.len() == 3 && open.count() == 3
            })
    }

    pub(crate) fn publisher(&self, client: Client) -> SessionId {
        self.peers[client.publisher].session
    }

    pub(crate) fn subscriber(&self, client: Client) -> SessionId {
        self.peers[client.subscriber].session
    }

    /// Announces a track and gives what goes into the offer.
    fn announce(&mut self, client: Client, script: Script) -> (Track, String) {
        let shard = self.publisher(client).shard();
        let number = self.next_id();
        let id = TrackId::new(shard, number);
        let cid = format!("cid-{number}");
        let pending = PendingTrack {
            track: id,
            cid: cid.clone(),
            kind: script.kind(),
            codec: Some(script.codec()),
            stereo: self.is_stereo,
            dtx: true,
        };
        self.announced.push((client.publisher, pending));
        (
            Track {
                id,
                script,
                publisher: client,
            },
            cid,
        )
    }

    pub(crate) fn change(&mut self, peer: usize, change: Change) {
        self.peers[peer].changes.push(change);
        self.peers[peer].timeout = self.now;
    }

    /// Publishes a track; it flows when the negotiation is done.
    pub(crate) fn publish(&mut self, client: Client, script: Script) -> Track {
        let (track, cid) = self.announce(client, script);
        let change = Change::Publish {
            track: track.id,
            cid,
            script,
        };
        self.change(client.publisher, change);
        self.wait_published(track);
        track
    }

    /// Publishes in a section that carried another track.
    pub(crate) fn publish_in(
        &mut self,
        client: Client,
        mid: Mid,
        script: Script,
        is_fresh: bool,
    ) -> Track {
        let (track, cid) = self.announce(client, script);
        let change = Change::Reuse {
            track: track.id,
            mid,
            cid,
            script,
            is_fresh,
        };
        self.change(client.publisher, change);
        self.wait_published(track);
        track
    }

    fn wait_published(&mut self, track: Track) {
        self.run_until("a track is published", SOON, |world| {
            let peer = &world.peers[track.publisher.publisher];
            let is_bound = world
                .announced
                .iter()
                .all(|(_, pending)| pending.track != track.id);
            is_bound && peer.pending.is_none() && peer.changes.is_empty()
        });
    }

    pub(crate) fn source(&mut self, track: Track) -> &mut Source {
        self.peers[track.publisher.publisher].source(track.id)
    }

    /// Unpublishes as SDKs do: the section becomes inactive.
    pub(crate) fn unpublish(&mut self, track: Track) -> Mid {
        let mid = self.source(track).mid;
        self.change(track.publisher.publisher, Change::Unpublish(mid));
        self.wait_unpublished(track);
        mid
    }

    pub(crate) fn wait_unpublished(&mut self, track: Track) {
        self.run_until("a track is unpublished", SOON, |world| {
            let peer = &world.peers[track.publisher.publisher];
            world.unpublished.contains(&track.id) && peer.pending.is_none()
        });
    }

    pub(crate) fn subscribe(&mut self, client: Client, track: Track, target: Target) {
        let session = self.subscriber(client);
        let wish = Subscribe {
            cuts_trailer: self.cuts_trailers,
            stereo: self.is_stereo,
            ..wish(track, target)
        };
        self.engine_of(session).subscribe(session, wish);
    }

    /// Lets `to` take the place of a track that a client receives.
    pub(crate) fn switch(&mut self, client: Client, from: Track, to: Track) {
        let session = self.subscriber(client);
        let mut wish = wish(to, Target::ALL);
        wish.name = name(from);
        self.engine_of(session).switch(session, from.id, wish);
    }

    /// Subscribes to a track of another room.
    pub(crate) fn subscribe_across(&mut self, client: Client, room: RoomId, track: Track) {
        let session = self.subscriber(client);
        let wish = wish(track, Target::ALL);
        self.engine_of(session)
            .subscribe_across(session, room, wish);
    }

    pub(crate) fn unsubscribe(&mut self, client: Client, track: Track) {
        let session = self.subscriber(client);
        self.engine_of(session).unsubscribe(session, track.id);
    }

    pub(crate) fn set_target(&mut self, client: Client, track: Track, target: Target) {
        let session = self.subscriber(client);
        self.engine_of(session)
            .set_target(session, track.id, target);
    }

    /// Waits until a client receives a track: frames for VP8, packets otherwise.
    pub(crate) fn wait_received(&mut self, client: Client, track: Track) {
        self.run_until("a track is received", SOON, |world| {
            world.is_received(client, track)
        });
    }

    pub(crate) fn is_received(&self, client: Client, track: Track) -> bool {
        let receptions = self.peers[client.subscriber].receptions_of(track.id);
        receptions.iter().any(|reception| match track.script {
            Script::Opus | Script::OpusRed | Script::Vp9Svc => !reception.packets.is_empty(),
            Script::Vp8 | Script::Vp8Simulcast => !reception.played.is_empty(),
        })
    }

    /// The newest stream on which a client receives a track.
    pub(crate) fn reception(&self, client: Client, track: Track) -> &Reception {
        let receptions = self.peers[client.subscriber].receptions_of(track.id);
        receptions
            .into_iter()
            .max_by_key(|reception| reception.packets.values().map(|packet| packet.at).max())
            .expect("the track is received")
    }

    /// Frames played since an instant.
    pub(crate) fn played_since(&self, client: Client, track: Track, since: Instant) -> usize {
        let receptions = self.peers[client.subscriber].receptions_of(track.id);
        receptions
            .iter()
            .map(|reception| {
                let played = reception.played.iter().rev();
                played.take_while(|played| played.at >= since).count()
            })
            .sum()
    }

    /// Packets received since an instant.
    pub(crate) fn packets_since(&self, client: Client, track: Track, since: Instant) -> usize {
        let receptions = self.peers[client.subscriber].receptions_of(track.id);
        receptions
            .iter()
            .map(|reception| {
                let packets = reception.packets.values().rev();
                packets
                    .take_while(|packet| packet.at + REORDERING_MAX >= since)
                    .filter(|packet| packet.at >= since)
                    .count()
            })
            .sum()
    }

    /// Lets a client send a message.
    pub(crate) fn say(&mut self, client: Client, channel: DataChannel, message: &[u8]) {
        let peer = &mut self.peers[client.publisher];
        peer.outbox.push_back((channel, message.to_vec()));
        peer.timeout = self.now;
    }

    /// Lets a client go to another network, and ICE restart from there.
    pub(crate) fn move_subscriber(&mut self, client: Client) {
        let peer = &mut self.peers[client.subscriber];
        let address = SocketAddr::from(([10, 0, 7, 7], 777));
        let old = host(peer.address);
        peer.rtc.direct_api().invalidate_candidate(&old);
        peer.rtc.add_local_candidate(host(address));
        (peer.address, peer.public) = (address, address);
        if client.subscriber == client.publisher {
            self.change(client.subscriber, Change::RestartIce);
        } else {
            let session = self.subscriber(client);
            self.engine_of(session).restart_ice(session);
        }
    }

    /// Lets a peer vanish without a word.
    pub(crate) fn vanish(&mut self, peer: usize) {
        self.peers[peer].is_gone = true;
    }

    /// The server closes all that a client has.
    pub(crate) fn leave(&mut self, client: Client) {
        for session in [self.publisher(client), self.subscriber(client)] {
            self.engine_of(session).close_session(session);
        }
    }
}

fn wish(track: Track, target: Target) -> Subscribe {
    Subscribe {
        track: track.id,
        kind: track.script.kind(),
        codec: track.script.codec(),
        stream: "PA_1|camera".to_owned(),
        name: name(track),
        target,
        cuts_trailer: false,
        stereo: false,
        hears_all: false,
    }
}

fn name(track: Track) -> String {
    format!("TR_{:?}", track.id).replace(['(', ')'], "_")
}
