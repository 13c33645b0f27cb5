"""Malformed UDP at the media ports, beside an honest call."""

import asyncio
import random
import socket
import struct

from honest import HonestCall

# STUN 0..3, TURN channel 64..79, DTLS 20..63, RTP and RTCP 128..191, and the edges between them.
FIRST_BYTES = [0, 1, 2, 3, 4, 19, 20, 21, 22, 23, 25, 63, 64, 79, 80, 127, 128, 129, 143, 144, 191, 192, 255]
LENGTHS = [1, 2, 3, 4, 7, 8, 11, 12, 13, 19, 20, 21, 28, 100, 1199, 1200, 1472, 1500]
PAUSE_EVERY = 50


async def _send_all(addresses, datagrams):
    """Sends each datagram to each address, at a pace that loopback buffers bear."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        for number, datagram in enumerate(datagrams):
            for address in addresses:
                sender.sendto(datagram, address)
            if number % PAUSE_EVERY == 0:
                await asyncio.sleep(0.002)


def _sweep(seed: int):
    noise = random.Random(seed)
    for first in FIRST_BYTES:
        for length in range(1501):
            yield (bytes([first]) + noise.randbytes(1500))[:length]
    for first in range(256):
        for length in LENGTHS:
            yield (bytes([first]) + noise.randbytes(1500))[:length]


def _stun(method: int, transaction: bytes, attributes: bytes, length=None) -> bytes:
    return struct.pack("!HHI", method, len(attributes) if length is None else length, 0x2112A442) + transaction + attributes


def _shaped(seed: int):
    """Datagrams that look right at first: STUN, DTLS, RTP and RTCP with one thing wrong."""
    noise = random.Random(seed)
    for turn in range(300):
        transaction = noise.randbytes(12)
        name = noise.randbytes(noise.randrange(0, 40))
        username = struct.pack("!HH", 6, len(name)) + name + b"\0" * (-len(name) % 4)
        yield _stun(0x0001, transaction, username)
        yield _stun(0x0001, transaction, username, length=noise.randrange(0, 65536))
        yield _stun(0x0001, transaction, struct.pack("!HH", 6, 65535) + name)
        yield _stun(0x0101, transaction, struct.pack("!HH", 0x20, 8) + noise.randbytes(8))
        yield _stun(noise.randrange(0x4000), transaction, noise.randbytes(noise.randrange(0, 400)))
        # A DTLS record of each content type, of true and of false length.
        body = noise.randbytes(noise.randrange(0, 600))
        yield struct.pack("!BHHIHH", 20 + turn % 7, 0xFEFD, 0, 0, turn, len(body)) + body
        yield struct.pack("!BHHIHH", 22, 0xFEFD, 0, 0, turn, 0xFFFF) + body
        # RTP with all CSRCs, extensions and padding that aren't there; RTCP of each type with a false length.
        yield struct.pack("!BBHII", 0xBF, turn % 256, turn, turn * 3000, noise.randrange(2**32)) + body[: turn % 200]
        yield struct.pack("!BBHI", 0x80 | turn % 32, 192 + turn % 32, noise.randrange(65536), noise.randrange(2**32)) + body


async def test_every_length_and_every_first_byte_leave_an_honest_call_intact(stage, note):
    call = await HonestCall.start(stage, note)
    addresses = await call.media_addresses()
    assert addresses, "the call runs over UDP"

    await call.intact_during(_send_all(addresses, _sweep(seed=3)))


async def test_almost_right_packets_leave_an_honest_call_intact(stage, note):
    call = await HonestCall.start(stage, note)
    addresses = await call.media_addresses()

    await call.intact_during(_send_all(addresses, _shaped(seed=4)))
    carol = await stage.join("carol")
    await carol.watches("alice", 10, (320, 180), 60)
