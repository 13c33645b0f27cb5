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
    "transport-wide": "8fcd000600000001000000a1" + "ffff000c01020309" + "20029000" + "04ff0100",
    "transport-wide-large": "8fcd000600000001000000a1" + "0007000300000100" + "e200" + "000afffb" + "0000",
    "transport-wide-many": "8fcd000900000001000000a1" + "0000ffff00000000" + "1fff" * 9 + "0000",
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


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def pb(**fields):
    """A protobuf message: f1=b"…" for bytes and text, f2=7 for numbers."""
    out = b""
    for name, value in fields.items():
        number = int(name[1:])
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def frames(*messages):
    return b"".join(len(m).to_bytes(2, "big") + m for m in messages)


SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
CAMERA = pb(f1="cid-1", f2="camera", f3=1, f4=640, f5=360, f8=1, f9=pb(f1=2, f2=640, f3=360))
# The target puts the ids of its participants in their place: `PLACEHOLDERS` of signaling/src/testing.
HIS, HIS_TRACK, MY, MY_TRACK = "PA_" + "h" * 14, "TR_VC" + "h" * 14, "PA_" + "m" * 14, "TR_VC" + "m" * 14
VIDEO = SDP + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=sendonly\r\na=msid:- camera\r\na=rtpmap:96 VP8/90000\r\n"
ANNOUNCE = frames(pb(f4=CAMERA), pb(f4=CAMERA), pb(f5=pb(f1=MY_TRACK, f2=1)), pb(f16=pb(f1=1)))
FRAMES = {
    "announce": b"\0" + ANNOUNCE,
    "announce-single": b"\1" + ANNOUNCE,
    "codecs": b"\0" + frames(pb(f4=pb(f1="c", f2="c", f3=1, f13=pb(f1="vp9", f2="c"), f15=1)), pb(f4=pb(f1="b", f13=pb(f1="vp8", f2="d"), f11=MY_TRACK))),
    "offer": b"\0" + frames(pb(f4=CAMERA), pb(f1=pb(f1="offer", f2=VIDEO, f3=1)), pb(f2=pb(f1="answer", f2=SDP, f3=1))),
    "offer-single": b"\1" + frames(pb(f1=pb(f1="offer", f2=VIDEO, f3=1)), pb(f6=pb(f1=HIS_TRACK, f2=1)), pb(f1=pb(f1="offer", f2=VIDEO, f3=2))),
    "subscribe": b"\0" + frames(pb(f6=pb(f1=HIS_TRACK, f2=1)), pb(f7=pb(f1=HIS_TRACK, f3=1, f4=2, f5=320)), pb(f6=pb(f1=HIS_TRACK))),
    "permit": b"\0" + frames(pb(f11=pb(f1=0, f2=pb(f1=HIS, f2=1))), pb(f11=pb(f1=0, f2=pb(f3=MY_TRACK, f4="honest")))),
    "own": b"\1" + frames(pb(f15=pb(f1="m", f2="name", f3=pb(f1="k", f2="v"), f4=9)), pb(f14=7), pb(f3=pb(f1='{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host"}', f2=1))),
    "resume": b"\0" + frames(pb(f12=pb(f1=pb(f1="answer", f2=SDP), f2=pb(f1=HIS_TRACK, f2=1), f3=pb(f1="cid-1"))), pb(f13=pb(f1=3)), pb(f8=pb(f1=1)), pb(f15=b"")),
    "later": b"\1" + frames(pb(f17=pb(f1=MY_TRACK, f2=1)), pb(f18=pb(f1=MY_TRACK, f2=1)), pb(f19=pb(f1=1, f2="data")), pb(f20=pb(f1=1)), pb(f21=b""), pb(f22=b""), pb(f23=b"")),
    "foreign": b"\0" + frames(pb(f5=pb(f1=HIS_TRACK, f2=1)), pb(f17=pb(f1=HIS_TRACK, f2=1)), pb(f11=pb(f1=1, f2=pb(f1=MY, f2=1)))),
}
PACKETS = {
    "user": pb(f1=1, f2=pb(f1="PA_bob", f5="bob", f2="hi", f4="topic", f6="carol"), f4="bob", f5="carol", f16=3, f17="PA_bob"),
    "speaker": pb(f3=pb(f1=b"")),
    "metrics": pb(f8=pb(f1=1)),
    "unknown": pb(f2=pb(f2="x"), f99="kept") + b"\xa5\x06" + b"\1\2\3\4",
    "group": b"\x13\x14",
    "cut": pb(f2=pb(f2="hi"))[:-1],
}
JOIN = pb(f1=pb(f1=10, f2="1.2", f3=17), f2=pb(f1=1, f2=1), f3="metadata", f4=pb(f1="k", f2="v"), f5=CAMERA, f6=pb(f1="offer", f2=SDP))
REQUESTS = {
    "plain": b"\2" + JOIN,
    "packed": b"\4" + JOIN,
    "bomb": b"\x45" + JOIN,
    "not-packed": b"\3" + JOIN,
    "text": b"\0" + b"CgA=",
    "query": b"\xfa" + b"sdk=js&protocol=16&auto_subscribe=1&reconnect=1&sid=PA_x&attributes=eyJhIjoiYiJ9",
}
CALLS = {
    "create": b"\0" + b'{"name":"yoga","emptyTimeout":10,"maxParticipants":"5","metadata":"m"}',
    "list": b"\1" + b'{"names":["yoga"]}',
    "delete": b"\2" + b'{"room":"yoga"}',
    "remove": b"\6" + b'{"room":"yoga","identity":"honest","revoke_token_ts":1}',
    "update": b"\x08" + b'{"room":"yoga","identity":"honest","permission":{"canPublish":false},"attributes":{"a":"b"}}',
    "send": b"\x0a" + b'{"room":"yoga","data":"aGk=","kind":"LOSSY","destinationIdentities":["honest"],"topic":"t"}',
    "binary": b"\x8a" + pb(f1="yoga", f2="hi", f3=1),
    "move": b"\x0c" + b'{"room":"yoga","identity":"honest","destinationRoom":"other"}',
    "deep": b"\0" + b"[" * 300,
}
CALLS |= {
    "perform": b"\x0d" + b'{"room":"yoga","destinationIdentity":"honest","method":"m","payload":"p","responseTimeoutMs":9}',
    "dispatch": b"\x0e" + b'{"room":"yoga","agentName":"a","metadata":"m"}',
    "dispatches": b"\x10" + b'{"room":"yoga"}',
}
OFFER = SDP + (
    "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpass\r\n"
    "a=fingerprint:sha-256 " + ":".join(f"{n:02X}" for n in range(32)) + "\r\na=setup:actpass\r\na=mid:0\r\na=DIRECTION\r\n"
    "a=msid:show audio\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 stereo=1;usedtx=1\r\n"
    "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\na=mid:1\r\na=DIRECTION\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
    "a=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h\r\n"
)
TRICKLE = "a=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpass\r\nm=audio 9 x 0\r\na=mid:0\r\na=candidate:2 1 udp 2122260223 127.0.0.1 61764 typ host\r\na=end-of-candidates\r\n"
WHIP = {
    "publish": "\0" + OFFER.replace("DIRECTION", "sendonly"),
    "play": "\1" + OFFER.replace("DIRECTION", "recvonly"),
    "trickle": "\2" + TRICKLE,
    "restart": "\3" + TRICKLE.replace("client", "newwwwww").replace("clnt", "newu"),
    "many": "\2" + TRICKLE * 70,
    "half": "\3a=ice-ufrag:clnt\r\n",
    "nonsense": "\2hello",
}
HEADER = b'{"alg":"HS256","typ":"JWT"}'
CLAIMS = b'{"iss":"api-key","sub":"ana","exp":1800000600,"nbf":1799999990,"video":{"roomJoin":true,"room":"yoga"}}'
TOKENS = {
    "golden": b"\1" + HEADER + b"\0" + CLAIMS,
    "foreign": b"\xff" + HEADER + b"\0" + CLAIMS,
    "none": b"\1" + b'{"alg":"none"}' + b"\0" + CLAIMS,
    "key-id": b"\1" + b'{"alg":"HS256","kid":"other","crit":["exp"]}' + b"\0" + CLAIMS,
    "endless": b"\1" + HEADER + b"\0" + b'{"iss":"api-key","exp":18446744073709551615,"metadata":"x","attributes":{"a":"b"},"roomConfig":{}}',
    "text": b"\0" + b"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhcGkta2V5In0.AAAA",
}
CANDIDATES = {"host": b'{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host","sdpMid":"0"}', "deep": b'{"candidate":' + b"[" * 200, "end": b'{"candidate":""}'}


def main():
    streams = {
        name: b"".join(bytes([len(d) // 2]) + bytes.fromhex(d) for d in packets)
        for name, packets in DD.items()
    }
    hexes = {"vp8": VP8, "vp9": VP9, "h264": H264, "rtcp": RTCP}
    files = {target: {n: bytes.fromhex(h) for n, h in seeds.items()} for target, seeds in hexes.items()}
    files |= {"dependency_descriptor": streams, "room": ROOM, "datagrams": DATAGRAMS}
    files |= {"signal_frames": FRAMES, "data_packet": PACKETS, "join_request": REQUESTS}
    files |= {"twirp": CALLS, "token": TOKENS, "candidate": CANDIDATES}
    files["whip"] = {name: text.encode() for name, text in WHIP.items()}
    for target, seeds in files.items():
        folder = ROOT / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / name).write_bytes(content)


main()
