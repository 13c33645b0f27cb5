//! Names of codecs: the media server's, mime types, and the short ones of `simulcast_codecs`.

use livekit_protocol::video_layer::Mode;
use sfu::Codec;

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
    [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1]
        .into_iter()
        .find(|codec| short_name(*codec).eq_ignore_ascii_case(short))
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
    fn codecs_are_found_by_short_name_and_mime_type() {
        assert_eq!(from_name("vp9"), Some(Codec::Vp9));
        assert_eq!(from_name("video/H264"), Some(Codec::H264));
        assert_eq!(from_name("video/h265"), None);
        assert_eq!(from_name(""), None);
    }
}
