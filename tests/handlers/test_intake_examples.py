"""The examples in docs/ and on the page `/api`, run as they stand."""

import base64
import json
import re
import shlex
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.cli import columns, direct, imports, rows
from handlers.intake import Intake, IntakeSource
from handlers.openapi import document
from handlers.reference import describe
from handlers.senders import api
from handlers.senders.reading import Received
from models.event import EventOutcome, NewEvent

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
COMMANDS = [
    command
    for page in ("intake.md", "sources/api.md")
    for command in re.findall(r"^curl .*?^\]?\}'$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
]
PAGE = describe(document("https://runrate.example.com"))
ON_PAGE = [PAGE.several, *(entry.curl for entry in (*PAGE.records, *PAGE.calls))]


class KeptEvents:
    """An inbox that simply remembers."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []

    async def add(self, events: Any, /) -> list[EventOutcome]:
        self.events.extend(events)
        return [EventOutcome.STORED for _ in events]


def arguments(command: str, key: str) -> tuple[str, dict[str, str], str]:
    """Read a curl command as a shell and curl would: path, headers, body."""
    expanded = command.replace("$KEY", key).replace("$RUNRATE", "").replace("$(date -u +%FT%TZ)", NOW.isoformat())
    words = shlex.split(expanded)
    options = list(pairwise(words))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    for option, value in options:
        if option == "-u":
            headers["Authorization"] = f"Basic {base64.b64encode(value.encode()).decode()}"
    return words[2], headers, next(value for option, value in options if option == "-d")


def kind_for(body: dict[str, Any], path: str) -> str:
    if path.startswith("/v1/") or str(body.get("type")).startswith(("Send ", "identify")):
        return "segment"
    return "chartmogul" if body.get("type") == "mrr_movement" else "api"


def test_the_examples_are_found() -> None:
    assert (len(COMMANDS), len(ON_PAGE)) == (11, 14)


@pytest.mark.parametrize("command", COMMANDS + ON_PAGE)
async def test_an_example_is_taken_whole(command: str) -> None:
    path, headers, body = arguments(command, "the-key")
    source = IntakeSource(id="src_1", workspace_id="T0ACME", kind=kind_for(json.loads(body), path))

    async def find_source(key: str) -> IntakeSource | None:
        return source if key == "the-key" else None

    inbox = KeptEvents()
    app = web.Application()
    app.add_routes(Intake(find_source=find_source, inbox=inbox, now=lambda: NOW).routes())
    async with TestClient(TestServer(app)) as client:
        response = await client.post(path, data=body.encode(), headers=headers)
        assert response.status == 200, await response.text()
    assert inbox.events
    assert [event.refusal for event in inbox.events] == [None] * len(inbox.events)


CSV = re.findall(r"### `--kind (\w+)`.*?```csv\n(.*?)```", (DOCS / "sources" / "csv.md").read_text(), re.DOTALL)


def test_each_kind_of_file_has_its_example() -> None:
    assert sorted(kind for kind, _ in CSV) == sorted(imports.KINDS)


@pytest.mark.parametrize(("kind", "text"), CSV)
def test_an_example_of_a_file_is_taken_whole(kind: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "example.csv").write_text(text)
    one, found = imports.KINDS[kind], rows.look_at(tmp_path / "example.csv")
    if one in direct.KINDS:
        columns_of, read = direct, partial(direct.KINDS[one].read, now=NOW)
    else:
        columns_of, read = columns, partial(taken, kind=one)
    columns_of.check(found.header, one)
    assert [read({name: cell for name, cell in row.value.items() if cell or one == "role"}) for row in found]


def taken(cells: dict[str, str], *, kind: str) -> Received:
    (record,) = api.read({"type": kind, **columns.record(cells, kind)}, received_at=NOW).records
    assert isinstance(record, Received), record
    return record
