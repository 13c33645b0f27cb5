//! One peer connection of a client: a real str0m `Rtc` that behaves as the SDKs of `LiveKit` do.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use engine::{DataChannel, MediaKind, SessionId, SessionKind, TrackId};
use str0m::change::{SdpAnswer, SdpApi, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{
    Direction, MediaKind as PeerKind, Mid, SenderFeedback, Simulcast, SimulcastLayer,
};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Candidate, Rtc};

use super::link::Link;
use super::reception::Reception;
use super::sdp::{rename, without_repair, without_transport_feedback};
use super::source::{Script, Source};

/// A change that goes into the next offer.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// The channels that every client opens.
    Channels,
    Publish {
        track: TrackId,
        cid: String,
        script: Script,
    },
    /// Publishes in a section that carried a track before.
    Reuse {
        track: TrackId,
        mid: Mid,
        cid: String,
        script: Script,
        /// A new sender has new SSRCs, the same one goes on with its numbers.
        is_fresh: bool,
    },
    /// The section stays, inactive.
    Unpublish(Mid),
    /// The section gets port 0.
    Stop(Mid),
    Receive(MediaKind, u32),
    RestartIce,
    /// Says again that all placeholders receive.
    Again,
}

/// A way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Offers of the server are lost.
    MissesOffers,
    /// Its DTLS never gets through.
    NoDtls,
    /// It knows no retransmission.
    NoRepair,
    /// It does not tell which packets came.
    NoTransportFeedback,
    /// It takes padding for lost, or tells nothing of it where nothing else follows.
    DeafToPadding,
    /// Its offer names the fingerprint of another certificate.
    ForeignCertificate,
    /// Its offer names the address of somebody else as its own.
    NamesOthers,
}

/// A peer connection.
pub(crate) struct Peer {
    pub(crate) session: SessionId,
    pub(crate) kind: SessionKind,
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    /// What the server sees of the address: a NAT may change it.
    pub(crate) public: SocketAddr,
    /// What is wrong with the peer.
    pub(crate) fault: Option<Fault>,
    pub(crate) up: Link,
    pub(crate) down: Link,
    /// When the connection wants to be woken.
    pub(crate) timeout: Instant,
    pub(crate) is_connected: bool,
    pub(crate) is_gone: bool,
    pub(crate) channels: HashMap<DataChannel, ChannelId>,
    pub(crate) inbox: Vec<(DataChannel, Vec<u8>)>,
    pub(crate) outbox: VecDeque<(DataChannel, Vec<u8>)>,
    pub(crate) sources: Vec<Source>,
    pub(crate) receptions: BTreeMap<(Mid, Ssrc), Reception>,
    /// What the server said which section carries.
    pub(crate) carried: HashMap<Mid, TrackId>,
    pub(crate) changes: Vec<Change>,
    pub(crate) pending: Option<SdpPendingOffer>,
    /// Texts of the last offer and answer, of either side.
    pub(crate) last_offer: String,
    pub(crate) last_answer: String,
    /// Sender reports of the server.
    pub(crate) reports: Vec<SenderFeedback>,
    pub(crate) asked_at: HashMap<(Mid, Ssrc), Instant>,
    receivers: Vec<Mid>,
    /// What was unpublished last.
    retired: Option<Source>,
}

impl Peer {
    pub(crate) fn new(
        session: SessionId,
        kind: SessionKind,
        address: SocketAddr,
        (now, knows_red): (Instant, bool),
    ) -> Self {
        let builder = Rtc::builder().set_rtp_mode(true);
        let mut rtc = builder.enable_opus(true, knows_red).build(now);
        rtc.add_local_candidate(host(address));
        let changes = match kind {
            SessionKind::Publisher | SessionKind::Single => vec![Change::Channels],
            SessionKind::Subscriber | SessionKind::Player => Vec::new(),
        };
        Self {
            session,
            kind,
            rtc,
            address,
            public: address,
            fault: None,
            up: Link::default(),
            down: Link::default(),
            timeout: now,
            is_connected: false,
            is_gone: false,
            channels: HashMap::new(),
            inbox: Vec::new(),
            outbox: VecDeque::new(),
            sources: Vec::new(),
            receptions: BTreeMap::new(),
            carried: HashMap::new(),
            changes,
            pending: None,
            last_offer: String::new(),
            last_answer: String::new(),
            reports: Vec::new(),
            asked_at: HashMap::new(),
            receivers: Vec::new(),
            retired: None,
        }
    }

