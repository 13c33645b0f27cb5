"""Audio and video from camera to picture, in each codec."""

import asyncio
import time

import pytest
from livekit import rtc

CAMERA = rtc.TrackSource.SOURCE_CAMERA
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE
LOW, MEDIUM, HIGH = rtc.VideoQuality.VIDEO_QUALITY_LOW, rtc.VideoQuality.VIDEO_QUALITY_MEDIUM, rtc.VideoQuality.VIDEO_QUALITY_HIGH


async def test_two_participants_see_and_hear_each_other(stage):
    alice, bob = await stage.pair()

    await asyncio.gather(alice.camera(640, 360, luma=60), bob.camera(320, 240, luma=190))
    await asyncio.gather(alice.microphone(440), bob.microphone(1000))

    await asyncio.gather(
        bob.watches("alice", 30, (640, 360), 60),
        alice.watches("bob", 30, (320, 240), 190),
        bob.hears("alice", 440),
        alice.hears("bob", 1000),
    )


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_a_codec_is_published_announced_and_decoded(stage, codec):
    alice, bob = await stage.pair()

    await alice.camera(luma=60, video_codec=rtc.VideoCodec.Value(codec))
    await bob.watches("alice", 20, (640, 360), 60, seconds=15)

    assert bob.publication("alice").mime_type.lower() == f"video/{codec.lower()}"


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_simulcast_layer_arrives_as_asked(stage, codec):
    alice, bob = await stage.pair()

    await alice.camera(1280, 720, luma=60, simulcast=True, video_codec=rtc.VideoCodec.Value(codec), max_bitrate=1_000_000)
    await bob.watches("alice", 5, luma=60, seconds=20)
    publication = bob.publication("alice")
    assert publication.simulcasted

    for quality, size in [(LOW, (320, 180)), (HIGH, (1280, 720)), (MEDIUM, (640, 360)), (LOW, (320, 180))]:
        publication.set_video_quality(quality)
        await bob.watches("alice", 5, size, 60, seconds=20)


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
async def test_a_spatial_layer_of_svc_arrives_as_asked(stage, codec):
    alice, bob = await stage.pair()

    await alice.camera(
        1280, 720, luma=60, fps=15, scalability_mode="L3T3_KEY", video_codec=rtc.VideoCodec.Value(codec), max_bitrate=1_200_000
    )
    await bob.watches("alice", 5, luma=60, seconds=20)
    publication = bob.publication("alice")

    for quality, size in [(LOW, (320, 180)), (HIGH, (1280, 720)), (MEDIUM, (640, 360))]:
        publication.set_video_quality(quality)
        await bob.watches("alice", 5, size, 60, seconds=25)


async def test_two_subscribers_get_different_layers_at_once(stage):
    alice, bob = await stage.pair()
    carol = await stage.join("carol")

    await alice.camera(1280, 720, luma=60, simulcast=True, max_bitrate=1_000_000)
    await bob.published("alice")
    await carol.published("alice")
    bob.publication("alice").set_video_quality(LOW)
    carol.publication("alice").set_video_quality(HIGH)

    await asyncio.gather(
        bob.watches("alice", 15, (320, 180), 60, seconds=30), carol.watches("alice", 15, (1280, 720), 60, seconds=30)
    )


async def test_mute_stops_and_unmute_starts_the_media(stage):
    alice, bob = await stage.pair()
    camera, _ = await alice.camera(luma=60)
    microphone, _ = await alice.microphone(440)
    sink = await bob.watches("alice", 10)
    heard = await bob.hears("alice", 440)

    camera.track.mute()
    microphone.track.mute()
    await bob.saw("track_muted", lambda p, pub: p.identity == "alice" and pub.source == CAMERA)
    await bob.saw("track_muted", lambda p, pub: p.identity == "alice" and pub.source == MICROPHONE)
    await stage.until(lambda: heard.loudness < 0.01, "the tone ends")
    # Pictures on their way may still come; then none for a second.
    await _silent_for(sink, 1.0)

    camera.track.unmute()
    microphone.track.unmute()
    await bob.saw("track_unmuted", lambda p, pub: pub.source == CAMERA)
    await bob.watches("alice", 10, (640, 360), 60)
    await bob.hears("alice", 440)


