"""Floods of what is allowed and of what is not. Each comes from peers of its own and ends when a limit was hit, or when all was said."""

import asyncio
import contextlib
import gzip
import random
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import websockets
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from livekit.protocol import rtc as proto

import settings
from http_peer import Player, Publisher
from raw_signal import RawClient, join_request, v0_url, v1_url, wrap
from stage import Stage, token

REFUSED = (websockets.InvalidStatus, websockets.InvalidMessage, websockets.ConnectionClosed, ConnectionError, asyncio.TimeoutError, OSError)

ROOMS = 4
# The kernel keeps up to 10 MiB of them for who doesn't read.
UPDATES = 150
SOCKETS = 24
BODIES = 48
BOMBS = 100
READERS = 3
SPEAKERS = 4

BODY_BYTES = 1 << 20
MESSAGE_BYTES = 256 << 10
TEXT_BYTES = 60_000
NAME_BYTES = 200

# A flood of so many seconds has seen whatever it can do.
LONGEST_S = 14

# Tells whether the server has refused for a reason, by the name of its counter.
Refused = Callable[[], Awaitable[bool]]


async def unread_sockets(stage: Stage, _refused: Refused):
    """In each of some rooms one changes its long texts all the time, and one never reads of it."""

    async def room(name: str):
        async with (
            RawClient.connect(v0_url(token("deaf", name))) as deaf,
            RawClient.joined(name, "noisy", stage.single, can_update_own_metadata=True) as noisy,
        ):
            deaf.line.transport.pause_reading()
            for turn in range(UPDATES):
                text = f"{turn}".ljust(TEXT_BYTES)
                await noisy.say(update_metadata={"metadata": text, "attributes": {"text": text}})
                await noisy.next("request_response")
            deaf.line.transport.abort()

    await asyncio.gather(*(room(f"{stage.room}-{number}") for number in range(ROOMS)))


async def compression_bombs(stage: Stage, _refused: Refused):
    """Join requests of 40 KiB that would be 40 MiB, as many at once as an impatient crowd sends."""
    bomb = wrap(gzip.compress(bytes(40 << 20), 9), proto.WrappedJoinRequest.GZIP)

    async def throw(number: int):
        with contextlib.suppress(*REFUSED):
            async with RawClient.connect(v1_url(token(f"mallory-{number}", stage.room), bomb)) as client:
                await client.answers()

    await asyncio.gather(*(throw(number) for number in range(BOMBS)))


async def signalling(stage: Stage, _refused: Refused):
    """True messages as fast as they go, whose answers are read by nobody."""
    sids = [f"TR_{number}" for number in range(500)]
    wishes = [
        dict(track_setting={"track_sids": sids, "quality": "LOW"}),
        dict(subscription={"track_sids": sids, "subscribe": True}),
        dict(ping_req={"timestamp": 1}),
    ]
    messages = [proto.SignalRequest(**wish).SerializeToString() for wish in wishes]

    async def flood(number: int):
        with contextlib.suppress(*REFUSED):
            async with RawClient.joined(stage.room, f"mallory-{number}", stage.single) as client:
                client.line.transport.pause_reading()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(4):
                        for turn in range(1000):
                            await client.line.send(messages[turn % len(messages)])
                client.line.transport.abort()

    await asyncio.gather(*(flood(number) for number in range(SPEAKERS)))


async def announcements(stage: Stage, _refused: Refused):
    """10 000 tracks with long names."""
    async with RawClient.joined(stage.room, "mallory", stage.single) as client:
        answered = asyncio.create_task(client.next("pong_resp", 60))
        for number in range(10_000):
            await client.say(add_track={"cid": f"c{number}", "name": "n" * NAME_BYTES, "type": "VIDEO", "source": "CAMERA"})
        await client.say(ping_req={"timestamp": 1})
        await answered


async def unfinished_messages(stage: Stage, _refused: Refused):
    """Messages of the greatest length that lack their last byte."""
    # Binary, masked with zeros, a length of 64 bits (RFC 6455, section 5.2).
    head = bytes([0x82, 0x80 | 127]) + MESSAGE_BYTES.to_bytes(8, "big") + bytes(4)

    async with contextlib.AsyncExitStack() as lines:
        for number in range(SOCKETS):
            client = await lines.enter_async_context(RawClient.joined(stage.room, f"mallory-{number}", stage.single))
            client.line.transport.write(head + bytes(MESSAGE_BYTES - 1))
            lines.callback(client.line.transport.abort)
        await asyncio.sleep(1)


