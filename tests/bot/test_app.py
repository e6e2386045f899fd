"""The product as one process: its pages, its safety, and what it does while the database is away."""

import asyncio
import contextlib
import io
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.app import Runrate
from bot.sandbox.people import REVENUE
from models import locale
from models.database import Database
from models.event import of_workspace
from tests.stage import HOST, Answer, Stage, free_port, staged

OPENED = {"type": "app_home_opened", "user": "U0ADA", "channel": "D1", "tab": "home"}


def engines(database: Database) -> list[AsyncEngine]:
    assert database._sessions is not None
    return [database._reader, database._writer, database._sessions._engine]


class Wire:
    """The way to the database, which can be cut: a relay before PostgreSQL's socket, or the disk under SQLite."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self._stage: Stage | None = None
        self._thread: Any = None
        self._socket = parse_qs(urlsplit(database_url).query).get("host", [""])[0] + "/.s.PGSQL.5432"
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        if self._stage is not None and self._stage.database.is_sqlite:
            for engine in engines(self._stage.database):
                event.remove(engine.sync_engine, "begin", fail)
            self._stage.database._thread = self._thread
        elif not self.url.startswith("sqlite"):
            self.url = f"postgresql://postgres:@{HOST}:{self._port}/postgres"
            self._server = await asyncio.start_server(self._relay, HOST, self._port)

    async def cut(self, stage: Stage) -> None:
        self._stage = stage
        if stage.database.is_sqlite:
            for engine in engines(stage.database):
                event.listen(engine.sync_engine, "begin", fail)
            self._thread, stage.database._thread = stage.database._thread, DeadThread()
        await self.close()

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for way in list(self._ways):
            way.transport.abort()
        await self._server.wait_closed()
        self._server = None

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_unix_connection(self._socket)
        self._ways |= {writer, to_writer}
        with contextlib.suppress(OSError):
            await asyncio.gather(self._carry(reader, to_writer), self._carry(to_reader, writer))
        self._ways -= {writer, to_writer}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()


class DeadThread:
    """Stands in for the inbox writer's thread while the disk is away."""

    async def run(self, _work: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")


def fail(_connection: Connection) -> None:
    raise OperationalError("BEGIN", {}, sqlite3.OperationalError("disk I/O error"))


@pytest.fixture
async def wired(database: Database, database_url: str) -> AsyncIterator[tuple[Stage, Wire]]:
    """Give the product, installed in Acme, over a database that can be taken away."""
    wire = Wire(database_url)
    await wire.mend()
    async with staged(wire.url) as stage:
        await stage.install()
        yield stage, wire
    await wire.close()


async def test_while_the_database_is_away_nothing_is_acknowledged_and_afterwards_nothing_is_lost(
    wired: tuple[Stage, Wire],
) -> None:
    stage, wire = wired
    await stage.add_destination()
    _, webhook = await stage.add_source()
    await stage.move(webhook, "Contoso")
    await stage.ada.message(REVENUE, containing="Contoso")
    await stage.sandbox.outbound.settled()
    await wire.cut(stage)

    refused = await stage.try_to_move(webhook, "Northwind", id="again")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json["error"] == "unavailable"
    assert "Nothing of this call was stored" in refused.json["message"]
    assert webhook.rpartition("/")[2] not in refused.text

    ready = await stage.get("/readyz")
    assert (ready.status, ready.json["database"]) == (503, "unreachable")
    assert (await stage.get("/healthz")).status == 200
    for path in ("/", "/slack/install", "/slack/oauth_redirect?state=1&code=2"):
        page = await stage.get(path)
        assert (page.status, page.headers["Retry-After"]) == (503, "5")
        assert "Runrate can't reach its database" in unescape(page.text)
        assert "Traceback" not in page.text
    as_json = await stage.get("/setup/checklist.json", headers={"Accept": "application/json"})
    assert (as_json.status, as_json.json["error"]) == (503, "unavailable")

    assert (await stage.event(OPENED, event_id="EvAWAY")).status == 500
    assert "That didn't work, and nothing was changed" in (await stage.command("list")).json["text"]
    stage.clock.ahead = timedelta(seconds=61)  # What was remembered for a minute is forgotten.
    assert "That didn't work, and nothing was changed" in (await stage.command("list")).json["text"]

    await wire.mend()
    assert (await stage.get("/readyz")).json == {"status": "ready", "database": "ok"}
    assert (await stage.event(OPENED, event_id="EvAWAY")).status == 200
    await stage.move(webhook, "Northwind", id="again")
    await stage.ada.message(REVENUE, containing="Northwind")
    assert len([one for one in await stage.ada.messages(REVENUE) if "Northwind" in one.words]) == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_every_answer_carries_the_security_headers_and_no_version(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    answers = [
        await acme.get("/"),
        await acme.get("/setup/checklist.json"),
        await acme.get("/static/pages.css"),
        await acme.get("/healthz"),
        await acme.get("/readyz"),
        await acme.get("/slack/install"),
        await acme.get("/slack/oauth_redirect"),
        await acme.get("/nowhere"),
        await acme.get("/slack/events"),
        await acme.post(f"{acme.url}/slack/events", b"{}", kind="application/json"),
        await acme.event(OPENED),
        await acme.post(f"{acme.url}/in/wrong", b"{}", kind="application/json"),
        await acme.post(webhook, b"{}", kind="application/json"),
        await acme.post(f"{acme.url}/v1/track", b"{}", kind="application/json"),
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] == "Runrate"
    assert [answer.status for answer in answers] == [
        200, 200, 200, 200, 200, 302, 400, 404, 405, 401, 200, 404, 422, 401,
    ]  # fmt: skip


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_asks_for_something_else_gets_a_page_or_json_by_what_it_takes(acme: Stage) -> None:
    page = await acme.get("/nowhere")
    assert "There is no page at this address" in page.text
    told = await acme.get("/nowhere", headers={"Accept": "application/json"})
    assert (told.status, told.json["error"]) == (404, "not_found")
    wrong = await acme.get("/slack/events")
    assert wrong.headers["Allow"] == "POST"
    huge = io.BytesIO(b"x" * (9 * 1024 * 1024))
    async with acme.http.post(f"{acme.url}/slack/events", data=huge) as response:
        assert response.status == 413


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_the_checklist_follows_what_happens(stage: Stage) -> None:
    before = (await stage.get("/setup/checklist.json")).json
    assert before["summary"] == "3 of 4 still to come."
    await stage.ada.install(stage.url, without=["im:history"])
    await stage.home()
    after = {item["key"]: item for item in (await stage.get("/setup/checklist.json")).json["items"]}
    assert {key: item["state"] for key, item in after.items()} == dict.fromkeys(after, "ok")
    assert "Left out, as you may: im:history." in after["scopes"]["sentence"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("engines_own", [{}, {"SLACK_BOT_TOKEN": "xoxb-of-another-app"}])
async def test_bolt_uses_neither_its_own_installations_nor_a_token_from_the_environment(
    database: Database,
    database_url: str,
    engines_own: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Where the settings come from the environment, Bolt finds its own names in it too."""
    client = {"SLACK_CLIENT_ID": "1000000000.2000000000", "SLACK_CLIENT_SECRET": "of-another-app"}
    for name, value in (client | engines_own).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    async with staged(database_url) as stage:
        await stage.install()
        assert (await stage.event(OPENED)).status == 200
        await stage.add_destination()
        _, webhook = await stage.add_source()
        await stage.move(webhook)
        await stage.ada.message(REVENUE, containing="Northwind")
        calls = await stage.browser.calls()
        assert {call["answer"]["ok"] for call in calls} == {True}
        assert {call["workspace_id"] for call in calls if call["method"] != "oauth.v2.access"} == {"T0ACME"}
        assert (await stage.get("/slack/install")).headers["Location"].startswith(stage.sandbox.url)
        await stage.browser.control("uninstall", workspace="T0ACME")
        await stage.sandbox.outbound.settled()
    assert not (tmp_path / "home").exists()


async def test_stopping_finishes_what_is_under_way(database: Database, database_url: str) -> None:
    async with staged(database_url) as stage:
        await stage.install()
        _, webhook = await stage.add_source()
        sent = [asyncio.create_task(stage.try_to_move(webhook, f"Account {number}")) for number in range(20)]
        await asyncio.sleep(0.02)
        await stage.app.stop()
        answers: list[Answer | BaseException] = await asyncio.gather(*sent, return_exceptions=True)
    acknowledged = [answer for answer in answers if isinstance(answer, Answer) and answer.status == 200]
    async with database.read() as session:
        stored = await of_workspace(session, "T0ACME")
    assert len(stored) >= len(acknowledged)


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_never_started_can_be_stopped(database_url: str, stage: Stage) -> None:
    app = Runrate(stage.settings.model_copy(update={"port": stage.settings.port}))
    with pytest.raises(OSError, match="address already in use"):
        await app.start()
    await app.stop()
    await Runrate(stage.settings).stop()


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_a_form_needs_of_all_locales_is_read_before_the_first_request(stage: Stage) -> None:
    app = Runrate(stage.settings.model_copy(update={"port": free_port()}), works=False)
    locale.usual.cache_clear()
    await app.start()
    assert locale.usual.cache_info().currsize
    await app.stop()
