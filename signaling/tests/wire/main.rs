//! Signalling on the wire: real WebSockets over loopback, and a real media server behind.

#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::unwrap_used,
    reason = "a test waits for one kind of message and fails loudly; helpers of tests too"
)]

mod agents;
mod api_calls;
mod api_participants;
mod api_rooms;
mod backup;
mod codecs;
mod data_tracks;
mod forwarding;
mod hostile;
mod isolation;
mod joining;
mod kit;
mod limits;
mod resuming;
mod rights;
mod rooms;
mod tracks;
mod webhooks;
mod whip;
