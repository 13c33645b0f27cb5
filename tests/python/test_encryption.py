"""End-to-end encryption: the server passes what it can't read."""

from livekit import rtc


async def test_encrypted_media_and_data_are_understood_with_the_key_only(stage):
    alice = await stage.join("alice", key=b"secret")
    bob = await stage.join("bob", key=b"secret")
    eve = await stage.join("eve", key=b"another")
    await alice.camera()
    await alice.microphone(hertz=440)

    await bob.watches("alice", frames=15)
    await bob.hears("alice", 440)

    publication = await bob.published("alice")
    assert publication.encryption_type == rtc.EncryptionType.GCM
    sink = await eve.sink("alice")
    await bob.watches("alice", frames=15)  # Meanwhile eve has got as many, and understands none.
    assert sink.frames == 0


async def test_encrypted_packets_reach_those_who_have_the_key(stage):
    alice = await stage.join("alice", key=b"secret")
    bob = await stage.join("bob", key=b"secret")
    await stage.until(
        lambda: any(p.identity == "bob" for p in alice.room.remote_participants.values()), "alice knows bob"
    )
    for turn in range(100):
        await alice.me.publish_data(f"{turn}".encode(), topic="sealed")
        if bob.seen("data_received"):
            break
        try:
            await bob.saw("data_received", seconds=0.2)
            break
        except AssertionError:
            continue

    packet = bob.seen("data_received")[0]
    assert packet.participant.identity == "alice" and packet.topic == "sealed"