    /// Lets a peer that has not begun yet know VP8 and sound only.
    pub(crate) fn forget_vp9(&mut self, now: Instant) {
        let builder = Rtc::builder().set_rtp_mode(true).clear_codecs();
        self.rtc = builder.enable_opus(true, false).enable_vp8(true).build(now);
        self.rtc.add_local_candidate(host(self.address));
    }

    /// Makes an offer of all changes, unless one is under way.
    pub(crate) fn make_offer(&mut self, now: Instant, salt: u64) -> Option<String> {
        if self.pending.is_some() || self.changes.is_empty() || self.is_gone {
            return None;
        }
        let changes = std::mem::take(&mut self.changes);
        let mut names = Vec::new();
        let mut fresh = Vec::new();
        let mut api = self.rtc.sdp_api();
        for mid in &self.receivers {
            api.set_direction(*mid, Direction::Inactive);
            api.set_direction(*mid, Direction::RecvOnly);
        }
        for change in changes {
            match change {
                Change::Channels => self.channels.extend(add_channels(&mut api)),
                Change::Publish { track, cid, script } => {
                    let kind = peer_kind(script.kind());
                    let names = (Some("stream".to_owned()), Some(cid));
                    let layers = simulcast(script);
                    let mid = api.add_media(kind, Direction::SendOnly, names.0, names.1, layers);
                    self.sources
                        .push(Source::new(track, mid, script, now, salt));
                }
                Change::Reuse {
                    track,
                    mid,
                    cid,
                    script,
                    is_fresh,
                } => {
                    api.set_direction(mid, Direction::SendOnly);
                    names.push((mid, cid));
                    let mut source = Source::new(track, mid, script, now, salt);
                    if is_fresh {
                        fresh.push(source.rids());
                    } else if let Some(retired) = self.retired.take() {
                        source.go_on_from(retired);
                    }
                    self.sources.push(source);
                }
                Change::Unpublish(mid) => {
                    let position = self.sources.iter().position(|source| source.mid == mid);
                    self.retired = position.map(|position| self.sources.remove(position));
                    api.set_direction(mid, Direction::Inactive);
                }
                Change::Stop(mid) => {
                    self.sources.retain(|source| source.mid != mid);
                    api.stop_media(mid);
                }
                Change::Receive(kind, count) => {
                    for _ in 0..count {
                        let kind = peer_kind(kind);
                        let mid = api.add_media(kind, Direction::RecvOnly, None, None, None);
                        self.receivers.push(mid);
                    }
                }
                Change::RestartIce => {
                    api.ice_restart(true);
                }
                Change::Again => {}
            }
        }
        let (offer, pending) = api.apply()?;
        self.pending = Some(pending);
        self.renew_streams(fresh.concat());
        self.last_offer = self.spoken(rename(&offer.to_sdp_string(), &names));
        Some(self.last_offer.clone())
    }

    /// Lets streams have new SSRCs, as those of a new sender.
    fn renew_streams(&mut self, streams: Vec<(Mid, Option<str0m::media::Rid>)>) {
        for (mid, rid) in streams {
            let mut direct = self.rtc.direct_api();
            let old = direct
                .stream_tx_by_mid(mid, rid)
                .map(|stream| stream.ssrc());
            direct.remove_stream_tx(old.expect("the section sent before"));
            let (ssrc, repair) = (direct.new_ssrc(), direct.new_ssrc());
            direct.declare_stream_tx(ssrc, Some(repair), mid, rid);
        }
    }

