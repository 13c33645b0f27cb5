//! Clients and the media that they send; also for the benchmark.

#[path = "client.rs"]
pub(crate) mod client;
#[path = "source.rs"]
pub(crate) mod source;
