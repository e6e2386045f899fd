"""Workers in processes of their own, killed with `kill -9` at chosen moments, the local Slack being the witness.

They are forked from a process that has imported and compiled everything, so that a worker starts within milliseconds.
The clock stands still while a generation of workers lives and dies, and is turned past their leases before the next one
is born.
"""

import asyncio
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from bot import logs
from bot.sandbox import Sandbox
from models import event
from models.database import Database
from models.delivery import OPEN, DeliveryState
from models.lane import LEASE
from models.secret import Keyring
from scheduler.apply import apply_waiting
from scheduler.dispatch import Dispatcher
from scheduler.slack import Slack
from tests import compiled, seeds
from tests.sending import Sending

CHANNELS = 40
LEAST_OPEN = 2
"""How many messages each channel waits for when a generation is born, so that every worker comes to its moment."""

LONGEST_LIFE = 0.3
"""Seconds within which a worker is killed that is to die at any instant."""

DIES = "X-Dies-Before-The-Answer"

forked = multiprocessing.get_context("forkserver")
forked.set_forkserver_preload([__name__])


class Moment(StrEnum):
    """When a worker is killed."""

    CLAIMED = "after the claim"
    CONNECTED = "before the HTTP write"
    ACCEPTED = "after Slack accepted, before it answered"
    ANSWERED = "after the answer, before the commit"
    ANY = "at any instant"


@dataclass(frozen=True)
class Death:
    """A moment, and in which of its posts a worker comes to it."""

    moment: Moment
    post: int = 1


NEVER = Death(Moment.ANY, post=0)

last_words: ContextVar[Moment | None] = ContextVar("last_words", default=None)
"""The moment at which the request that is under way ends its process."""


class DyingSlack(Slack):
    """Kills its own process at a moment of one post, or asks Slack to do so between accepting it and answering."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, death: Death) -> None:
        super().__init__(session, base_url=base_url)
        self._death = death
        self._posts = 0

    async def post(self, *args: Any, **kwargs: Any) -> tuple[str, str]:
        self._posts += 1
        moment = self._death.moment if self._posts == self._death.post else None
        last_words.set(moment)
        if moment is Moment.CLAIMED:
            die()
        posted = await super().post(*args, **kwargs)
        if moment is Moment.ANSWERED:
            die()
        return posted


class CarelessSlack(DyingSlack):
    """A deliberately broken one: takes whatever may have arrived for not there, and so sends it again."""

    async def find(self, *_args: Any, **_kwargs: Any) -> str | None:
        return None


class TrustingSlack(DyingSlack):
    """A deliberately broken one: takes whatever was about to leave for arrived."""

    async def find(self, *_args: Any, **_kwargs: Any) -> str | None:
        return "1.0"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _tracing() -> aiohttp.TraceConfig:
    """Step in where aiohttp begins a request, and where it has a connection and is about to write."""

    async def ask_to_be_killed(_session: Any, _context: Any, params: aiohttp.TraceRequestStartParams) -> None:
        if last_words.get() is Moment.ACCEPTED:
            params.headers[DIES] = str(os.getpid())

    async def die_connected(_session: Any, _context: Any, _params: Any) -> None:
        if last_words.get() is Moment.CONNECTED:
            die()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(ask_to_be_killed)
    tracing.on_connection_create_end.append(die_connected)
    tracing.on_connection_reuseconn.append(die_connected)
    return tracing


@dataclass(frozen=True)
class Order:
    """All that a worker's process is told."""

    database_url: str
    secret_key: str
    slack_url: str
    slack: type[DyingSlack]
    death: Death
    at: datetime
    log: Path


def live(order: Order) -> None:
    """Be a worker until killed."""
    with order.log.open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    logs.configure()
    asyncio.run(_work(order))


async def _work(order: Order) -> None:
    """Apply and send: the two stages that every fact goes through."""
    async with _dispatcher(order) as (database, dispatcher):
        await asyncio.gather(dispatcher.run(), _apply(database, now=order.at))


async def _learn(order: Order) -> None:
    """Do once, to the end of what there is, what workers do until they are killed."""
    async with _dispatcher(order) as (database, dispatcher):
        while await apply_waiting(database, now=order.at):
            pass
        await dispatcher.drain()


@asynccontextmanager
async def _dispatcher(order: Order) -> AsyncIterator[tuple[Database, Dispatcher]]:
    database = Database(order.database_url)
    await database.start()
    async with aiohttp.ClientSession(trace_configs=[_tracing()]) as session:
        yield (
            database,
            Dispatcher(
                database=database,
                slack=order.slack(session, base_url=order.slack_url, death=order.death),
                keyring=Keyring([order.secret_key]),
                public_url="https://runrate.example",
                now=lambda: order.at,
                owner=str(os.getpid()),
                pace=timedelta(0),
                most_in_flight=8,
            ),
        )
    await database.close()


def nurse(first: Order, orders: Connection) -> None:
    """Live once as a worker does, then fork a worker for each order; asked for one by its number, say how it ended."""
    os.setpgrp()
    compiled.share()
    asyncio.run(_learn(first))
    orders.send(os.getpid())
    while True:
        asked = orders.recv()
        if isinstance(asked, int):
            orders.send(os.waitpid(asked, os.WNOHANG)[1])
        elif worker := os.fork():
            orders.send(worker)
        else:
            try:
                live(asked)
            finally:
                os._exit(1)


async def _apply(database: Database, *, now: datetime) -> None:
    while True:
        await apply_waiting(database, now=now)
        await asyncio.sleep(0.02)


