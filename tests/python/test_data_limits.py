"""What a server's limits of data turn away, and that nobody else notices. The limits are low, so that few packets hit them."""

import asyncio

import pytest_asyncio
from livekit import rtc

from own_server import OwnServer

PACKETS_PER_SECOND = 20
BYTES_MAX = 2000


@pytest_asyncio.fixture
async def server(tmp_path):
    limits = {
        "CLAPT_LIMIT__DATA_PACKETS_PER_SECOND": str(PACKETS_PER_SECOND),
        "CLAPT_LIMIT__DATA_TRACK_PACKETS_PER_SECOND": str(PACKETS_PER_SECOND),
        "CLAPT_LIMIT__DATA_PACKET_BYTES_MAX": str(BYTES_MAX),
    }
    async with OwnServer.run(tmp_path, **limits) as made:
        yield made


async def trio(stage, server):
    """mallory, who does too much, and alice and bob, who talk."""
    alice, bob, mallory = [await stage.join(name, url=server.url) for name in ("alice", "bob", "mallory")]
    await stage.until(lambda: all(len(peer.room.remote_participants) == 2 for peer in (alice, bob, mallory)), "three who see each other")
    return alice, bob, mallory


async def refused(server, reason: str) -> float:
    return await server.counted("clapt_signal_refused_total", f'reason="{reason}"')


def heard(peer, identity: str) -> list[bytes]:
    return [args[0].data for name, args in peer.events if name == "data_received" and args[0].participant.identity == identity]


async def test_packets_above_the_rate_are_dropped_and_counted_and_others_lose_none(stage, server):
    alice, bob, mallory = await trio(stage, server)

    for number in range(200):
        await mallory.me.publish_data(b"x" * 50, reliable=number % 2 == 0)
    for number in range(PACKETS_PER_SECOND // 2):
        await alice.me.publish_data(f"{number}")
    await stage.until(lambda: len(heard(bob, "alice")) == PACKETS_PER_SECOND // 2, "all that alice said")

    assert 0 < len(heard(bob, "mallory")) < 200
    assert await refused(server, "data-rate") == 200 - len(heard(bob, "mallory"))


async def test_a_packet_that_is_too_long_reaches_nobody_and_is_counted(stage, server):
    _, bob, mallory = await trio(stage, server)

    await mallory.me.publish_data(b"x" * (BYTES_MAX + 1), topic="long")
    await mallory.me.publish_data(b"short")
    await stage.until(lambda: heard(bob, "mallory"), "the short packet")

    assert heard(bob, "mallory") == [b"short"]
    assert await refused(server, "data-size") == 1


async def test_frames_of_a_data_track_above_the_rate_are_dropped_and_counted(stage, server):
    _, bob, mallory = await trio(stage, server)
    track = await asyncio.wait_for(mallory.me.publish_data_track(name="flood"), 10)
    (published,) = await bob.saw("data_track_published")
    frames = published.subscribe()

    async def flood():
        while not await refused(server, "data-track-rate"):
            for _ in range(PACKETS_PER_SECOND):
                track.try_push(rtc.DataTrackFrame(payload=b"x" * 50))
                await asyncio.sleep(0.005)  # The SDK's own queue takes no more at once.

    flooding = asyncio.create_task(flood())
    first = await asyncio.wait_for(anext(aiter(frames)), 10)
    await asyncio.wait_for(flooding, 15)
    frames.close()

    assert first.payload == b"x" * 50
