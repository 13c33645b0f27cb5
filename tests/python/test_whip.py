"""Publishing by WHIP and watching by WHEP, with LiveKit's SDK in the same room."""

import pytest
import pytest_asyncio
from livekit import rtc

from http_peer import Player, Publisher
from stage import token

CAMERA = rtc.TrackSource.SOURCE_CAMERA
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE


@pytest_asyncio.fixture
async def room(single_stage):
    """A stage whose HTTP peers end with it."""
    made = []

    def add(peer):
        made.append(peer)
        return peer

    single_stage.publisher = lambda identity="obs": add(Publisher(token(identity, single_stage.room)))
    single_stage.player = lambda identity="tv": add(Player(token(identity, single_stage.room), single_stage.board.poke))
    yield single_stage
    for peer in made:
        await peer.aclose()


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_publisher_is_seen_and_heard(room, codec):
    alice = await room.join("alice")
    obs = room.publisher()

    obs.send(luma=60, hertz=1000, codec=codec)
    await obs.offer("/whip")

    await alice.watches("obs", 20, (640, 360), 60, seconds=15)
    await alice.hears("obs", 1000)
    assert alice.publication("obs").mime_type.lower() == f"video/{codec.lower()}"
    participant = alice.room.remote_participants["obs"]
    assert participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS


async def test_a_deleted_publisher_leaves(room):
    alice = await room.join("alice")
    obs = room.publisher()
    obs.send()
    await obs.offer(f"/whip/{room.room}")
    await alice.watches("obs", 5, seconds=15)

    assert await obs.delete() == 200

    await alice.saw("participant_disconnected", lambda participant: participant.identity == "obs")
    assert await obs.delete() == 404


async def test_a_publisher_that_closes_its_connection_leaves(room):
    alice = await room.join("alice")
    obs = room.publisher()
    obs.send()
    await obs.offer("/whip")
    await alice.watches("obs", 5, seconds=15)

    await obs.connection.close()

    await alice.saw("participant_disconnected", lambda participant: participant.identity == "obs")
