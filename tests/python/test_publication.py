"""Unpublishing and publishing again, and what that does to the SDP."""

from livekit import rtc

CAMERA = rtc.TrackSource.SOURCE_CAMERA


async def test_unpublishing_ends_the_subscription(stage):
    alice, bob = await stage.pair()
    _, publication = await alice.camera(luma=60)
    await bob.watches("alice", 5)

    await alice.me.unpublish_track(publication.sid)

    await bob.saw("track_unsubscribed")
    await bob.saw("track_unpublished", lambda pub, p: p.identity == "alice")
    assert not bob.publication("alice")


async def test_twenty_republications_show_pictures_each_time_and_keep_the_sdp_bounded(stage, signal_proxies, note):
    at_alice, at_bob = signal_proxies
    alice = await stage.join("alice", url=at_alice.url)
    bob = await stage.join("bob", url=at_bob.url)
    await alice.microphone(440)
    await bob.hears("alice", 440)
    base = at_alice.sections_max()

    camera, publication = await alice.camera(320, 180, luma=40)
    for turn in range(20):
        await bob.watches("alice", 3, (320, 180), 40)
        unpublished = bob.count("track_unpublished")
        await alice.me.unpublish_track(publication.sid)
        await stage.until(lambda: bob.count("track_unpublished") > unpublished, f"bob sees the end of turn {turn}")
        publication = await alice.publish(camera)
    await bob.watches("alice", 3, (320, 180), 40)
    await bob.hears("alice", 440)

    note(f"sections: publisher {base} to {at_alice.sections_max()}, subscriber {at_bob.sections_max()}")
    # The SDK never uses a sending section twice, so the publisher's side grows by one a turn, and the server adds nothing.
    assert at_alice.sections_max() <= base + 21
    assert max(len(sdp) for sdp in at_alice.descriptions()) <= 64 * 1024
    assert at_bob.sections_max() <= 10


async def test_three_tracks_of_one_participant_are_told_apart(stage):
    alice, bob = await stage.pair()

    await alice.camera(320, 180, luma=60)
    await alice.camera(640, 360, luma=190, source=rtc.TrackSource.SOURCE_SCREENSHARE)
    await alice.microphone(440)

    await bob.watches("alice", 10, (320, 180), 60)
    screen = await bob.sink("alice", rtc.TrackSource.SOURCE_SCREENSHARE)
    await stage.until(lambda: screen.frames >= 10 and screen.size == (640, 360) and screen.shows(190), "the screen")
    await bob.hears("alice", 440)
