//! What an engine is told when it starts.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::ShardId;

/// Settings of an engine. Limits are explained where they bite.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The shard that this engine runs.
    pub shard: ShardId,
    /// Addresses that clients are told to send to, one per local interface. Never empty.
    pub candidates: Vec<SocketAddr>,
    /// From the first valid connectivity check to the end of the DTLS handshake.
    pub handshake_timeout: Duration,
    /// Least time between two keyframe requests for one layer of a publisher.
    pub keyframe_interval: Duration,
    /// Tracks of sound of a room that are passed on, the loudest; 0: all.
    pub voices_max: usize,
    /// Bytes that may wait for one data channel of one session.
    pub data_queue_bytes_max: usize,
    /// Data channels that one session may have open.
    pub data_channels_max: usize,
    /// New SSRCs that one session may bring up per second.
    pub new_ssrcs_per_second: u32,
    /// Addresses that one session may newly be heard from, per minute; eight minutes' worth at once.
    pub new_addresses_per_minute: u32,
    /// Media packets per second that one session may publish; a second's worth at once.
    pub publish_packets_per_second: u32,
    /// Bits per second that one session may publish, payloads only; a second's worth at once.
    pub publish_bits_per_second: u64,
    /// Longest SDP text that is read, in bytes.
    pub sdp_bytes_max: usize,
    /// Bytes of padding that a packet of a picture may get, so that it leaves in one message with others.
    pub even_out_bytes_max: u8,
    /// How much clients are sent when their way in can't carry all.
    pub congestion: CongestionConfig,
    /// Most sessions at once.
    pub sessions_max: usize,
    /// The time of day at the start. Clients are told it with each stream; a jump of the system's clock
    /// later on doesn't reach them.
    pub started: SystemTime,
}

/// What is done about a client whose way in can't carry all that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CongestionConfig {
    /// Whether anything is. Off: every client gets what it asks for.
    pub enabled: bool,
    /// Whether a picture may be paused whose smallest layer does not fit.
    pub allow_pause: bool,
    /// No way is taken to carry less, in bits per second.
    pub estimate_bits_per_second_min: u64,
    /// Bytes of padding that one try for more may send.
    pub probe_bytes_max: u64,
}

impl Default for CongestionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            allow_pause: true,
            estimate_bits_per_second_min: 50_000,
            probe_bytes_max: 200_000,
        }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            shard: ShardId(0),
            candidates: vec![SocketAddr::from(([127, 0, 0, 1], 7882))],
            handshake_timeout: Duration::from_secs(5),
            keyframe_interval: Duration::from_millis(500),
            voices_max: 0,
            data_queue_bytes_max: 1024 * 1024,
            data_channels_max: 16,
            new_ssrcs_per_second: 30,
            new_addresses_per_minute: 4,
            publish_packets_per_second: 5000,
            publish_bits_per_second: 50_000_000,
            sdp_bytes_max: 256 * 1024,
            even_out_bytes_max: 16,
            congestion: CongestionConfig::default(),
            sessions_max: 10_000,
            started: SystemTime::UNIX_EPOCH,
        }
    }
}
