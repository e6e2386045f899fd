"""Rows about sums over a long history."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.bench import child, seeding
from bot.bench.harness import Bench
from bot.bench.row import Measured, Row
from bot.bench.stub import Stub, stub
from models.database import Database

DESTINATIONS = 1_000
SMALL, LARGE, LARGEST = 100_000, 1_000_000, 10_000_000
PATIENCE = 10.0
GOAL, GROWTH_GOAL = 1.5, 1.3


async def recaps(bench: Bench) -> Row:
    """Seconds for 1,000 daily recaps due at once over a million movements, beside one SQL aggregate for each."""
    large, other = await _history(bench, LARGE), await _history(bench, LARGEST if bench.is_full else SMALL)
    pairs = await bench.paired("recaps", lambda: _made(bench, large), lambda: _aggregated(bench, large))
    row = pairs.row("recaps", "s", at_most=GOAL)
    there = await _made(bench, other)
    less, more = (row.ours or 0, there.value) if bench.is_full else (there.value, row.ours or 0)
    growth, numbers = more / less if less else 0.0, (LARGE, LARGEST) if bench.is_full else (SMALL, LARGE)
    return replace(
        row,
        goal=f"{row.goal}, and ≤ {GROWTH_GOAL} × from {LARGE:,} to {LARGEST:,}",
        met=row.met and bench.is_full and growth <= GROWTH_GOAL,
        note=f"{numbers[1]:,} movements take {growth:.2f} × the time of {numbers[0]:,}"
        + ("" if bench.is_full else f"; --full measures {LARGEST:,}, without which the goal isn't held to be met"),
    )


async def _history(bench: Bench, movements: int) -> str:
    """Make one workspace with a history, and with destinations whose daily recap is due."""
    bench.say(f"recaps: preparing {movements:,} movements")
    url = await bench.sqlite()
    database = Database(url)
    try:
        [tenant] = await seeding.tenants(database, 1, channels=0)
        await seeding.history(database, tenant, movements)
        await seeding.recaps_due(database, tenant, DESTINATIONS)
    finally:
        await database.close()
    return url


async def _made(bench: Bench, url: str) -> Measured:
    """Let the product make and post them; where that takes long, the figure is what all would take at that rate."""
    async with AsyncExitStack() as stack:
        copied = await stack.enter_async_context(bench.copied(url))
        there = await stack.enter_async_context(stub(bench.folder))
        app = await stack.enter_async_context(
            child.started("bot.bench.app", bench.folder, database_url=copied, slack_url=there.url, key=seeding.KEY)
        )
        began, before = app.said["began_at"], await there.count()
        posts = await _posted(there, until=began + PATIENCE)
        after = await there.count()
        took = (after["last_at"] if posts == DESTINATIONS else after["at"]) - began
        return Measured(value=took * DESTINATIONS / max(posts, 1), client=child.share(before, after))


async def _posted(there: Stub, *, until: float) -> int:
    while True:
        posts = int((await there.count())["posts"])
        if posts >= DESTINATIONS or (time.monotonic() > until and posts):
            return posts
        await asyncio.sleep(0.1)


async def _aggregated(bench: Bench, url: str) -> Measured:
    """Ask for each recap's sums in one statement, one after the other."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    period = [(today - timedelta(days=1)).isoformat(" "), today.isoformat(" ")]
    asking = child.started(
        "bot.bench.aggregate", bench.folder, database_url=url, period=period, number=DESTINATIONS, seconds=PATIENCE
    )
    async with asking as asked:
        told = await asked.ask()
        return Measured(value=told["seconds"] * DESTINATIONS / told["number"])
