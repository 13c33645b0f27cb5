"""A participant for the browser suite: publishes, and says whom it sees. Arguments: room, single or dual, identities to see.

Prints "seen IDENTITY" for each; once standard input says so it waits for those that are missing, then leaves. Exit code 1 if one never came.
"""

import asyncio
import sys

from stage import Stage

FRAMES = 30


async def main(room: str, mode: str, *identities: str) -> int:
    stage = Stage(room, single=mode == "single")
    peer = await stage.join("python")
    await peer.camera(320, 180, luma=60)
    await peer.microphone(440)

    async def look_for(identity: str):
        await peer.watches(identity, FRAMES, seconds=25)
        print(f"seen {identity}", flush=True)

    try:
        await asyncio.gather(*(look_for(identity) for identity in identities))
        await asyncio.to_thread(sys.stdin.readline)
    except AssertionError as missing:
        print(missing, flush=True)
        return 1
    finally:
        await stage.aclose()
    return 0


sys.exit(asyncio.run(main(*sys.argv[1:])))
