"""Rows about the whole way from a source's call to Slack, through the product as `runrate serve` runs it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.bench import child, seeding, slack
from bot.bench.child import Child
from bot.bench.harness import Bench
from bot.bench.row import Measured, Row, percentile
from bot.bench.seeding import Tenant
from bot.bench.stub import Stub, stub
from models import balance, event
from models.balance import DeliverySums, EventSums
from models.database import Database
from models.delivery import OPEN
from models.event import NewEvent
from models.fact import Fact, RoleFact, SignalFact, dump_facts

MILLISECONDS = 1000
QUIET_FOR, QUIET_WITHIN = 0.5, 60

LATENCY_TENANTS, LATENCY_RATE, LATENCY_WARM_UP, LATENCY_SECONDS = 500, 200, 3, 8
LATENCY_GOAL = 100

QUIET_RATE, QUIET_SECONDS, QUIET_CHANNELS, TIMES_LOUDER = 0.8, 20, 3, 100
QUIET_FIRST, QUIET_LATEST = 9_000_000, 2.0

BURST, BURST_SECONDS, BURST_BATCH = 10_000, 10, 100
BURST_GOAL_SECONDS, BURST_GOAL_POSTS, BURST_PATIENCE = 30, 30, 45

CEILING_WORKSPACES, CEILING_PEOPLE, CEILING_SIGNALS = 10, 5, 40
CEILING_GOAL, CEILING_PATIENCE = 0.95, 90

MEMORY_TENANTS, MEMORY_FEW, MEMORY_MANY, MEMORY_MOST = 20, 10_000, 100_000, 1_000_000
MEMORY_STEP, MEMORY_PATIENCE, MEMORY_GOAL = 5_000, 120, 1.25


@dataclass(frozen=True)
class Running:
    """The product between a source and a stub."""

    app: Child
    slack: Stub
    traffic: Child
    more_traffic: Child

    def urls(self, *tenants: Tenant) -> list[str]:
        """Give the addresses to which the sources of some workspaces send."""
        return [f"{self.app.said['url']}/in/{tenant.source_key}" for tenant in tenants]


@asynccontextmanager
async def running(bench: Bench, database_url: str) -> AsyncIterator[Running]:
    """Start the product, and wait until it has done what it does at its start."""
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(stub(bench.folder))
        app = await stack.enter_async_context(_app(bench, database_url, there.url))
        traffic = [await stack.enter_async_context(child.started("bot.bench.traffic", bench.folder)) for _ in range(2)]
        await _quiet(there)
        yield Running(app, there, *traffic)


def _app(bench: Bench, database_url: str, slack_url: str) -> Any:
    return child.started("bot.bench.app", bench.folder, database_url=database_url, slack_url=slack_url, key=seeding.KEY)


async def _quiet(there: Stub) -> None:
    """Wait until nothing comes any more."""
    until, before = time.monotonic() + QUIET_WITHIN, -1
    while (now := (await there.count())["requests"]) != before and time.monotonic() < until:
        before = now
        await asyncio.sleep(QUIET_FOR)


async def _seeded(bench: Bench, number: int, *, channels: int) -> tuple[str, list[Tenant]]:
    url = await bench.sqlite()
    database = Database(url)
    try:
        return url, await seeding.tenants(database, number, channels=channels)
    finally:
        await database.close()


async def latency(bench: Bench) -> Row:
    """The 99th percentile of the time from a source's call to the post, at 200 events a second to 500 channels."""

    async def ours() -> Measured:
        url, tenants = await _seeded(bench, LATENCY_TENANTS, channels=1)
        async with running(bench, url) as run:
            told = await _offer(run.traffic, run.urls(*tenants), LATENCY_RATE, LATENCY_WARM_UP + LATENCY_SECONDS)
            await _quiet(run.slack)
            waits = _waits(told, await run.slack.marks(), after=LATENCY_RATE * LATENCY_WARM_UP)
        return Measured(value=percentile(waits, 0.99) * MILLISECONDS, client=told["client"])

    async def beside() -> Measured:
        async with stub(bench.folder) as there, child.started("bot.bench.traffic", bench.folder) as traffic:
            told = await traffic.ask(what="posts", slack_url=there.url, rate=LATENCY_RATE, seconds=LATENCY_SECONDS)
        return Measured(value=percentile(told["took"], 0.99) * MILLISECONDS, client=told["client"])

    pairs = await bench.paired("latency", ours, beside)
    row = pairs.row("latency", "ms", at_most=0, note="beside it stands the 99th percentile of a bare POST")
    return replace(row, goal=f"≤ {LATENCY_GOAL} ms", met=(row.ours or 0) <= LATENCY_GOAL)


