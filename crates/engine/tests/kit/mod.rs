//! The test kit: engines and real peers in virtual time.

pub(crate) mod client;
pub(crate) mod honest;
pub(crate) mod link;
pub(crate) mod peer;
pub(crate) mod reception;
pub(crate) mod sdp;
pub(crate) mod seals;
pub(crate) mod source;
pub(crate) mod stamp;
pub(crate) mod world;

pub(crate) use client::{Client, MODES, Mode, SOON, Track};
pub(crate) use honest::Honest;
pub(crate) use link::Link;
pub(crate) use peer::{Change, Fault};
pub(crate) use sdp::sections;
pub(crate) use source::Script;
pub(crate) use world::World;
