//! The words in which the engine is spoken to: ids, requests and events.
//!
//! Strings appear here because SDP needs them; no value of this module is made per packet, but for
//! [`Event::Data`].

use bytes::Bytes;
use forwarding::{Codec, PictureSize};

use crate::CodecSet;

/// A room, as far as media is concerned: sessions of different rooms never share a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// The shard (one thread with one UDP port) that a session or track lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u8);

const SHARD_SHIFT: u32 = 56;

/// One peer connection. The upper 8 bits name its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u64);

/// One published track. The upper 8 bits name the shard of its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(u64);

impl SessionId {
    /// Makes the id of session `number` (below 2^56) of `shard`.
    #[must_use]
    pub fn new(shard: ShardId, number: u64) -> Self {
        Self((u64::from(shard.0) << SHARD_SHIFT) | number)
    }

    /// Tells the shard that owns the session.
    #[must_use]
    pub fn shard(self) -> ShardId {
        ShardId((self.0 >> SHARD_SHIFT) as u8)
    }
}

impl TrackId {
    /// Makes the id of track `number` (below 2^56), published by a session of `shard`.
    #[must_use]
    pub fn new(shard: ShardId, number: u64) -> Self {
        Self((u64::from(shard.0) << SHARD_SHIFT) | number)
    }

    /// Tells the shard that the track is published on.
    #[must_use]
    pub fn shard(self) -> ShardId {
        ShardId((self.0 >> SHARD_SHIFT) as u8)
    }
}

/// Which part of a participant's media a session carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// The client offers and publishes; data from the client arrives here (dual mode).
    Publisher,
    /// The server offers and the client subscribes; data to the client leaves here (dual mode).
    Subscriber,
    /// The client offers; media and data go both ways (single mode).
    Single,
    /// The client offers, once, what it receives. Tracks come and go in its sections without another
    /// offer: each section is one stream, whatever it carries (WHEP).
    Player,
}

/// How a new session is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// What the session carries.
    pub kind: SessionKind,
    /// Whether the server leaves connectivity checks to the client (RFC 8445, section 2.5). Off for
    /// Firefox.
    pub ice_lite: bool,
    /// What the client may publish. All else is left out of our descriptions, and refused.
    pub publishes: CodecSet,
    /// What the client may be sent.
    pub receives: CodecSet,
    /// Whether a section that has carried a track may carry another one. Off for Safari.
    pub reuse_sections: bool,
}

impl SessionConfig {
    /// Sets up a session of a client that can do everything.
    #[must_use]
    pub fn new(kind: SessionKind) -> Self {
        Self {
            kind,
            ice_lite: true,
            publishes: CodecSet::ALL,
            receives: CodecSet::ALL,
            reuse_sections: true,
        }
    }

    /// What the session has to know, whichever way it goes.
    pub(crate) fn codecs(self) -> CodecSet {
        match self.kind {
            SessionKind::Publisher => self.publishes,
            SessionKind::Subscriber | SessionKind::Player => self.receives,
            SessionKind::Single => self.publishes.union(self.receives),
        }
    }
}

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A track that a client has announced and will put into one of its next offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTrack {
    /// The id that the track gets.
    pub track: TrackId,
    /// The client's id of the track, as in `a=msid` of its offer.
    pub cid: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// The codec that the answer puts first; browsers encode with the first one. With [`Codec::Red`]
    /// Opus is taken from those who don't offer redundancy; without it none is answered.
    pub codec: Option<Codec>,
    /// Whether stereo sound is wanted (`stereo=1` in the answer's fmtp).
    pub stereo: bool,
    /// Whether Opus may stop sending in silence (`usedtx=1`).
    pub dtx: bool,
}

/// A client's SDP offer with the tracks that it may carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The SDP text.
    pub sdp: String,
    /// Announced tracks that have no media section yet, in the order of their announcement.
    pub pending: Vec<PendingTrack>,
}

/// A track that an offer bound to a media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundTrack {
    /// The track.
    pub track: TrackId,
    /// Its media section.
    pub mid: String,
    /// The codec that the answer puts first.
    pub codec: Codec,
}

/// The answer to a client's offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The SDP text.
    pub sdp: String,
    /// Which track the client receives in which media section (single mode).
    pub mid_to_track: Vec<(String, TrackId)>,
    /// Tracks that this offer started.
    pub published: Vec<BoundTrack>,
    /// Tracks whose media section this offer stopped: the client unpublished them.
    pub unpublished: Vec<TrackId>,
}

/// What a subscriber wants of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Nothing for now: the media section stays, no packet is sent.
    Paused,
    /// At most this spatial layer (0 is the smallest picture) and temporal layer (0 is the base).
    Layers {
        /// Highest simulcast encoding or spatial layer.
        spatial: u8,
        /// Highest temporal layer.
        temporal: u8,
    },
}

impl Target {
    /// Everything that is published.
    pub const ALL: Self = Self::Layers {
        spatial: u8::MAX,
        temporal: u8::MAX,
    };
}

/// A wish to receive a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The track.
    pub track: TrackId,
    /// Audio or video.
    pub kind: MediaKind,
    /// What the track is encoded with.
    pub codec: Codec,
    /// First part of `a=msid`: groups the tracks that play in sync.
    pub stream: String,
    /// Second part of `a=msid`: the name of the track.
    pub name: String,
    /// What is wanted at first.
    pub target: Target,
    /// Whether what publishers append to their frames is cut off, for clients that would take it for
    /// pictures (`LiveKit`'s packet trailer).
    pub cuts_trailer: bool,
    /// Sound that comes also while others are louder.
    pub hears_all: bool,
    /// Whether the sound is stereo: clients decode it so if they are told (RFC 7587, section 6.1).
    pub stereo: bool,
}

