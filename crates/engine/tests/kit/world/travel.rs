//! What travels between servers and peers, how long it takes, and what it does where it arrives.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::{Answer, Offer, OfferError, RelayMessage, ShardId, TrackId};
use str0m::Input;
use str0m::net::{Protocol, Receive};

use super::{World, server_address};
use crate::kit::peer::{Change, Fault};
use crate::kit::sdp::of_another_certificate;
use crate::kit::seals::media_number;

/// One way of signalling.
pub(super) const SIGNALLING_DELAY: Duration = Duration::from_millis(20);

/// Way of a message between shards.
pub(super) const RELAY_DELAY: Duration = Duration::from_micros(50);

/// What travels.
pub(super) enum Cargo {
    ToServer {
        shard: usize,
        source: SocketAddr,
        datagram: Vec<u8>,
    },
    ToPeer {
        peer: usize,
        source: SocketAddr,
        datagram: Vec<u8>,
    },
    Relay {
        from: usize,
        to: usize,
        message: RelayMessage,
    },
    /// An offer of the server.
    Offer {
        peer: usize,
        id: u32,
        sdp: String,
        carried: Vec<(String, TrackId)>,
    },
    /// An answer of a client.
    Answered { peer: usize, id: u32, sdp: String },
    /// An offer of a client.
    Offered { peer: usize, sdp: String },
    /// An answer of the server.
    Answer { peer: usize, answer: Answer },
    Sections {
        peer: usize,
        audios: u32,
        videos: u32,
    },
}

impl World {
    pub(super) fn fly(&mut self, delay: Duration, cargo: Cargo) {
        self.fly_until(self.now + delay, cargo);
    }

    pub(super) fn fly_until(&mut self, at: Instant, cargo: Cargo) {
        self.flown += 1;
        self.flights.insert((at, self.flown), cargo);
    }

    pub(super) fn send_down(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) {
        let mut peers = self.peers.iter();
        let peer = peers.position(|peer| peer.public == destination);
        let Some(index) = peer else {
            let is_media = contents.first().is_some_and(|first| *first >= 128);
            let strayed = self.strayed.entry(destination).or_default();
            strayed.0 += 1;
            strayed.1 += usize::from(is_media) * contents.len();
            return;
        };
        *self.sent_down.entry(index).or_default() += contents.len();
        self.seals.observe(index, contents);
        let arrival = self.peers[index]
            .down
            .travel(self.now, contents.len(), &mut self.rng);
        if let Some(at) = arrival {
            let cargo = Cargo::ToPeer {
                peer: index,
                source,
                datagram: contents.to_vec(),
            };
            self.fly_until(at, cargo);
        }
    }

    pub(super) fn deliver(&mut self, cargo: Cargo) {
        match cargo {
            Cargo::ToServer {
                shard,
                source,
                datagram,
            } => self.inject(shard, source, &datagram),
            Cargo::ToPeer {
                peer,
                source,
                datagram,
            } => self.deliver_to_peer(peer, source, &datagram),
            Cargo::Relay { from, to, message } => {
                let from = ShardId(u8::try_from(from).expect("few shards"));
                self.engines[to].handle_relay(self.now, from, message);
            }
            Cargo::Offer {
                peer,
                id,
                sdp,
                carried,
            } => self.deliver_offer(peer, id, &sdp, carried),
            Cargo::Answered { peer, id, sdp } => {
                let session = self.peers[peer].session;
                let answered = self.engine_of(session).handle_answer(session, id, &sdp);
                match answered {
                    Ok(()) | Err(OfferError::NoSession) => {}
                    Err(error) => panic!("an honest answer was refused: {error}"),
                }
            }
            Cargo::Offered { peer, sdp } => self.deliver_offered(peer, sdp),
            Cargo::Answer { peer, answer } => {
                let peer = &mut self.peers[peer];
                if !peer.is_gone {
                    peer.handle_answer(&answer.sdp, answer.mid_to_track);
                    peer.timeout = self.now;
                }
            }
            Cargo::Sections {
                peer,
                audios,
                videos,
            } => {
                let changes = &mut self.peers[peer].changes;
                changes.push(Change::Receive(engine::MediaKind::Audio, audios));
                changes.push(Change::Receive(engine::MediaKind::Video, videos));
                changes.push(Change::Again);
                self.peers[peer].timeout = self.now;
            }
        }
    }

    /// Gives a datagram to an engine at once, whoever sent it.
    pub(crate) fn inject(&mut self, shard: usize, source: SocketAddr, datagram: &[u8]) {
        let destination = server_address(shard);
        self.engines[shard].handle_datagram(self.now, source, destination, datagram);
    }

    fn deliver_to_peer(&mut self, index: usize, source: SocketAddr, datagram: &[u8]) {
        let peer = &mut self.peers[index];
        let is_deaf = peer.fault == Some(Fault::DeafToPadding);
        if peer.is_gone || (is_deaf && is_padding(datagram)) {
            return;
        }
        let Ok(receive) = Receive::new(Protocol::Udp, source, peer.address, datagram) else {
            panic!("the server sent something unreadable");
        };
        let input = Input::Receive(self.now, receive);
        if peer.rtc.accepts(&input) {
            let _ = peer.rtc.handle_input(input);
            if let Some((ssrc, sequence)) = media_number(datagram) {
                self.arrived.insert((index, ssrc, sequence));
            }
        }
        peer.timeout = self.now;
        self.drain_peer(index);
    }

    fn deliver_offer(&mut self, index: usize, id: u32, sdp: &str, carried: Vec<(String, TrackId)>) {
        let peer = &mut self.peers[index];
        if peer.is_gone || peer.fault == Some(Fault::MissesOffers) {
            return;
        }
        let sdp = peer.handle_offer(sdp, carried);
        peer.timeout = self.now;
        self.fly(
            SIGNALLING_DELAY,
            Cargo::Answered {
                peer: index,
                id,
                sdp,
            },
        );
    }

    fn deliver_offered(&mut self, index: usize, sdp: String) {
        let session = self.peers[index].session;
        let sdp = match self.peers[index].fault {
            Some(Fault::ForeignCertificate) => of_another_certificate(&sdp),
            Some(Fault::NamesOthers) => {
                sdp + "a=candidate:9 1 udp 2130706431 198.51.100.9 3478 typ host\r\n"
            }
            Some(
                Fault::MissesOffers
                | Fault::NoDtls
                | Fault::NoRepair
                | Fault::NoTransportFeedback
                | Fault::DeafToPadding,
            )
            | None => sdp,
        };
        let pending = self.announced.iter().filter(|(peer, _)| *peer == index);
        let pending = pending.map(|(_, track)| track.clone()).collect();
        let offer = Offer { sdp, pending };
        let answer = match self.engine_of(session).handle_offer(session, &offer) {
            Ok(answer) => answer,
            Err(OfferError::NoSession) => return,
            Err(error) => panic!("an honest offer was refused: {error}"),
        };
        for bound in &answer.published {
            self.announced
                .retain(|(_, track)| track.track != bound.track);
        }
        self.unpublished.extend(&answer.unpublished);
        self.fly(
            SIGNALLING_DELAY,
            Cargo::Answer {
                peer: index,
                answer,
            },
        );
    }
}

/// Media of which the last bytes are none (RFC 3550, section 5.1): the server pads nothing but padding.
fn is_padding(datagram: &[u8]) -> bool {
    let is_media = media_number(datagram).is_some();
    is_media && datagram.first().is_some_and(|first| first & 0x20 != 0)
}
