//! Names of codecs: the media server's, mime types, and the short ones of `simulcast_codecs`.

use livekit_protocol::video_layer::Mode;
use sfu::Codec;

/// What can be published.
pub(crate) const ALL: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

/// Gives the mime type that clients know a codec by.
pub(crate) fn mime_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "audio/opus",
        Codec::OtherAudio => "audio/red",
        Codec::Vp8 => "video/VP8",
        Codec::H264 => "video/H264",
        Codec::Vp9 => "video/VP9",
        Codec::Av1 => "video/AV1",
    }
}

/// Gives the short name, as in `SubscribedCodec.codec`.
pub(crate) fn short_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "opus",
        Codec::OtherAudio => "red",
        Codec::Vp8 => "vp8",
        Codec::H264 => "h264",
        Codec::Vp9 => "vp9",
        Codec::Av1 => "av1",
    }
}

/// Finds a codec by its short name or mime type.
pub(crate) fn from_name(name: &str) -> Option<Codec> {
    let short = name.rsplit('/').next().unwrap_or(name);
    ALL.into_iter()
        .find(|codec| short_name(*codec).eq_ignore_ascii_case(short))
}

/// Chooses what a client encodes video with: what it wants if that may be sent, else the first that
/// may. `None` leaves it to the offer. The error: nothing may be sent at all.
pub(crate) fn choose_video(
    wanted: Option<Codec>,
    enabled: &[Codec],
) -> Result<Option<Codec>, NothingEnabled> {
    let videos = || enabled.iter().copied().filter(|codec| is_video(*codec));
    let first = videos().next().ok_or(NothingEnabled)?;
    match wanted {
        Some(wanted) if enabled.contains(&wanted) => Ok(Some(wanted)),
        // Offers mostly begin with VP8.
        None if enabled.contains(&Codec::Vp8) => Ok(None),
        Some(_) | None => Ok(Some(first)),
    }
}

/// No codec of the kind may be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NothingEnabled;

/// Lists codecs in the order in which clients are told: those that most can decode first, and sound
/// last, as some clients take the first for a video codec.
pub(crate) fn sorted(mut codecs: Vec<Codec>) -> Vec<Codec> {
    codecs.sort_by_key(|codec| match codec {
        Codec::Vp8 => 0,
        Codec::H264 => 1,
        Codec::Vp9 => 2,
        Codec::Av1 => 3,
        Codec::Opus | Codec::OtherAudio => 4,
    });
    codecs.dedup();
    codecs
}

fn is_video(codec: Codec) -> bool {
    match codec {
        Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => true,
        Codec::Opus | Codec::OtherAudio => false,
    }
}

/// Tells how a codec carries its layers, where the client didn't say.
pub(crate) fn layer_mode(codec: Option<Codec>) -> Mode {
    match codec {
        Some(Codec::Vp9 | Codec::Av1) => Mode::MultipleSpatialLayersPerStream,
        Some(Codec::Opus | Codec::OtherAudio | Codec::Vp8 | Codec::H264) | None => {
            Mode::OneSpatialLayerPerStream
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_that_may_not_be_sent_is_replaced_by_the_first_that_may() {
        use Codec::{Av1, H264, Opus, Vp8, Vp9};

        let all = [Vp8, H264, Vp9, Av1, Opus];
        assert_eq!(choose_video(Some(Av1), &all), Ok(Some(Av1)));
        assert_eq!(choose_video(None, &all), Ok(None));
        assert_eq!(choose_video(Some(Av1), &[Vp8, Opus]), Ok(Some(Vp8)));
        assert_eq!(choose_video(None, &[H264, Opus]), Ok(Some(H264)));
        assert_eq!(choose_video(Some(Vp8), &[Opus]), Err(NothingEnabled));
    }

    #[test]
    fn clients_are_told_video_codecs_first() {
        use Codec::{H264, Opus, Vp8, Vp9};

        assert_eq!(sorted(vec![Opus, Vp9, H264, Vp8]), [Vp8, H264, Vp9, Opus]);
    }

    #[test]
    fn codecs_are_found_by_short_name_and_mime_type() {
        assert_eq!(from_name("vp9"), Some(Codec::Vp9));
        assert_eq!(from_name("video/H264"), Some(Codec::H264));
        assert_eq!(from_name("video/h265"), None);
        assert_eq!(from_name(""), None);
    }
}
