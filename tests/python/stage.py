"""A room for one test: participants, what they saw, and waiting with a deadline."""

import asyncio
import contextlib
import datetime
import time

from livekit import api, rtc

import settings
from media import AudioSink, Camera, Microphone, VideoSink

DEADLINE_S = 10.0
EVENTS = (
    "participant_connected participant_disconnected participant_active local_track_published local_track_unpublished "
    "local_track_republished local_track_subscribed track_published track_unpublished track_subscribed track_unsubscribed "
    "track_subscription_failed track_muted track_unmuted active_speakers_changed room_metadata_changed "
    "participant_metadata_changed participant_name_changed participant_attributes_changed participant_permissions_changed "
    "data_track_published data_track_unpublished e2ee_state_changed data_received connection_state_changed disconnected reconnecting reconnected"
).split()


class Board:
    """Whoever changes something pokes; whoever waits looks again."""

    def __init__(self):
        self._waiting: set[asyncio.Future] = set()

    def poke(self):
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, predicate, what: str, seconds: float = DEADLINE_S):
        """The first true value of `predicate`, or a failure that names `what`."""
        end = time.monotonic() + seconds
        while True:
            if value := predicate():
                return value
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await asyncio.wait_for(future, end - time.monotonic())
            except asyncio.TimeoutError:
                raise AssertionError(f"not within {seconds} s: {what}") from None
            finally:
                self._waiting.discard(future)


class Peer:
    """One participant with everything that it saw."""

    def __init__(self, stage: "Stage", identity: str):
        self.stage, self.identity = stage, identity
        self.room = rtc.Room()
        self.events: list[tuple[str, tuple]] = []
        self.sinks: dict[str, VideoSink | AudioSink] = {}
        self.owned: list = []
        self._closing: set[asyncio.Task] = set()
        for name in EVENTS:
            self.room.on(name, self._recorder(name))

    def _recorder(self, name):
        def record(*args):
            self.events.append((name, args))
            if name == "track_subscribed":
                track, publication, _ = args
                kind = VideoSink if publication.kind == rtc.TrackKind.KIND_VIDEO else AudioSink
                self._drop(publication.sid)
                self.sinks[publication.sid] = kind(track, self.stage.board.poke)
            if name == "track_unsubscribed":
                self._drop(args[1].sid)
            self.stage.board.poke()

        return record

    def _drop(self, sid: str):
        if sink := self.sinks.pop(sid, None):
            task = asyncio.create_task(sink.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    @property
    def me(self) -> rtc.LocalParticipant:
        return self.room.local_participant

    def count(self, name: str) -> int:
        return sum(1 for event, _ in self.events if event == name)

    def seen(self, name: str, check=lambda *_: True):
        return next((args for event, args in self.events if event == name and check(*args)), None)

    async def saw(self, name: str, check=lambda *_: True, seconds: float = DEADLINE_S):
        """Waits for an event, past ones included; gives its arguments."""
        args = await self.stage.until(
            lambda: (found := self.seen(name, check)) is not None and (found,), f"{self.identity} sees {name}", seconds
        )
        return args[0]

    def publication(self, other: str, source=rtc.TrackSource.SOURCE_CAMERA):
        participant = self.room.remote_participants.get(other)
        found = [p for p in participant.track_publications.values() if p.source == source] if participant else []
        return found[-1] if found else None

    async def published(self, other: str, source=rtc.TrackSource.SOURCE_CAMERA, seconds: float = DEADLINE_S):
        return await self.stage.until(
            lambda: self.publication(other, source), f"{self.identity} knows a track of {other}", seconds
        )

    async def sink(self, other: str, source=rtc.TrackSource.SOURCE_CAMERA, seconds: float = DEADLINE_S):
        """The running sink of another's track, waiting for the subscription."""

        def find():
            publication = self.publication(other, source)
            return self.sinks.get(publication.sid) if publication else None

        return await self.stage.until(find, f"{self.identity} subscribes to {other}", seconds)

    async def watches(self, other: str, frames: int = 10, size=None, luma=None, seconds: float = DEADLINE_S):
        """Waits for `frames` more pictures of `other`, the last of the given size and luma."""
        start, sink = time.monotonic(), await self.sink(other, seconds=seconds)
        before = sink.frames

        def fits():
            now = self.publication(other)
            current = self.sinks.get(now.sid) if now else None
            enough = current is not None and current.frames - (before if current is sink else 0) >= frames
            return (
                enough
                and (size is None or current.size == size)
                and (luma is None or current.shows(luma))
                and current
            )

        try:
            return await self.stage.until(fits, "", seconds - (time.monotonic() - start))
        except AssertionError:
            raise AssertionError(
                f"{self.identity} watches {other}: {sink.frames - before} of {frames} frames in {seconds} s, "
                f"last {sink.size} luma {sink.luma}, wanted size {size} luma {luma}"
            ) from None

    async def hears(self, other: str, hertz: int, seconds: float = DEADLINE_S):
        sink = await self.sink(other, rtc.TrackSource.SOURCE_MICROPHONE, seconds)
        before = sink.frames
        await self.stage.until(
            lambda: sink.frames - before >= 50 and sink.hears(hertz), f"{self.identity} hears {hertz} Hz of {other}", seconds
        )
        return sink

    async def camera(self, width=640, height=360, luma=100, fps=30, grain=0, **options) -> tuple[Camera, rtc.LocalTrackPublication]:
        """Starts and publishes a camera; VP8 without simulcast unless told."""
        camera = Camera(width, height, luma, fps, grain)
        self.owned.append(camera)
        return camera, await self.publish(camera, **options)

    async def publish(self, camera: Camera, **options) -> rtc.LocalTrackPublication:
        chosen = {"source": rtc.TrackSource.SOURCE_CAMERA, "simulcast": False, "video_codec": rtc.VideoCodec.VP8, **options}
        bitrate = chosen.pop("max_bitrate", 600_000)
        publish = rtc.TrackPublishOptions(**chosen)
        publish.video_encoding.max_bitrate = bitrate
        publish.video_encoding.max_framerate = camera.fps
        return await asyncio.wait_for(self.me.publish_track(camera.track, publish), DEADLINE_S)

    async def microphone(self, hertz=440, amplitude=0.4, **options) -> tuple[Microphone, rtc.LocalTrackPublication]:
        microphone = Microphone(hertz, amplitude)
        self.owned.append(microphone)
        publish = rtc.TrackPublishOptions(**{"source": rtc.TrackSource.SOURCE_MICROPHONE, **options})
        return microphone, await asyncio.wait_for(self.me.publish_track(microphone.track, publish), DEADLINE_S)

    async def leave(self):
        await asyncio.wait_for(self.room.disconnect(), DEADLINE_S)

    async def aclose(self):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.room.disconnect(), 5)
        for sid in list(self.sinks):
            self._drop(sid)
        if self._closing:
            await asyncio.wait(self._closing, timeout=5)
        for owned in self.owned:
            await owned.aclose()


