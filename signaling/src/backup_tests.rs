use std::time::Duration;

use livekit_protocol::{SimulcastCodec, TrackType, VideoQuality};
use proptest::prelude::*;
use sfu::ShardId;

use super::*;

const ENABLED: [Codec; 4] = [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Opus];

fn id(number: u64) -> TrackId {
    TrackId::new(ShardId(0), number)
}

fn codec(name: &str, cid: &str) -> SimulcastCodec {
    SimulcastCodec {
        codec: name.into(),
        cid: cid.into(),
        ..SimulcastCodec::default()
    }
}

/// As livekit-client announces a camera with two codecs.
fn request(codecs: &[&str], policy: BackupCodecPolicy) -> AddTrackRequest {
    let layer = |quality: VideoQuality, width| VideoLayer {
        quality: quality.into(),
        width,
        height: width * 9 / 16,
        ..VideoLayer::default()
    };
    AddTrackRequest {
        cid: "c1".into(),
        r#type: TrackType::Video.into(),
        backup_codec_policy: policy.into(),
        layers: vec![
            layer(VideoQuality::High, 1280),
            layer(VideoQuality::Medium, 640),
            layer(VideoQuality::Low, 320),
        ],
        simulcast_codecs: codecs
            .iter()
            .enumerate()
            .map(|(index, name)| codec(name, if index == 0 { "c1" } else { "" }))
            .collect(),
        ..AddTrackRequest::default()
    }
}

/// As it announces the second codec later.
fn second(name: &str) -> AddTrackRequest {
    AddTrackRequest {
        cid: "c2".into(),
        sid: "TR_x".into(),
        simulcast_codecs: vec![codec(name, "c2")],
        ..AddTrackRequest::default()
    }
}

fn bound(track: TrackId, mid: &str, codec: Codec) -> BoundTrack {
    BoundTrack {
        track,
        mid: mid.into(),
        codec,
    }
}

/// Published in VP9, with VP8 to come.
fn published(policy: BackupCodecPolicy) -> Publication {
    let request = request(&["vp9", "vp8"], policy);
    let publication = Publication::announce(id(1), &request, &ENABLED, Instant::now(), 1);
    let mut publication = publication.unwrap();
    publication.bind(&bound(id(1), "1", Codec::Vp9));
    publication
}

/// Published in both.
fn with_both(policy: BackupCodecPolicy) -> Publication {
    let mut publication = published(policy);
    let announced = publication.announce_backup(&second("vp8"), id(2), Instant::now());
    assert_eq!(announced, Ok(Some(id(2))));
    publication.bind_backup(&bound(id(2), "2", Codec::Vp8));
    publication
}

fn source(publication: &Publication, refused: &[Codec]) -> Option<(TrackId, bool)> {
    let source = publication.source(refused)?;
    Some((source.track, source.is_waiting))
}

#[test]
fn both_codecs_are_told_with_their_layers_from_the_announcement_on() {
    let mut publication = published(BackupCodecPolicy::Simulcast);

    let told = |publication: &Publication| -> Vec<(String, String, String, usize)> {
        let codecs = publication.info.codecs.iter();
        codecs
            .map(|codec| {
                let (mime, mid) = (codec.mime_type.clone(), codec.mid.clone());
                (mime, mid, codec.cid.clone(), codec.layers.len())
            })
            .collect()
    };
    let entry = |mime: &str, mid: &str, cid: &str| (mime.into(), mid.into(), cid.into(), 3);
    let first = entry("video/VP9", "1", "c1");
    assert_eq!(
        told(&publication),
        [first.clone(), entry("video/VP8", "", "")]
    );

    publication
        .announce_backup(&second("vp8"), id(2), Instant::now())
        .unwrap();
    publication.bind_backup(&bound(id(2), "2", Codec::Vp8));
    publication.start_encoding(id(2), 1, 77);

    assert_eq!(
        told(&publication),
        [first.clone(), entry("video/VP8", "2", "c2")]
    );
    assert_eq!(publication.info.mime_type, "video/VP9");
    assert_eq!(publication.info.mid, "1");
    let ssrcs = |index: usize| -> Vec<u32> {
        let layers = publication.info.codecs[index].layers.iter();
        layers.map(|layer| layer.ssrc).collect()
    };
    assert_eq!((ssrcs(0), ssrcs(1)), (vec![0, 0, 0], vec![0, 77, 0]));
    publication.end_backup();
    assert_eq!(told(&publication), [first, entry("video/VP8", "", "")]);
}

#[test]
fn a_second_codec_is_only_promised_if_it_is_another_one_that_may_be_sent() {
    let policy = BackupCodecPolicy::Simulcast;
    let second_of = |codecs: &[&str]| {
        let request = request(codecs, policy);
        let publication = Publication::announce(id(1), &request, &ENABLED, Instant::now(), 1);
        publication.unwrap().backup.map(|backup| backup.codec)
    };

    assert_eq!(second_of(&["vp9", "vp8"]), Some(Codec::Vp8));
    assert_eq!(second_of(&["vp9", "h264"]), Some(Codec::H264));
    assert_eq!(second_of(&["vp9", "av1"]), Some(Codec::Vp8));
    assert_eq!(second_of(&["av1", "vp8"]), None);
    assert_eq!(second_of(&["vp9"]), None);
    assert_eq!(second_of(&["vp9", "nonsense"]), None);
}

