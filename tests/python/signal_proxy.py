"""A WebSocket relay that stands between an SDK and the server: it keeps every signal message, and cuts the line when told."""

import asyncio
import contextlib
import time
from urllib.parse import urlsplit

import websockets
from livekit.protocol import rtc as proto

import settings
from stage import Board

MESSAGE_BYTES_MAX = 8 << 20


class SignalProxy:
    """Records (seconds, direction, kind, message) of each signal message that passes; directions are "up" and "down"."""

    def __init__(self, server: str = settings.URL):
        self._url = server
        self.board = Board()
        self.log: list[tuple[float, str, str, object]] = []
        self.paths: list[str] = []
        self.open = True
        self._lines: set = set()
        self._server = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self):
        self._server = await websockets.serve(
            self._relay, "127.0.0.1", 0, process_request=self._refuse_if_closed, max_size=MESSAGE_BYTES_MAX, ping_interval=None
        )

    def _refuse_if_closed(self, connection, request):
        self.paths.append(request.path)
        if not self.open or not urlsplit(request.path).path.startswith("/rtc") or "validate" in request.path:
            # As if nobody were there.
            connection.transport.abort()

    async def _relay(self, client):
        headers = {k: v for k, v in client.request.headers.raw_items() if k.lower() == "authorization"}
        try:
            server = await websockets.connect(
                self._url + client.request.path, additional_headers=headers, max_size=MESSAGE_BYTES_MAX, ping_interval=None
            )
        except Exception:
            client.transport.abort()
            return
        line = (client, server)
        self._lines.add(line)
        try:
            await asyncio.gather(
                self._pump(client, server, "up", proto.SignalRequest), self._pump(server, client, "down", proto.SignalResponse)
            )
        finally:
            self._lines.discard(line)

    async def _pump(self, source, sink, direction, kind):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for data in source:
                message = kind.FromString(data)
                self.log.append((time.monotonic(), direction, message.WhichOneof("message"), message))
                await sink.send(data)
                self.board.poke()
        await sink.close()

    async def say(self, **fields):
        """Says something to the server in the client's name."""
        for _, server in list(self._lines):
            await server.send(proto.SignalRequest(**fields).SerializeToString())

    def cut(self):
        """Breaks every line without a closing handshake."""
        for client, server in list(self._lines):
            client.transport.abort()
            server.transport.abort()

    def descriptions(self) -> list[str]:
        """Every SDP that passed, in order."""
        return [
            getattr(message, kind).sdp for _, _, kind, message in self.log if kind in ("offer", "answer")
        ]

    def sections_max(self) -> int:
        """The most media sections that any description had."""
        return max(sdp.count("\nm=") for sdp in self.descriptions())

    def kinds(self, direction: str) -> list[str]:
        return [kind for _, way, kind, _ in self.log if way == direction]

    async def aclose(self):
        self.cut()
        self._server.close()
        await self._server.wait_closed()
