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


def main():
    streams = {
        name: b"".join(bytes([len(d) // 2]) + bytes.fromhex(d) for d in packets)
        for name, packets in DD.items()
    }
    hexes = {"vp8": VP8, "vp9": VP9, "h264": H264}
    files = {target: {n: bytes.fromhex(h) for n, h in seeds.items()} for target, seeds in hexes.items()}
    files |= {"dependency_descriptor": streams, "room": ROOM}
    for target, seeds in files.items():
        folder = ROOT / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / name).write_bytes(content)


main()
