"""Makes the table of clients from the reports of the suites. Usage: matrix.py REPORTS [PAGE]

REPORTS has the JUnit files that the suites leave there: python.xml, agents.xml, node.xml, browser.xml, public.xml. With PAGE, the table replaces
what stands between that page's markers; else it is printed. Rows of suites that did not run are left out. Ends with 1 if a test of a row
failed, or if a suite that ran has no test for one of its rows.
"""

import dataclasses
import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as tree

HERE = pathlib.Path(__file__).resolve().parent
BEGIN, END = "<!-- table: tests/matrix.sh --write -->\n", "<!-- end of table -->\n"
CALL = "calls both ways, layers, mute, data, republication, leave, reconnects"


@dataclasses.dataclass
class Row:
    client: str
    version: str
    mode: str
    suite: str
    pattern: str
    """Found in the test's full name: its groups and its own."""
    what: str


def node_package(suite: str, name: str) -> str:
    return json.loads((HERE / suite / "node_modules" / name / "package.json").read_text())["version"]


def program(*command: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.search(r"\d[\d.]*", said).group()


def rows_of(suite: str) -> list[Row]:
    if suite == "python":
        version = importlib.metadata.version("livekit")
        what = "media of every codec, layers, mute, republication × 20, data, data tracks, streams, RPC, encryption, permissions, reconnects"
        modes = [Row("livekit (Python)", version, mode, suite, rf"\[{mode}", what) for mode in ("single", "dual")]
        calls = "RoomService: rooms, participants, tracks, data, RPC, moving and forwarding; refusals"
        return [*modes, Row("livekit-api (Python)", importlib.metadata.version("livekit-api"), "", suite, "^test_server_api ", calls)]
    if suite == "agents":
        pinned = re.search(r"^livekit-agents==(\S+)", (HERE / "agents" / "requirements.txt").read_text(), re.MULTILINE)
        return [Row("livekit-agents", pinned.group(1), "", suite, "", "automatic and named dispatch, jobs, their end")]
    if suite == "public":
        version = importlib.metadata.version("livekit")
        return [Row("livekit (Python)", version, "single", suite, "", "its own public test-suite, the parts that need a server")]
    if suite == "node":
        version = node_package(suite, "@livekit/rtc-node")
        what = "pictures and sound both ways, data, text and byte streams, RPC, attributes, resume and full reconnect"
        modes = [Row("@livekit/rtc-node", version, mode, suite, f"rtc-node, {mode}", what) for mode in ("single", "dual")]
        server = node_package(suite, "livekit-server-sdk")
        return [*modes, Row("livekit-server-sdk (JS)", server, "", suite, "livekit-server-sdk", "tokens; RoomService: rooms, participants, tracks, data")]
    return browser_rows(suite)


def browser_rows(suite: str) -> list[Row]:
    chromium, firefox = (program(name, "--version") for name in ("chromium", "firefox-esr"))
    newest = node_package(suite, "livekit-client")
    client = f"livekit-client, Chromium {chromium.split('.')[0]}"
    what = f"{CALL}; VP8 and H.264 simulcast, VP9 and AV1 SVC, adaptive stream, dynacast, screen share, text, RPC"
    rows = [Row(client, newest, mode, suite, f"^{mode} peer connection", what) for mode in ("single", "dual")]
    for age in ("2.9", "2.0", "1.15"):
        version = node_package(suite, f"livekit-client-{age}")
        rows.append(Row(client, version, "dual", suite, f"livekit-client {version}", f"with the newest in one room: {CALL}"))
    fox = f"livekit-client, Firefox {firefox} ESR"
    rows += [Row(fox, newest, mode, suite, f"Firefox, {mode}", f"with Chromium: {CALL}") for mode in ("single", "dual")]
    page, whip = f"a plain page, Chromium {chromium.split('.')[0]}", "published and watched by fetch: trickle, ICE restart, layers by any name, CORS"
    rows.append(Row(page, "", "WHIP and WHEP", suite, "^(a page |each layer comes on request from )", whip))
    return [*rows, Row("Chromium × 2 and Python", newest, "single and dual", suite, "the Python SDK see each other", "all see each other")]


def tests_of(report: pathlib.Path) -> list[tuple[str, str]]:
    """Full names with "passed", "failed" or "skipped"."""
    found = []

    def walk(element, names):
        for child in element:
            if child.tag == "testsuite":
                # pytest has one suite, of no meaning, and names the file in the test's class: it stands in the suite's place.
                walk(child, names if child.get("name") == "pytest" else [*names, child.get("name")])
            elif child.tag == "testcase":
                bad = child.find("failure") is not None or child.find("error") is not None
                outcome = "failed" if bad else "skipped" if child.find("skipped") is not None else "passed"
                file = [child.get("classname")] if element.get("name") == "pytest" else []
                found.append((" › ".join([*names, *file, child.get("name")]), outcome))

    walk(tree.parse(report).getroot(), [])
    return found


def main(reports: pathlib.Path, page: pathlib.Path | None) -> int:
    lines = ["| client | version | mode | what was run | result |", "| --- | --- | --- | --- | --- |"]
    bad = False
    for suite in ("browser", "node", "python", "agents", "public"):
        report = reports / f"{suite}.xml"
        if not report.exists():
            continue
        tests = tests_of(report)
        for row in rows_of(suite):
            outcomes = [outcome for name, outcome in tests if re.search(row.pattern, name)]
            counts = [f"{outcomes.count(kind)} {kind}" for kind in ("passed", "failed", "skipped") if kind in outcomes]
            bad = bad or not outcomes or "failed" in outcomes
            lines.append(f"| {row.client} | {row.version} | {row.mode} | {row.what} | {', '.join(counts) or 'no test'} |")
    table = "\n".join(lines) + "\n"
    if page is None:
        print(table, end="")
    else:
        text = page.read_text()
        before, rest = text.split(BEGIN)
        page.write_text(before + BEGIN + table + END + rest.split(END)[1])
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None))
