//! The configuration: one typed tree, with LiveKit's section names where the thing is the same.
//!
//! This module lists every key with its default. [`Config::load`] merges, in rising precedence:
//! defaults, file, environment (`CLAPT_SECTION__KEY`), command line.
//!
//! Invariants:
//! - a key that is not in this tree is refused, whichever source it comes from;
//! - outside `--dev` there is no default secret;
//! - serialising the configuration never shows a secret.
//!
//! `configs/clapt.yaml` explains each key and is kept equal to the defaults by a test.

mod accounts;
mod ice;
mod keys;
mod load;
mod storage;
mod tree;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use auth::ApiKeys;
use serde::{Deserialize, Serialize};

use crate::network::Network;

pub use accounts::AccountsConfig;
pub use ice::IceServer;
pub use keys::{DEV_KEY, DEV_SECRET, SECRET_BYTES_MIN};
pub use load::{ConfigError, Sources};
pub use storage::DatabaseConfig;

/// The data directory, unless another is named.
pub const DATA_DEFAULT: &str = "data";

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Started with `--dev`. Not a key: it can only be said on the command line.
    #[serde(skip)]
    pub dev: bool,
    /// The directory with what the server keeps. Not a key: it can only be said on the command line.
    #[serde(skip)]
    pub data: PathBuf,
    /// TCP port of HTTP and WebSockets.
    pub port: u16,
    /// Where browsers find this server; empty means the loopback, at the port above.
    pub public_url: String,
    /// Addresses that HTTP listens on; empty means the loopback with `--dev`, else all.
    pub bind_addresses: Vec<IpAddr>,
    /// Origins that browsers may connect from; empty means any.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// API keys and their secrets.
    #[serde(with = "keys")]
    pub keys: ApiKeys,
    /// A YAML file with more API keys; empty means none.
    pub key_file: PathBuf,
    /// The database.
    pub database: DatabaseConfig,
    /// Logging.
    pub log: LogConfig,
    /// Media.
    pub rtc: RtcConfig,
    /// Rooms.
    pub room: RoomConfig,
    /// What backends are told.
    pub webhook: WebhookConfig,
    /// People and how they sign in.
    pub accounts: AccountsConfig,
    /// Limits on what clients may do.
    pub limit: LimitConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dev: false,
            data: PathBuf::from(DATA_DEFAULT),
            port: 7880,
            public_url: String::new(),
            bind_addresses: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            keys: ApiKeys::default(),
            key_file: PathBuf::new(),
            database: DatabaseConfig::default(),
            log: LogConfig::default(),
            rtc: RtcConfig::default(),
            room: RoomConfig::default(),
            webhook: WebhookConfig::default(),
            accounts: AccountsConfig::default(),
            limit: LimitConfig::default(),
        }
    }
}

/// Section `log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// What is logged: a level, or directives such as `info,sfu=debug`.
    pub level: String,
    /// One JSON object per line instead of text.
    pub json: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            json: false,
        }
    }
}

/// Section `rtc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RtcConfig {
    /// UDP port of the first shard; each further shard takes the next one.
    pub udp_port: u16,
    /// Shards, each a thread with a port of its own; 0 means one for each core.
    pub shards: usize,
    /// Address that media sockets are bound to.
    pub bind_address: IpAddr,
    /// Addresses told to clients; empty means those of the network interfaces.
    pub node_ips: Vec<IpAddr>,
    /// STUN and TURN servers that clients are told of.
    pub ice_servers: Vec<IceServer>,
    /// Datagrams that a shard reads before it sends what they caused.
    pub batch_datagrams_max: usize,
    /// Packets to be sent, each once per subscriber, from which a shard sends before it reads on.
    pub batch_forwards_max: usize,
    /// Microseconds that a shard that sends much waits for more at most before it reads; 0 means none.
    pub gather_us: u64,
    /// Bytes of padding that a packet of a picture may get, so that it leaves in one message with others.
    pub even_out_bytes_max: u8,
    /// Packets that may wait on their way from one shard to another.
    pub relay_packets_max: usize,
    /// What is done about clients whose way in can't carry all that they ask for.
    pub congestion_control: CongestionControlConfig,
}

/// Section `rtc.congestion_control`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CongestionControlConfig {
    /// Whether anything is done; off, every client is sent what it asks for.
    pub enabled: bool,
    /// Whether a picture may be paused whose smallest layer does not fit.
    pub allow_pause: bool,
    /// No way in is taken to carry less, in bits per second.
    pub estimate_bits_per_second_min: u64,
    /// Bytes of padding that one try for more may send.
    pub probe_bytes_max: u64,
}

