"""Fixtures: a stage per test, once in each connection mode."""

import re
import uuid

import pytest
import pytest_asyncio

from signal_proxy import SignalProxy
from stage import Stage


def _room_name(request) -> str:
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:60] + "-" + uuid.uuid4().hex[:6]


@pytest_asyncio.fixture(params=["single", "dual"])
async def stage(request):
    """A room in single (v1) and in dual (v0) peer connection mode."""
    made = Stage(_room_name(request), single=request.param == "single")
    yield made
    await made.aclose()


@pytest_asyncio.fixture
async def single_stage(request):
    """A room in single mode only, for what doesn't depend on the mode."""
    made = Stage(_room_name(request), single=True)
    yield made
    await made.aclose()


@pytest_asyncio.fixture
async def signal_proxy():
    """A recording relay in front of the server's signalling."""
    proxy = SignalProxy()
    await proxy.start()
    yield proxy
    await proxy.aclose()


@pytest_asyncio.fixture
async def signal_proxies():
    """Two recording relays, for two participants."""
    proxies = SignalProxy(), SignalProxy()
    for proxy in proxies:
        await proxy.start()
    yield proxies
    for proxy in proxies:
        await proxy.aclose()


@pytest.fixture
def note(record_property):
    """Keeps a measured line for the end of the run."""
    return lambda text: record_property("note", text)


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    for report in sorted(reports, key=lambda r: getattr(r, "nodeid", "")):
        for key, text in getattr(report, "user_properties", []):
            if key == "note" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.split('::')[-1]}: {text}")
