"""The rows of the intake: a request at a time beside a bare echo, and batches beside one `executemany` a batch.

Both sides stand ready all the time and are measured in short turns, so that whatever else the machine does meets both.
Each 200 of ours was given after a commit with `synchronous=FULL`.
"""

import itertools
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from bot.bench.child import started
from bot.bench.harness import Bench
from bot.bench.row import Measured, Row
from models import source
from models.database import Database
from models.secret import Keyring
from models.source import SourceKind

CONNECTIONS, BATCH_CONNECTIONS = 32, 8
BATCH = 100
TURNS = 9
SECONDS, WARM_UP_SECONDS = 2.0, 1.0


async def intake_single(bench: Bench) -> Row:
    """Requests a second, one Segment `track` each, over 32 connections; beside: a bare echo by aiohttp and orjson."""
    asked = {"path": "/v1/track", "events": 1, "connections": CONNECTIONS}
    numbers = itertools.count()
    async with AsyncExitStack() as stack:
        ours, key = await _serve_ours(bench, stack)
        echo = _free_port()
        await stack.enter_async_context(started("bot.bench.front", bench.folder, what="echo", port=echo))
        client = await stack.enter_async_context(started("bot.bench.press", bench.folder))

        async def press(port: int, *, seconds: float = SECONDS) -> Measured:
            said = await client.ask(port=port, key=key, prefix=f"s{next(numbers)}", seconds=seconds, **asked)
            return Measured(value=said["a_second"], client=said["share"])

        for port in (ours, echo):
            await press(port, seconds=WARM_UP_SECONDS)
        pairs = await bench.paired("intake_single", lambda: press(ours), lambda: press(echo), times=TURNS)
    return pairs.row("intake_single", "requests/s", at_least=0.45)


async def intake_batch(bench: Bench) -> Row:
    """Events a second in batches of 100 over HTTP; beside: parsing and one `executemany` and commit a batch, no app."""
    asked = {"path": "/v1/batch", "events": BATCH, "connections": BATCH_CONNECTIONS}
    numbers = itertools.count()
    async with AsyncExitStack() as stack:
        port, key = await _serve_ours(bench, stack)
        path = (await bench.sqlite()).partition("///")[2]
        bulk = await stack.enter_async_context(started("bot.bench.front", bench.folder, what="bulk", path=path))
        client = await stack.enter_async_context(started("bot.bench.press", bench.folder))

        async def press(*, seconds: float = SECONDS) -> Measured:
            said = await client.ask(port=port, key=key, prefix=f"b{next(numbers)}", seconds=seconds, **asked)
            return Measured(value=BATCH * said["a_second"], client=said["share"])

        async def store(*, seconds: float = SECONDS) -> Measured:
            return Measured(value=BATCH * (await bulk.ask(events=BATCH, seconds=seconds))["a_second"])

        await press(seconds=WARM_UP_SECONDS)
        await store(seconds=WARM_UP_SECONDS)
        pairs = await bench.paired("intake_batch", press, store, times=TURNS)
    return pairs.row("intake_batch", "events/s", at_least=0.50)


async def _serve_ours(bench: Bench, stack: AsyncExitStack) -> tuple[int, str]:
    """Start our web part with one source; give its port and the source's key."""
    url, port = await bench.sqlite(), _free_port()
    database = Database(url)
    async with database.write() as session:
        keyring = Keyring([Keyring.new_key()])
        now = datetime.now(UTC)
        _, key = await source.add(
            session, "T0BENCH", kind=SourceKind.SEGMENT, name="Bench", keyring=keyring, by="bench", now=now
        )
    await database.close()
    await stack.enter_async_context(started("bot.bench.front", bench.folder, what="ours", port=port, database_url=url))
    return port, key


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