#[test]
fn only_the_promised_codec_is_taken_under_a_name_that_an_offer_can_carry() {
    let now = Instant::now();
    let mut publication = published(BackupCodecPolicy::Simulcast);
    let nameless = AddTrackRequest {
        cid: String::new(),
        ..second("vp8")
    };

    let other = publication.announce_backup(&second("h264"), id(2), now);
    let nameless = publication.announce_backup(&nameless, id(2), now);
    let first = publication.announce_backup(&second("vp8"), id(2), now);
    let again = publication.announce_backup(&second("vp8"), id(3), now);

    assert_eq!(other, Err(BackupError::NotPromised));
    assert_eq!(nameless, Err(BackupError::BadName));
    assert_eq!((first, again), (Ok(Some(id(2))), Ok(None)));
    let pending = publication.pending_backup().unwrap();
    assert_eq!((pending.track, pending.cid.as_str()), (id(2), "c2"));
    assert_eq!(pending.codec, Some(Codec::Vp8));
}

#[test]
fn an_announcement_that_no_offer_carries_is_forgotten() {
    let start = Instant::now();
    let mut publication = published(BackupCodecPolicy::Simulcast);
    publication
        .announce_backup(&second("vp8"), id(2), start)
        .unwrap();

    assert_eq!(publication.drop_stale_backup(start), Some(id(2)));
    assert!(publication.pending_backup().is_none());
    assert_eq!(publication.drop_stale_backup(start), None);
}

#[test]
fn who_lacks_the_first_codec_waits_for_the_second_and_gets_it() {
    let policy = BackupCodecPolicy::Simulcast;
    let lacks = [Codec::Vp9];

    assert_eq!(source(&published(policy), &[]), Some((id(1), false)));
    assert_eq!(source(&published(policy), &lacks), Some((id(1), true)));
    assert_eq!(source(&with_both(policy), &[]), Some((id(1), false)));
    assert_eq!(source(&with_both(policy), &lacks), Some((id(2), false)));
    let both = [Codec::Vp9, Codec::Vp8];
    assert_eq!(source(&published(policy), &both), None);
    assert_eq!(source(&with_both(policy), &both), None);
}

#[test]
fn all_go_over_where_the_policy_says_so() {
    use BackupCodecPolicy::{PreferRegression, Regression, Simulcast};

    for (policy, participants, goes_over) in [
        (Simulcast, 2, false),
        (Regression, 100, true),
        (PreferRegression, SMALL_ROOM - 1, true),
        (PreferRegression, SMALL_ROOM, false),
    ] {
        let mut publication = with_both(policy);
        assert_eq!(source(&publication, &[]), Some((id(1), false)));

        assert_eq!(publication.begin_backup(participants), goes_over);
        assert!(!publication.begin_backup(participants), "only once");

        let expected = if goes_over { id(2) } else { id(1) };
        assert_eq!(source(&publication, &[]), Some((expected, false)));
        assert_eq!(source(&publication, &[Codec::Vp8]), Some((id(1), false)));
        publication.end_backup();
        assert_eq!(source(&publication, &[]), Some((id(1), false)));
    }
}

#[test]
fn the_update_names_the_first_codec_and_the_second_once_somebody_waits() {
    let start = Instant::now();
    let mut publication = published(BackupCodecPolicy::Simulcast);
    assert!(publication.quality_update().is_none());

    let backup = publication.backup.as_mut().unwrap();
    assert_eq!(backup.handle_waiting(start, None), None);
    assert_eq!(backup.handle_waiting(start, Some(0)), Some(Some(0)));
    let update = publication.quality_update().unwrap();

    let told = |update: &SubscribedQualityUpdate| -> Vec<(String, Vec<bool>)> {
        let codecs = update.subscribed_codecs.iter();
        codecs
            .map(|codec| {
                let qualities = codec.qualities.iter();
                let enabled = qualities.map(|quality| quality.enabled);
                (codec.codec.clone(), enabled.collect())
            })
            .collect()
    };
    let all = ("vp9".to_owned(), vec![true; 3]);
    let low = ("vp8".to_owned(), vec![true, false, false]);
    assert_eq!(told(&update), [all.clone(), low]);
    let backup = publication.backup.as_mut().unwrap();
    assert_eq!(backup.handle_waiting(start, None), None);
    assert!(publication.lower_demand(start + Duration::from_secs(6)));
    let off = ("vp8".to_owned(), vec![false; 3]);
    assert_eq!(told(&publication.quality_update().unwrap()), [all, off]);
}

#[test]
fn demands_are_kept_apart() {
    let now = Instant::now();
    let mut publication = with_both(BackupCodecPolicy::Simulcast);

    assert!(publication.handle_demand(id(1), now, Some(0)));
    assert!(publication.handle_demand(id(2), now, Some(2)));

    assert_eq!(publication.dynacast.announced(), Some(Some(0)));
    let backup = publication.backup.as_mut().unwrap();
    assert_eq!(backup.dynacast.announced(), Some(Some(2)));
    assert_eq!(backup.handle_waiting(now, None), None, "it is sent already");
}

proptest! {
    #[test]
    fn nobody_gets_a_codec_that_it_has_refused(
        is_live: bool,
        participants in 0_usize..9,
        policy in 0_i32..3,
        refused in prop::collection::vec(0_usize..3, 0..3),
    ) {
        let policy = BackupCodecPolicy::try_from(policy).unwrap();
        let mut publication = if is_live { with_both(policy) } else { published(policy) };
        publication.begin_backup(participants);
        let refused: Vec<Codec> = refused
            .into_iter()
            .map(|index| [Codec::Vp9, Codec::Vp8, Codec::H264][index])
            .collect();

        if let Some(source) = publication.source(&refused) {
            prop_assert_eq!(source.is_waiting, refused.contains(&source.codec));
        }
    }
}
