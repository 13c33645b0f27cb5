"""The server API, called by LiveKit's own SDK, and what the participants' SDK makes of it."""

import asyncio

import aiohttp
import pytest
import pytest_asyncio
from livekit import api, rtc
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

import settings
from stage import token


@pytest_asyncio.fixture
async def backend():
    made = api.LiveKitAPI(settings.HTTP, settings.API_KEY, settings.API_SECRET)
    yield made
    await made.aclose()


async def refused(call) -> api.TwirpError:
    with pytest.raises(api.TwirpError) as caught:
        await call
    return caught.value


async def falls_silent(stage, sink):
    """Waits until no frame comes for a second."""
    for _ in range(10):
        before = sink.frames
        try:
            await stage.until(lambda before=before: sink.frames > before + 1, "", 1)
        except AssertionError:
            return
    raise AssertionError("frames went on for ten seconds")


async def test_a_room_is_created_before_anybody_joins_and_deleted(single_stage, backend):
    name = single_stage.room
    made = await backend.room.create_room(api.CreateRoomRequest(name=name, metadata="m", max_participants=2))
    alice = await single_stage.join("alice")
    listed = await backend.room.list_rooms(api.ListRoomsRequest(names=[name, "nobody-is-here"]))

    assert made.sid.startswith("RM_") and made.metadata == "m"
    assert alice.room.metadata == "m"
    assert [(room.sid, room.num_participants) for room in listed.rooms] == [(made.sid, 1)]
    await backend.room.delete_room(api.DeleteRoomRequest(room=name))
    reason = (await alice.saw("disconnected"))[0]
    assert reason == rtc.DisconnectReason.ROOM_DELETED
    left = await backend.room.list_rooms(api.ListRoomsRequest(names=[name]))
    assert not left.rooms


async def test_room_metadata_is_told(stage, backend):
    alice = await stage.join("alice")

    await backend.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=stage.room, metadata="news"))

    await alice.saw("room_metadata_changed", lambda old, new: new == "news")


async def test_participants_are_listed_changed_and_removed(stage, backend):
    alice, bob = await stage.active_pair()
    room = stage.room

    listed = await backend.room.list_participants(api.ListParticipantsRequest(room=room))
    changed = await backend.room.update_participant(
        api.UpdateParticipantRequest(room=room, identity="alice", name="Alice", metadata="m", attributes={"seat": "4"})
    )
    await bob.saw("participant_attributes_changed", lambda changed, who: changed == {"seat": "4"})
    got = await backend.room.get_participant(api.RoomParticipantIdentity(room=room, identity="alice"))
    await backend.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="alice"))

    assert {participant.identity for participant in listed.participants} == {"alice", "bob"}
    assert (changed.name, changed.metadata, dict(got.attributes)) == ("Alice", "m", {"seat": "4"})
    assert (await alice.saw("disconnected"))[0] == rtc.DisconnectReason.PARTICIPANT_REMOVED
    gone = (await bob.saw("participant_disconnected"))[0]
    assert gone.identity == "alice"
    error = await refused(backend.room.get_participant(api.RoomParticipantIdentity(room=room, identity="alice")))
    assert (error.code, error.status) == ("not_found", 404)


async def test_a_track_is_muted_from_afar_and_not_unmuted(stage, backend):
    alice, bob = await stage.active_pair()
    _, publication = await alice.microphone()
    await bob.hears("alice", 440)
    mute = api.MuteRoomTrackRequest(room=stage.room, identity="alice", track_sid=publication.sid, muted=True)

    answer = await backend.room.mute_published_track(mute)

    assert answer.track.muted
    await bob.saw("track_muted", lambda who, track: who.identity == "alice")
    await alice.saw("track_muted")
    mute.muted = False
    error = await refused(backend.room.mute_published_track(mute))
    assert error.code == "failed_precondition"


async def test_a_permission_that_is_taken_ends_publishing_and_subscribing(stage, backend):
    alice, bob = await stage.active_pair()
    await alice.camera()
    await bob.watches("alice")
    listener = api.ParticipantPermission(can_subscribe=True, can_publish=False, can_publish_data=True)
    everything = api.ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_data=True)
    deaf = api.ParticipantPermission(can_subscribe=False, can_publish=True, can_publish_data=True)

    async def permit(identity, permission):
        await backend.room.update_participant(
            api.UpdateParticipantRequest(room=stage.room, identity=identity, permission=permission)
        )

    await permit("alice", listener)
    await bob.saw("track_unpublished")
    await permit("alice", everything)
    await stage.until(lambda: alice.count("participant_permissions_changed") >= 2, "alice hears of both changes")
    await alice.camera(luma=60)
    await bob.watches("alice")
    sink = await bob.sink("alice")
    await permit("bob", deaf)
    await falls_silent(stage, sink)
    await permit("bob", everything)
    await bob.watches("alice")