    pub(crate) fn handle_answer(&mut self, sdp: &str, carried: Vec<(String, TrackId)>) {
        let pending = self.pending.take().expect("an answer follows an offer");
        sdp.clone_into(&mut self.last_answer);
        let answer = SdpAnswer::from_sdp_string(sdp).expect("the server's answer can be read");
        self.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .expect("the server's answer is acceptable");
        self.set_carried(carried);
    }

    /// Takes an offer of the server; gives the answer.
    pub(crate) fn handle_offer(&mut self, sdp: &str, carried: Vec<(String, TrackId)>) -> String {
        sdp.clone_into(&mut self.last_offer);
        let offer = SdpOffer::from_sdp_string(sdp).expect("the server's offer can be read");
        let answer = self.rtc.sdp_api().accept_offer(offer);
        let answer = answer.expect("the server's offer is acceptable");
        self.set_carried(carried);
        self.last_answer = self.spoken(answer.to_sdp_string());
        self.last_answer.clone()
    }

    /// A description as it is sent.
    fn spoken(&self, sdp: String) -> String {
        match self.fault {
            Some(Fault::NoRepair) => without_repair(&sdp),
            Some(Fault::NoTransportFeedback) => without_transport_feedback(&sdp),
            Some(
                Fault::MissesOffers
                | Fault::NoDtls
                | Fault::ForeignCertificate
                | Fault::NamesOthers
                | Fault::DeafToPadding,
            )
            | None => sdp,
        }
    }

