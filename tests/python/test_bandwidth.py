"""A way to a subscriber that carries less than it asks for."""

from livekit.protocol import rtc as proto


async def test_a_bounded_subscriber_gets_a_smaller_layer_then_none_and_all_of_it_back(stage, signal_proxy):
    alice = await stage.join("alice")
    bob = await stage.join("bob", url=signal_proxy.url)
    await alice.camera(1280, 720, luma=60, fps=10, grain=30, simulcast=True, max_bitrate=1_200_000)
    await alice.microphone(440)
    await bob.watches("alice", 15, (1280, 720), 60, seconds=30)
    track, sink = bob.publication("alice").sid, await bob.sink("alice")

    def states():
        updates = [message.stream_state_update for _, _, kind, message in signal_proxy.log if kind == "stream_state_update"]
        infos = [info for update in updates for info in update.stream_states]
        assert all(info.participant_sid == bob.room.remote_participants["alice"].sid for info in infos)
        return [info.state for info in infos if info.track_sid == track]

    async def bound(bits_per_second):
        await signal_proxy.say(simulate=proto.SimulateScenario(subscriber_bandwidth=bits_per_second))

    await bound(400_000)
    await stage.until(lambda: sink.size[1] < 720, "a smaller layer comes", 20)
    assert states() == []

    await bound(60_000)
    await signal_proxy.board.until(lambda: states() == [proto.StreamState.PAUSED], "the picture is paused")
    await bob.hears("alice", 440)

    await bound(0)
    await signal_proxy.board.until(lambda: states() == [proto.StreamState.PAUSED, proto.StreamState.ACTIVE], "the picture goes on")
    await bob.watches("alice", 15, (1280, 720), 60, seconds=30)
