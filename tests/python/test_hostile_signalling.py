"""Malformed signalling, beside an honest call: whoever sends nonsense is answered or shut out, and nobody else notices."""

import asyncio
import base64
import contextlib
import gzip
import random
import socket
from urllib.parse import urlsplit

import pytest
import websockets
from livekit.protocol import models
from livekit.protocol import rtc as proto

import settings
from honest import HonestCall
from raw_signal import RawClient, join_request, v0_url, v1_url, wrap
from stage import token

REFUSED = (websockets.InvalidStatus, websockets.InvalidMessage, websockets.ConnectionClosed, ConnectionError, asyncio.TimeoutError, OSError)
# A signalling server may answer the sender of rubbish or shut it out, but has to do so in time.
SETTLED_S = 8


async def _settle(client: RawClient):
    """Fails if the server neither answers nor closes."""
    await client.answers(SETTLED_S)


def _bad_join_requests():
    noise = random.Random(5)
    none, gz = proto.WrappedJoinRequest.NONE, proto.WrappedJoinRequest.GZIP
    yield "not base64", "%00%ff***"
    yield "random", base64.urlsafe_b64encode(noise.randbytes(300)).decode()
    yield "empty", ""
    yield "random inside", wrap(noise.randbytes(300), none)
    yield "not gzip", wrap(noise.randbytes(300), gz)
    yield "cut gzip", wrap(gzip.compress(b"x" * 10_000)[:-12], gz)
    yield "bomb", wrap(gzip.compress(b"\0" * (40 << 20), 9), gz)
    yield "unknown compression", wrap(b"", 7)
    yield "garbage offer", join_request(publisher_offer={"type": "offer", "sdp": "v=0\r\n" + "m=video x y z\r\n" * 300})
    yield "binary offer", join_request(publisher_offer={"type": "offer", "sdp": "\0\1\2" * 500})
    yield "no offer type", join_request(publisher_offer={"sdp": "v=0"})
    yield "foreign sid", join_request(reconnect=True, participant_sid="PA_nobody")


@pytest.mark.parametrize("name,request_text", _bad_join_requests(), ids=[n for n, _ in _bad_join_requests()])
async def test_a_bad_join_request_is_answered_or_refused_in_time(name, request_text):
    jwt = token("mallory", "hostile-join")

    try:
        async with asyncio.timeout(SETTLED_S + 4), RawClient.connect(v1_url(jwt, request_text)) as client:
            await _settle(client)
    except REFUSED as refusal:
        assert not isinstance(refusal, TimeoutError), "neither answer nor refusal"


async def _rubbish(room: str, seed: int, single: bool):
    noise = random.Random(seed)
    rubbish = [
        "text " + "x" * noise.randrange(0, 2000) if noise.random() < 0.2 else noise.randbytes(noise.randrange(0, 3000))
        for _ in range(60)
    ]
    await _say_all(room, f"mallory{seed}", single, rubbish)


async def _say_all(room: str, identity: str, single: bool, frames):
    """Sends every frame in one connection, or in as many as the server takes to be rid of them."""
    frames = list(frames)
    while frames:
        async with RawClient.joined(room, identity, single) as client:
            try:
                while frames:
                    await client.line.send(frames.pop())
            except websockets.ConnectionClosed:
                continue
            await _settle(client)


