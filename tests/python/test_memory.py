"""Memory while others misbehave: it grows by what the limits allow to be held at most, and goes back.

Each flood has an honest call beside it, on a server of its own. What a flood may take is computed from the limits that bound
it; where none of its bytes are kept it is nothing. The bounds hold for the most that was resident at any moment.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

import floods
import settings
from honest import HonestCall
from own_server import OwnServer

KIB = 1024

# What an honest call and the parts of the program that are used for the first time take, by measurement.
NOISE_KIB = 6 * 1024

# Whoever vanishes is gone at once. One shard and one arena, and what is freed goes back at once: memory is what is held.
PLAIN = {
    "CLAPT_ROOM__RESUME_WINDOW": "1",
    "CLAPT_ROOM__DEPARTURE_TIMEOUT": "1",
    "CLAPT_RTC__SHARDS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(128 * KIB),
    "MALLOC_TRIM_THRESHOLD_": str(128 * KIB),
}


@dataclass(frozen=True)
class Flood:
    """What is done, the bytes that it may take, and the counter that shows that a limit was hit."""

    run: Callable
    bytes_max: int
    counter: str
    label: str
    limits: dict[str, str] = field(default_factory=dict)


REFUSED, DROPPED = "clapt_signal_refused_total", "clapt_packets_dropped_total"
FAST = {"CLAPT_LIMIT__SIGNAL_MESSAGES_PER_SECOND": "100000", "CLAPT_LIMIT__PARTICIPANT_UPDATES_PER_SECOND": "100000"}

FLOODS = {
    # For each room a full outbox and the message that is being written, as encoded and as sent.
    "unread_sockets": Flood(
        floods.unread_sockets,
        floods.ROOMS * ((1 << 20) + 4 * 2 * floods.TEXT_BYTES),
        REFUSED,
        'reason="slow-reader"',
        {**FAST, "CLAPT_LIMIT__SIGNAL_QUEUE_BYTES_MAX": str(1 << 20)},
    ),
    # The text of each URL, encoded and decoded, and what may be unpacked of it.
    "compression_bombs": Flood(
        floods.compression_bombs, floods.BOMBS * (4 * 64 * KIB + 2 * floods.MESSAGE_BYTES), REFUSED, 'reason="join-request"'
    ),
    # For each a message and an outbox full of short answers, upon which the socket is closed.
    "signalling": Flood(floods.signalling, floods.SPEAKERS * (floods.MESSAGE_BYTES + 1024 * 256), REFUSED, 'reason="slow-reader"'),
    # Twenty announcements, in the state and in what the others are told.
    "announcements": Flood(floods.announcements, 4 * 20 * floods.NAME_BYTES, REFUSED, 'reason="add-track"', FAST),
    # A buffer of a message's length for each, doubled while it grows.
    "unfinished_messages": Flood(floods.unfinished_messages, 2 * floods.SOCKETS * floods.MESSAGE_BYTES, "", ""),
    # Each body in pieces and in one.
    "bodies": Flood(floods.bodies, 2 * floods.BODIES * floods.BODY_BYTES, "clapt_signal_api_requests_total", 'code="malformed"'),
    # Repairs are sent from what is kept anyway.
    "feedback": Flood(floods.feedback, 0, "clapt_nacked_packets_total", 'direction="in"'),
    # An SSRC that is turned away leaves nothing.
    "streams": Flood(floods.streams, 0, DROPPED, 'reason="ssrc_'),
    # Two full channels and SCTP's own buffers for each reader, and what the room keeps for those who resume.
    "unread_data": Flood(floods.unread_data, (3 * floods.READERS + 1) * (1 << 20), DROPPED, 'reason="data_queue"'),
}


@pytest_asyncio.fixture
async def server(request, tmp_path, monkeypatch):
    limits = FLOODS[request.node.callspec.params["name"]].limits
    async with OwnServer.run(tmp_path, **PLAIN, **limits) as made:
        monkeypatch.setattr(settings, "URL", made.url)
        monkeypatch.setattr(settings, "HTTP", made.url.replace("ws", "http", 1))
        yield made


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_takes_no_more_memory_than_its_limits_allow(name, server, single_stage, note):
    flood = FLOODS[name]
    call = await HonestCall.start(single_stage, note)
    before = await server.holdings()
    server.forget_peak()

    async def hits() -> float:
        return await server.counted(flood.counter, flood.label) if flood.counter else 0

    async def is_hit() -> bool:
        return await hits() > 0

    await call.intact_during(flood.run(single_stage, is_hit))

    peak = await server.holdings()
    after = await server.until_holds(lambda now: now.memory_kib <= before.memory_kib + NOISE_KIB, "memory as before")
    grown, allowed = peak.peak_kib - before.resident_kib, flood.bytes_max // KIB
    note(
        f"memory {before.resident_kib} KiB before, {grown} more at most ({allowed} allowed), {after.resident_kib} after; "
        f"{await hits():.0f} hits"
    )
    assert grown <= allowed + NOISE_KIB
    assert flood.counter == "" or await is_hit()
