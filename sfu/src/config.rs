//! What the shards are started with.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use engine::{CongestionConfig, EngineConfig, ShardId};
use service::address::advertised_addresses;
use service::config::{LimitConfig, RoomConfig, RtcConfig};

/// Settings of the media server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SfuConfig {
    /// Threads that carry media, 1 to 255.
    pub shards: usize,
    /// UDP port of the first shard; the others follow upward. 0 gives each a free port.
    pub udp_port: u16,
    /// The address that the sockets are bound to. The unspecified one means all of the host's; that
    /// of IPv6 takes in IPv4.
    pub bind_ip: IpAddr,
    /// The addresses that clients are told to send to, best first. At least one.
    pub node_ips: Vec<IpAddr>,
    /// Datagrams that a shard handles before it sends what they caused.
    pub batch_datagrams_max: usize,
    /// Packets to be sent, each once per subscriber, from which a shard sends before it reads on.
    pub batch_forwards_max: usize,
    /// Wish for the size of each socket's receive and send buffer; the kernel may grant less.
    pub socket_buffer_bytes: usize,
    /// How long a shard that sends much waits for more at most before it reads, so that the packets of
    /// one subscriber leave together. Zero turns it off.
    pub gather: Duration,
    /// Datagrams that a shard has to send in a second for that.
    pub gather_datagrams_per_second: u32,
    /// Bytes of padding that a packet of a picture may get, so that it leaves in one message with others.
    pub even_out_bytes_max: u8,
    /// Media packets that may wait on the way from one shard to another; more are dropped.
    pub relay_packets_max: usize,
    /// When a room has outgrown a shard.
    pub spill: SpillConfig,
    /// ICE and DTLS must be done within this time.
    pub handshake_timeout: Duration,
    /// Least time between two keyframe requests for one layer of a publisher.
    pub keyframe_interval: Duration,
    /// Tracks of sound of a room that are passed on, the loudest; 0: all.
    pub voices_max: usize,
    /// Bytes that may wait on one data channel of one session.
    pub data_queue_bytes_max: usize,
    /// Data channels that one session may have open.
    pub data_channels_max: usize,
    /// New SSRCs that one session may bring up in a second.
    pub new_ssrcs_per_second: u32,
    /// Addresses that one session may newly be heard from in a minute.
    pub new_addresses_per_minute: u32,
    /// Media packets that one session may publish in a second.
    pub publish_packets_per_second: u32,
    /// Bits of media that one session may publish in a second.
    pub publish_bits_per_second: u64,
    /// Longest SDP text.
    pub sdp_bytes_max: usize,
    /// How much clients are sent when their way in can't carry all.
    pub congestion: CongestionConfig,
    /// Sessions on one shard.
    pub sessions_per_shard_max: usize,
}

/// When new sessions of a room go to another shard than those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpillConfig {
    /// The room's shard holds so many sessions (of all rooms).
    pub sessions: u32,
    /// The room's shard was busy for so many thousandths of the last second.
    pub busy_permille: u32,
}

impl Default for SpillConfig {
    fn default() -> Self {
        Self {
            sessions: 400,
            busy_permille: 600,
        }
    }
}

impl Default for SfuConfig {
    fn default() -> Self {
        Self {
            shards: 1,
            udp_port: 7882,
            bind_ip: Ipv4Addr::UNSPECIFIED.into(),
            node_ips: vec![Ipv4Addr::LOCALHOST.into()],
            batch_datagrams_max: 256,
            batch_forwards_max: 1024,
            socket_buffer_bytes: 4 << 20,
            gather: Duration::from_millis(1),
            gather_datagrams_per_second: 20_000,
            even_out_bytes_max: 16,
            relay_packets_max: 4096,
            spill: SpillConfig::default(),
            handshake_timeout: Duration::from_secs(5),
            keyframe_interval: Duration::from_millis(500),
            voices_max: 0,
            data_queue_bytes_max: 1 << 20,
            data_channels_max: 16,
            new_ssrcs_per_second: 50,
            new_addresses_per_minute: 4,
            publish_packets_per_second: 5000,
            publish_bits_per_second: 50_000_000,
            sdp_bytes_max: 256 << 10,
            congestion: CongestionConfig::default(),
            sessions_per_shard_max: 4000,
        }
    }
}

impl SfuConfig {
    /// Takes the settings from the configuration file's sections. `dev` advertises loopback
    /// addresses too.
    #[must_use]
    pub fn new(rtc: &RtcConfig, room: &RoomConfig, limit: &LimitConfig, dev: bool) -> Self {
        let shards = match rtc.shards {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            shards => shards,
        };
        let congestion = &rtc.congestion_control;
        Self {
            shards,
            udp_port: rtc.udp_port,
            bind_ip: rtc.bind_address,
            node_ips: advertised_addresses(rtc, dev),
            batch_datagrams_max: rtc.batch_datagrams_max,
            batch_forwards_max: rtc.batch_forwards_max,
            gather: Duration::from_micros(rtc.gather_us),
            even_out_bytes_max: rtc.even_out_bytes_max,
            relay_packets_max: rtc.relay_packets_max,
            handshake_timeout: Duration::from_millis(limit.handshake_timeout_ms),
            keyframe_interval: Duration::from_millis(limit.keyframe_request_interval_ms),
            voices_max: room.voices_max,
            data_queue_bytes_max: limit.data_channel_queue_bytes_max,
            data_channels_max: limit.data_channels_max,
            new_ssrcs_per_second: limit.new_ssrcs_per_second,
            new_addresses_per_minute: limit.new_addresses_per_minute,
            publish_packets_per_second: limit.publish_packets_per_second,
            publish_bits_per_second: limit.publish_bits_per_second,
            sdp_bytes_max: limit.sdp_bytes_max,
            congestion: CongestionConfig {
                enabled: congestion.enabled,
                allow_pause: congestion.allow_pause,
                estimate_bits_per_second_min: congestion.estimate_bits_per_second_min,
                probe_bytes_max: congestion.probe_bytes_max,
            },
            sessions_per_shard_max: limit.sessions_max.div_ceil(shards),
            ..Self::default()
        }
    }

    /// Makes the settings of the engine of `shard`, which advertises its addresses at `port`.
    pub(crate) fn engine(&self, shard: ShardId, port: u16) -> EngineConfig {
        let at_port = |&ip: &IpAddr| (ip, port).into();
        EngineConfig {
            shard,
            candidates: self.node_ips.iter().map(at_port).collect(),
            handshake_timeout: self.handshake_timeout,
            keyframe_interval: self.keyframe_interval,
            voices_max: self.voices_max,
            data_queue_bytes_max: self.data_queue_bytes_max,
            data_channels_max: self.data_channels_max,
            new_ssrcs_per_second: self.new_ssrcs_per_second,
            new_addresses_per_minute: self.new_addresses_per_minute,
            publish_packets_per_second: self.publish_packets_per_second,
            publish_bits_per_second: self.publish_bits_per_second,
            sdp_bytes_max: self.sdp_bytes_max,
            even_out_bytes_max: self.even_out_bytes_max,
            congestion: self.congestion,
            sessions_max: self.sessions_per_shard_max,
            started: SystemTime::now(),
        }
    }
}