impl Default for CongestionControlConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            allow_pause: true,
            estimate_bits_per_second_min: 50_000,
            probe_bytes_max: 200_000,
        }
    }
}

impl Default for RtcConfig {
    fn default() -> Self {
        Self {
            udp_port: 7882,
            shards: 0,
            bind_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            node_ips: Vec::new(),
            ice_servers: Vec::new(),
            batch_datagrams_max: 256,
            batch_forwards_max: 1024,
            gather_us: 1000,
            even_out_bytes_max: 16,
            relay_packets_max: 4096,
            congestion_control: CongestionControlConfig::default(),
        }
    }
}

/// Section `room`: what holds for a room unless it was created with other values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomConfig {
    /// Seconds that a room waits for its first participant before it closes.
    pub empty_timeout: u32,
    /// Seconds that a room stays open after its last participant left.
    pub departure_timeout: u32,
    /// Seconds that a participant whose signalling was cut keeps its place and its media.
    pub resume_window: u32,
    /// Participants that fit into a room; 0 means any number.
    pub max_participants: u32,
    /// The server API may unmute tracks, not only mute them.
    pub enable_remote_unmute: bool,
    /// Whether sound and pictures of one source are played in sync, where clients can.
    pub sync_streams: bool,
    /// Microphones that a participant hears at once, the loudest; 0 means all.
    pub voices_max: usize,
    /// Codecs that may be published, as mime types.
    pub enabled_codecs: Vec<String>,
}

impl Default for RoomConfig {
    fn default() -> Self {
        let codecs = [
            "audio/opus",
            "audio/red",
            "video/VP8",
            "video/H264",
            "video/VP9",
            "video/AV1",
        ];
        Self {
            empty_timeout: 300,
            departure_timeout: 20,
            resume_window: 30,
            max_participants: 0,
            sync_streams: true,
            voices_max: 0,
            enable_remote_unmute: false,
            enabled_codecs: codecs.map(str::to_owned).to_vec(),
        }
    }
}

/// Section `webhook`: what happens in rooms, told to the application over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookConfig {
    /// The API key whose secret signs the events.
    pub api_key: String,
    /// Where they are sent; empty means nowhere.
    pub urls: Vec<String>,
    /// Events that wait for one URL; more are dropped.
    pub queue_events_max: usize,
    /// Events that are under way to one URL at a time, each of another room.
    pub parallel_max: usize,
    /// How often delivery of an event is tried.
    pub attempts_max: u32,
    /// Milliseconds before the second attempt; doubled before each further one.
    pub retry_delay_ms: u64,
    /// Milliseconds that an attempt may take.
    pub timeout_ms: u64,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            api_key: String::new(),
            urls: Vec::new(),
            queue_events_max: 4096,
            parallel_max: 32,
            attempts_max: 6,
            retry_delay_ms: 500,
            timeout_ms: 5000,
        }
    }
}

