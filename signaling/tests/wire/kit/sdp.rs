//! Offers as libwebrtc shapes them, without anything that is not needed.

const SESSION: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpass\r\na=fingerprint:sha-256 \
01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF\r\na=setup:actpass\r\n";

/// Data channels only, as clients offer first.
pub(crate) fn data_only() -> String {
    format!("{SESSION}a=group:BUNDLE 0\r\n{}", data_section())
}

/// Data channels and one camera; `direction` is `sendonly`, or `inactive` once it is unpublished.
pub(crate) fn with_camera(cid: &str, direction: &str) -> String {
    let camera = format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n{TRANSPORT}a=mid:1\r\n\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na={direction}\r\na=msid:- {cid}\r\n\
         a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
         a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\n\
         a=fmtp:97 apt=96\r\na=ssrc-group:FID 111111 222222\r\na=ssrc:111111 cname:x\r\n\
         a=ssrc:111111 msid:- {cid}\r\na=ssrc:222222 cname:x\r\na=ssrc:222222 msid:- {cid}\r\n"
    );
    format!("{SESSION}a=group:BUNDLE 0 1\r\n{}{camera}", data_section())
}

/// Data channels and two cameras.
pub(crate) fn with_two_cameras(first: &str, second: &str) -> String {
    let one = with_camera(first, "sendonly").replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    let two = with_camera(second, "sendonly");
    let (_, section) = two.split_once("m=video").expect("there is a camera");
    let section = section.replace("a=mid:1", "a=mid:2");
    let section = section
        .replace("111111", "444444")
        .replace("222222", "555555");
    format!("{one}m=video{section}")
}

/// Data channels, a camera and a microphone.
pub(crate) fn with_camera_and_microphone(camera: &str, microphone: &str) -> String {
    let both = with_camera(camera, "sendonly").replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    format!(
        "{both}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{TRANSPORT}a=mid:2\r\n\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendonly\r\na=msid:- {microphone}\r\n\
         a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
         a=ssrc:333333 cname:x\r\na=ssrc:333333 msid:- {microphone}\r\n"
    )
}

/// The same in VP8 or H.264, and in Opus with redundancy or without, as Chromium offers it.
pub(crate) fn with_choice(camera: &str, microphone: &str) -> String {
    with_camera_and_microphone(camera, microphone)
        .replace("SAVPF 96 97", "SAVPF 96 97 102")
        .replace("SAVPF 111", "SAVPF 111 63")
        .replace(
            "a=rtpmap:111",
            "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:111",
        )
        .replace(
            "a=rtpmap:97",
            "a=rtpmap:102 H264/90000\r\na=fmtp:102 profile-level-id=42e01f;packetization-mode=1;\
             level-asymmetry-allowed=1\r\na=rtpmap:97",
        )
}

/// Data channels and one section to receive pictures of `codec`, as clients with one peer connection
/// offer.
pub(crate) fn receiving(codec: &str) -> String {
    let section = format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{TRANSPORT}a=mid:1\r\n\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=recvonly\r\na=rtcp-mux\r\n\
         a=rtcp-rsize\r\na=rtpmap:96 {codec}/90000\r\na=rtcp-fb:96 nack\r\n\
         a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n"
    );
    format!("{SESSION}a=group:BUNDLE 0 1\r\n{}{section}", data_section())
}

fn data_section() -> String {
    format!(
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{TRANSPORT}a=mid:0\r\n\
         a=sctp-port:5000\r\na=max-message-size:262144\r\n"
    )
}

/// The answer to an offer of data channels.
pub(crate) fn answer_to(offer: &str) -> String {
    let mid = offer.lines().find_map(|line| line.strip_prefix("a=mid:"));
    let mid = mid.expect("every section has a name");
    data_only()
        .replace("a=mid:0", &format!("a=mid:{mid}"))
        .replace("BUNDLE 0", &format!("BUNDLE {mid}"))
        .replace("a=setup:actpass", "a=setup:active")
}

/// The ICE user fragment of a description.
pub(crate) fn ufrag(sdp: &str) -> &str {
    let line = sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    line.expect("every description has credentials")
}

/// A camera and a microphone as broadcasting programs offer them; `direction` is that of both.
pub(crate) fn broadcast(direction: &str) -> String {
    format!(
        "{SESSION}a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{TRANSPORT}a=mid:0\r\na={direction}\r\n\
         a=msid:show show-audio\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:111 minptime=10;stereo=1;sprop-stereo=1\r\na=ssrc:1001 cname:x\r\n\
         a=candidate:1 1 UDP 2122317823 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n\
         m=video 0 UDP/TLS/RTP/SAVPF 96\r\n{TRANSPORT}a=bundle-only\r\na=mid:1\r\na={direction}\r\n\
         a=msid:show show-video\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\n\
         a=rtcp-fb:96 nack pli\r\n\
         a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n\
         a=ssrc:1002 cname:x\r\n"
    )
}