class Witness(Sandbox):
    """A local Slack that kills who asks for it, between accepting a call and answering it."""

    in_hand = 0

    def web_application(self) -> web.Application:
        made = super().web_application()
        made.middlewares.append(self._kill_who_asks)
        return made

    @web.middleware
    async def _kill_who_asks(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.in_hand += 1
        try:
            answer = await handler(request)
        finally:
            self.in_hand -= 1
        if DIES in request.headers:
            os.kill(int(request.headers[DIES]), signal.SIGKILL)
        return answer

    async def until_quiet(self) -> None:
        """Wait until all is done that dead workers had sent. The leases give a real Slack a minute for that."""
        for _ in range(20):
            await asyncio.sleep(0)  # A connection is accepted in one turn of the loop, read in another, then answered.
        await until(lambda: not self.in_hand)


async def until(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it never came to that"
        await asyncio.sleep(0.003)


@dataclass(frozen=True)
class Findings:
    """What can be wrong in the end. Each of them names a channel and a fact."""

    lost: Collection[tuple[str, str]]
    doubled: Collection[tuple[str, str]]
    unsettled: Collection[str]


@dataclass
class Storm:
    """A backlog for many channels, and workers that are killed while they apply and send it."""

    line: Sending
    database_url: str
    log: Path
    slack: type[DyingSlack] = DyingSlack
    chance: random.Random = field(default_factory=random.Random)
    channels: Sequence[str] = ()
    facts: list[str] = field(default_factory=list)
    kills: Counter[Moment] = field(default_factory=Counter)
    _nurse: Connection = field(init=False)

    @asynccontextmanager
    async def brewing(self) -> AsyncIterator[Self]:
        """Install into a workspace in which many channels are to hear of everything, and have workers at hand."""
        self.channels = await self.line.ready_for_many(CHANNELS)
        self.origin, _ = await seeds.add_source(self.line.database)
        await self.receive()
        self._nurse, orders = forked.Pipe()
        with self._nurse, orders:
            process = forked.Process(target=nurse, args=(self._order(NEVER), orders))
            process.start()
            try:
                assert await asyncio.to_thread(self._nurse.poll, 60), "no worker has lived"
                assert self._nurse.recv() == process.pid
                yield self
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.join()

    async def receive(self) -> None:
        """Take in one fact, of which every channel is to hear; the workers apply it."""
        account = f"account {len(self.facts) + 1}"
        self.facts.append(f"{account}: expansion +$100 MRR")
        fact = seeds.movement(account, occurred_at=self.line.clock.now())
        async with self.line.database.write() as session:
            await event.store(session, [seeds.event_of(self.origin, fact, key=account)])

    @property
    def owed(self) -> int:
        return len(self.facts) * CHANNELS

    @property
    def seen(self) -> Counter[tuple[str, str]]:
        """Count what stands in the channels, by channel and fact."""
        return Counter(
            (place, message.text.removesuffix(" (may be a repeat)"))
            for place in self.channels
            for message in self.line.messages(place)
        )

    @property
    def unheard(self) -> int:
        """Count the facts of which no channel has heard."""
        return len(self.facts) - max(len(self.line.messages(place)) for place in self.channels)

    async def rage(self, deaths: Sequence[Death]) -> None:
        """Let one generation of workers live until each is dead, and turn the clock past their leases."""
        while self.unheard < LEAST_OPEN:
            await self.receive()
        await asyncio.gather(*[self._live_and_die(death) for death in deaths])
        await self.witness.until_quiet()
        self.line.clock.turn(LEASE.total_seconds() + 1)

    @property
    def witness(self) -> Witness:
        assert isinstance(self.line.sandbox, Witness)
        return self.line.sandbox

    def _order(self, death: Death) -> Order:
        return Order(
            database_url=self.database_url,
            secret_key=seeds.SECRET_KEY,
            slack_url=f"{self.line.sandbox.url}/api/",
            slack=self.slack,
            death=death,
            at=self.line.clock.now(),
            log=self.log,
        )

    async def _live_and_die(self, death: Death) -> None:
        worker = self._ask(self._order(death))
        if death.moment is Moment.ANY:
            await asyncio.sleep(self.chance.uniform(0, LONGEST_LIFE))
            os.kill(worker, signal.SIGKILL)
        await until(lambda: self._was_killed(worker))
        self.kills[death.moment] += 1

    def _was_killed(self, worker: int) -> bool:
        ended = self._ask(worker)
        assert ended in {0, signal.SIGKILL}, self.log.read_text()[-3000:]
        return ended == signal.SIGKILL

    def _ask(self, asked: Order | int) -> int:
        self._nurse.send(asked)
        assert self._nurse.poll(60), self.log.read_text()[-3000:]
        return int(self._nurse.recv())

    async def judge(self) -> Findings:
        """Let all arrive that still can, and compare what was to be seen with what is."""
        while await apply_waiting(self.line.database, now=self.line.clock.now()):
            pass
        slack = self.slack(self.line.http, base_url=f"{self.line.sandbox.url}/api/", death=NEVER)
        await self.line.run(self.line.dispatcher(slack=slack), seconds=3600)
        wanted, seen = {(place, text) for place in self.channels for text in self.facts}, self.seen
        ledger = await self.line.ledger()
        assert len(ledger) == len(wanted), "the ledger owes more or less than what was to be told"
        assert seen.keys() <= wanted, "something was told that nobody asked for"
        return Findings(
            lost=wanted - seen.keys(),
            doubled={what for what, times in seen.items() if times > 1},
            unsettled=[one.id for one in ledger if DeliveryState(one.state) in OPEN],
        )
