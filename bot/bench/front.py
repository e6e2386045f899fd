"""What the intake rows measure, in a process of its own: our web part, or beside it the bare means.

`ours` serves the intake on SQLite. `echo` is aiohttp and orjson and nothing else. `bulk` has no server: it parses
batches and commits each with one `executemany` into the same table, as any program that keeps them has to.
"""

import asyncio
import itertools
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from bot import garbage, logs
from bot.app import Runrate
from bot.bench import child
from bot.bench.cores import SERVER, stay_on
from bot.bench.press import bodies
from bot.settings import Settings

INSERT = (
    "INSERT INTO events (workspace_id, source_id, kind, dedupe_key, occurred_at, received_at, facts, state, duplicates,"
    " is_history) VALUES ('T0BENCH', 'src_bench', 'track', ?, ?, ?, ?, 'waiting', 0, 0)"
)


async def ours(told: dict[str, Any]) -> None:
    """Serve the intake; nobody works on what comes in."""
    settings = Settings(_env_file=None, database_url=told["database_url"], host="127.0.0.1", port=told["port"])
    app = Runrate(settings, works=False)
    await app.start()
    garbage.leave_what_stays()
    child.say(ready=True)
    await child.answer(_usage)
    await app.stop()


async def echo(told: dict[str, Any]) -> None:
    """Serve what parses a body, writes it again and answers with it."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(orjson.loads(await request.read())), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/track", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", told["port"]).start()
    child.say(ready=True)
    await child.answer(_usage)
    await runner.cleanup()


async def bulk(told: dict[str, Any]) -> None:
    """Store batches for as long as is asked."""
    with closing(sqlite3.connect(told["path"], isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        numbers = itertools.count()

        async def answer(question: dict[str, Any]) -> dict[str, Any]:
            sent = bodies(f"bulk{next(numbers)}", question["events"])
            return {"a_second": _store_on(connection, sent, seconds=question["seconds"])}

        child.say(ready=True)
        await child.answer(answer)


def _store_on(connection: sqlite3.Connection, sent: Iterator[bytes], *, seconds: float) -> float:
    """Store batch after batch; give how many a second, without the time in which they were made up."""
    spent, batches = 0.0, 0
    while spent < seconds:
        body = next(sent)
        began = time.perf_counter()
        _store(connection, orjson.loads(body)["batch"])
        spent += time.perf_counter() - began
        batches += 1
    return batches / spent


def _store(connection: sqlite3.Connection, events: list[dict[str, Any]]) -> None:
    now = datetime.now(UTC).isoformat(" ")
    rows = [(one["messageId"], one["timestamp"], now, orjson.dumps(one).decode()) for one in events]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, rows)
    connection.execute("COMMIT")


async def _usage(_question: dict[str, Any]) -> dict[str, Any]:
    return child.usage()


if __name__ == "__main__":
    logs.configure(level="error", log_format="json")
    stay_on(SERVER)
    settings = child.settings()
    asyncio.run({"ours": ours, "echo": echo, "bulk": bulk}[settings["what"]](settings))
