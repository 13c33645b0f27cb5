//! Which codecs our descriptions name in a section, in which order and with which parameters.
//!
//! Every description of ours is made anew by str0m, which knows nothing of single tracks; so each one
//! is put right here, not only the first of a track: a browser encodes as the last answer says.

use forwarding::Codec;
use str0m::media::Mid;

use crate::codecs::{codec_named, encoding_name};
use crate::sdp::{Description, Section};
use crate::{CodecSet, PendingTrack};

/// How the client is to send a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentFormat {
    pub(crate) codec: Option<Codec>,
    stereo: bool,
    dtx: bool,
}

impl SentFormat {
    pub(crate) fn of(track: &PendingTrack) -> Self {
        Self {
            codec: track.codec,
            stereo: track.stereo,
            dtx: track.dtx,
        }
    }

    /// Writes it into the section of our answer.
    fn write(self, section: &mut Section, allowed: CodecSet) {
        let allowed = match self.codec {
            Some(Codec::Red) => allowed,
            // Redundancy would be sent if it were named at all: it stands before Opus.
            Some(Codec::Opus | Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1) | None => {
                allowed.without(Codec::Red)
            }
        };
        keep(section, allowed);
        if let Some(codec) = self.codec {
            section.prefer_encoding(encoding_name(codec));
        }
        if self.stereo {
            section.add_parameter("opus", "stereo=1");
        }
        if self.dtx {
            section.add_parameter("opus", "usedtx=1");
        }
    }
}

/// Puts the codecs of a description of ours right: `sent` by the client in some sections, and
/// `received` by it in all others.
pub(super) fn write(
    description: &mut Description,
    sent: &[(Mid, SentFormat)],
    publishes: CodecSet,
    receives: CodecSet,
) {
    for section in &mut description.sections {
        let format = sent.iter().find(|(mid, _)| section.mid() == Some(*mid));
        match format {
            Some((_, format)) => format.write(section, publishes),
            None => keep(section, receives),
        }
    }
}

/// The first codec of a section that is allowed.
pub(super) fn first_codec(section: &Section, allowed: CodecSet) -> Option<Codec> {
    let mut names = section
        .payload_types()
        .filter_map(|payload_type| section.encoding(payload_type));
    let first = names.find_map(codec_named)?;
    allowed.contains(first).then_some(first)
}

fn keep(section: &mut Section, allowed: CodecSet) {
    section.retain_encodings(|name| codec_named(name).is_some_and(|codec| allowed.contains(codec)));
}
