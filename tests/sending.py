"""A dispatcher between a database and the local Slack, under a clock that is turned by hand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot import manifest
from bot.sandbox import UNLIMITED, Fault, Limits, Sandbox, SlackApp
from bot.sandbox.records import Call, Message, Shown
from models import channel, delivery, event, lane, scope
from models.database import Database
from models.delivery import Attempt, Delivery
from models.destination import Destination
from models.recipient import MOST_RECIPIENTS
from models.source import Source
from scheduler.apply import apply_waiting
from scheduler.dispatch import Dispatcher
from scheduler.slack import Slack
from tests import seeds
from tests.seeds import ACME, KEYRING, NOW

REVENUE, WINS, DEALS, OLD_NEWS, SALES = "C0REVENUE", "C0WINS", "C0DEALS", "C0OLDNEWS", "C1SALES"
ADDRESS = "http://127.0.0.1:9"
ALL_SCOPES = tuple(one.name for one in (*scope.REQUIRED, *scope.OPTIONAL))
REQUIRED_SCOPES = tuple(one.name for one in scope.REQUIRED)
POST = "chat.postMessage"


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class SlowSlack(Slack):
    """Stands still before each post until it is let on, as a process does whose machine is asleep."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str) -> None:
        super().__init__(session, base_url=base_url)
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def post(self, *args: Any, **kwargs: Any) -> tuple[str, str]:
        self.reached.set()
        await self.open.wait()
        return await super().post(*args, **kwargs)


