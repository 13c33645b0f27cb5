//! What the engine counts. Plain numbers that only grow, but for the last six.

/// Why a datagram or packet went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drop {
    /// No session belongs to the address pair or ufrag.
    Unknown,
    /// The bytes are no STUN, DTLS, RTP or RTCP.
    Malformed,
    /// The session didn't accept the source address.
    NotAccepted,
    /// The session refused the content.
    Refused,
    /// An unknown SSRC claimed the section of a live stream.
    SsrcStolen,
    /// Too many new SSRCs in a second.
    SsrcFlood,
    /// A valid connectivity check from one new address too many.
    AddressFlood,
    /// The session publishes more packets or bits than it may.
    PublishRate,
    /// No published track belongs to the stream.
    Unbound,
    /// The payload's descriptor could not be read, or the codec is not the track's.
    Descriptor,
    /// The track is muted by the server.
    Muted,
    /// A message for a data channel that is full.
    DataQueue,
    /// A packet for a subscriber whose keys or address are not known yet.
    Unsendable,
    /// str0m would have used an SSRC that is ours.
    Foreign,
    /// A data channel beyond those that a session may have; it ends for it.
    DataChannels,
}

impl Drop {
    /// All reasons, in the order of [`Counters::drops`].
    pub const ALL: [Self; 15] = [
        Self::Unknown,
        Self::Malformed,
        Self::NotAccepted,
        Self::Refused,
        Self::SsrcStolen,
        Self::SsrcFlood,
        Self::AddressFlood,
        Self::PublishRate,
        Self::Unbound,
        Self::Descriptor,
        Self::Muted,
        Self::DataQueue,
        Self::Unsendable,
        Self::Foreign,
        Self::DataChannels,
    ];

    /// The reason as a metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_source",
            Self::Malformed => "malformed",
            Self::NotAccepted => "not_accepted",
            Self::Refused => "refused",
            Self::SsrcStolen => "ssrc_stolen",
            Self::SsrcFlood => "ssrc_flood",
            Self::AddressFlood => "address_flood",
            Self::PublishRate => "publish_rate",
            Self::Unbound => "unbound",
            Self::Descriptor => "descriptor",
            Self::Muted => "muted",
            Self::DataQueue => "data_queue",
            Self::Unsendable => "unsendable",
            Self::Foreign => "foreign_ssrc",
            Self::DataChannels => "data_channels",
        }
    }
}

/// Rates, in bits per second, between which [`Counters::limits`] are told apart.
pub const LIMITS: [u64; 6] = [100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000];

/// Counts since the engine started.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Media packets received and authenticated.
    pub packets_in: u64,
    /// Packets of sound that did not come, and were taken from later ones.
    pub packets_recovered: u64,
    /// Media packets handed to subscribers, retransmissions not counted.
    pub packets_forwarded: u64,
    /// Their payload bytes.
    pub bytes_forwarded: u64,
    /// Media packets sent to subscribers once more, because they asked for them.
    pub packets_repaired: u64,
    /// Media packets handed to other shards.
    pub packets_relayed: u64,
    /// PLI from subscribers.
    pub pli_in: u64,
    /// FIR from subscribers.
    pub fir_in: u64,
    /// Keyframe requests to publishers.
    pub pli_out: u64,
    /// Packets that subscribers reported as lost.
    pub nacks_in: u64,
    /// Packets that publishers were asked to send again.
    pub nacks_out: u64,
    /// Media packets of nothing but padding, sent to try for more bandwidth.
    pub packets_padding: u64,
    /// Tries for more bandwidth that have shown some.
    pub probes_proved: u64,
    /// Tries for more bandwidth that have shown none.
    pub probes_failed: u64,
    /// Tries for more bandwidth of which the client has told nothing.
    pub probes_unheard: u64,
    /// Pictures paused because a client's way in did not carry them.
    pub pauses: u64,
    /// How often a client's way in was found to carry no more than some rate, by [`LIMITS`].
    pub limits: [u64; LIMITS.len() + 1],
    /// Sessions that ended by a panic.
    pub panics: u64,
    /// Sessions now that get less than they ask for, or may.
    pub sessions_limited: u64,
    /// Sessions at the last [`Engine::take_stock`](crate::Engine::take_stock) whose clients tell of each packet
    /// whether it came, so that bandwidth is estimated by that.
    pub sessions_estimated: u64,
    /// Sessions now.
    pub sessions: u64,
    /// Tracks published on this shard now.
    pub tracks: u64,
    /// Subscriptions at the last [`Engine::take_stock`](crate::Engine::take_stock).
    pub subscriptions: u64,
    /// Rooms with at least one session on this shard now.
    pub rooms: u64,
    drops: [u64; Drop::ALL.len()],
}

impl Counters {
    /// Counts a limit of bits per second.
    pub(crate) fn note_limit(&mut self, bits_per_second: u64) {
        let place = LIMITS.iter().position(|most| bits_per_second <= *most);
        self.limits[place.unwrap_or(LIMITS.len())] += 1;
    }

    /// Counts a drop.
    pub(crate) fn drop(&mut self, reason: Drop) {
        self.drops[reason as usize] += 1;
    }

    /// Counts several drops.
    pub(crate) fn drop_many(&mut self, reason: Drop, count: usize) {
        self.drops[reason as usize] += count as u64;
    }

    /// Gives each reason with its count.
    pub fn drops(&self) -> impl Iterator<Item = (Drop, u64)> + '_ {
        Drop::ALL.into_iter().zip(self.drops.iter().copied())
    }
}