async def neighbour(bench: Bench) -> Row:
    """The 95th percentile from call to post in a quiet workspace while another sends 100 times as much."""

    async def alone() -> Measured:
        url, [quiet] = await _seeded(bench, 1, channels=QUIET_CHANNELS)
        async with running(bench, url) as run:
            return await _quiet_one(run, quiet)

    async def flooded() -> Measured:
        url, [quiet, loud] = await _seeded(bench, 2, channels=QUIET_CHANNELS)
        async with running(bench, url) as run:
            rate = QUIET_RATE * TIMES_LOUDER
            flood = asyncio.ensure_future(_offer(run.more_traffic, run.urls(loud), rate, QUIET_SECONDS))
            measured = await _quiet_one(run, quiet)
            return Measured(value=measured.value, client=max(measured.client, (await flood)["client"]))

    pairs = await bench.paired("neighbour", flooded, alone, times=2)
    return pairs.row("neighbour", "ms", at_most=1.25)


async def _quiet_one(run: Running, quiet: Tenant) -> Measured:
    """Let a quiet workspace send, with marks far from those of any other, and measure how long its messages took."""
    told = await run.traffic.ask(
        what="offer", urls=run.urls(quiet), rate=QUIET_RATE, seconds=QUIET_SECONDS, first=QUIET_FIRST
    )
    await asyncio.sleep(QUIET_LATEST)
    waits = _waits(told, await run.slack.marks(), copies=QUIET_CHANNELS)
    return Measured(value=percentile(waits, 0.95) * MILLISECONDS, client=told["client"])


async def _offer(traffic: Child, urls: list[str], rate: float, seconds: float) -> dict[str, Any]:
    return await traffic.ask(what="offer", urls=urls, rate=rate, seconds=seconds)


def _waits(
    told: Mapping[str, Any], marks: Mapping[int, list[float]], *, after: int = 0, copies: int = 1
) -> list[float]:
    """Give how long each message took; one that never came took for ever."""
    never = [float("inf")] * copies
    return [
        came - sent
        for mark, sent in told["sent"].items()
        if int(mark) >= after
        for came in (marks.get(int(mark), []) + never)[:copies]
    ]


async def burst(bench: Bench) -> Row:
    """Seconds until 10,000 movements, which come within 10 s, are all seen in one channel, beside one a second."""
    url, tenants = await _seeded(bench, 1, channels=1)
    database = Database(url)
    try:
        async with running(bench, url) as run:
            began = time.monotonic()
            told = await run.traffic.ask(
                what="offer",
                urls=run.urls(*tenants),
                rate=BURST / BURST_SECONDS,
                seconds=BURST_SECONDS,
                batch=BURST_BATCH,
            )
            events, owed = await _settled(database, until=began + BURST_PATIENCE)
            took, posts = time.monotonic() - began, (await run.slack.count())["posts"]
    finally:
        await database.close()
    return _burst_row(events, owed, took=took, posts=posts, client=told["client"])


async def _settled(database: Database, *, until: float) -> tuple[EventSums, DeliverySums]:
    """Wait until everything that was sent is owed and nothing is open, or until there is no patience left."""
    while True:
        async with database.read() as session:
            events, owed = await balance.events(session), await balance.deliveries(session)
        if time.monotonic() > until or (owed.owed == BURST and not owed.of(*OPEN)):
            return events, owed
        await asyncio.sleep(0.25)


def _burst_row(events: EventSums, owed: DeliverySums, *, took: float, posts: int, client: float) -> Row:
    seen = owed.owed - owed.of(*OPEN)
    is_all = seen == BURST == events.received and owed.is_balanced
    seconds = took if is_all else took * BURST / max(seen, 1)
    note = f"{seen:,} of {events.received:,} were seen after {took:.0f} s, in {posts:,} posts; {owed.owed:,} are owed"
    return Row(
        name="burst",
        unit="s",
        ours=seconds,
        beside=float(BURST),
        ratio=seconds / BURST,
        goal=f"≤ {BURST_GOAL_SECONDS} s, ≤ {BURST_GOAL_POSTS} posts, all accounted for",
        met=is_all and took <= BURST_GOAL_SECONDS and posts <= BURST_GOAL_POSTS,
        client=client,
        note=note if is_all else f"{note}; the figure is what all would take at that rate",
    )