async def _silent_for(sink, seconds: float):
    """Fails unless a stretch of `seconds` without pictures comes within five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        before = sink.frames
        await asyncio.sleep(seconds)
        if sink.frames == before:
            return
    raise AssertionError("pictures keep coming")


async def test_a_late_joiner_sees_the_picture_at_once(stage, note):
    alice, bob = await stage.pair()
    await alice.camera(luma=60)
    await bob.watches("alice", 10)

    start = time.monotonic()
    carol = await stage.join("carol")
    joined = time.monotonic()
    await carol.watches("alice", 1, luma=60)
    first = time.monotonic()

    note(f"joined in {joined - start:.3f} s, first picture {first - joined:.3f} s later")
    assert first - start < 3.0


async def test_a_track_is_unsubscribed_and_subscribed_again(stage, signal_proxy, request):
    if not stage.single:
        # So it is with LiveKit's own server; livekit-client notices, see the browser suite.
        request.applymarker(pytest.mark.xfail(reason="the SDK overlooks a receiving section that comes back with the same track"))
    alice = await stage.join("alice")
    bob = await stage.join("bob", url=signal_proxy.url)
    await alice.camera(luma=60)
    await bob.watches("alice", 10)

    for _ in range(5):
        before = bob.count("track_unsubscribed"), bob.count("track_subscribed"), len(signal_proxy.descriptions())
        bob.publication("alice").set_subscribed(False)
        await stage.until(lambda: bob.count("track_unsubscribed") > before[0], "bob unsubscribes")
        # The SDK says so before the server has heard of it: wait for the renegotiation.
        await signal_proxy.board.until(lambda: len(signal_proxy.descriptions()) >= before[2] + 2, "the server lets go of the track")
        bob.publication("alice").set_subscribed(True)
        await stage.until(lambda: bob.count("track_subscribed") > before[1], "bob subscribes")
        await bob.watches("alice", 5, (640, 360), 60)

    assert signal_proxy.sections_max() <= 12


async def test_nothing_is_subscribed_without_auto_subscribe(stage):
    alice = await stage.join("alice")
    bob = await stage.join("bob", auto_subscribe=False)
    await alice.camera(luma=60)
    await alice.microphone(440)
    await bob.published("alice")
    await bob.published("alice", MICROPHONE)

    bob.publication("alice", MICROPHONE).set_subscribed(True)
    await bob.hears("alice", 440)

    assert bob.count("track_subscribed") == 1


async def test_six_participants_see_and_hear_five_others_each(stage):
    names = [f"p{i}" for i in range(6)]
    peers = await asyncio.gather(*(stage.join(name) for name in names))
    lumas = {name: 40 + 35 * i for i, name in enumerate(names)}
    tones = {name: 400 + 200 * i for i, name in enumerate(names)}

    await asyncio.gather(*(p.camera(320, 180, luma=lumas[p.identity], fps=15, max_bitrate=150_000) for p in peers))
    await asyncio.gather(*(p.microphone(tones[p.identity]) for p in peers))

    pairs = [(p, other) for p in peers for other in names if other != p.identity]
    assert len(pairs) == 30
    await asyncio.gather(
        *(p.watches(other, 15, (320, 180), lumas[other], seconds=25) for p, other in pairs),
        *(p.hears(other, tones[other], seconds=25) for p, other in pairs),
    )


async def test_the_speaker_is_named_and_named_no_more_when_silent(stage):
    alice, bob = await stage.pair()
    microphone, _ = await alice.microphone(440, amplitude=0.0)
    await bob.sink("alice", MICROPHONE)

    microphone.amplitude = 0.6
    await bob.saw("active_speakers_changed", lambda speakers: [s.identity for s in speakers] == ["alice"])
    await alice.saw("active_speakers_changed", lambda speakers: [s.identity for s in speakers] == ["alice"])

    bob.events.clear()
    microphone.amplitude = 0.0
    await bob.saw("active_speakers_changed", lambda speakers: not speakers)