async def test_subscriptions_are_ended_and_begun_from_afar(stage, backend):
    alice, bob = await stage.active_pair()
    _, publication = await alice.camera()
    await bob.watches("alice")

    async def subscribe(wanted):
        await backend.room.update_subscriptions(
            api.UpdateSubscriptionsRequest(
                room=stage.room, identity="bob", track_sids=[publication.sid], subscribe=wanted
            )
        )

    sink = await bob.sink("alice")
    await subscribe(False)
    await falls_silent(stage, sink)
    await subscribe(True)

    await bob.watches("alice")


async def test_data_of_the_server_reaches_those_it_is_for(stage, backend):
    alice, bob = await stage.active_pair()

    async def send(data, kind, **targets):
        await backend.room.send_data(
            api.SendDataRequest(room=stage.room, data=data, kind=kind, topic="news", **targets)
        )

    reliable, lossy = api.DataPacket.Kind.RELIABLE, api.DataPacket.Kind.LOSSY
    await send(b"for bob", reliable, destination_identities=["bob"])
    await send(b"for all", reliable)
    await send(b"lossy", lossy)

    for peer, expected in ((alice, [b"for all"]), (bob, [b"for bob", b"for all"])):
        await peer.saw("data_received", lambda packet: packet.data == b"lossy")
        packets = [args[0] for name, args in peer.events if name == "data_received"]
        sent = [packet.data for packet in packets if packet.data != b"lossy"]
        assert sent == expected
        assert all(packet.participant is None and packet.topic == "news" for packet in packets)


async def test_a_method_of_a_participant_is_called(stage, backend):
    alice, _ = await stage.active_pair()
    callers = []

    @alice.me.register_rpc_method("greet")
    async def greet(data):
        callers.append(data.caller_identity)
        return f"hello {data.payload}"

    @alice.me.register_rpc_method("fail")
    async def fail(data):
        raise rtc.RpcError(777, "out of order")

    async def call(method, payload=""):
        """The SDK has no method for it, so its client is used."""
        request = PerformRpcRequest(room=stage.room, destination_identity="alice", method=method, payload=payload)
        grants = api.VideoGrants(room_admin=True, room=stage.room)
        jwt = api.AccessToken(settings.API_KEY, settings.API_SECRET).with_grants(grants).to_jwt()
        headers = {"Authorization": f"Bearer {jwt}"}
        client = backend.room._client
        return await client.request("RoomService", "PerformRpc", request, headers, PerformRpcResponse)

    answer = await call("greet", payload="you")
    assert answer.payload == "hello you" and callers[0] not in ("alice", "bob")
    assert "777" in (await refused(call("fail"))).message
    assert (await refused(call("nothing"))).code == "invalid_argument"


async def test_a_participant_is_moved_and_keeps_what_it_publishes(stage, backend):
    alice, _ = await stage.active_pair()
    await alice.camera()
    elsewhere = f"{stage.room}-2"

    await backend.room.move_participant(
        api.MoveParticipantRequest(room=stage.room, identity="alice", destination_room=elsewhere)
    )

    async def there():
        while True:
            listed = await backend.room.list_participants(api.ListParticipantsRequest(room=elsewhere))
            if any(participant.tracks for participant in listed.participants):
                return [participant.identity for participant in listed.participants]

    assert await asyncio.wait_for(there(), 15) == ["alice"]


async def test_a_forwarded_participant_is_seen_and_heard_in_both_rooms(stage, backend):
    alice, bob = await stage.active_pair()
    await alice.camera(luma=100)
    await alice.microphone(440)
    elsewhere = f"{stage.room}-2"
    carol = await stage.join("carol", jwt=token("carol", elsewhere))
    forward = api.ForwardParticipantRequest(room=stage.room, identity="alice", destination_room=elsewhere)

    await backend.room.forward_participant(forward)

    await carol.watches("alice", luma=100)
    await carol.hears("alice", 440)
    await carol.saw("active_speakers_changed", lambda speakers: [who.identity for who in speakers] == ["alice"])
    await bob.watches("alice")
    late = await stage.join("late", jwt=token("late", elsewhere))
    await late.watches("alice", luma=100)
    await backend.room.remove_participant(api.RoomParticipantIdentity(room=elsewhere, identity="alice"))
    await carol.saw("participant_disconnected", lambda who: who.identity == "alice")
    sink = await bob.sink("alice")
    before = sink.frames
    await stage.until(lambda: sink.frames > before + 30, "alice goes on in her own room")
    await backend.room.forward_participant(forward)
    await carol.watches("alice", luma=100)
    await alice.leave()
    await stage.until(lambda: "alice" not in carol.room.remote_participants, "the forwarding ends with alice")


async def test_a_token_without_the_grant_is_refused(single_stage):
    grants = api.VideoGrants(room_join=True, room=single_stage.room)
    jwt = api.AccessToken(settings.API_KEY, settings.API_SECRET).with_identity("alice").with_grants(grants).to_jwt()
    async with aiohttp.ClientSession() as session:
        url = f"{settings.HTTP}/twirp/livekit.RoomService/ListRooms"
        headers = {"Authorization": f"Bearer {jwt}"}
        async with session.post(url, json={}, headers=headers) as response:
            assert response.status == 401
            assert (await response.json())["code"] == "unauthenticated"
