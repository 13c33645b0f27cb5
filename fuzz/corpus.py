#!/usr/bin/env python3
"""Makes the seed corpus under fuzz/corpus. Run it from anywhere; it overwrites its own files only."""

import pathlib

ROOT = pathlib.Path(__file__).parent / "corpus"

VP8 = {
    "keyframe": "90e09234072010",
    "interframe": "90e0923507e011",
    "narrow-id": "90801100",
    "all-fields": "b0f0ffff07ff00",
    "second-packet": "80e092340720aa",
    "no-extension": "1000",
    "tl0-without-layer": "80400700",
    "cut": "90e092",
    "empty": "",
}
VP9 = {
    "keyframe": "aa9234100558014000b4028001680500" "02d0011401ff",
    "interframe": "ec92351005",
    "flexible": "f4923510030405",
    "flexible-many": "d00103030302",
    "sizes-cut": "aa923410055801",
    "upper-layer": "a8923413" "05",
    "flexible-without-id": "10",
    "empty": "",
}
H264 = {
    "sps": "6742c01f",
    "idr": "6588",
    "stap-a": "780004" "6742c01f" "0002" "68ce",
    "stap-a-cut": "78000967",
    "stap-a-empty-unit": "780000",
    "fu-a-start": "7c8588",
    "fu-a-end": "7c4588",
    "fu-a-both": "7cc588",
    "mtap": "7a00",
    "empty": "",
}
L1T3 = "80012f800214eaa860414d1410208426"
DD = {
    "l1t3": [L1T3, "c30130", "c20131", "c40132", "c10133"],
    "active-targets": [L1T3, "c3013043", "c2013147"],
    "custom": [L1T3, "c3013038" + "aa" * 6, "c2013108" + "5a" * 6, "c20132201500"],
    "no-keyframe": ["c30130", "c2013147"],
    "unknown-template": [L1T3, "c90130"],
    "late-keyframe": [L1T3, "c30130", L1T3],
    "cut": [L1T3[:20], L1T3[:10], ""],
    "ones": ["ff" * 40],
    "zeros": ["00" * 40],
}

REPORT = "000000a1" + "80ffffff" + "0001fff0" + "00000010" + "12345678" + "00010000"
RTCP = {
    "sender-report": "81c8000c00000001" + "e8aabbcc80000000" + "00015f90" + "00000064" + "0001e240" + REPORT,
    "receiver-report": "82c9000d00000001" + REPORT * 2,
    "compound": "80c9000100000001" + "81ca000300000001010361626300000081cb000100000001",
    "nack": "81cd000400000001000000a1" + "fffe80ff" + "00090000",
    "picture-loss": "81ce000200000001000000a1",
    "full-intra": "84ce00060000000100000000" + "000000a103000000" + "000000a204000000",
    "estimate": "8fce00050000000100000000" + "52454d42" + "01ffffff" + "000000a1",
    "padded": "a1cd000400000001000000a1" + "00090000" + "00000004",
    "unknown": "80cf0001000000018fcd000200000001000000a180cc0000" + "81ce000200000001000000a1",
    "long": "80c9ffff00000001",
    "goodbye": "9fcb0002000000a1000000a2",
    "version": "40c9000100000001",
}


def packet(track, step, flags, payload):
    """An operation of the room target: a packet with up to 31 bytes of payload."""
    payload = bytes.fromhex(payload)
    return bytes([10, track, step, flags & 0xE0 | len(payload)]) + payload


def subscribe(track, target):
    return bytes([1, track, target])


def wait(units):
    return bytes([9, units])


SIMULCAST = (
    bytes([0, 0xC2])
    + subscribe(0, 0b1010)
    + subscribe(0, 0b0000)
    + b"".join(
        packet(encoding << 6, 1, 0xE0, key if encoding == at else delta) + wait(8)
        for at in range(3)
        for key, delta in [(VP8["keyframe"], VP8["interframe"])]
        for encoding in range(3)
    )
    + bytes([2, 0, 0b1000, 5, 1, 2, 0, 0xFF])
    + packet(0x40, 200, 0xE0, VP8["keyframe"])
    + packet(0x40, 253, 0xE0, VP8["interframe"])
)
ROOM = {
    "opus": bytes([0, 0]) + subscribe(0, 0) + packet(0, 1, 0xA0, "aa") * 20 + bytes([3, 0, 4, 0]),
    "simulcast": SIMULCAST,
    "h264": bytes([0, 3]) + subscribe(0, 0) + packet(0, 1, 0xE0, H264["idr"]) * 3,
    "vp9": bytes([0, 4])
    + subscribe(0, 0b1010)
    + packet(0, 1, 0xE0, VP9["keyframe"])
    + bytes([2, 0, 0])
    + packet(0, 1, 0xE0, VP9["interframe"]) * 4
    + packet(0, 130, 0xE0, VP9["upper-layer"]),
    "av1": bytes([0, 5])
    + subscribe(0, 0)
    + b"".join(packet(0, 1, 0xE0, bytes_) + wait(8) for bytes_ in DD["l1t3"])
    + bytes([2, 0, 0b1000])
    + b"".join(packet(0, 1, 0xE0, bytes_) for bytes_ in DD["active-targets"]),
    "speakers": bytes([0, 0]) + (bytes([7, 0, 20]) + wait(5)) * 60 + (bytes([7, 0, 127]) + wait(50)) * 9,
    "wraps": bytes([0, 0]) + subscribe(0, 0) + packet(0xC0, 1, 0xA0, "aa") * 9 + packet(0x40, 255, 0xA0, "aa") * 9,
    "reports": bytes([0, 0xC2]) + bytes([8, 0, 9, 200, 0, 8, 0, 8, 3, 1]) + SIMULCAST[2:],
}


