"""The examples in docs/intake.md and on the page `/api`, run as they stand."""

import base64
import json
import re
import shlex
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from handlers.intake import Intake, IntakeSource
from handlers.openapi import document
from handlers.reference import describe
from models.event import EventOutcome, NewEvent

DOCS = Path(__file__).parents[2] / "docs" / "intake.md"
COMMANDS = re.findall(r"^curl .*?^\]?\}'$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
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
    words = shlex.split(command.replace("$KEY", key).replace("$RUNRATE", ""))
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
    assert (len(COMMANDS), len(ON_PAGE)) == (10, 14)


@pytest.mark.parametrize("command", COMMANDS + ON_PAGE)
async def test_an_example_is_taken_whole(command: str) -> None:
    path, headers, body = arguments(command, "the-key")
    source = IntakeSource(id="src_1", workspace_id="T0ACME", kind=kind_for(json.loads(body), path))

    async def find_source(key: str) -> IntakeSource | None:
        return source if key == "the-key" else None

    inbox = KeptEvents()
    app = web.Application()
    now = datetime(2026, 11, 22, tzinfo=UTC)
    app.add_routes(Intake(find_source=find_source, inbox=inbox, now=lambda: now).routes())
    async with TestClient(TestServer(app)) as client:
        response = await client.post(path, data=body.encode(), headers=headers)
        assert response.status == 200, await response.text()
    assert inbox.events
    assert [event.refusal for event in inbox.events] == [None] * len(inbox.events)
