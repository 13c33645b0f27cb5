"""Losing the line, and what stays."""

import asyncio

import pytest
from livekit import rtc
from livekit.rtc._proto.room_pb2 import SimulateScenarioKind as Scenario

# Scenario, and whether the participant keeps its sid (a resume) or comes back as new (a full reconnect).
SCENARIOS = [
    (Scenario.SIMULATE_SIGNAL_RECONNECT, True),
    (Scenario.SIMULATE_NODE_FAILURE, None),
    (Scenario.SIMULATE_MIGRATION, None),
    (Scenario.SIMULATE_SERVER_LEAVE, None),
    (Scenario.SIMULATE_FULL_RECONNECT, False),
    (Scenario.SIMULATE_DISCONNECT_SIGNAL_ON_RESUME, None),
]


@pytest.mark.parametrize("scenario,resumed", SCENARIOS, ids=[Scenario.Name(s)[9:].lower() for s, _ in SCENARIOS])
async def test_media_and_data_go_on_both_ways_after(stage, scenario, resumed):
    alice, bob = await stage.active_pair()
    await alice.camera(320, 180, luma=60)
    await bob.camera(320, 180, luma=190)
    await bob.watches("alice", 10, luma=60)
    await alice.watches("bob", 10, luma=190)
    sid = bob.room.local_participant.sid

    await bob.room.simulate_scenario(scenario)
    if scenario == Scenario.SIMULATE_SERVER_LEAVE:
        await _ends_or_returns(stage, bob)
        return
    await bob.saw("reconnected", seconds=25)

    await asyncio.gather(bob.watches("alice", 10, luma=60, seconds=15), alice.watches("bob", 10, luma=190, seconds=15))
    await _data_arrives(stage, alice, bob)
    await _data_arrives(stage, bob, alice)
    if resumed is not None:
        assert (alice.room.remote_participants["bob"].sid == sid) == resumed
    assert bob.count("disconnected") == 0


async def _ends_or_returns(stage, bob):
    """A leave from the server is followed, one way or the other."""
    await stage.until(lambda: bob.count("disconnected") or bob.count("reconnected"), "bob follows the leave", 20)


async def _data_arrives(stage, sender, receiver):
    async def talk():
        while True:
            await sender.me.publish_data("still here", topic="after")
            await asyncio.sleep(0.05)

    talking = asyncio.create_task(talk())
    try:
        await receiver.saw("data_received", lambda p: p.topic == "after")
    finally:
        talking.cancel()


async def test_a_cut_signal_line_is_resumed_while_media_flows(stage, signal_proxy):
    alice = await stage.join("alice")
    bob = await stage.join("bob", url=signal_proxy.url)
    await alice.camera(320, 180, luma=60)
    sink = await bob.watches("alice", 10, luma=60)
    frames, sid = sink.frames, bob.me.sid

    signal_proxy.cut()
    await bob.saw("reconnected", seconds=20)
    await bob.watches("alice", 10, luma=60)

    assert bob.sinks[bob.publication("alice").sid] is sink, "the same track goes on"
    assert sink.frames > frames + 10
    assert alice.room.remote_participants["bob"].sid == sid
    assert alice.count("participant_disconnected") == 0
    assert "reconnect" in signal_proxy.kinds("down")
    assert any("reconnect=1" in path or "join_request" in path for path in signal_proxy.paths[1:])


async def test_what_happens_during_an_outage_is_told_at_its_end(stage, signal_proxy):
    alice = await stage.join("alice", can_update_own_metadata=True)
    bob = await stage.join("bob", url=signal_proxy.url)
    _, publication = await alice.camera(320, 180, luma=60)
    await bob.watches("alice", 10, luma=60)

    signal_proxy.open = False
    signal_proxy.cut()
    await bob.saw("reconnecting", seconds=15)
    await alice.me.unpublish_track(publication.sid)
    await alice.microphone(440)
    await alice.me.set_metadata("meanwhile")
    carol = await stage.join("carol")
    signal_proxy.open = True
    await bob.saw("reconnected", seconds=25)

    await stage.until(lambda: "carol" in bob.room.remote_participants, "bob knows carol")
    await stage.until(lambda: bob.room.remote_participants["alice"].metadata == "meanwhile", "bob knows the metadata")
    await stage.until(lambda: not bob.publication("alice"), "bob knows that the camera is gone")
    await bob.hears("alice", 440)
    assert carol.room.remote_participants["bob"]