def token(identity: str, room: str, name: str = "", metadata: str = "", attributes=None, ttl_s: int = 600, **grants) -> str:
    """An access token; `grants` are fields of the video grant."""
    builder = (
        api.AccessToken(settings.API_KEY, settings.API_SECRET)
        .with_identity(identity)
        .with_name(name)
        .with_metadata(metadata)
        .with_ttl(datetime.timedelta(seconds=ttl_s))
        .with_grants(api.VideoGrants(**{"room_join": True, "room": room, **grants}))
    )
    return (builder.with_attributes(attributes) if attributes else builder).to_jwt()


def _is_active(participant) -> bool:
    return participant is not None and participant.state == rtc.ParticipantState.PARTICIPANT_STATE_ACTIVE


class Stage:
    """One room of one test, in one connection mode."""

    def __init__(self, room: str, single: bool):
        self.room, self.single = room, single
        self.board = Board()
        self.peers: list[Peer] = []

    async def until(self, predicate, what: str, seconds: float = DEADLINE_S):
        return await self.board.until(predicate, what, max(0.1, seconds))

    async def join(self, identity: str, url: str | None = None, auto_subscribe=True, dynacast=False, jwt=None, key=None, **grants) -> Peer:
        peer = Peer(self, identity)
        self.peers.append(peer)
        options = rtc.RoomOptions(
            auto_subscribe=auto_subscribe, dynacast=dynacast, single_peer_connection=self.single, connect_timeout=DEADLINE_S
        )
        if key:  # End-to-end encryption, with a key that all share.
            options.encryption = rtc.E2EEOptions(key_provider_options=rtc.KeyProviderOptions(shared_key=key))
        jwt = jwt or token(identity, self.room, **grants)
        await asyncio.wait_for(peer.room.connect(url or settings.URL, jwt, options), DEADLINE_S)
        return peer

    async def pair(self, **options) -> tuple[Peer, Peer]:
        """alice, and bob who knows her; she may learn of him a little later."""
        alice = await self.join("alice", **options)
        bob = await self.join("bob", **options)
        await self.until(lambda: "alice" in bob.room.remote_participants, "bob knows alice")
        return alice, bob

    async def active_pair(self, **options) -> tuple[Peer, Peer]:
        """alice and bob, each knowing that the other can receive data."""
        alice, bob = await self.pair(**options)
        for peer, other in ((alice, "bob"), (bob, "alice")):
            await self.until(lambda p=peer, o=other: _is_active(p.room.remote_participants.get(o)), f"{peer.identity} knows {other}")
        return alice, bob

    async def aclose(self):
        await asyncio.gather(*(peer.aclose() for peer in self.peers))
