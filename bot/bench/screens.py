"""Rows about what people wait for: the Home tab, the form for a destination, and how long a recap takes to draw."""

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.parse import urlencode

import aiohttp
from sqlalchemy import Engine, event

from bot.bench import child, seeding
from bot.bench.harness import Bench
from bot.bench.row import Measured, Row
from bot.bench.stub import Stub, stub
from bot.sandbox.signing import signed_headers
from models import delivery, person
from models.database import Database
from scheduler.drawing.kinds import draw_deliveries
from scheduler.drawing.telling import Setting
from scheduler.recap import make_due

DESTINATIONS, MOVEMENTS = 1_000, 1_000_000
FEW = 1
TIMES = 40
SCREEN_GOAL, RENDER_GOAL = 3.0, 2.0
ADA = {"id": "U0ADA", "name": "ada", "is_admin": True, "profile": {"display_name": "Ada"}, "tz": "UTC"}

Ask = Callable[["Slack"], Awaitable[None]]


@dataclass(frozen=True)
class Slack:
    """What sends as Slack does."""

    http: aiohttp.ClientSession
    url: str
    secret: str

    async def send(self, body: bytes, kind: str) -> None:
        """Send, signed, and wait for the answer."""
        headers = {"Content-Type": kind, **signed_headers(self.secret, body, now=time.time())}
        async with self.http.post(f"{self.url}/slack/events", data=body, headers=headers) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise child.ChildDiedError(f"Runrate answered {answer.status}: {(await answer.text())[:200]}")


async def home_open(bench: Bench) -> Row:
    """Milliseconds to draw the Home tab with 1,000 destinations and a million movements, beside an almost empty one."""
    return await _screen(bench, "home_open", _open_home)


async def modal_open(bench: Bench) -> Row:
    """Milliseconds to open the form for a destination in such a workspace, beside an almost empty one."""
    return await _screen(bench, "modal_open", _open_modal)


async def _screen(bench: Bench, name: str, ask: Ask) -> Row:
    full = await _workspace(bench, name, destinations=DESTINATIONS, movements=MOVEMENTS)
    empty = await _workspace(bench, name, destinations=FEW, movements=FEW)
    pairs = await bench.paired(name, lambda: _timed(bench, full, ask), lambda: _timed(bench, empty, ask))
    return pairs.row(name, "ms", at_most=SCREEN_GOAL, note=f"{DESTINATIONS:,} destinations, {MOVEMENTS:,} movements")


async def _workspace(bench: Bench, name: str, *, destinations: int, movements: int) -> str:
    """Make a workspace of this size, or give the one that another row made."""
    key = f"{destinations} {movements}"
    if key not in bench.kept:
        bench.kept[key] = await _made(bench, name, destinations=destinations, movements=movements)
    return bench.kept[key]


async def _made(bench: Bench, name: str, *, destinations: int, movements: int) -> str:
    bench.say(f"{name}: preparing {movements:,} movements and {destinations:,} destinations")
    url = await bench.sqlite()
    database = Database(url)
    try:
        [tenant] = await seeding.tenants(database, 1, channels=0)
        await seeding.history(database, tenant, movements)
        await seeding.recaps_due(database, tenant, destinations)
        async with database.write() as session:
            await person.remember(session, tenant.workspace_id, ADA, now=datetime.now(UTC))
    finally:
        await database.close()
    return url


async def _timed(bench: Bench, url: str, ask: Ask) -> Measured:
    """Ask again and again; give the milliseconds that one answer takes. This Slack has no delay of its own."""
    async with _serving(bench, url) as (slack, there):
        before, took = (await there.count())["requests"], []
        for _ in range(TIMES):
            began = time.monotonic()
            await ask(slack)
            took.append(time.monotonic() - began)
        if (await there.count())["requests"] - before < TIMES:
            raise child.ChildDiedError("Runrate did not show what was asked for.")
    return Measured(value=1000 * median(took))


@asynccontextmanager
async def _serving(bench: Bench, url: str) -> AsyncIterator[tuple[Slack, Stub]]:
    secret = secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        copied = await stack.enter_async_context(bench.copied(url))
        there = await stack.enter_async_context(stub(bench.folder))
        told = {"database_url": copied, "slack_url": there.url, "key": seeding.KEY, "signing_secret": secret}
        app = await stack.enter_async_context(child.started("bot.bench.app", bench.folder, **told))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        await _settled(there)
        yield Slack(http, app.said["url"], secret), there


async def _settled(there: Stub) -> None:
    """Wait until what was due at the start is posted, so that only what is asked is measured."""
    before = -1
    while (posts := int((await there.count())["posts"])) != before:
        before = posts
        await asyncio.sleep(1.5)


async def _open_home(slack: Slack) -> None:
    opened = {"type": "app_home_opened", "user": "U0ADA", "channel": "D1", "tab": "home", "event_ts": "1.1"}
    body = {
        "type": "event_callback",
        "team_id": "T00000",
        "api_app_id": "A0RUNRATE",
        "event": opened,
        "event_id": f"Ev{secrets.token_hex(6)}",
        "event_time": int(time.time()),
    }
    await slack.send(json.dumps(body).encode(), "application/json")


async def _open_modal(slack: Slack) -> None:
    form = {
        "command": "/mrr",
        "text": "new",
        "team_id": "T00000",
        "user_id": "U0ADA",
        "channel_id": "C00000",
        "channel_name": "revenue",
        "api_app_id": "A0RUNRATE",
        "trigger_id": f"1.2.{secrets.token_hex(8)}",
        "response_url": f"{slack.url}/nowhere",
    }
    await slack.send(urlencode(form).encode(), "application/x-www-form-urlencoded")


async def recap_render(bench: Bench) -> Row:
    """Milliseconds to read and draw a recap over a million movements, beside the statements alone that it asks."""
    url = await _workspace(bench, "recap_render", destinations=FEW, movements=MOVEMENTS)
    database = Database(url)
    try:
        await make_due(database, now=datetime.now(UTC))
        statements = await _statements(database)
        pairs = await bench.paired("recap_render", lambda: _rendered(database), lambda: _asked(url, statements))
    finally:
        await database.close()
    return pairs.row("recap_render", "ms", at_most=RENDER_GOAL, note=f"{MOVEMENTS:,} movements")


async def _render(database: Database) -> None:
    async with database.read() as session:
        [owed] = await delivery.of_workspace(session, "T00000")
        drawn = await draw_deliveries(session, [owed], setting=Setting(datetime.now(UTC), "http://localhost", str))
    if isinstance(error := drawn[owed.id], Exception):
        raise error


async def _statements(database: Database) -> list[tuple[str, Any]]:
    """Note what a recap asks the database."""
    noted: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            noted.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await _render(database)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return noted


async def _rendered(database: Database) -> Measured:
    took = []
    for _ in range(TIMES):
        began = time.monotonic()
        await _render(database)
        took.append(time.monotonic() - began)
    return Measured(value=1000 * median(took))


async def _asked(url: str, statements: list[tuple[str, Any]]) -> Measured:
    return await asyncio.to_thread(_ask, url.partition("///")[2], statements)


def _ask(path: str, statements: list[tuple[str, Any]]) -> Measured:
    """Ask the same with the bare driver."""
    took = []
    with sqlite3.connect(path) as bare:
        for _ in range(TIMES):
            began = time.monotonic()
            for statement, parameters in statements:
                bare.execute(statement, parameters).fetchall()
            took.append(time.monotonic() - began)
    bare.close()
    return Measured(value=1000 * median(took))