def b(hexes):
    """Bytes with their length before them, as the datagram operations take them."""
    content = bytes.fromhex(hexes)
    return bytes([len(content)]) + content


def sctp(*chunks, peer=0):
    """Chunks of type, flags and body, at most four."""
    return bytes([peer << 6 | 4, 64 + len(chunks) - 1]) + b"".join(bytes([t, f]) + b(body) for t, f, body in chunks)


def data(protocol, stream, body, peer=0):
    return bytes([peer << 6 | 4, stream << 3 | protocol]) + b(body)


def rtcp(*packets, peer=0):
    """RTCP packets of count, type from 200, and body."""
    return bytes([peer << 6 | 11, len(packets) - 1]) + b"".join(
        bytes([count, 32 + (kind - 200 - 32) % 8]) + b(body) for count, kind, body in packets
    )


def media(choice, payload, named=False):
    return bytes([7, choice | named << 7]) + b(payload)


KEY, DELTA = VP8["keyframe"], VP8["interframe"]
DATAGRAMS = {
    "wait": bytes([13, 255]) * 3,
    "media": (media(1, KEY, True) + media(3, KEY, True) + media(0, "aabb") + media(4, "0001" + KEY, True) + bytes([13, 5])) * 4,
    "probes": media(6, "00" * 20) * 3 + media(7, "00" * 20, True),
    "av1": bytes([10, 0x10, 98, 0xA4, 1]) + b("100000025b80012f" + "00" * 40),
    "reports": rtcp((0, 200, "000000a1" + "0102030405060708" * 2 + "0000000a0000000b"), (1, 201, "00000001000000a0" + "00" * 20)),
    "feedback": rtcp((1, 206, "0000000100000001")) + rtcp((1, 205, "000000010000000100010fff")) + rtcp((15, 206, "0000000100000000" + "52454d4201020304")),
    "transport": rtcp((15, 205, "0000000100000000" + "0001000400000001" + "2004010203040000")),
    "goodbye": rtcp((1, 203, "000000a0")) + media(0, "aa"),
    "full-intra": rtcp((4, 206, "0000000100000000000000a101000000")),
    "extended": rtcp((0, 207, "00000001" + "04000002" + "0102030405060708")),
    "channels": data(0, 2, "0300000000000000000600005f6c6f737379") + data(2, 1, "0a0b0c") + data(1, 1, "ff") + data(6, 3, "00"),
    "sctp-control": sctp((4, 0, "00010004")) + sctp((3, 0, "00000001000004000001000000020003")) + sctp((130 % 24, 0, "000d0010000000010000000100000001")),
    "sctp-forward": sctp((192 % 24, 0, "0000000500010002")) + sctp((9, 0, "0001000400")) + sctp((6, 0, "")) + data(2, 1, "01"),
    "sctp-shutdown": sctp((7, 0, "00000001"), (8, 0, ""), (14, 1, "")),
    "sctp-restart": sctp((1, 0, "0000000200010000ffffffff00000001")) + sctp((10, 0, "01020304")),
    "fragments": sctp((0, 2, "00000009000100000000003501"), (0, 0, "0000000a000100000000003502"), (0, 1, "0000000b000100000000003503")),
    "checks": bytes([1]) + b("00250000") + bytes([0x31]) + b("") + bytes([0x81]) + b("00250000") + bytes([0x21]) + b("802900080000000000000001"),
    "alerts": bytes([3, 1]) + b("0100") + bytes([0x33, 1]) + b("0228") + bytes([3, 2]) + b("01" * 40),
    "raw": bytes([0]) + b("80") + bytes([0x30]) + b("80c8000100000001") + bytes([0x20]) + b("bede" * 20) + bytes([0]) + b("000100002112a442" + "00" * 12),
    "steering": bytes([0x4F, 0, 0x4F, 2, 0x4F, 4, 0x4F, 0x55, 0x4F, 7, 0x0F, 7, 0x4F, 1]) + media(3, DELTA, True) + bytes([0x5E]) + b("aabb") + bytes([0x4E]) + b("cc" * 90),
}


def main():
    streams = {
        name: b"".join(bytes([len(d) // 2]) + bytes.fromhex(d) for d in packets)
        for name, packets in DD.items()
    }
    hexes = {"vp8": VP8, "vp9": VP9, "h264": H264, "rtcp": RTCP}
    files = {target: {n: bytes.fromhex(h) for n, h in seeds.items()} for target, seeds in hexes.items()}
    files |= {"dependency_descriptor": streams, "room": ROOM, "datagrams": DATAGRAMS}
    for target, seeds in files.items():
        folder = ROOT / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / name).write_bytes(content)


main()
