"""Rows about sending alone, with no pace: beside a bare loop, beside a job queue, and with a second worker."""

import asyncio
from contextlib import AsyncExitStack

from bot.bench import child, seeding
from bot.bench.harness import Bench
from bot.bench.row import Measured, Row
from bot.bench.stub import Stub, stub
from models.database import Database

IN_FLIGHT = 20
WORKSPACES, CHANNELS, MOVEMENTS = 50, 20, 25
WARM_UP, WINDOW = 1.0, 4.0


async def dispatch(bench: Bench) -> Row:
    """Deliveries a second over 1,000 lanes on SQLite, beside a bare loop of the same posts with one client."""
    owed = await bench.sqlite()
    database = Database(owed)
    await seeding.backlog(database, workspaces=WORKSPACES, channels=CHANNELS, movements=MOVEMENTS)
    posts = str(await seeding.posts(database, bench.folder / "posts.json"))
    await database.close()

    async def ours() -> Measured:
        return await _rate(bench, "sender", database_url=await bench.copy(owed), key=seeding.KEY)

    async def beside() -> Measured:
        return await _rate(bench, "bare", posts=posts)

    pairs = await bench.paired("dispatch", ours, beside)
    return pairs.row("dispatch", "deliveries/s", at_least=0.55)


async def _rate(
    bench: Bench, module: str, *, workers: int = 1, in_flight: int = IN_FLIGHT, delay: float = 0.0, **settings: str
) -> Measured:
    """Let processes post to a stub of their own, and give what came a second after a warm-up."""
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(stub(bench.folder, delay=delay))
        for _ in range(workers):
            process = child.started(
                f"bot.bench.{module}", bench.folder, slack_url=slack.url, in_flight=in_flight, **settings
            )
            await stack.enter_async_context(process)
        return await _window(slack)


async def _window(slack: Stub) -> Measured:
    await asyncio.sleep(WARM_UP)
    before = await slack.count()
    await asyncio.sleep(WINDOW)
    after = await slack.count()
    rate = (after["posts"] - before["posts"]) / (after["at"] - before["at"])
    return Measured(value=rate, client=child.share(before, after))
