"""Who is there, what is told of them, and what their tokens allow."""

import asyncio

import pytest
from livekit import rtc
from livekit.protocol import rtc as proto

from stage import token

CAMERA = rtc.TrackSource.SOURCE_CAMERA
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE


async def test_what_the_token_says_is_what_others_see(stage):
    bob = await stage.join("bob")
    await stage.join(
        "alice", jwt=token("alice", stage.room, name="Alice Ä", metadata='{"a": 1}', attributes={"colour": "blue"})
    )

    (alice,) = await bob.saw("participant_connected")

    assert (alice.identity, alice.name, alice.metadata, alice.attributes) == ("alice", "Alice Ä", '{"a": 1}', {"colour": "blue"})
    assert alice.sid.startswith("PA_")
    assert bob.room.name == stage.room


async def test_a_participant_changes_name_metadata_and_attributes(stage):
    alice = await stage.join("alice", can_update_own_metadata=True)
    bob = await stage.join("bob")

    await alice.me.set_metadata("new metadata")
    await alice.me.set_name("New Name")
    await alice.me.set_attributes({"one": "1", "two": "2"})
    await bob.saw("participant_metadata_changed", lambda p, old, new: (p.identity, new) == ("alice", "new metadata"))
    await bob.saw("participant_name_changed", lambda p, old, new: new == "New Name")
    await bob.saw("participant_attributes_changed", lambda changed, p: changed == {"one": "1", "two": "2"})
    await alice.me.set_attributes({"one": "", "two": "3"})
    await stage.until(lambda: bob.room.remote_participants["alice"].attributes == {"two": "3"}, "an empty value removes")

    carol = await stage.join("carol")
    seen = carol.room.remote_participants["alice"]
    assert (seen.name, seen.metadata, seen.attributes) == ("New Name", "new metadata", {"two": "3"})


async def test_metadata_stays_without_the_right_to_change_it(stage, signal_proxy):
    alice = await stage.join("alice", url=signal_proxy.url)
    bob = await stage.join("bob")

    await alice.me.set_metadata("mine")
    await alice.me.set_attributes({"mine": "1"})
    await alice.microphone(440)
    await bob.hears("alice", 440)

    seen = bob.room.remote_participants["alice"]
    assert (seen.metadata, seen.attributes) == ("", {})
    answers = [message.request_response for _, _, kind, message in signal_proxy.log if kind == "request_response"]
    assert [answer.reason for answer in answers] == [proto.RequestResponse.NOT_ALLOWED] * 2


async def test_publishing_is_refused_without_the_right(stage):
    alice = await stage.join("alice", can_publish=False)
    bob = await stage.join("bob")

    refused = asyncio.create_task(alice.camera())
    await bob.camera(luma=190)
    await alice.watches("bob", 10, luma=190)

    assert not bob.publication("alice")
    await _not_granted(refused)


async def test_only_sources_that_the_token_names_may_be_published(stage):
    alice = await stage.join("alice", can_publish_sources=["microphone"])
    bob = await stage.join("bob")

    refused = asyncio.create_task(alice.camera())
    await alice.microphone(440)
    await bob.hears("alice", 440)

    assert not bob.publication("alice", CAMERA)
    await _not_granted(refused)


async def _not_granted(publish: asyncio.Task):
    """A refused track never becomes a publication; SDKs learn of it by an error or by silence."""
    publish.cancel()
    result = await asyncio.gather(publish, return_exceptions=True)
    assert isinstance(result[0], BaseException), f"published: {result[0]}"


async def test_nothing_is_received_without_the_right_to_subscribe(stage):
    alice, bob = await stage.pair()
    carol = await stage.join("carol", can_subscribe=False)

    await alice.camera(luma=60)
    await bob.watches("alice", 10)
    if carol.publication("alice"):
        carol.publication("alice").set_subscribed(True)
    await bob.watches("alice", 30)

    assert carol.count("track_subscribed") == 0


async def test_data_is_dropped_without_the_right_to_send_it(stage):
    alice = await stage.join("alice", can_publish_data=False)
    bob = await stage.join("bob")
    carol = await stage.join("carol")
    await stage.until(lambda: "carol" in bob.room.remote_participants, "bob knows carol")

    async def talk(peer):
        while True:
            try:
                await peer.me.publish_data(peer.identity)
            except Exception:
                pass
            await asyncio.sleep(0.05)

    talking = [asyncio.create_task(talk(alice)), asyncio.create_task(talk(bob))]
    await stage.until(lambda: carol.count("data_received") >= 20, "bob's data", 15)
    for task in talking:
        task.cancel()

    assert {args[0].data for name, args in carol.events if name == "data_received"} == {b"bob"}


async def test_a_hidden_participant_sees_and_is_not_seen(stage):
    alice = await stage.join("alice")
    ghost = await stage.join("ghost", hidden=True, can_publish=False)
    await alice.camera(luma=60)
    await ghost.watches("alice", 10, luma=60)
    bob = await stage.join("bob")
    await alice.saw("participant_connected", lambda p: p.identity == "bob")
    await ghost.leave()
    await bob.leave()
    await alice.saw("participant_disconnected", lambda p: p.identity == "bob")

    assert "ghost" not in bob.room.remote_participants
    assert alice.seen("participant_connected", lambda p: p.identity == "ghost") is None
    assert alice.seen("participant_disconnected", lambda p: p.identity == "ghost") is None


async def test_the_newer_of_two_with_one_identity_stays(stage):
    alice, bob = await stage.pair()
    first_sid = bob.room.remote_participants["alice"].sid
    await alice.camera(luma=60)
    await bob.watches("alice", 10, luma=60)

    again = await stage.join("alice")
    (reason,) = await alice.saw("disconnected")
    await again.camera(luma=190)
    await bob.watches("alice", 10, luma=190)

    assert reason == rtc.DisconnectReason.DUPLICATE_IDENTITY
    assert bob.room.remote_participants["alice"].sid != first_sid
    assert [p for p in bob.room.remote_participants] == ["alice"]


async def test_a_token_that_fails_does_not_touch_the_one_who_is_there(stage):
    alice, bob = await stage.pair()

    with pytest.raises(Exception):
        await stage.join("alice", jwt=token("alice", stage.room)[:-4] + "AAAA")
    with pytest.raises(Exception):
        await stage.join("alice", jwt=token("alice", stage.room, ttl_s=-600))

    await alice.camera(luma=60)
    await bob.watches("alice", 10, luma=60)
    assert alice.count("disconnected") == 0


async def test_leaving_is_told_with_its_tracks(stage):
    alice, bob = await stage.pair()
    await alice.camera(luma=60)
    await bob.watches("alice", 5)

    await alice.leave()
    (left,) = await bob.saw("participant_disconnected")

    assert left.identity == "alice"
    assert left.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED
    assert bob.count("track_unsubscribed") == 1
    assert not bob.room.remote_participants


async def test_rooms_do_not_hear_of_each_other(stage):
    alice, bob = await stage.pair()
    stranger = await stage.join("stranger", jwt=token("stranger", stage.room + "-other"))
    await alice.camera(luma=60)
    await bob.watches("alice", 20)

    assert not stranger.room.remote_participants
    assert stranger.count("track_subscribed") == 0
