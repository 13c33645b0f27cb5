"""Data tracks: named streams of frames from one publisher to those who subscribe."""

import asyncio
import contextlib

from livekit import rtc


class Reader:
    """Collects the frames of a data track."""

    def __init__(self, stage, stream):
        self.stage, self.stream, self.frames, self.ended = stage, stream, [], False
        self.task = asyncio.create_task(self._run())

    async def _run(self):
        with contextlib.suppress(rtc.SubscribeDataTrackError):
            async for frame in self.stream:
                self.frames.append(frame)
                self.stage.board.poke()
        self.ended = True
        self.stage.board.poke()

    async def aclose(self):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        self.stream.close()


async def _until_it_flows(stage, track, readers):
    """Sends until each reader has got something: from then on nothing is on its way of being set up."""
    for _ in range(200):
        track.try_push(rtc.DataTrackFrame(payload=b"knock"))
        with contextlib.suppress(AssertionError):
            await stage.until(lambda: all(reader.frames for reader in readers), "a first frame", 0.1)
            return
    raise AssertionError("no frame reached the readers")


async def test_frames_of_any_size_reach_those_who_subscribe_and_nobody_else(stage):
    alice, bob = await stage.active_pair()
    carol = await stage.join("carol")
    track = await asyncio.wait_for(alice.me.publish_data_track(name="pose"), 10)

    (remote,) = await bob.saw("data_track_published")
    await carol.saw("data_track_published")
    assert (remote.publisher_identity, remote.info.name) == ("alice", "pose")
    reader = Reader(stage, remote.subscribe(buffer_size=256))
    bob.owned.append(reader)
    await _until_it_flows(stage, track, [reader])

    sent = [bytes([i]) * size for i, size in enumerate((1, 100, 1_200, 16_000, 40_000))]
    for turn, payload in enumerate(sent):
        track.try_push(rtc.DataTrackFrame(payload=payload, user_timestamp=turn))
        await stage.until(
            lambda p=payload: any(f.payload == p for f in reader.frames), f"the frame of {len(payload)} bytes"
        )
    stamped = [f.user_timestamp for f in reader.frames if f.payload != b"knock"]
    assert stamped == list(range(len(sent)))


async def test_two_tracks_of_two_publishers_are_not_mixed_up(stage):
    alice, bob = await stage.active_pair()
    carol = await stage.join("carol")
    await stage.until(lambda: len(carol.room.remote_participants) == 2, "carol knows both")
    tracks, readers = {}, {}
    for peer in (alice, bob):
        for name in ("left", "right"):
            tracks[peer.identity, name] = await asyncio.wait_for(peer.me.publish_data_track(name=name), 10)
    await stage.until(lambda: carol.count("data_track_published") == 4, "carol knows four tracks")
    for event, args in list(carol.events):
        if event == "data_track_published":
            remote = args[0]
            reader = Reader(stage, remote.subscribe())
            carol.owned.append(reader)
            readers[remote.publisher_identity, remote.info.name] = reader

    for (identity, name), track in tracks.items():
        await _until_it_flows(stage, track, [readers[identity, name]])
        track.try_push(rtc.DataTrackFrame(payload=f"{identity} {name}".encode()))

    for (identity, name), reader in readers.items():
        expected = f"{identity} {name}".encode()
        await stage.until(lambda r=reader, e=expected: r.frames[-1].payload == e, f"{identity}'s {name} at carol")
        assert {frame.payload for frame in reader.frames} == {b"knock", expected}


async def test_the_end_of_a_track_ends_its_stream(stage):
    alice, bob = await stage.active_pair()
    track = await asyncio.wait_for(alice.me.publish_data_track(name="pose"), 10)
    (remote,) = await bob.saw("data_track_published")
    reader = Reader(stage, remote.subscribe())
    bob.owned.append(reader)
    await _until_it_flows(stage, track, [reader])

    await track.unpublish()

    await bob.saw("data_track_unpublished")
    await stage.until(lambda: reader.ended, "the stream has ended")
    again = await asyncio.wait_for(alice.me.publish_data_track(name="pose"), 10)
    assert again.info.sid != remote.info.sid


async def test_a_newcomer_receives_a_track_that_is_there(stage):
    alice = await stage.join("alice")
    track = await asyncio.wait_for(alice.me.publish_data_track(name="pose"), 10)

    bob = await stage.join("bob")

    (remote,) = await bob.saw("data_track_published")
    reader = Reader(stage, remote.subscribe())
    bob.owned.append(reader)
    await _until_it_flows(stage, track, [reader])
