"""Data packets, RPC, text and byte streams."""

import asyncio

import pytest
from livekit import rtc
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto import ffi_pb2


def payloads(peer, topic=""):
    return [args[0].data for name, args in peer.events if name == "data_received" and args[0].topic == topic]


async def test_reliable_packets_arrive_all_in_order_and_both_ways(stage):
    alice, bob = await stage.active_pair()
    sent = [f"{i:04}".encode() + b"x" * (i * 17 % 1200) for i in range(200)]

    async def send(peer):
        for payload in sent:
            await peer.me.publish_data(payload, topic="t")

    await asyncio.gather(send(alice), send(bob))
    await stage.until(lambda: len(payloads(alice, "t")) >= 200 and len(payloads(bob, "t")) >= 200, "200 packets each")

    assert payloads(bob, "t") == sent
    assert payloads(alice, "t") == sent
    packet = bob.seen("data_received")[0]
    assert packet.participant.identity == "alice"
    assert packet.kind == rtc.DataPacketKind.KIND_RELIABLE


async def test_a_reliable_packet_of_the_greatest_size_arrives(stage):
    alice, bob = await stage.active_pair()
    payload = bytes(range(256)) * 58  # 14 848 bytes; the SDKs' limit is 15 KiB with the envelope.

    await alice.me.publish_data(payload)

    assert (await bob.saw("data_received"))[0].data == payload


async def test_lossy_packets_arrive(stage):
    alice, bob = await stage.active_pair()

    for i in range(100):
        await alice.me.publish_data(f"{i}", reliable=False, topic="lossy")
    await stage.until(lambda: len(payloads(bob, "lossy")) >= 95, "95 of 100 lossy packets")

    assert len(set(payloads(bob, "lossy"))) == len(payloads(bob, "lossy"))
    assert bob.seen("data_received")[0].kind == rtc.DataPacketKind.KIND_LOSSY


async def test_a_targeted_packet_reaches_its_target_only(stage):
    alice, bob = await stage.active_pair()
    carol = await stage.join("carol")
    await stage.until(lambda: "carol" in alice.room.remote_participants, "alice knows carol")
    for peer in (bob, carol):  # The channel of the newcomer is open once a broadcast reached it.
        await _knock(stage, alice, peer)

    for reliable in (True, False):
        await alice.me.publish_data("for carol", reliable=reliable, destination_identities=["carol"], topic=f"t{reliable}")
        await alice.me.publish_data("for all", reliable=reliable, topic=f"t{reliable}")
    for topic in ("tTrue", "tFalse"):
        await stage.until(lambda t=topic: b"for all" in payloads(bob, t) and b"for all" in payloads(carol, t), f"the broadcast {topic}")
        await stage.until(lambda t=topic: b"for carol" in payloads(carol, t), f"carol's packet {topic}")

    assert payloads(bob, "tTrue") == [b"for all"]
    assert payloads(bob, "tFalse") == [b"for all"]
    assert not payloads(alice, "tTrue"), "nothing comes back to the sender"


async def _knock(stage, sender, receiver):
    """Sends small packets until one arrives: the moment when data flows has no event of its own."""
    topic = f"knock-{receiver.identity}"

    async def knock():
        while True:
            await sender.me.publish_data("knock", topic=topic, destination_identities=[receiver.identity])
            await asyncio.sleep(0.05)

    task = asyncio.create_task(knock())
    try:
        await stage.until(lambda: payloads(receiver, topic), f"data reaches {receiver.identity}")
    finally:
        task.cancel()


async def test_a_newcomer_gets_nothing_sent_before(stage):
    alice, bob = await stage.active_pair()
    await alice.me.publish_data("early", topic="t")
    await stage.until(lambda: payloads(bob, "t"), "bob gets the packet")

    carol = await stage.join("carol")
    await _knock(stage, alice, carol)

    assert payloads(carol, "t") == []


async def test_a_stream_under_a_false_name_carries_the_true_one(stage):
    alice, bob = await stage.active_pair()
    heard = []
    bob.room.register_text_stream_handler("t", lambda reader, identity: (heard.append(identity), stage.board.poke()))

    request = ffi_pb2.FfiRequest()
    request.send_text.local_participant_handle = alice.me._ffi_handle.handle
    request.send_text.text = "I am mallory"
    request.send_text.options.topic = "t"
    request.send_text.options.sender_identity = "mallory"
    FfiClient.instance.request(request)
    await stage.until(lambda: heard, "bob hears of the stream")

    assert heard == ["alice"]


async def test_rpc_answers_fails_and_names_the_caller(stage):
    alice, bob = await stage.active_pair()

    @bob.me.register_rpc_method("echo")
    async def echo(call: rtc.RpcInvocationData):
        return f"{call.caller_identity}:{call.payload}"

    @bob.me.register_rpc_method("refuse")
    async def refuse(call: rtc.RpcInvocationData):
        raise rtc.RpcError(4711, "not today")

    async def call(method, payload="", to="bob"):
        return await alice.me.perform_rpc(destination_identity=to, method=method, payload=payload, response_timeout=8.0)

    assert await call("echo", "hello") == "alice:hello"
    assert await call("echo", "ü" * 5000) == "alice:" + "ü" * 5000
    with pytest.raises(rtc.RpcError) as refused:
        await call("refuse")
    assert refused.value.code == 4711
    with pytest.raises(rtc.RpcError) as unknown:
        await call("nothing")
    assert unknown.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD

    answers = await asyncio.gather(*(call("echo", str(i)) for i in range(20)))
    assert answers == [f"alice:{i}" for i in range(20)]


async def test_a_text_stream_arrives_whole(stage):
    alice, bob = await stage.active_pair()
    text = "Grüße an alle, die mitlesen. " * 4000  # about 120 kB
    read = asyncio.get_running_loop().create_future()

    def on_stream(reader, identity):
        async def all_of_it():
            read.set_result((identity, reader.info.attributes, await reader.read_all()))

        tasks.append(asyncio.create_task(all_of_it()))

    tasks: list[asyncio.Task] = []
    bob.room.register_text_stream_handler("t", on_stream)
    await alice.me.send_text(text, topic="t", attributes={"k": "v"}, compress=False)

    assert await asyncio.wait_for(read, 10) == ("alice", {"k": "v"}, text)


async def test_a_byte_stream_arrives_whole_at_its_target_only(stage):
    alice, bob = await stage.active_pair()
    carol = await stage.join("carol")
    await stage.until(lambda: "carol" in alice.room.remote_participants, "alice knows carol")
    await _knock(stage, alice, carol)
    blob = bytes(i * 31 % 251 for i in range(300_000))
    got = {"bob": [], "carol": []}
    tasks = []

    def handler(name):
        def on_stream(reader, identity):
            async def read():
                got[name].append((identity, b"".join([chunk async for chunk in reader])))
                stage.board.poke()

            tasks.append(asyncio.create_task(read()))

        return on_stream

    bob.room.register_byte_stream_handler("t", handler("bob"))
    carol.room.register_byte_stream_handler("t", handler("carol"))
    await alice.me.send_bytes(blob, topic="t", name="blob", destination_identities=["bob"], compress=False)
    await alice.me.send_bytes(b"end", topic="t", name="end", compress=False)
    await stage.until(lambda: len(got["bob"]) == 2 and len(got["carol"]) == 1, "both streams")

    assert ("alice", blob) in got["bob"]
    assert got["carol"] == [("alice", b"end")]
