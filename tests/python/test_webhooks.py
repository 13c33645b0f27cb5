"""Webhooks of a server of our own, read by the receiver of LiveKit's SDK."""

import asyncio

import pytest_asyncio
from aiohttp import web
from livekit import api, rtc

from own_server import OwnServer

KEY, SECRET = "devkey", "secret"
DEADLINE_S = 15


class Receiver:
    """An application's backend."""

    def __init__(self):
        self.events: asyncio.Queue = asyncio.Queue()
        self._receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))

    async def take(self, request):
        body = await request.text()
        self.events.put_nowait(self._receiver.receive(body, request.headers["Authorization"]))
        return web.Response()

    async def next(self) -> api.WebhookEvent:
        return await asyncio.wait_for(self.events.get(), DEADLINE_S)


@pytest_asyncio.fixture
async def receiver():
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def server(receiver, tmp_path):
    """A server that tells `receiver`; gives its address."""
    async with OwnServer.run(tmp_path, CLAPT_WEBHOOK__API_KEY=KEY, CLAPT_WEBHOOK__URLS=f"['{receiver.url}']") as made:
        yield made.url


async def test_a_short_class_is_told_from_its_start_to_its_end(server, receiver):
    grants = api.VideoGrants(room_join=True, room="yoga")
    token = api.AccessToken(KEY, SECRET).with_identity("alice").with_grants(grants).to_jwt()
    room = rtc.Room()
    await room.connect(server, token)
    joined = [await receiver.next(), await receiver.next()]
    source = rtc.AudioSource(48_000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("mic", source)
    publication = await room.local_participant.publish_track(track)
    published = await receiver.next()
    await room.local_participant.unpublish_track(publication.sid)
    unpublished = await receiver.next()
    await room.disconnect()
    left = await receiver.next()
    async with api.LiveKitAPI(server.replace("ws", "http", 1), KEY, SECRET) as backend:
        await backend.room.delete_room(api.DeleteRoomRequest(room="yoga"))
    finished = await receiver.next()

    assert [event.event for event in joined] == ["room_started", "participant_joined"]
    assert joined[1].participant.identity == "alice"
    assert (published.event, published.track.sid) == ("track_published", publication.sid)
    assert (unpublished.event, unpublished.track.sid) == ("track_unpublished", publication.sid)
    assert (left.event, left.participant.identity) == ("participant_left", "alice")
    assert (finished.event, finished.room.name) == ("room_finished", "yoga")
    events = [*joined, published, unpublished, left, finished]
    assert len({event.id for event in events}) == 6
    assert len({event.room.sid for event in events}) == 1
    assert all(event.created_at > 1_700_000_000 for event in events)
