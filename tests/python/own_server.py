"""A server of a test's own, for what others on it would disturb, and what that server holds."""

import asyncio
import contextlib
import os
import pathlib
import re
import urllib.request
from dataclasses import dataclass

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLINE_S = 15
LOOK_S = 0.2


def _binary() -> str:
    """The program under test; without one the test is skipped."""
    if named := os.environ.get("CLAPT_BINARY"):
        return named
    built = [ROOT / "target" / profile / "clapt" for profile in ("release", "debug")]
    found = [path for path in built if path.exists()]
    if not found:
        pytest.skip("there is no clapt to start")
    return str(max(found, key=lambda path: path.stat().st_mtime))


def is_database(link: pathlib.Path) -> bool:
    """Says whether a descriptor is a file of SQLite's: its pool opens and closes them as it likes, up to its bound."""
    try:
        return "clapt.db" in os.readlink(link)
    except FileNotFoundError:
        return True


@dataclass
class Holdings:
    """What a server holds: gauges by their names, open file descriptors, resident memory that isn't the program's file.

    The peak is of all resident memory.
    """

    gauges: dict[str, float]
    descriptors: int
    memory_kib: int
    resident_kib: int
    peak_kib: int


class OwnServer:
    """A running `clapt serve --dev` on free ports."""

    def __init__(self, process, url: str):
        self._process, self.url = process, url

    @classmethod
    @contextlib.asynccontextmanager
    async def run(cls, data: pathlib.Path, **environment: str):
        command = [_binary(), "serve", "--dev", "--port", "0", "--data", str(data)]
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "CLAPT_RTC__UDP_PORT": "0", **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            line = await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)
            port = re.search(rb":(\d+)", line.split(b"http", 1)[1]).group(1).decode()
            yield cls(process, f"ws://127.0.0.1:{port}")
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), DEADLINE_S)

    async def holdings(self) -> Holdings:
        text = await self.metrics()
        gauges = set(re.findall(r"^# TYPE (\w+) gauge$", text, re.M))
        found = re.findall(r"^((\w+)(?:{[^}]*})?) (\S+)$", text, re.M)
        proc = pathlib.Path(f"/proc/{self._process.pid}")
        memory = dict(re.findall(r"^(\w+):\s+(\d+) kB$", (proc / "status").read_text(), re.M))
        return Holdings(
            {series: float(value) for series, name, value in found if name in gauges},
            sum(not is_database(link) for link in (proc / "fd").iterdir()),
            *(int(memory[name]) for name in ("RssAnon", "VmRSS", "VmHWM")),
        )

    async def metrics(self) -> str:
        """What the server tells Prometheus."""
        return await asyncio.to_thread(self._metrics)

    def _metrics(self) -> str:
        with urllib.request.urlopen(self.url.replace("ws", "http", 1) + "/metrics", timeout=DEADLINE_S) as answer:
            return answer.read().decode()

    async def counted(self, name: str, label: str) -> float:
        """The sum of a counter's series that have `label`, such as `reason="rate"`."""
        found = re.findall(rf"^{name}{{([^}}]*)}} (\S+)$", await self.metrics(), re.M)
        return sum(float(value) for labels, value in found if label in labels)

    def forget_peak(self):
        """Begins the peak of resident memory anew, see proc_pid_clear_refs(5)."""
        pathlib.Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    async def until_holds(self, check, what: str) -> Holdings:
        """Looks until `check` of the holdings is true: gauges are published once a second."""
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while not check(now := await self.holdings()):
            assert asyncio.get_running_loop().time() < end, f"not within {DEADLINE_S} s: {what}; {now}"
            await asyncio.sleep(LOOK_S)
        return now