/// Section `limit`. Hitting a limit is counted in the metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitConfig {
    /// Sessions of the whole server; one more is told that the server is full.
    pub sessions_max: usize,
    /// TCP connections from one address, WebSockets included.
    pub connections_per_address_max: usize,
    /// Signalling sockets from one address, WHIP and WHEP sessions included.
    pub sockets_per_address_max: usize,
    /// Milliseconds that a socket may take from opening to having joined.
    pub handshake_timeout_ms: u64,
    /// Milliseconds that a WHIP or WHEP client may take from its offer to being connected.
    pub whip_connect_timeout_ms: u64,
    /// Bytes of one signalling message, after decompression.
    pub signal_message_bytes_max: usize,
    /// Signalling messages per second and participant.
    pub signal_messages_per_second: u32,
    /// News of one participant that the others are told per second; more are told together.
    pub participant_updates_per_second: u32,
    /// Data packets per second and participant; more are dropped.
    pub data_packets_per_second: u32,
    /// Packets on data tracks per second and participant; more are dropped.
    pub data_track_packets_per_second: u32,
    /// Data tracks that a participant may publish.
    pub data_tracks_max: usize,
    /// Bytes of recent reliable data that a room keeps for clients that resume.
    pub data_replay_bytes_max: usize,
    /// Bytes of a participant's data blobs, keys and contents together.
    pub data_blobs_bytes_max: usize,
    /// Signalling messages that wait for a client that reads slowly.
    pub signal_queue_messages_max: usize,
    /// Bytes of the messages that wait for a client that reads slowly; one message alone may be longer.
    pub signal_queue_bytes_max: usize,
    /// Bytes of one SDP.
    pub sdp_bytes_max: usize,
    /// Bytes of an identity.
    pub identity_bytes_max: usize,
    /// Bytes of a room's name.
    pub room_name_bytes_max: usize,
    /// Bytes of a participant's metadata.
    pub metadata_bytes_max: usize,
    /// Bytes of a participant's attributes, keys and values together.
    pub attributes_bytes_max: usize,
    /// Tracks that a participant has announced but not yet sent.
    pub pending_tracks_max: usize,
    /// Rooms that the server API may open; clients may open more by joining.
    pub rooms_max: usize,
    /// Workers of agents that may be connected.
    pub agent_workers_max: usize,
    /// Agent dispatches of one room.
    pub dispatches_per_room_max: usize,
    /// RPCs of the server API that wait for participants of one room.
    pub rpcs_per_room_max: usize,
    /// Identities whose tokens were revoked, or were given other permissions, that are remembered.
    pub revocations_max: usize,
    /// Bytes of a body of the HTTP and server APIs.
    pub json_body_bytes_max: usize,
    /// Requests of one account (or, of those not signed in, one address) to one route of the API, per minute.
    pub requests_per_minute: u32,
    /// Tries to sign in to one account from one address, per minute.
    pub login_per_minute: u32,
    /// Tries to sign in to one account from anywhere, per minute.
    pub login_account_per_minute: u32,
    /// Tries to sign in from one address to whatever account, per minute.
    pub login_address_per_minute: u32,
    /// Mails that people who are not signed in may cause to one address, per hour.
    pub mails_per_recipient_per_hour: u32,
    /// Mails that people who are not signed in may cause from one address, per hour.
    pub mails_per_address_per_hour: u32,
    /// Accounts and addresses whose rates are remembered; with more, new ones are refused.
    pub rate_keys_max: usize,
    /// Passwords that are hashed at the same time.
    pub password_hashes_at_once: usize,
    /// Passwords that are hashed or wait to be; with more, the next one is told to come again.
    pub password_hashes_waiting_max: usize,
    /// Sessions of one account; at more, the oldest one ends.
    pub sessions_per_account_max: u32,
    /// Milliseconds between two keyframe requests for one layer.
    pub keyframe_request_interval_ms: u64,
    /// New SSRCs per second and session.
    pub new_ssrcs_per_second: u32,
    /// Addresses that a session may newly be heard from, per minute.
    pub new_addresses_per_minute: u32,
    /// Media packets per second that a session may publish.
    pub publish_packets_per_second: u32,
    /// Bits of media per second that a session may publish.
    pub publish_bits_per_second: u64,
    /// Bytes that wait in one data channel for a client that reads slowly.
    pub data_channel_queue_bytes_max: usize,
    /// Data channels that a session may have open.
    pub data_channels_max: usize,
    /// Bytes of one data packet.
    pub data_packet_bytes_max: usize,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            sessions_max: 10_000,
            connections_per_address_max: 2000,
            sockets_per_address_max: 1000,
            handshake_timeout_ms: 5000,
            whip_connect_timeout_ms: 30_000,
            signal_message_bytes_max: 256 * 1024,
            signal_messages_per_second: 100,
            participant_updates_per_second: 20,
            data_packets_per_second: 2000,
            data_track_packets_per_second: 5000,
            data_tracks_max: 100,
            data_replay_bytes_max: 1024 * 1024,
            data_blobs_bytes_max: 64_000,
            signal_queue_messages_max: 1024,
            signal_queue_bytes_max: 8 * 1024 * 1024,
            sdp_bytes_max: 256 * 1024,
            identity_bytes_max: 256,
            room_name_bytes_max: 256,
            metadata_bytes_max: 64 * 1024,
            attributes_bytes_max: 64 * 1024,
            pending_tracks_max: 20,
            rooms_max: 10_000,
            agent_workers_max: 1000,
            dispatches_per_room_max: 100,
            rpcs_per_room_max: 100,
            revocations_max: 100_000,
            json_body_bytes_max: 1024 * 1024,
            requests_per_minute: 300,
            login_per_minute: 5,
            login_account_per_minute: 20,
            login_address_per_minute: 60,
            mails_per_recipient_per_hour: 5,
            mails_per_address_per_hour: 60,
            rate_keys_max: 100_000,
            password_hashes_at_once: 2,
            password_hashes_waiting_max: 64,
            sessions_per_account_max: 50,
            keyframe_request_interval_ms: 500,
            new_ssrcs_per_second: 50,
            new_addresses_per_minute: 4,
            publish_packets_per_second: 5000,
            publish_bits_per_second: 50_000_000,
            data_channel_queue_bytes_max: 1024 * 1024,
            data_channels_max: 16,
            data_packet_bytes_max: 64 * 1024,
        }
    }
}

#[cfg(test)]
mod tests;
