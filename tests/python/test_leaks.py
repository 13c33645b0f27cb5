"""Subscribing and publishing again and again leaves nothing behind."""

from dataclasses import dataclass

import pytest
import pytest_asyncio

from own_server import Holdings, OwnServer
from signal_proxy import SignalProxy
from stage import Peer, Stage

# Depends on the moment, not on what was done: how busy a shard is, and connections of this test's own look-ups.
MOMENTARY = ("clapt_shard_busy_ratio", "clapt_http_connections")

# What the allocator keeps in fragments differs by up to 450 KiB from call to call; losing 4 KiB in each round is more.
MEMORY_NOISE_KIB = 800


@pytest_asyncio.fixture
async def server(tmp_path):
    # Rooms close at once, so that an empty server holds nothing. With one shard and one arena of the allocator it
    # doesn't matter which thread a room comes to.
    settings = {"CLAPT_ROOM__DEPARTURE_TIMEOUT": "1", "CLAPT_RTC__SHARDS": "1", "MALLOC_ARENA_MAX": "1"}
    async with OwnServer.run(tmp_path, **settings) as made:
        yield made


@pytest_asyncio.fixture
async def at_bob(server):
    proxy = SignalProxy(server.url)
    await proxy.start()
    yield proxy
    await proxy.aclose()


@dataclass
class Call:
    """alice, who sends picture and tone, and bob, whose signalling is recorded."""

    stage: Stage
    alice: Peer
    bob: Peer
    at_bob: SignalProxy
    camera: object
    publication: object

    @classmethod
    async def start(cls, stage: Stage, server: OwnServer, at_bob: SignalProxy) -> "Call":
        alice = await stage.join("alice", url=server.url)
        bob = await stage.join("bob", url=at_bob.url)
        await alice.microphone(440)
        camera, publication = await alice.camera(320, 180, luma=40, fps=15)
        await bob.hears("alice", 440)
        await bob.watches("alice", 3)
        return cls(stage, alice, bob, at_bob, camera, publication)

    def answers(self) -> int:
        return sum(1 for _, _, kind, _ in self.at_bob.log if kind == "answer")

    async def subscribe_again(self, rounds: int):
        for turn in range(rounds):
            for wanted in (False, True):
                before = self.answers()
                self.bob.publication("alice").set_subscribed(wanted)
                await self.at_bob.board.until(lambda b=before: self.answers() > b, f"the answer to {wanted} in turn {turn}")

    async def publish_again(self, rounds: int):
        for turn in range(rounds):
            before = self.bob.count("track_unpublished"), self.bob.count("track_published"), self.answers()
            await self.alice.me.unpublish_track(self.publication.sid)
            await self.stage.until(lambda b=before: self.bob.count("track_unpublished") > b[0], f"the end of turn {turn}")
            self.publication = await self.alice.publish(self.camera)
            await self.stage.until(lambda b=before: self.bob.count("track_published") > b[1], f"the track of turn {turn}")
            await self.at_bob.board.until(lambda b=before: self.answers() > b[2], f"the answer of turn {turn}")

    def description_lines(self) -> int:
        """The lines of bob's last description; their lengths are up to random names and numbers."""
        return self.at_bob.descriptions()[-1].count("\n")

    async def end(self):
        await self.stage.aclose()


def _settled(holdings: Holdings) -> dict[str, float]:
    return {name: value for name, value in holdings.gauges.items() if not name.startswith(MOMENTARY)}


def _is_empty(holdings: Holdings) -> bool:
    return not any(_settled(holdings).values())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", ["single", "dual"])
async def test_200_subscriptions_and_50_publications_leave_everything_as_it_was(server, at_bob, mode, note):
    async def call(subscriptions: int, publications: int):
        started = await Call.start(Stage(f"leaks-{mode}", single=mode == "single"), server, at_bob)
        await started.subscribe_again(subscriptions)
        await started.publish_again(publications)
        return started

    # The first call also brings the server to the size that it needs.
    first = await call(40, 50)
    sdp = first.description_lines()
    in_call = await server.until_holds(lambda now: now.gauges["clapt_subscriptions"] == 2, "two subscriptions")
    await first.end()
    empty = await server.until_holds(_is_empty, "an empty server")

    second = await call(200, 50)
    sdp_after = second.description_lines()
    tracks = await server.until_holds(lambda now: _settled(now) == _settled(in_call), f"as before: {_settled(in_call)}")
    await second.end()
    after = await server.until_holds(lambda now: _is_empty(now) and now.descriptors <= empty.descriptors, "as empty as before")

    note(
        f"SDP {sdp} to {sdp_after} lines; file descriptors {in_call.descriptors} to {tracks.descriptors} in the call, "
        f"{empty.descriptors} to {after.descriptors} after it; memory {empty.memory_kib} to {after.memory_kib} KiB"
    )
    assert sdp_after <= sdp
    assert tracks.descriptors <= in_call.descriptors
    assert after.memory_kib <= empty.memory_kib + MEMORY_NOISE_KIB
