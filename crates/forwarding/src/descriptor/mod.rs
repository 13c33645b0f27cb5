//! Readers and writers of what codecs say of a packet: payload descriptors and the AV1 dependency
//! descriptor.
//!
//! Invariants:
//! - readers accept any bytes at all and answer with a value or an error;
//! - reading what a writer wrote gives the same value.

pub mod av1;
mod bits;
pub mod h264;
pub mod red;
pub mod size;
pub mod vp8;
pub mod vp9;

use thiserror::Error;

use av1::Av1Frame;
use h264::H264Descriptor;
use vp8::Vp8Descriptor;
use vp9::Vp9Descriptor;

/// What is known of a packet beyond its RTP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descriptor {
    /// Sound: nothing needs to be known.
    Audio,
    /// VP8.
    Vp8(Vp8Descriptor),
    /// H.264.
    H264(H264Descriptor),
    /// VP9.
    Vp9(Vp9Descriptor),
    /// AV1.
    Av1(Av1Frame),
    /// Pictures whose descriptor can't be read: not passed on, and a keyframe is asked for.
    Unreadable,
}

/// Why a descriptor can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DescriptorError {
    /// The bytes end too early. Drop the packet.
    #[error("the descriptor ends too early")]
    Truncated,
    /// A field has a value that the format forbids. Drop the packet.
    #[error("the descriptor breaks its format")]
    Malformed,
    /// The descriptor counts more of something than is accepted. Drop the packet.
    #[error("the descriptor has more than {max} {what}")]
    TooMany {
        /// What it has too many of.
        what: &'static str,
        /// How many are accepted.
        max: usize,
    },
    /// No keyframe has told the structure that the descriptor refers to. Ask for a keyframe.
    #[error("the structure that the descriptor refers to is not known")]
    UnknownStructure,
}

/// Why a descriptor can't be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WriteDescriptorError {
    /// The buffer is too short.
    #[error("the descriptor does not fit into {capacity_bytes} bytes")]
    NoSpace {
        /// Size of the buffer.
        capacity_bytes: usize,
    },
    /// The value can't be told in this format.
    #[error("the descriptor can't be written in its format")]
    Unrepresentable,
}
