"""Sources that can be told apart, and sinks that say what arrived.

Each participant has a luma and a tone of its own, so a receiver notices not only that something arrives but that it is the right thing.
"""

import asyncio
import contextlib
import time

import numpy as np
from livekit import rtc

SAMPLE_RATE = 48_000
TONE_SAMPLES = 480  # 10 ms
LUMA_TOLERANCE = 14
TONE_TOLERANCE_HZ = 40


def _picture(width: int, height: int, luma: int, step: int, grain: int) -> bytearray:
    """A picture of the given luma with a block that moves in its upper half; flat, or with a grain that costs bits."""
    plane = np.full((height, width), luma, np.uint8)
    if grain:
        plane += np.random.default_rng(step).integers(0, 2 * grain, plane.shape, np.uint8)
        plane -= np.uint8(grain)
    side = max(8, height // 6)
    x = (step * 8) % max(1, width - side)
    plane[side : 2 * side, x : x + side] = 255 - luma
    return bytearray(plane.tobytes() + bytes([128]) * (width * height // 2))


class Camera:
    """Publishes a picture `fps` times a second until closed."""

    def __init__(self, width: int, height: int, luma: int = 100, fps: int = 30, grain: int = 0):
        self.width, self.height, self.luma, self.fps = width, height, luma, fps
        self.captured = 0
        self.source = rtc.VideoSource(width, height)
        self.track = rtc.LocalVideoTrack.create_video_track("camera", self.source)
        self._frames = [
            rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, _picture(width, height, luma, i, grain)) for i in range(24)
        ]
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        start = time.monotonic()
        while True:
            self.source.capture_frame(
                self._frames[self.captured % len(self._frames)],
                timestamp_us=int((time.monotonic() - start) * 1e6),
            )
            self.captured += 1
            # The pace of the source, not a wait of the test.
            await asyncio.sleep(max(0.0, start + self.captured / self.fps - time.monotonic()))

    async def aclose(self):
        await _end(self._task)
        await self.source.aclose()


class Microphone:
    """Publishes a sine of `hertz` until closed; `amplitude` 0 is silence."""

    def __init__(self, hertz: int = 440, amplitude: float = 0.4):
        self.hertz, self.amplitude = hertz, amplitude
        self.source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=200)
        self.track = rtc.LocalAudioTrack.create_audio_track("microphone", self.source)
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        sample = 0
        while True:
            at = (np.arange(TONE_SAMPLES) + sample) / SAMPLE_RATE
            tone = np.sin(2 * np.pi * self.hertz * at) * self.amplitude * 32767
            sample = (sample + TONE_SAMPLES) % SAMPLE_RATE
            await self.source.capture_frame(
                rtc.AudioFrame(tone.astype(np.int16).tobytes(), SAMPLE_RATE, 1, TONE_SAMPLES)
            )

    async def aclose(self):
        await _end(self._task)
        await self.source.aclose()


class VideoSink:
    """Counts decoded pictures and remembers size and luma of the last."""

    def __init__(self, track: rtc.Track, poke):
        self.track = track
        self.frames = 0
        self.size = (0, 0)
        self.luma = -1
        self.last_at = 0.0
        self._stream = rtc.VideoStream(track, capacity=4, format=rtc.VideoBufferType.I420)
        self._task = asyncio.create_task(self._run(poke))

    async def _run(self, poke):
        async for event in self._stream:
            frame = event.frame
            luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
            self.size = (frame.width, frame.height)
            # The lower half: the block moves in the upper one.
            self.luma = int(luma[len(luma) * 6 // 10 :: 7].mean())
            self.frames += 1
            self.last_at = time.monotonic()
            poke()

    def shows(self, luma: int) -> bool:
        return abs(self.luma - luma) <= LUMA_TOLERANCE

    async def aclose(self):
        await _end(self._task)
        with contextlib.suppress(Exception):
            self._stream._ffi_handle.dispose()


class AudioSink:
    """Counts 10 ms frames and finds the loudest frequency of the last second."""

    def __init__(self, track: rtc.Track, poke):
        self.track = track
        self.frames = 0
        self._recent = np.zeros(SAMPLE_RATE // 2, np.float32)
        self._stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1, capacity=50)
        self._task = asyncio.create_task(self._run(poke))

    async def _run(self, poke):
        async for event in self._stream:
            samples = np.frombuffer(event.frame.data, np.int16).astype(np.float32)
            self._recent = np.concatenate([self._recent[len(samples) :], samples])
            self.frames += 1
            if self.frames % 10 == 0:
                poke()

    @property
    def loudness(self) -> float:
        """Root mean square of the last 100 ms, 0 to 1."""
        return float(np.sqrt(np.mean(self._recent[-SAMPLE_RATE // 10 :] ** 2)) / 32767)

    @property
    def hertz(self) -> float:
        spectrum = np.abs(np.fft.rfft(self._recent * np.hanning(len(self._recent))))
        return float(np.argmax(spectrum) * SAMPLE_RATE / len(self._recent))

    def hears(self, hertz: int) -> bool:
        return self.loudness > 0.05 and abs(self.hertz - hertz) <= TONE_TOLERANCE_HZ

    async def aclose(self):
        await _end(self._task)
        with contextlib.suppress(Exception):
            self._stream._ffi_handle.dispose()


async def inbound(track: rtc.Track):
    """The inbound-rtp stats of a received track."""
    found = [s.inbound_rtp for s in await track.get_stats() if s.HasField("inbound_rtp")]
    assert len(found) == 1, f"{len(found)} inbound streams, 1 expected"
    return found[0]


async def _end(task: asyncio.Task):
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