/// The data channels of a session; the variant is the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataChannel {
    /// `_reliable`: ordered, retransmitted.
    Reliable,
    /// `_lossy`: unordered, never retransmitted.
    Lossy,
    /// `_data_track`: unordered, never retransmitted.
    DataTrack,
}

impl DataChannel {
    /// Gives the label that clients know the channel by.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Reliable => "_reliable",
            Self::Lossy => "_lossy",
            Self::DataTrack => "_data_track",
        }
    }

    /// Finds the channel of a label.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        [Self::Reliable, Self::Lossy, Self::DataTrack]
            .into_iter()
            .find(|channel| channel.label() == label)
    }
}

/// Why a session ended without being asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// No packet of the client for the ICE time-out.
    IceTimeout,
    /// The client closed its peer connection.
    PeerClosed,
    /// The handshake did not finish in time.
    HandshakeTimeout,
    /// The client did not read its data channels.
    SlowReader,
    /// The session broke a rule that can't be repaired (certificate mismatch, illegal SDP state).
    Protocol,
    /// A bug: the session panicked and was ended, alone.
    Panic,
}

/// How well packets travel, over the last interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkQuality {
    /// Round-trip time in milliseconds, if measured.
    pub rtt_ms: Option<f32>,
    /// Share of packets lost from the client to us, 0 to 1.
    pub loss_up: Option<f32>,
    /// Share of packets lost from us to the client, 0 to 1.
    pub loss_down: Option<f32>,
    /// By how many layers a picture is smaller than the client asks for, because its way in does not
    /// carry more; of the worst picture. 3 if one is paused.
    pub layers_missing: u8,
    /// Whether media flows at all.
    pub flow: MediaFlow,
}

/// Whether media flows that should, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum MediaFlow {
    /// All that is expected comes; that may be nothing.
    #[default]
    Steady,
    /// The client is there, but a track that somebody watches does not come.
    Dry,
    /// The client publishes or receives, and nothing at all is heard of it.
    Lost,
}

/// What the engine tells those who steer it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// ICE and DTLS are up: media and data can flow.
    Connected {
        /// The session.
        session: SessionId,
    },
    /// The session ended by itself; it need not be closed any more.
    Closed {
        /// The session.
        session: SessionId,
        /// Why.
        reason: CloseReason,
    },
    /// An offer for the client ([`SessionKind::Subscriber`]).
    Offer {
        /// The session.
        session: SessionId,
        /// Number of the offer; the answer must carry it, if it carries one.
        id: u32,
        /// The SDP text.
        sdp: String,
        /// Which track is received in which media section.
        mid_to_track: Vec<(String, TrackId)>,
    },
    /// The client has to offer again, with so many more receiving sections
    /// ([`SessionKind::Single`]).
    SectionsNeeded {
        /// The session.
        session: SessionId,
        /// Audio sections to add.
        audios: u32,
        /// Video sections to add.
        videos: u32,
    },
    /// A data channel of the client is open in both directions.
    DataChannelOpen {
        /// The session.
        session: SessionId,
        /// The channel.
        channel: DataChannel,
    },
    /// A message of the client.
    Data {
        /// The session.
        session: SessionId,
        /// The channel that it came on.
        channel: DataChannel,
        /// The message.
        data: Bytes,
    },
    /// The first packet of an encoding of a track arrived.
    EncodingStarted {
        /// The track.
        track: TrackId,
        /// Its index, 0 is the smallest picture.
        encoding: u8,
        /// Its SSRC.
        ssrc: u32,
    },
    /// An encoding of a track has larger pictures than any of it before, as the stream says.
    PictureSize {
        /// The track.
        track: TrackId,
        /// Its index, 0 is the smallest picture.
        encoding: u8,
        /// Width and height in pixels.
        size: PictureSize,
    },
    /// The first packet of a track went to a subscriber.
    Subscribed {
        /// The subscriber.
        session: SessionId,
        /// The track.
        track: TrackId,
    },
    /// A track can't be sent to this client, because it doesn't decode the codec. The subscription stands
    /// until it is ended, or another track takes its place.
    CodecRefused {
        /// The subscriber.
        session: SessionId,
        /// The track.
        track: TrackId,
    },
    /// A picture was paused because the client's way in does not carry it, or goes on again.
    StreamState {
        /// The subscriber.
        session: SessionId,
        /// The track.
        track: TrackId,
        /// Whether it is paused now.
        is_paused: bool,
    },
    /// The highest layer that any subscriber wants has changed; `None`: nobody watches.
    LayerDemand {
        /// The track.
        track: TrackId,
        /// Highest encoding or spatial layer.
        spatial: Option<u8>,
    },
    /// Who is heard among the tracks that are published on this shard, loudest first; an empty list
    /// means silence. `level` is 0 to 1.
    Speakers {
        /// The shard whose tracks these are. A room that spans shards has one such list of each.
        shard: ShardId,
        /// Tracks and levels.
        speakers: Vec<(TrackId, f32)>,
    },
    /// How well packets travel to and from a session.
    Quality {
        /// The session.
        session: SessionId,
        /// Loss and round trip.
        quality: LinkQuality,
    },
}
