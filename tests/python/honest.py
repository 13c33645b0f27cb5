"""An honest call whose packets are counted while others misbehave."""

import asyncio
from dataclasses import dataclass

from media import inbound
from stage import Peer, Stage

IN_FLIGHT_MAX = 4


@dataclass
class Count:
    """What one direction did since the call began."""

    sent: int
    received: int
    frames: int
    captured: int


class HonestCall:
    """alice sends a picture and a tone to bob, without simulcast, at a rate that loopback never limits."""

    def __init__(self, stage: Stage, alice: Peer, bob: Peer, camera, publications, sinks, note):
        self.stage, self.alice, self.bob = stage, alice, bob
        self._camera, self._publications, self._sinks, self._note = camera, publications, sinks, note

    @property
    def picture_sid(self) -> str:
        return self._publications[0].sid

    @classmethod
    async def start(cls, stage: Stage, note) -> "HonestCall":
        alice, bob = await stage.pair()
        camera, publication = await alice.camera(320, 180, luma=60, fps=20, max_bitrate=300_000)
        _, voice = await alice.microphone(440, dtx=False, red=False)
        sink = await bob.watches("alice", 20, (320, 180), 60)
        heard = await bob.hears("alice", 440)
        return cls(stage, alice, bob, camera, [publication, voice], [sink, heard], note)

    async def count(self) -> Count:
        sent = received = 0
        for publication, sink in zip(self._publications, self._sinks, strict=True):
            out = await publication.track.get_stats()
            sent += sum(s.outbound_rtp.sent.packets_sent for s in out if s.HasField("outbound_rtp"))
            received += (await inbound(sink.track)).received.packets_received
        return Count(sent, received, self._sinks[0].frames, self._camera.captured)

    async def media_addresses(self) -> set[tuple[str, int]]:
        """Where the server takes this call's UDP."""
        found = set()
        for peer in (self.alice, self.bob):
            stats = await peer.room.get_rtc_stats()
            for s in [*stats.publisher_stats, *stats.subscriber_stats]:
                if s.HasField("remote_candidate") and s.remote_candidate.candidate.protocol == "udp":
                    found.add((s.remote_candidate.candidate.address, s.remote_candidate.candidate.port))
        return found

    async def intact_during(self, attack, least_seconds: float = 1.5) -> Count:
        """Runs `attack` and fails unless at least 99 % of what alice sends meanwhile reaches bob."""
        before = await self.count()
        await asyncio.gather(attack, asyncio.sleep(least_seconds))
        await self.bob.watches("alice", 10, (320, 180), 60)
        await self.bob.hears("alice", 440)
        after = await self.count()

        sent, received = after.sent - before.sent, after.received - before.received
        frames, captured = after.frames - before.frames, after.captured - before.captured
        self._note(f"{received} of {sent} packets, {frames} of {captured} pictures while attacked")
        assert sent >= 80
        # The two counts are read one after the other, so some may be between them.
        assert received >= 0.99 * sent - IN_FLIGHT_MAX
        # An encoder without processor time drops pictures: the packets say what the server did.
        assert frames >= 0.25 * captured
        assert self.alice.count("reconnecting") + self.bob.count("reconnecting") == 0
        assert self.alice.count("disconnected") + self.bob.count("disconnected") == 0
        return after
