"""A publisher and a player that speak WHIP and WHEP by aiortc, which shares no code with the server or with libwebrtc."""

import asyncio
import fractions
import math
from urllib.parse import urljoin

import aiohttp
import av
import numpy as np
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

import settings
from media import LUMA_TOLERANCE, SAMPLE_RATE, TONE_TOLERANCE_HZ

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


class Picture(VideoStreamTrack):
    """A flat picture of one luma."""

    def __init__(self, width: int, height: int, luma: int):
        super().__init__()
        self.frame = av.VideoFrame.from_ndarray(
            np.concatenate([np.full((height, width), luma, np.uint8), np.full((height // 2, width), 128, np.uint8)]), format="yuv420p"
        )

    async def recv(self):
        self.frame.pts, self.frame.time_base = await self.next_timestamp()
        return self.frame


class Tone(AudioStreamTrack):
    """A sine, in 20 ms."""

    def __init__(self, hertz: int):
        super().__init__()
        self.hertz, self.sample = hertz, 0

    async def recv(self):
        silence = await super().recv()  # Keeps the pace.
        samples = SAMPLE_RATE // 50
        at = (np.arange(samples) + self.sample) / SAMPLE_RATE
        self.sample += samples
        tone = (np.sin(2 * math.pi * self.hertz * at) * 0.4 * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, fractions.Fraction(1, SAMPLE_RATE)
        frame.pts = silence.pts * SAMPLE_RATE // silence.sample_rate
        return frame


class HttpPeer:
    """One session: an offer by POST, and whatever comes after it."""

    def __init__(self, token: str):
        self.headers = {"Authorization": f"Bearer {token}"}
        self.connection = RTCPeerConnection()
        self.http = aiohttp.ClientSession()
        self.session = self.tag = self.answer = ""

    async def offer(self, path: str):
        """Offers with all candidates, and takes the answer."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = self.connection.localDescription.sdp
        async with self.http.post(settings.HTTP + path, data=offer, headers=self.headers | SDP) as response:
            self.answer = await response.text()
            assert response.status == 201, f"{response.status} {self.answer}"
            self.session = urljoin(settings.HTTP + path, response.headers["Location"])
            self.tag = response.headers["ETag"]
        await self.connection.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))

    async def patch(self, fragment: str, if_match: str) -> tuple[int, str]:
        headers = self.headers | FRAGMENT | {"If-Match": if_match}
        async with self.http.patch(self.session, data=fragment, headers=headers) as response:
            self.tag = response.headers.get("ETag", self.tag)
            return response.status, await response.text()

    async def delete(self) -> int:
        async with self.http.delete(self.session, headers=self.headers) as response:
            return response.status

    async def aclose(self):
        await self.connection.close()
        await self.http.close()


class Publisher(HttpPeer):
    """Sends a picture and a tone."""

    def send(self, width=640, height=360, luma=100, hertz=440, codec="VP8"):
        self.connection.addTrack(Tone(hertz))
        self.connection.addTrack(Picture(width, height, luma))
        video = self.connection.getTransceivers()[1]
        known = RTCRtpSender.getCapabilities("video").codecs
        video.setCodecPreferences([c for c in known if c.mimeType.lower() in (f"video/{codec.lower()}", "video/rtx")])


class Player(HttpPeer):
    """Decodes what it gets and says what it is."""

    def __init__(self, token: str, board):
        super().__init__(token)
        self.board = board
        self.frames = {"audio": 0, "video": 0}
        self.size, self.luma = (0, 0), -1
        self._heard = np.zeros(SAMPLE_RATE // 2, np.float32)
        self._tasks: list[asyncio.Task] = []
        self.connection.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._run(track))))

    def receive(self, *kinds: str):
        for kind in kinds:
            self.connection.addTransceiver(kind, direction="recvonly")

    async def _run(self, track):
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if track.kind == "video":
                picture = frame.to_ndarray(format="yuv420p")
                self.size = (frame.width, frame.height)
                self.luma = int(picture[: frame.height][frame.height * 6 // 10 :].mean())
            else:
                samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0].astype(np.float32)
                self._heard = np.concatenate([self._heard[len(samples) :], samples])
            self.frames[track.kind] += 1
            self.board.poke()

    async def watches(self, luma: int, size=None, seconds: float = 15):
        """Waits for a picture of this luma and size, and some more after it."""

        def fits():
            return abs(self.luma - luma) <= LUMA_TOLERANCE and size in (None, self.size)

        try:
            await self.board.until(fits, "", seconds)
            before = self.frames["video"]
            await self.board.until(lambda: self.frames["video"] >= before + 10 and fits(), "", seconds)
        except AssertionError:
            raise AssertionError(f"{self.frames} frames, last {self.size} luma {self.luma}, wanted {size} luma {luma}") from None

    async def hears(self, hertz: int, seconds: float = 15):
        await self.board.until(lambda: self._is_heard(hertz), f"a tone of {hertz} Hz", seconds)

    def _is_heard(self, hertz: int) -> bool:
        spectrum = np.abs(np.fft.rfft(self._heard * np.hanning(len(self._heard))))
        loudest = float(np.argmax(spectrum) * SAMPLE_RATE / len(self._heard))
        return float(np.abs(self._heard[-4800:]).mean()) > 500 and abs(loudest - hertz) <= TONE_TOLERANCE_HZ

    async def aclose(self):
        await super().aclose()
        for task in self._tasks:
            task.cancel()
