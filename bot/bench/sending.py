"""Rows about sending alone, with no pace: beside a bare loop, beside a job queue, and with a second worker."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from bot.bench import child, seeding
from bot.bench.harness import Bench
from bot.bench.row import Measured, Row
from bot.bench.stub import Stub, stub
from models.database import Database
from models.merge import SINGLY
from scheduler.dispatch import MOST_IN_FLIGHT

WORKSPACES, CHANNELS, MOVEMENTS = 50, 20, SINGLY  # Of more, one message would tell.
JOBS = WORKSPACES * CHANNELS * MOVEMENTS
CONNECTIONS = 10
WARM_UP, WINDOW = 1.0, 4.0


async def dispatch(bench: Bench) -> Row:
    """Deliveries a second over 1,000 lanes on SQLite, beside a bare loop of the same posts with one client."""
    backlog = await _backlog(bench, await bench.sqlite())

    async def ours() -> Measured:
        return await _send(bench, backlog)

    async def beside() -> Measured:
        return await _rate(bench, "bare", posts=backlog.posts)

    pairs = await bench.paired("dispatch", ours, beside)
    return pairs.row("dispatch", "deliveries/s", at_least=0.55)


async def queue(bench: Bench) -> Row:
    """Deliveries a second on PostgreSQL, beside Procrastinate at its best on the same one, with one post a job."""
    backlog, jobs = await _backlog(bench, await bench.postgres()), await bench.postgres()
    async with child.started("bot.bench.jobs", bench.folder, database_url=jobs, fill=JOBS):
        pass
    best = await _best_setting(bench, jobs, backlog.posts)

    async def ours() -> Measured:
        return await _send(bench, backlog)

    async def beside() -> Measured:
        return await _procrastinate(bench, jobs, backlog.posts, best)

    pairs = await bench.paired("queue", ours, beside)
    note = f"Procrastinate was best at a concurrency of {best.in_flight} with delete_jobs={best.delete_jobs!r}"
    return pairs.row("queue", "deliveries/s", at_least=5, note=note)


async def workers(bench: Bench) -> Row:
    """Deliveries a second of two workers on PostgreSQL beside those of one, where Slack takes 5 ms to answer."""
    backlog = await _backlog(bench, await bench.postgres())

    async def of(number: int) -> Measured:
        return await _send(bench, backlog, workers=number, in_flight=16, delay=0.005)

    pairs = await bench.paired("workers", lambda: of(2), lambda: of(1))
    return pairs.row("workers", "deliveries/s", at_least=1.8, note="each worker has 16 in flight")


@dataclass(frozen=True)
class Backlog:
    """A database full of deliveries, and the file with the posts that some of them come to."""

    url: str
    posts: str


@dataclass(frozen=True)
class Setting:
    """How Procrastinate is run."""

    in_flight: int
    delete_jobs: str


async def _backlog(bench: Bench, url: str) -> Backlog:
    database = Database(url)
    try:
        await seeding.backlog(database, workspaces=WORKSPACES, channels=CHANNELS, movements=MOVEMENTS)
        posts = await seeding.posts(database, bench.folder / "posts.json")
    finally:
        await database.close()
    return Backlog(url, str(posts))


async def _best_setting(bench: Bench, jobs: str, posts: str) -> Setting:
    """Try each setting of Procrastinate's once, and keep the quickest."""
    tried = {one: await _procrastinate(bench, jobs, posts, one) for one in SETTINGS}
    for setting, run in tried.items():
        bench.say(f"queue: Procrastinate with {setting.in_flight}, {setting.delete_jobs}: {run.value:,.4g}")
    return max(SETTINGS, key=lambda one: tried[one].value)


async def _procrastinate(bench: Bench, jobs: str, posts: str, setting: Setting) -> Measured:
    async with bench.copied(jobs) as copied:
        return await _rate(
            bench,
            "jobs",
            database_url=copied,
            posts=posts,
            in_flight=setting.in_flight,
            connections=CONNECTIONS,
            delete_jobs=setting.delete_jobs,
        )


SETTINGS = tuple(Setting(in_flight, delete) for in_flight in (10, 20, 50) for delete in ("never", "always"))


async def _send(bench: Bench, backlog: Backlog, **how: Any) -> Measured:
    """Let our dispatcher send a copy of a backlog."""
    async with bench.copied(backlog.url) as copied:
        return await _rate(bench, "sender", database_url=copied, key=seeding.KEY, **how)


async def _rate(
    bench: Bench, module: str, *, workers: int = 1, in_flight: int = MOST_IN_FLIGHT, delay: float = 0.0, **settings: Any
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
