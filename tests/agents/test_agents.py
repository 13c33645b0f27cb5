"""LiveKit's agents against a server: a worker process, its agents in rooms, people beside them."""

import asyncio
import contextlib
import os
import pathlib
import sys
import uuid

import pytest
from livekit import api, rtc

URL, KEY, SECRET = (os.environ[name] for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"))
WORKER = pathlib.Path(__file__).with_name("worker.py")
START_S = 60
DEADLINE_S = 30


@contextlib.asynccontextmanager
async def worker(name: str):
    """A worker that has registered."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), name, "start", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    lines = []

    async def until_registered():
        while line := await process.stdout.readline():
            lines.append(line.decode(errors="replace"))
            if "registered worker" in lines[-1]:
                return
        raise AssertionError("the worker ended:\n" + "".join(lines))

    async def drain():
        while await process.stdout.readline():
            pass

    draining = None
    try:
        await asyncio.wait_for(until_registered(), START_S)
        draining = asyncio.create_task(drain())
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if draining:
            draining.cancel()


class Person:
    """Somebody in a room who notes what agents say."""

    def __init__(self):
        self.room = rtc.Room()
        self.heard: asyncio.Queue = asyncio.Queue()
        self.came: asyncio.Queue = asyncio.Queue()
        self.left: asyncio.Queue = asyncio.Queue()
        self.room.on("data_received", lambda packet: self.heard.put_nowait(packet))
        self.room.on("participant_connected", lambda who: self.came.put_nowait(who))
        self.room.on("participant_disconnected", lambda who: self.left.put_nowait(who))

    async def hears(self) -> rtc.DataPacket:
        return await asyncio.wait_for(self.heard.get(), DEADLINE_S)

    async def meets(self) -> rtc.RemoteParticipant:
        return await asyncio.wait_for(self.came.get(), DEADLINE_S)


@contextlib.asynccontextmanager
async def person(room: str, agents=()):
    """Joins; `agents` are called by the token."""
    token = api.AccessToken(KEY, SECRET).with_identity("alice").with_grants(api.VideoGrants(room_join=True, room=room))
    if agents:
        token = token.with_room_config(api.RoomConfiguration(agents=list(agents)))
    made = Person()
    await made.room.connect(URL, token.to_jwt())
    try:
        yield made
    finally:
        await made.room.disconnect()


async def jobs_of(backend, dispatch):
    """The jobs of a dispatch, as soon as there are any."""
    while True:
        listed = await backend.agent_dispatch.list_dispatch(dispatch.room)
        jobs = [job for one in listed if one.id == dispatch.id for job in one.state.jobs]
        if jobs:
            return jobs


@pytest.fixture
def room() -> str:
    return "agents-" + uuid.uuid4().hex[:8]


async def test_an_unnamed_agent_comes_into_every_room(room):
    async with worker(""), person(room) as alice:
        agent = await alice.meets()
        packet = await alice.hears()

        assert packet.data == b"hello from" and packet.topic == "agent"
        assert agent.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        assert agent.identity.startswith("agent-")


async def test_a_named_agent_comes_when_it_is_called_and_goes_when_that_is_taken_back(room):
    async with worker("tutor"), api.LiveKitAPI(URL.replace("ws", "http", 1), KEY, SECRET) as backend:
        async with person(room) as alice:
            wish = api.CreateAgentDispatchRequest(agent_name="tutor", room=room, metadata="maths")
            made = await backend.agent_dispatch.create_dispatch(wish)
            agent = await alice.meets()
            packet = await alice.hears()
            jobs = await asyncio.wait_for(jobs_of(backend, made), DEADLINE_S)
            await backend.agent_dispatch.delete_dispatch(made.id, room)
            left = await asyncio.wait_for(alice.left.get(), DEADLINE_S)

    assert packet.data == b"hello from tutor maths"
    assert [job.state.participant_identity for job in jobs] == [agent.identity]
    assert left.identity == agent.identity
    assert alice.heard.empty(), "it was called once"


async def test_a_named_agent_is_called_by_the_token_that_opens_the_room(room):
    async with worker("tutor"):
        async with person(room, [api.RoomAgentDispatch(agent_name="tutor", metadata="t")]) as alice:
            assert (await alice.hears()).data == b"hello from tutor t"


async def test_a_worker_that_dies_leaves_its_place_to_the_next(room):
    async with worker("tutor") as first:
        first.kill()
        await first.wait()
        async with worker("tutor"):
            async with person(room, [api.RoomAgentDispatch(agent_name="tutor")]) as alice:
                assert (await alice.hears()).data == b"hello from tutor"
