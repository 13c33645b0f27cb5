//! Names of codecs: the media server's, mime types, and the short ones of `simulcast_codecs`.

use livekit_protocol::video_layer::Mode;
use sfu::Codec;

/// What can be published.
pub(crate) const ALL: [Codec; 6] = [
    Codec::Opus,
    Codec::Red,
    Codec::Vp8,
    Codec::H264,
    Codec::Vp9,
    Codec::Av1,
];

/// Gives the mime type that clients know a codec by.
pub(crate) fn mime_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "audio/opus",
        Codec::Red => "audio/red",
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
        Codec::Red => "red",
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

/// Chooses what a client encodes sound with: Opus, with redundancy where `may_repeat` and nothing else
/// is wanted. The error: neither may be sent.
pub(crate) fn choose_audio(
    wanted: Option<Codec>,
    may_repeat: bool,
    enabled: &[Codec],
) -> Result<Codec, NothingEnabled> {
    let is_plain = wanted == Some(Codec::Opus) || !may_repeat || !enabled.contains(&Codec::Red);
    if !is_plain {
        Ok(Codec::Red)
    } else if enabled.contains(&Codec::Opus) {
        Ok(Codec::Opus)
    } else {
        Err(NothingEnabled)
    }
}

/// Lists what a room takes, by the mime types that it was told; none means everything. Redundancy is
/// nothing without Opus.
pub(crate) fn enabled<'a>(mime_types: impl Iterator<Item = &'a str>) -> Vec<Codec> {
    let mut known: Vec<Codec> = mime_types.filter_map(from_name).collect();
    if known.is_empty() {
        known = ALL.to_vec();
    }
    if !known.contains(&Codec::Opus) {
        known.retain(|codec| *codec != Codec::Red);
    }
    sorted(known)
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
        Codec::Opus => 4,
        Codec::Red => 5,
    });
    codecs.dedup();
    codecs
}

fn is_video(codec: Codec) -> bool {
    match codec {
        Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => true,
        Codec::Opus | Codec::Red => false,
    }
}

/// Tells how a codec carries its layers, where the client didn't say.
pub(crate) fn layer_mode(codec: Option<Codec>) -> Mode {
    match codec {
        Some(Codec::Vp9 | Codec::Av1) => Mode::MultipleSpatialLayersPerStream,
        Some(Codec::Opus | Codec::Red | Codec::Vp8 | Codec::H264) | None => {
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
    fn clients_are_told_video_codecs_first_and_no_redundancy_without_opus() {
        use Codec::{H264, Opus, Red, Vp8};

        let names = |names: &'static [&str]| enabled(names.iter().copied());
        let all = ["audio/opus", "audio/red", "video/H264", "video/VP8"];
        assert_eq!(enabled(all.into_iter()), [Vp8, H264, Opus, Red]);
        assert_eq!(names(&["audio/red", "video/VP8"]), [Vp8]);
        assert_eq!(names(&[]).len(), ALL.len());
    }

    #[test]
    fn sound_is_repeated_where_that_may_be_and_nothing_else_is_wanted() {
        use Codec::{Opus, Red, Vp8};

        let all = [Vp8, Opus, Red];
        assert_eq!(choose_audio(None, true, &all), Ok(Red));
        assert_eq!(choose_audio(Some(Red), true, &all), Ok(Red));
        assert_eq!(choose_audio(Some(Opus), true, &all), Ok(Opus));
        assert_eq!(choose_audio(None, false, &all), Ok(Opus));
        assert_eq!(choose_audio(Some(Red), true, &[Vp8, Opus]), Ok(Opus));
        assert_eq!(choose_audio(None, true, &[Vp8]), Err(NothingEnabled));
    }

    #[test]
    fn codecs_are_found_by_short_name_and_mime_type() {
        assert_eq!(from_name("vp9"), Some(Codec::Vp9));
        assert_eq!(from_name("video/H264"), Some(Codec::H264));
        assert_eq!(from_name("audio/red"), Some(Codec::Red));
        assert_eq!(from_name("video/h265"), None);
        assert_eq!(from_name(""), None);
    }
}