def _mutants(seed: int):
    """Honest messages with flipped bytes."""
    noise = random.Random(seed)
    honest = [
        proto.SignalRequest(add_track={"cid": "c", "type": "VIDEO", "source": "CAMERA", "layers": [{"quality": "HIGH", "width": 640, "height": 360}]}),
        proto.SignalRequest(offer={"type": "offer", "sdp": "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"}),
        proto.SignalRequest(trickle={"candidateInit": '{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host"}'}),
        proto.SignalRequest(track_setting={"track_sids": ["TR_x"], "quality": "LOW", "width": 320}),
        proto.SignalRequest(subscription={"track_sids": ["TR_x"], "subscribe": True}),
    ]
    for _ in range(400):
        data = bytearray(noise.choice(honest).SerializeToString())
        for _ in range(noise.randrange(1, 6)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        yield bytes(data)


async def _flipped_bytes(room: str, single: bool):
    await _say_all(room, "mallory-flips", single, _mutants(7))


def _wrong_order(victim_track: str, victim_sid: str):
    """True messages that make no sense here and now."""
    sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
    yield dict(answer={"type": "answer", "sdp": sdp, "id": 99})
    yield dict(offer={"type": "offer", "sdp": sdp})
    yield dict(offer={"type": "answer", "sdp": ""})
    yield dict(offer={"type": "offer", "sdp": "v=0\r\n" + "a=x\r\n" * 2000})
    yield dict(trickle={"candidateInit": "not json", "target": "SUBSCRIBER"})
    yield dict(trickle={"candidateInit": '{"candidate":"candidate:1 1 udp 1 169.254.169.254 80 typ host","sdpMid":"99"}'})
    yield dict(mute={"sid": victim_track, "muted": True})
    yield dict(subscription={"track_sids": [victim_track, "TR_nothing"], "subscribe": False})
    yield dict(track_setting={"track_sids": ["TR_nothing", victim_track], "disabled": True})
    yield dict(update_layers={"track_sid": victim_track})
    yield dict(subscription_permission={"all_participants": False, "track_permissions": [{"participant_sid": victim_sid}]})
    yield dict(sync_state={"subscription": {"track_sids": [victim_track]}, "publish_tracks": [{"cid": "c", "track": {"sid": victim_track}}]})
    yield dict(update_metadata={"metadata": "m" * 70_000, "attributes": {"k": "v" * 70_000}})
    yield dict(update_audio_track={"track_sid": victim_track})
    yield dict(update_video_track={"track_sid": victim_track, "width": 1, "height": 1})
    yield dict(add_track={"cid": "", "type": "DATA"})
    yield dict(add_track={"cid": "a" * 5000, "name": "n" * 5000, "type": "VIDEO", "width": 2**32 - 1, "height": 2**32 - 1})
    yield dict(add_track={"cid": "x", "sid": victim_track, "muted": True})
    yield dict(ping=-(2**63))


async def _true_messages_in_wrong_order(room: str, call: HonestCall, single: bool):
    track, sid = call.picture_sid, call.alice.me.sid
    for number, fields in enumerate(_wrong_order(track, sid)):
        async with RawClient.joined(room, f"mallory-order-{number}", single) as client:
            for _ in range(3):
                try:
                    await client.say(**fields)
                except websockets.ConnectionClosed:
                    break
            await _settle(client)


async def _huge_messages(room: str, single: bool):
    for size in (300 << 10, 1 << 20, 12 << 20):
        try:
            async with RawClient.joined(room, f"mallory-{size}", single) as client:
                await client.line.send(bytes(size))
                await client.say(update_metadata={"metadata": "m" * size})
                await _settle(client)
        except REFUSED:
            pass


async def _floods(room: str, single: bool):
    """Thousands of messages at once. A server may answer, close, or read slowly: only others must not notice."""
    with contextlib.suppress(*REFUSED):
        async with asyncio.timeout(4), RawClient.joined(room, "mallory-flood", single) as client:
            for number in range(3000):
                await client.say(add_track={"cid": f"c{number}", "type": "VIDEO", "source": "CAMERA"})
            for _ in range(3000):
                await client.say(ping_req={"timestamp": 1})
            await client.answers()


async def _half_open_sockets():
    where = urlsplit(settings.URL)
    lines = []
    for number in range(60):
        line = socket.create_connection((where.hostname, where.port))
        line.send([b"", b"GET /rtc HTTP/1.1\r\nHost: x\r\nUpg", random.Random(number).randbytes(200)][number % 3])
        lines.append(line)
        if number % 10 == 0:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    for line in lines:
        line.close()


async def test_nonsense_on_the_signal_line_leaves_an_honest_call_intact(stage, note):
    call = await HonestCall.start(stage, note)

    async def attack():
        await asyncio.gather(
            *(_rubbish(stage.room, seed, stage.single) for seed in range(6)),
            _flipped_bytes(stage.room, stage.single),
            _half_open_sockets(),
        )

    await call.intact_during(attack())


async def test_true_messages_in_wrong_order_leave_an_honest_call_intact(stage, note):
    call = await HonestCall.start(stage, note)

    await call.intact_during(_true_messages_in_wrong_order(stage.room, call, stage.single))

    assert not call.bob.publication("alice").muted
    assert call.bob.room.remote_participants["alice"].metadata == ""


async def test_huge_messages_and_floods_leave_an_honest_call_intact(stage, note):
    call = await HonestCall.start(stage, note)

    async def attack():
        await asyncio.gather(_huge_messages(stage.room, stage.single), _floods(stage.room, stage.single))

    await call.intact_during(attack())
    carol = await stage.join("carol")
    await carol.watches("alice", 10, (320, 180), 60)


async def test_readers_that_never_read_leave_an_honest_call_intact(stage, note):
    call = await HonestCall.start(stage, note)

    async def deaf(number):
        jwt = token(f"deaf{number}", stage.room)
        async with RawClient.connect(v1_url(jwt) if stage.single else v0_url(jwt)) as client:
            client.line.transport.pause_reading()
            with contextlib.suppress(*REFUSED):
                for turn in range(300):
                    await client.say(ping_req={"timestamp": turn})
            await asyncio.sleep(1)
            client.line.transport.abort()

    await call.intact_during(asyncio.gather(*(deaf(n) for n in range(4))))


async def test_an_identity_inside_a_message_is_not_believed(stage):
    """A participant can't speak for another: its own update changes itself only."""
    alice, bob = await stage.pair()

    async with RawClient.joined(stage.room, "mallory", stage.single, can_update_own_metadata=True) as mallory:
        await mallory.say(update_metadata={"name": "alice", "metadata": "changed"})
        assert await mallory.answers()
        await alice.microphone(440)
        await bob.hears("alice", 440)

    assert bob.room.remote_participants["alice"].metadata == ""
    assert mallory.join.participant.identity == "mallory"
    assert mallory.join.participant.kind == models.ParticipantInfo.STANDARD