@dataclass
class Sending:
    """Everything between a movement and its message."""

    database: Database
    sandbox: Sandbox
    http: aiohttp.ClientSession
    clock: Clock
    public_url: str = "https://runrate.example"
    moved: int = 0
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def app(self) -> SlackApp:
        return next(iter(self.sandbox.state.apps.values()))

    def slack(self, *, timeout: float = 5.0) -> Slack:
        return Slack(self.http, base_url=f"{self.sandbox.url}/api/", timeout=timeout)

    def slow_slack(self) -> SlowSlack:
        return SlowSlack(self.http, base_url=f"{self.sandbox.url}/api/")

    def dispatcher(
        self, owner: str = "worker", *, timeout: float = 5.0, slack: Slack | None = None, **changes: Any
    ) -> Dispatcher:
        return Dispatcher(
            database=self.database,
            slack=slack or self.slack(timeout=timeout),
            keyring=KEYRING,
            public_url=self.public_url,
            now=self.clock.now,
            owner=owner,
            **changes,
        )

    # --- what is there first ---------------------------------------------------------------------------------------

    async def install(self, workspace: str = ACME, *, scopes: tuple[str, ...] = ALL_SCOPES) -> str:
        """Install the app; answer its token."""
        by = "U0ADA" if workspace == ACME else "U1GINA"
        # Slack only ever adds scopes to what was granted; a test that wants fewer starts anew.
        token = self.sandbox.state.install(self.app, workspace, by, list(scopes)).token
        await seeds.install(self.database, workspace, token=token, scopes=scopes, now=self.clock.now())
        return token

    async def destination(self, *channels: str, workspace: str = ACME, **changes: Any) -> Destination:
        return await seeds.add_destination(self.database, *channels, workspace_id=workspace, **changes)

    async def let_in(self, *channels: str, workspace: str = ACME) -> None:
        """Make the bot a member of channels, and let us know of it."""
        bot = self.sandbox.state.bot(self.app.id, workspace)
        assert bot is not None
        for one in channels:
            place = self.sandbox.state.channels[one]
            if bot.id not in place.members:
                place.members.append(bot.id)
            info = {"id": one, "name": place.name, "is_private": place.is_private, "is_member": True}
            async with self.database.write() as session:
                await channel.remember(session, workspace, info, now=self.clock.now())

    async def move(self, times: int = 1, *, workspace: str = ACME, of: str | None = None, **fields: Any) -> None:
        """Let so many movements happen, of one account or of one each, and owe what they make us owe."""
        if workspace not in self.sources:
            self.sources[workspace], _ = await seeds.add_source(self.database, workspace)
        origin, news = self.sources[workspace], []
        for _ in range(times):
            self.moved += 1
            fact = seeds.movement(of or f"account {self.moved}", **{"occurred_at": self.clock.now(), **fields})
            news.append(seeds.event_of(origin, fact, key=f"moved {self.moved}"))
        async with self.database.write() as session:
            await event.store(session, news)
        while await apply_waiting(self.database, now=self.clock.now()):
            pass

    async def ready(self, *channels: str, scopes: tuple[str, ...] = ALL_SCOPES) -> Destination:
        """Install, and let one destination hear of everything in channels that the bot is in."""
        await self.install(scopes=scopes)
        chosen = channels or (REVENUE,)
        await self.let_in(*chosen)
        return await self.destination(*chosen)

    def add_channels(self, number: int, *, workspace: str = ACME) -> list[str]:
        """Open so many more channels in Slack, with the bot in each."""
        bot = self.sandbox.state.bot(self.app.id, workspace)
        assert bot is not None
        names = [f"C{one:03}" for one in range(number)]
        channels, like = self.sandbox.state.channels, self.sandbox.state.channels[REVENUE]
        for name in names:
            channels[name] = type(like)(name, [workspace], "public", name.lower(), [bot.id], creator="U0ADA")
        return names

    async def ready_for_many(self, number: int, *, scopes: tuple[str, ...] = ALL_SCOPES) -> list[str]:
        """Install, and let so many more channels hear of everything; answer their ids."""
        await self.install(scopes=scopes)
        names = self.add_channels(number)
        await self.let_in(*names)
        for first in range(0, number, MOST_RECIPIENTS):
            await self.destination(*names[first : first + MOST_RECIPIENTS], name=f"From {first}")
        return names

    # --- letting it run --------------------------------------------------------------------------------------------

    async def drain(self, dispatcher: Dispatcher | None = None) -> None:
        await (dispatcher or self.dispatcher()).drain()

    async def run(self, dispatcher: Dispatcher | None = None, *, seconds: float = 120) -> None:
        """Send, and turn the clock to whenever there is something to send next, until nothing is or time is up."""
        sends, until = dispatcher or self.dispatcher(), self.clock.now() + timedelta(seconds=seconds)
        while True:
            await sends.drain()
            async with self.database.read() as session:
                due = await lane.next_time(session, now=self.clock.now())
            if due is None:
                return
            self.clock.at = max(min(due, until), self.clock.at)
            if due > until:
                return

    def fault(self, kind: Any, *, method: str = POST, **fields: Any) -> None:
        self.sandbox.faults.add(Fault(kind, method=method, **fields))

    def shows(self, shown: Shown) -> None:
        """Say what messages in Acme can show from now on."""
        self.sandbox.state.workspaces[ACME].shows = shown

    # --- what came of it -------------------------------------------------------------------------------------------

    async def ledger(self, workspace: str = ACME) -> list[Delivery]:
        """Give the deliveries in the order in which they were owed."""
        async with self.database.read() as session:
            return list(reversed(await delivery.of_workspace(session, workspace, limit=10_000)))

    async def only(self) -> Delivery:
        [one] = await self.ledger()
        return one

    async def attempts(self) -> list[Attempt]:
        async with self.database.read() as session:
            return await delivery.attempts_of(session, (await self.only()).id)

    def messages(self, place: str = REVENUE) -> list[Message]:
        """What stands in a channel, as the local Slack stored it."""
        return list(self.sandbox.state.channels[place].messages.values())

    def delivery_ids(self, place: str = REVENUE) -> list[str]:
        return [(one.metadata or {})["event_payload"]["delivery_id"] for one in self.messages(place)]

    def posted(self) -> Counter[str]:
        """Count what stands in all channels, by the delivery's id."""
        return Counter(one for place in self.sandbox.state.channels for one in self.delivery_ids(place))

    def calls(self, method: str = POST) -> list[Call]:
        return [one for one in self.sandbox.state.calls if one.method == method]


@asynccontextmanager
async def sending(
    database: Database, *, limits: Limits = UNLIMITED, kind: type[Sandbox] = Sandbox
) -> AsyncIterator[Sending]:
    """Start the local Slack with our app registered in it; nothing is installed yet."""
    clock = Clock()
    app = SlackApp("1.2", "client-secret", "signing-secret", manifest.load(ADDRESS), ADDRESS)
    sandbox = kind(apps=[app], now=clock.seconds, limits=limits)
    sandbox.state.emit = _tell_nobody
    await sandbox.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Sending(database, sandbox, http, clock)
    finally:
        await sandbox.stop()


async def _tell_nobody(*_anything: Any) -> None:
    """Stand in for the app, of which only the scheduler runs here."""
