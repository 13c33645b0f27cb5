"""Rights that the server API changes while their holder is in the room, and what publishers allow."""

import contextlib

from livekit import api, rtc

import settings


@contextlib.asynccontextmanager
async def backend():
    client = api.LiveKitAPI(settings.HTTP, settings.API_KEY, settings.API_SECRET)
    try:
        yield client
    finally:
        await client.aclose()


async def permit(stage, identity, **rights):
    permission = {"can_subscribe": True, "can_publish": True, "can_publish_data": True, **rights}
    async with backend() as client:
        await client.room.update_participant(
            api.UpdateParticipantRequest(
                room=stage.room, identity=identity, permission=api.ParticipantPermission(**permission)
            )
        )


async def stops(stage, peer, other):
    """Waits until no picture of `other` has come for a while. The SDK tells of no end that the server has made."""
    sink = await peer.sink(other)
    for _ in range(20):
        before = sink.frames
        try:
            await stage.until(lambda b=before: sink.frames > b, "a picture", 0.7)
        except AssertionError:
            return
    raise AssertionError(f"{peer.identity} still sees {other}")


async def test_losing_the_right_to_publish_ends_a_track_and_getting_it_back_lets_another_begin(stage):
    alice, bob = await stage.active_pair()
    await alice.camera()
    await bob.watches("alice", frames=5)

    await permit(stage, "alice", can_publish=False)

    await bob.saw("track_unsubscribed")
    await alice.saw("participant_permissions_changed")
    await permit(stage, "alice")
    await stage.until(lambda: alice.count("participant_permissions_changed") >= 2, "alice may publish again")
    await alice.camera(luma=180)
    await bob.watches("alice", frames=5, luma=180)


async def test_losing_the_right_to_subscribe_stops_what_comes_in_until_it_is_back(stage):
    alice, bob = await stage.active_pair()
    await alice.camera()
    await bob.watches("alice", frames=5)

    await permit(stage, "bob", can_subscribe=False)
    await stops(stage, bob, "alice")
    await permit(stage, "bob")

    await bob.watches("alice", frames=5)


async def test_losing_the_right_to_send_data_drops_it(stage):
    alice, bob = await stage.active_pair()
    await alice.me.publish_data(b"before", topic="t")
    await bob.saw("data_received")

    await permit(stage, "alice", can_publish_data=False)
    await alice.saw("participant_permissions_changed")
    with contextlib.suppress(Exception):
        await alice.me.publish_data(b"meanwhile", topic="t")
    with contextlib.suppress(AssertionError):  # The SDK sends a little later than it says.
        await bob.saw("data_received", lambda packet: packet.data == b"meanwhile", seconds=1)
    await permit(stage, "alice")
    await stage.until(lambda: alice.count("participant_permissions_changed") >= 2, "alice may send again")
    await alice.me.publish_data(b"after", topic="t")

    await bob.saw("data_received", lambda packet: packet.data == b"after")
    assert not bob.seen("data_received", lambda packet: packet.data == b"meanwhile")


async def test_a_publisher_gives_and_takes_the_right_to_receive_a_track(stage):
    alice, bob = await stage.active_pair()
    carol = await stage.join("carol")
    only_bob = rtc.ParticipantTrackPermission(participant_identity="bob", allow_all=True)
    alice.me.set_track_subscription_permissions(allow_all_participants=False, participant_permissions=[only_bob])
    await alice.camera()

    await bob.watches("alice", frames=5)
    await carol.published("alice")
    assert carol.count("track_subscribed") == 0
    alice.me.set_track_subscription_permissions(allow_all_participants=True)
    await carol.watches("alice", frames=5)
    alice.me.set_track_subscription_permissions(allow_all_participants=False, participant_permissions=[only_bob])
    await stops(stage, carol, "alice")
    await bob.watches("alice", frames=5)


async def test_whoever_is_removed_is_told_and_stays_out(stage):
    alice, bob = await stage.active_pair()

    async with backend() as client:
        identity = api.RoomParticipantIdentity(room=stage.room, identity="bob")
        await client.room.remove_participant(identity)

    (reason,) = await bob.saw("disconnected")
    assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
    await alice.saw("participant_disconnected")


async def test_a_track_muted_by_the_server_falls_silent(stage):
    alice, bob = await stage.active_pair()
    _, publication = await alice.microphone(hertz=440)
    await bob.hears("alice", 440)

    async with backend() as client:
        request = api.MuteRoomTrackRequest(room=stage.room, identity="alice", track_sid=publication.sid, muted=True)
        await client.room.mute_published_track(request)

    await bob.saw("track_muted")
    await stage.until(lambda: publication.muted, "alice knows that she is muted")
