"""Signalling by hand, for what no SDK would say."""

import asyncio
import base64
import contextlib
import gzip

import websockets
from livekit.protocol import rtc as proto

import settings
from stage import token


def wrap(payload: bytes, compression) -> str:
    """The value of `join_request` with any payload."""
    wrapped = proto.WrappedJoinRequest(compression=compression, join_request=payload)
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


def join_request(compressed: bool = False, **fields) -> str:
    """The value of `join_request` for a v1 connection."""
    inner = proto.JoinRequest(client_info={"sdk": "PYTHON", "version": "1.2.1", "protocol": 17}, **fields).SerializeToString()
    if compressed:
        return wrap(gzip.compress(inner), proto.WrappedJoinRequest.GZIP)
    return wrap(inner, proto.WrappedJoinRequest.NONE)


def v0_url(jwt: str, extra: str = "") -> str:
    return f"{settings.URL}/rtc?access_token={jwt}&protocol=16&sdk=python&version=1.2.1&auto_subscribe=1{extra}"


def v1_url(jwt: str, request: str | None = None) -> str:
    return f"{settings.URL}/rtc/v1?access_token={jwt}&join_request={join_request() if request is None else request}"


class RawClient:
    """A WebSocket that speaks protobuf, or doesn't."""

    def __init__(self, line):
        self.line = line

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, url: str):
        async with websockets.connect(url, max_size=None, ping_interval=None, open_timeout=8, close_timeout=1) as line:
            yield cls(line)

    @classmethod
    @contextlib.asynccontextmanager
    async def joined(cls, room: str, identity: str, single: bool, **grants):
        """A raw participant that has its join response."""
        jwt = token(identity, room, **grants)
        async with cls.connect(v1_url(jwt) if single else v0_url(jwt)) as client:
            client.join = (await client.next("join")).join
            yield client

    async def say(self, **fields):
        await self.line.send(proto.SignalRequest(**fields).SerializeToString())

    async def next(self, kind: str, seconds: float = 8):
        """The next message of a kind; others are passed over."""

        async def read():
            async for data in self.line:
                message = proto.SignalResponse.FromString(data)
                if message.WhichOneof("message") == kind:
                    return message
            raise AssertionError(f"closed with {self.line.close_code} before {kind}")

        return await asyncio.wait_for(read(), seconds)

    async def answers(self, seconds: float = 8) -> bool:
        """True if a ping is answered, False if the line is closed; silence is a failure."""
        try:
            await self.say(ping_req={"timestamp": 4711})
            reply = await self.next("pong_resp", seconds)
            return reply.pong_resp.last_ping_timestamp == 4711
        except (websockets.ConnectionClosed, AssertionError, ConnectionError):
            return False
