//! Codecs and layers as plain numbers.

/// Most simulcast encodings of one track. WebRTC clients send three at most (`q`, `h`, `f`).
pub const ENCODINGS_MAX: u8 = 3;

/// [`ENCODINGS_MAX`] as an array length.
pub(crate) const ENCODINGS: usize = 3;

/// What a track is encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// Opus (RFC 7587).
    Opus,
    /// Opus with redundancy: each packet repeats the ones before it (RFC 2198).
    Red,
    /// VP8 (RFC 7741).
    Vp8,
    /// H.264 (RFC 6184).
    H264,
    /// VP9 (RFC 9628).
    Vp9,
    /// AV1, with its dependency descriptor.
    Av1,
}

impl Codec {
    /// Gives the RTP clock rate in Hz.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus | Self::Red => 48_000,
            Self::Vp8 | Self::H264 | Self::Vp9 | Self::Av1 => 90_000,
        }
    }

    /// Tells pictures from sound.
    #[must_use]
    pub const fn is_video(self) -> bool {
        match self {
            Self::Opus | Self::Red => false,
            Self::Vp8 | Self::H264 | Self::Vp9 | Self::Av1 => true,
        }
    }
}

/// One layer of a track. Which quality it has is the sum of everything up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Layer {
    /// Simulcast encoding or SVC spatial layer; 0 is the smallest picture.
    pub spatial: u8,
    /// Temporal layer; 0 is the lowest frame rate.
    pub temporal: u8,
}

/// What a subscriber may get of what it wants, by the bandwidth of its way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayerLimit {
    /// All of it.
    #[default]
    None,
    /// At most this simulcast encoding or SVC spatial layer.
    UpTo(u8),
    /// Nothing of it for now.
    Nothing,
}

/// The highest layers that a subscription wants. Values above what is published mean "the best".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LayerTarget {
    /// Highest simulcast encoding or SVC spatial layer.
    pub spatial: u8,
    /// Highest temporal layer.
    pub temporal: u8,
}

impl LayerTarget {
    /// Everything that is published.
    pub const ALL: Self = Self {
        spatial: u8::MAX,
        temporal: u8::MAX,
    };

    /// Gives what is left of a wish under a limit.
    #[must_use]
    pub fn limited(self, limit: LayerLimit) -> Option<Self> {
        match limit {
            LayerLimit::None => Some(self),
            LayerLimit::UpTo(spatial) => Some(Self {
                spatial: self.spatial.min(spatial),
                ..self
            }),
            LayerLimit::Nothing => None,
        }
    }

    /// Combines two wishes: the higher of each.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            spatial: self.spatial.max(other.spatial),
            temporal: self.temporal.max(other.temporal),
        }
    }
}