async def bodies(stage: Stage, _refused: Refused):
    """Calls of the server API and offers by WHIP: whole, without their last byte, and longer than they may be."""
    where = urlsplit(settings.URL)
    bearer = token("mallory", stage.room, room_admin=True, room_list=True, room_create=True)

    async def post(number: int):
        path, kind = [("/twirp/livekit.RoomService/ListRooms", "application/json"), ("/whip", "application/sdp")][number % 2]
        length, sent = (BODY_BYTES, BODY_BYTES - 1) if number % 3 else (64 * BODY_BYTES, 2 * BODY_BYTES)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        with contextlib.suppress(*REFUSED):
            async with asyncio.timeout(LONGEST_S):
                reader, writer = await asyncio.open_connection(where.hostname, where.port)
                writer.write(head.encode() + b'{"names":["'.ljust(sent, b"x"))
                await writer.drain()
                await reader.read(1)
                writer.transport.abort()

    await asyncio.gather(*(post(number) for number in range(BODIES)))


async def feedback(stage: Stage, _refused: Refused):
    """A player that asks for keyframes and for everything that it got once more."""
    player = Player(token("mallory", stage.room), stage.board)
    player.receive("audio", "video")
    await player.offer("/whep")
    await player.watches(60)
    receivers = [(receiver, source.source) for receiver in player.connection.getReceivers() for source in receiver.getSynchronizationSources()]
    noise = random.Random(1)
    for turn in range(1500):
        for receiver, ssrc in receivers:
            await receiver._send_rtcp_pli(ssrc)
            await receiver._send_rtcp_nack(ssrc, sorted({noise.randrange(65536) for _ in range(60)}))
        if turn % 50 == 0:
            await asyncio.sleep(0.01)
    await player.aclose()


async def streams(stage: Stage, _refused: Refused):
    """A publisher with 20 000 SSRCs, of which each claims to be its microphone, at once."""
    publisher = Publisher(token("mallory", stage.room))
    publisher.send()
    await publisher.offer("/whip")
    await stage.until(lambda: publisher.connection.connectionState == "connected", "the publisher connects")
    audio = publisher.connection.getTransceivers()[0]
    parameters = audio.sender._RTCRtpSender__rtp_header_extensions_map
    assert isinstance(parameters, HeaderExtensionsMap)
    for number in range(20_000):
        packet = RtpPacket(payload_type=111, sequence_number=number % 65536, ssrc=0x10000 + number, payload=b"\x78" * 200)
        packet.extensions.mid = audio.mid
        await audio.sender.transport._send_rtp(packet.serialize(parameters))
        if number % 100 == 0:
            await asyncio.sleep(0.005)
    await publisher.aclose()


async def unread_data(stage: Stage, refused: Refused):
    """Participants whose data channels acknowledge nothing any more, while much is said."""
    names = [f"deaf-{number}" for number in range(READERS)]
    readers = [await _data_reader(stage, name) for name in names]
    noisy = await stage.join("noisy")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_S):
            turn = 0
            while not (turn % 10 == 0 and await refused()):
                await noisy.me.publish_data(bytes(14_000), reliable=turn % 2 == 0, destination_identities=names)
                turn += 1
    for reader in readers:
        await reader.aclose()


async def _data_reader(stage: Stage, identity: str) -> contextlib.AsyncExitStack:
    """Joins with one connection, whose data channels open and then fall silent."""
    owned = contextlib.AsyncExitStack()
    connection = RTCPeerConnection()
    owned.push_async_callback(connection.close)
    opened = [asyncio.Event(), asyncio.Event()]
    for label, event in zip(("_reliable", "_lossy"), opened, strict=True):
        connection.createDataChannel(label).on("open", event.set)
    await connection.setLocalDescription(await connection.createOffer())
    offer = join_request(publisher_offer={"type": "offer", "sdp": connection.localDescription.sdp, "id": 1})
    client = await owned.enter_async_context(RawClient.connect(v1_url(token(identity, stage.room), offer)))
    answer = (await client.next("answer")).answer
    await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    async with asyncio.timeout(10):
        for event in opened:
            await event.wait()

    async def overlook(_data: bytes):
        pass

    connection.sctp._handle_data = overlook
    return owned
