//! Sets of codecs, and the names that codecs have in SDP.

use forwarding::Codec;

/// All that we know, in the order in which our offers name them.
const ALL: [Codec; 6] = [
    Codec::Red,
    Codec::Opus,
    Codec::Vp8,
    Codec::H264,
    Codec::Vp9,
    Codec::Av1,
];

/// Some of the codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodecSet(u8);

impl CodecSet {
    /// Every codec.
    pub const ALL: Self = Self((1 << ALL.len()) - 1);

    /// Tells whether a codec is one of them.
    #[must_use]
    pub fn contains(self, codec: Codec) -> bool {
        self.0 & bit(codec) != 0
    }

    /// Gives what is in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Gives the set without one codec.
    #[must_use]
    pub fn without(self, codec: Codec) -> Self {
        Self(self.0 & !bit(codec))
    }
}

impl FromIterator<Codec> for CodecSet {
    fn from_iter<T: IntoIterator<Item = Codec>>(codecs: T) -> Self {
        Self(codecs.into_iter().fold(0, |bits, codec| bits | bit(codec)))
    }
}

fn bit(codec: Codec) -> u8 {
    match codec {
        Codec::Opus => 1,
        Codec::Red => 2,
        Codec::Vp8 => 4,
        Codec::H264 => 8,
        Codec::Vp9 => 16,
        Codec::Av1 => 32,
    }
}

/// The encoding name of a codec in SDP (its media subtype).
pub(crate) fn encoding_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "opus",
        Codec::Red => "red",
        Codec::Vp8 => "VP8",
        Codec::H264 => "H264",
        Codec::Vp9 => "VP9",
        Codec::Av1 => "AV1",
    }
}

/// The codec of an encoding name.
pub(crate) fn codec_named(name: &str) -> Option<Codec> {
    ALL.into_iter()
        .find(|codec| encoding_name(*codec).eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        for codec in ALL {
            let alone: CodecSet = [codec].into_iter().collect();
            for other in ALL {
                assert_eq!(alone.contains(other), other == codec);
                assert_eq!(CodecSet::ALL.without(codec).contains(other), other != codec);
            }
            assert_eq!(CodecSet::ALL.without(codec).union(alone), CodecSet::ALL);
            assert_eq!(codec_named(encoding_name(codec)), Some(codec));
        }
    }
}
