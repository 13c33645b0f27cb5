//! Signalling: LiveKit's client protocol as the front door of the media server.
//!
//! A WebSocket task decodes and encodes; one task per room owns all state and steers the media
//! server; what is decided, small pure types decide:
//!
//! | question | module |
//! | --- | --- |
//! | who may enter | `admission`, `policy` |
//! | which agents come into a room | `agents`, `dispatches` |
//! | what a backend is told | `webhooks` |
//! | which tokens no longer mean what they say | `revocations` |
//! | what a backend may call | `api` |
//! | what the client wants | `join_request`, `quirks` |
//! | who may do what | `permissions` |
//! | what a room was asked to be | `room_settings` |
//! | who receives what | `subscriptions` |
//! | what data tracks and blobs there are | `data_tracks`, `data_blobs` |
//! | how much of it | `quality` |
//! | which layers are watched | `dynacast` |
//! | which codec of a track somebody gets | `backup` |
//! | who speaks | `speakers` |
//! | how good a connection is | `scores` |
//! | what a data packet says about its sender | `packet` |
//! | what data a client has missed | `replay` |
//! | what other rooms see of a participant | `forwarded` |
//! | what clients are told of a track and a participant | `publication`, `participant` |
//! | how to take part by plain HTTP requests | `whip` |
//!
//! Works with LiveKit® client SDKs; not affiliated with or endorsed by LiveKit, Inc.

mod addresses;
mod admission;
mod agents;
mod answers;
mod api;
mod backup;
mod codecs;
mod control;
mod data_blobs;
mod data_tracks;
mod dispatches;
mod dynacast;
mod forwarded;
mod ids;
mod join_request;
mod metrics;
mod outbox;
mod packet;
mod participant;
mod permissions;
mod policy;
mod publication;
mod quality;
mod quirks;
mod rate;
mod replay;
mod requests;
mod restarts;
mod revocations;
mod room;
mod room_settings;
mod routes;
mod rpcs;
mod scores;
mod server;
mod shared;
mod socket;
mod speakers;
mod subscriptions;
#[cfg(feature = "testing")]
pub mod testing;
mod trickle;
mod webhooks;
mod whip;

pub use packet::PacketError;
pub use policy::{AllowAll, EntryRefused, RoomPolicy};
pub use room::OrderError;
pub use server::Signaling;