    fn set_carried(&mut self, carried: Vec<(String, TrackId)>) {
        self.carried = carried
            .into_iter()
            .map(|(mid, track)| (Mid::from(mid.as_str()), track))
            .collect();
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "str0m's events may grow")]
    pub(crate) fn handle_event(&mut self, now: Instant, event: str0m::Event) {
        use str0m::Event as Peer;
        match event {
            Peer::Connected => self.is_connected = true,
            Peer::RtpPacket(packet) => self.handle_rtp(now, &packet),
            Peer::SenderFeedback(report) => self.reports.push(report),
            Peer::KeyframeRequest(request) => {
                let source = self.sources.iter_mut().find(|s| s.mid == request.mid);
                if let Some(source) = source {
                    source.handle_keyframe_request(now, request.rid);
                }
            }
            Peer::ChannelOpen(id, label) => {
                if let Some(channel) = DataChannel::from_label(&label) {
                    self.channels.insert(channel, id);
                }
            }
            Peer::ChannelData(data) => {
                let channel = self.channels.iter().find(|(_, id)| **id == data.id);
                let channel = *channel.expect("data comes on an open channel").0;
                self.inbox.push((channel, data.data));
            }
            Peer::Closed => self.is_gone = true,
            _ => {}
        }
    }

    fn handle_rtp(&mut self, now: Instant, packet: &RtpPacket) {
        let ssrc = packet.header.ssrc;
        let payload_type = packet.header.payload_type;
        let mid = self
            .rtc
            .direct_api()
            .stream_rx(&ssrc)
            .map(|stream| stream.mid());
        let mid = mid.expect("a packet belongs to a section");
        if packet.payload.is_empty() {
            return;
        }
        let is_vp8 = self.rtc.codec_config().params().iter().any(|parameters| {
            parameters.pt() == payload_type && parameters.spec().codec == str0m::format::Codec::Vp8
        });
        let opus = self.opus_of(payload_type);
        let reception = self.receptions.entry((mid, ssrc)).or_default();
        match opus {
            Some(opus) => reception.handle_red(now, packet, opus),
            None => reception.handle_packet(now, packet, is_vp8),
        }
        if is_vp8 {
            let needs_keyframe = reception.play(now);
            if needs_keyframe {
                self.ask_for_keyframe(now, mid, ssrc);
            }
        }
    }

    /// The payload type of Opus, if `payload_type` is that of its redundant form.
    fn opus_of(&self, payload_type: str0m::media::Pt) -> Option<u8> {
        let mut parameters = self.rtc.codec_config().params().iter();
        let opus = parameters.find(|parameters| parameters.red() == Some(payload_type));
        opus.map(|parameters| *parameters.pt())
    }

    /// Sends a PLI, at most one in 300 ms.
    fn ask_for_keyframe(&mut self, now: Instant, mid: Mid, ssrc: Ssrc) {
        let asked = self.asked_at.get(&(mid, ssrc));
        if asked.is_some_and(|at| now - *at < std::time::Duration::from_millis(300)) {
            return;
        }
        self.asked_at.insert((mid, ssrc), now);
        let mut direct = self.rtc.direct_api();
        if let Some(stream) = direct.stream_rx(&ssrc) {
            stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
        }
    }

    /// Sends what is due and what waits.
    pub(crate) fn tick(&mut self, now: Instant) {
        if !self.is_connected {
            for source in &mut self.sources {
                source.next_at = source.next_at.max(now);
            }
            return;
        }
        for source in &mut self.sources {
            source.tick(now, &mut self.rtc);
        }
        while let Some((channel, message)) = self.outbox.front() {
            let id = self.channels.get(channel).copied();
            let written = id
                .and_then(|id| self.rtc.channel(id))
                .is_some_and(|mut channel| channel.write(true, message).is_ok_and(|taken| taken));
            if !written {
                break;
            }
            self.outbox.pop_front();
        }
    }

    /// Sends `count` packets of a sound track at once.
    pub(crate) fn burst(&mut self, now: Instant, track: TrackId, count: usize) {
        let source = self.sources.iter_mut().find(|source| source.track == track);
        let source = source.expect("the track is published here");
        source.burst(now, &mut self.rtc, count);
        self.timeout = now;
    }

    /// When the peer has something to do.
    pub(crate) fn next_at(&self) -> Instant {
        let sources = self.sources.iter().filter(|_| self.is_connected);
        sources
            .map(|source| source.next_at)
            .fold(self.timeout, Instant::min)
    }

    /// All that was received of a track, in the section that carries it now.
    pub(crate) fn receptions_of(&self, track: TrackId) -> Vec<&Reception> {
        self.receptions
            .iter()
            .filter(|((mid, _), _)| self.carried.get(mid) == Some(&track))
            .map(|(_, reception)| reception)
            .collect()
    }

    pub(crate) fn source(&mut self, track: TrackId) -> &mut Source {
        self.sources
            .iter_mut()
            .find(|source| source.track == track)
            .expect("the track is published here")
    }
}

fn add_channels(api: &mut SdpApi<'_>) -> [(DataChannel, ChannelId); 3] {
    [
        DataChannel::Lossy,
        DataChannel::Reliable,
        DataChannel::DataTrack,
    ]
    .map(|channel| {
        let id = api.add_channel_with_config(channel_config(channel));
        (channel, id)
    })
}

pub(crate) fn host(address: SocketAddr) -> Candidate {
    Candidate::host(address, "udp").expect("the address is usable")
}

pub(crate) fn channel_config(channel: DataChannel) -> ChannelConfig {
    let is_reliable = channel == DataChannel::Reliable;
    ChannelConfig {
        label: channel.label().to_owned(),
        ordered: is_reliable,
        reliability: if is_reliable {
            Reliability::Reliable
        } else {
            Reliability::MaxRetransmits { retransmits: 0 }
        },
        ..ChannelConfig::default()
    }
}

fn simulcast(script: Script) -> Option<Simulcast> {
    if script.rids().is_empty() {
        return None;
    }
    let mut layers = Simulcast::new();
    for rid in script.rids() {
        layers.add_send_layer(SimulcastLayer::new(rid));
    }
    Some(layers)
}

fn peer_kind(kind: MediaKind) -> PeerKind {
    match kind {
        MediaKind::Audio => PeerKind::Audio,
        MediaKind::Video => PeerKind::Video,
    }
}