async def ceiling(bench: Bench) -> Row:
    """Seconds for 40 signals to each of 50 people by the local Slack's limits, beside one a second and person."""
    url = await bench.sqlite()
    number = CEILING_WORKSPACES * CEILING_PEOPLE * CEILING_SIGNALS
    async with child.started(
        "bot.bench.slack", bench.folder, workspaces=CEILING_WORKSPACES, people=CEILING_PEOPLE
    ) as there:
        await _signal(url, there.said["tokens"])
        async with _app(bench, url, there.said["url"]):
            before = await there.ask()
            seen = await _posted(there, number, until=time.monotonic() + CEILING_PATIENCE)
    took, optimum = seen["last_at"] - seen["first_at"], float(CEILING_SIGNALS - 1)
    if seen["posts"] < number:
        took *= number / max(seen["posts"], 1)
    ratio = optimum / took if took else 0.0
    return Row(
        name="ceiling",
        unit="s",
        ours=took,
        beside=optimum,
        ratio=ratio,
        goal=f"≥ {CEILING_GOAL} of the optimum, no 429",
        met=ratio >= CEILING_GOAL and not seen["limited"] and seen["posts"] == number,
        client=child.share(before, seen),
        note=f"{seen['posts']:,} of {number:,} were posted; {seen['limited']:,} calls were answered 429",
    )


async def _posted(there: Child, number: int, *, until: float) -> dict[str, Any]:
    """Wait until so many messages stand in the local Slack, or until there is no patience left."""
    while True:
        seen = await there.ask()
        if seen["posts"] >= number or time.monotonic() > until:
            return seen
        await asyncio.sleep(1)


async def _signal(url: str, tokens: Mapping[str, str]) -> None:
    """Let the signals wait in the inbox of each workspace, behind the names of those who hear of them."""
    database = Database(url)
    try:
        tenants = await seeding.tenants(database, CEILING_WORKSPACES, channels=0, tokens=tokens)
        for number, tenant in enumerate(tenants):
            async with database.write() as session:
                await event.store(session, _signals(tenant, number, now=datetime.now(UTC)))
    finally:
        await database.close()


def _signals(tenant: Tenant, workspace: int, *, now: datetime) -> list[NewEvent]:
    owners: list[Fact] = [
        RoleFact(account_external_id=f"a{person}", role="owner", email=slack.email(workspace, person))
        for person in range(CEILING_PEOPLE)
    ]
    signals: list[Fact] = [
        SignalFact.model_validate(
            {"account_external_id": f"a{person}", "kind": "new_hire", "person": f"Hire {one}", "occurred_at": now}
        )
        for one in range(CEILING_SIGNALS)
        for person in range(CEILING_PEOPLE)
    ]
    return [
        NewEvent(
            workspace_id=tenant.workspace_id,
            source_id=tenant.source_id,
            kind=fact.type,
            dedupe_key=f"e{number}",
            occurred_at=now,
            received_at=now,
            facts=dump_facts([fact]),
        )
        for number, fact in enumerate([*owners, *signals])
    ]


async def memory(bench: Bench) -> Row:
    """Megabytes of the whole product after many events, beside those after 10,000."""
    url, tenants = await _seeded(bench, MEMORY_TENANTS, channels=1)
    database, goal = Database(url), MEMORY_MOST if bench.is_full else MEMORY_MANY
    try:
        async with running(bench, url) as run:
            few = await _fill(run, database, tenants, 0, MEMORY_FEW)
            until, number, many = time.monotonic() + MEMORY_PATIENCE, MEMORY_FEW, few
            while number < goal and (bench.is_full or time.monotonic() < until):
                many = await _fill(run, database, tenants, number, MEMORY_STEP)
                number += MEMORY_STEP
                bench.say(f"memory: {many:,.0f} MB after {number:,} events")
    finally:
        await database.close()
    ratio = many / few
    return Row(
        name="memory",
        unit="MB",
        ours=many,
        beside=few,
        ratio=ratio,
        goal=f"≤ {MEMORY_GOAL} ×",
        met=ratio <= MEMORY_GOAL,
        note=f"after {number:,} events" + ("" if number >= MEMORY_MOST else "; --full takes a million"),
    )


async def _fill(run: Running, database: Database, tenants: list[Tenant], first: int, number: int) -> float:
    """Send so many events, wait until they are applied, and give the megabytes that the product stands in then."""
    await run.traffic.ask(what="flood", urls=run.urls(*tenants), first=first, number=number, batch=250)
    while True:
        async with database.read() as session:
            if (await balance.backlog(session)).oldest_waiting_at is None:
                break
        await asyncio.sleep(0.25)
    return float((await run.app.ask())["resident"]) / 1024**2
