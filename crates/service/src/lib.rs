//! What every service of the process needs and none owns: configuration, logs and metrics, HTTP
//! errors, who may call what and how often, addresses, and the signal to stop.

pub mod access;
pub mod address;
pub mod config;
pub mod error;
pub mod http;
pub mod network;
pub mod rate;
pub mod server;
pub mod shutdown;
pub mod telemetry;

pub use config::Config;
pub use error::{ApiError, ErrorCode};
pub use shutdown::Shutdown;
