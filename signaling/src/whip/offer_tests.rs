//! Offers as the programs write them that people publish and watch with.

use proptest::prelude::*;

use super::*;

/// OBS Studio 30, by libdatachannel: candidates in the offer, one codec for each kind.
const OBS: &str = "v=0\r\no=rtc 3767197920 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0 1\r\na=group:LS 0 1\r\na=msid-semantic:WMS *\r\na=setup:actpass\r\n\
    a=ice-ufrag:2Hj5\r\na=ice-pwd:Ks2hYpcpD3nvVKpLUqkIR7\r\na=ice-options:ice2,trickle\r\n\
    a=fingerprint:sha-256 01:23\r\n\
    m=audio 46313 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.7\r\na=mid:0\r\na=sendonly\r\n\
    a=msid:Xe3Bq3Wlqa8SGyyV Xe3Bq3Wlqa8SGyyV-audio\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1\r\n\
    a=ssrc:1467499128 cname:hEfa9NKVq4PwkEOR\r\na=candidate:1 1 UDP 2122317823 192.0.2.7 46313 typ host\r\n\
    a=end-of-candidates\r\n\
    m=video 46313 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.7\r\na=mid:1\r\na=sendonly\r\n\
    a=msid:Xe3Bq3Wlqa8SGyyV Xe3Bq3Wlqa8SGyyV-video\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n\
    a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
    a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n\
    a=ssrc:1467499129 cname:hEfa9NKVq4PwkEOR\r\n";

/// A browser that watches: bundle-only sections, many codecs, nothing to send.
const PLAYER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    a=extmap-allow-mixed\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:0\r\na=recvonly\r\n\
    a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\n\
    m=video 0 UDP/TLS/RTP/SAVPF 96 97 103\r\na=bundle-only\r\na=mid:1\r\na=recvonly\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:103 H264/90000\r\n";

#[test]
fn an_offer_of_obs_is_one_camera_and_one_microphone_in_stereo() {
    let sections = read(OBS, Role::Publish).unwrap();

    let [audio, video] = &sections[..] else {
        panic!("two sections: {sections:?}");
    };
    assert_eq!(audio.codec(|_| true), Some(Codec::Opus));
    assert_eq!(video.codec(|_| true), Some(Codec::H264));
    let audio = audio.announcement(Codec::Opus);
    assert_eq!(audio.source(), TrackSource::Microphone);
    assert_eq!(audio.cid, "Xe3Bq3Wlqa8SGyyV-audio");
    let features: Vec<_> = audio.audio_features().collect();
    assert_eq!(
        features,
        [AudioTrackFeature::TfStereo, AudioTrackFeature::TfNoDtx]
    );
    let video = video.announcement(Codec::H264);
    assert_eq!(video.source(), TrackSource::Camera);
    assert_eq!(video.simulcast_codecs[0].codec, "h264");
    assert_eq!(video.layers.len(), 1);
}

#[test]
fn a_player_only_receives_and_a_publisher_only_sends() {
    assert_eq!(read(PLAYER, Role::Play).unwrap().len(), 2);
    for (offer, role) in [(PLAYER, Role::Publish), (OBS, Role::Play)] {
        assert!(matches!(
            read(offer, role),
            Err(OfferError::Unprocessable(_))
        ));
    }
    for offer in [OBS, PLAYER] {
        let both = offer.replace("a=sendonly", "a=sendrecv");
        let both = both.replace("a=recvonly", "a=sendrecv");
        for role in [Role::Publish, Role::Play] {
            assert_eq!(read(&both, role).unwrap().len(), 2);
        }
    }
}

#[test]
fn the_first_codec_that_both_want_is_taken() {
    let sections = read(PLAYER, Role::Play).unwrap();

    assert_eq!(sections[1].codec(|_| true), Some(Codec::Vp8));
    assert_eq!(
        sections[1].codec(|codec| codec != Codec::Vp8),
        Some(Codec::H264)
    );
    assert_eq!(sections[1].codec(|_| false), None);
}

#[test]
fn simulcast_makes_a_layer_for_each_encoding() {
    let simulcast =
        |list: &str| OBS.replace("a=mid:1", &format!("a=mid:1\r\na=simulcast:send {list}"));
    for (list, count) in [("q", 1), ("0;1", 2), ("f;h;q", 3), ("a;b;c;d", 3)] {
        let sections = read(&simulcast(list), Role::Publish).unwrap();

        let layers = sections[1].announcement(Codec::H264).layers;

        assert_eq!(layers.len(), count, "{list}");
        assert!(layers.is_sorted_by_key(|layer| layer.quality), "{list}");
    }
}

#[test]
fn what_can_not_be_accepted_as_a_whole_is_refused() {
    let second_camera = format!("{OBS}m=video 9 x 96\r\na=mid:2\r\na=sendonly\r\n");
    let nothing = "v=0\r\nm=application 9 x\r\na=mid:0\r\n".to_owned();
    let text = OBS.replace("m=audio", "m=text");
    let inactive = OBS.replace("a=sendonly", "a=inactive");
    for offer in [second_camera, nothing, text, inactive, "v=0\r\n".to_owned()] {
        let result = read(&offer, Role::Publish);
        assert!(
            matches!(result, Err(OfferError::Unprocessable(_))),
            "{offer}"
        );
    }
    for offer in ["", "{}", "m=audio 9 x 0\r\n", "v=0\r\nm=audio 9 x 0\r\n"] {
        let result = read(offer, Role::Publish);
        assert!(matches!(result, Err(OfferError::Malformed(_))), "{offer:?}");
    }
}

#[test]
fn a_section_that_is_switched_off_does_not_count() {
    let off = OBS.replace("m=video 46313", "m=video 0");

    assert_eq!(read(&off, Role::Publish).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn no_text_panics(text in "v=0\n(m=(audio|video|text)?( [0-9]{0,2}){0,4}\r?\n|a=(mid|msid|rtpmap|fmtp|simulcast):?[ -~]{0,12}\n|[ -~\n]{0,9}){0,12}") {
        for role in [Role::Publish, Role::Play] {
            for section in read(&text, role).into_iter().flatten() {
                let _ = section.announcement(Codec::Opus);
            }
        }
    }
}
