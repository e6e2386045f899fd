"""The whole app is killed with `kill -9` at the worst moments: what was acknowledged arrives all the same, once."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.sandbox import UNLIMITED, Fault, Sandbox, SlackApp
from bot.sandbox.people import ACME, GLOBEX
from models import channel, delivery
from models.database import Database
from models.delivery import Attempt, Delivery, DeliveryState
from models.lane import LEASE
from scheduler.dispatch import PACE
from tests import seeds
from tests.sending import ALL_SCOPES, POST, REQUIRED_SCOPES, REVENUE, SALES
from tests.stage import HOST, free_port

ROOT = Path(__file__).parents[2]


@dataclass
class Drama:
    """A database, a local Slack, and an app that is killed again and again."""

    database: Database
    database_url: str
    log: Path
    port: int = field(default_factory=free_port)
    ahead: float = 0.0
    keys: dict[str, str] = field(default_factory=dict)
    moved: int = 0

    def __post_init__(self) -> None:
        app = SlackApp("1.2", "secret", "signing", {"display_information": {"name": "Runrate"}}, self.url)
        self.sandbox = Sandbox(apps=[app], now=lambda: time.time() + self.ahead, limits=UNLIMITED)
        self.sandbox.state.emit = _tell_nobody
        self.slack_app = app

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def set_up(self, workspace: str, place: str, *, scopes: tuple[str, ...]) -> None:
        """Install into a workspace, with a source, and a destination for a channel that the bot is in."""
        now, state = datetime.now(UTC), self.sandbox.state
        installed = state.install(self.slack_app, workspace, "U0ADA", list(scopes))
        await seeds.install(self.database, workspace, token=installed.token, scopes=scopes, now=now)
        state.channels[place].members.append(installed.bot_user_id)
        async with self.database.write() as session:
            await channel.remember(session, workspace, {"id": place, "name": "sales", "is_member": True}, now=now)
        await seeds.add_destination(self.database, place, workspace_id=workspace)
        _, self.keys[workspace] = await seeds.add_source(self.database, workspace)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the app in its own process; leaving the block kills it."""
        settings = {
            "DATABASE_URL": self.database_url,
            "PUBLIC_URL": self.url,
            "HOST": HOST,
            "PORT": str(self.port),
            "SLACK_CLIENT_ID": "1.2",
            "SLACK_CLIENT_SECRET": "secret",
            "SLACK_SIGNING_SECRET": "signing",
            "SLACK_API_URL": f"{self.sandbox.url}/api/",
            "RUNRATE_SECRET_KEYS": seeds.SECRET_KEY,
            "SECONDS_AHEAD": str(self.ahead),
        }
        with self.log.open("ab") as log:
            command = (sys.executable, "-m", "tests.process")
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env=os.environ | settings, stdout=log, stderr=log
            )
        try:
            await self._until_it_answers()
            yield
        finally:
            process.kill()
            await process.wait()
            # Whoever is started next finds the lease of the one that was killed run out.
            self.ahead += LEASE.total_seconds() + 1

    async def _until_it_answers(self) -> None:
        async with aiohttp.ClientSession() as http:
            for _ in range(600):
                try:
                    async with http.get(f"{self.url}/healthz"):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
        raise AssertionError(self.log.read_text()[-2000:])

    async def move(self, workspace: str) -> None:
        """Tell the workspace's source of a movement, and see it acknowledged."""
        self.moved += 1
        movement = {
            "type": "movement",
            "id": f"m{self.moved}",
            "kind": "expansion",
            "amount_minor": 100,
            "currency": "USD",
            "occurred_at": datetime.now(UTC).isoformat(),
            "account": {"external_id": f"account {self.moved}"},
        }
        address = f"{self.url}/in/{self.keys[workspace]}"
        async with aiohttp.ClientSession() as http, http.post(address, json=movement) as response:
            assert response.status == 200, await response.text()

    def texts(self, place: str) -> list[str]:
        return [message.text for message in self.sandbox.state.channels[place].messages.values()]

    async def ledger(self, workspace: str) -> list[tuple[Delivery, list[Attempt]]]:
        async with self.database.read() as session:
            owed = reversed(await delivery.of_workspace(session, workspace))
            return [(one, await delivery.attempts_of(session, one.id)) for one in owed]

    async def is_settled(self) -> bool:
        rows = [*await self.ledger(ACME), *await self.ledger(GLOBEX)]
        return len(rows) == self.moved and {one.state for one, _ in rows} == {DeliveryState.DELIVERED}


async def _tell_nobody(*_anything: object) -> None:
    """Stand in for the app, to which nothing is sent here."""


async def until(what: Callable[[], object]) -> None:
    for _ in range(1000):
        found = what()
        if await found if asyncio.iscoroutine(found) else found:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


async def test_what_was_acknowledged_arrives_once_whenever_the_app_is_killed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    drama = Drama(database, database_url, tmp_path / "log")
    await drama.sandbox.start()
    slack_port = int(drama.sandbox.url.rsplit(":", 1)[1])
    try:
        await drama.set_up(ACME, REVENUE, scopes=ALL_SCOPES)
        await drama.set_up(GLOBEX, SALES, scopes=REQUIRED_SCOPES)

        # Killed between the 200 and the post: nothing can be posted, since Slack is away.
        async with drama.running():
            await drama.sandbox.stop()
            await drama.move(ACME)
        assert drama.texts(REVENUE) == []
        await drama.sandbox.start(port=slack_port)

        # Started again, it delivers. Then it is killed while Slack has two messages in hand, which Slack posts.
        async with drama.running():
            await until(drama.is_settled)
            assert drama.texts(REVENUE) == ["account 1: expansion +$1 MRR"]
            held = [Fault("delay", method=POST, channel=place, seconds=0.5, times=1) for place in (REVENUE, SALES)]
            for fault in held:
                drama.sandbox.faults.add(fault)
            await asyncio.sleep(PACE.total_seconds())
            await drama.move(ACME)
            await drama.move(GLOBEX)
            await until(lambda: [fault.times for fault in held] == [0, 0])
        await until(lambda: len(drama.texts(REVENUE)) == 2 and len(drama.texts(SALES)) == 1)

        async with drama.running():
            await until(drama.is_settled)
    finally:
        await drama.sandbox.stop()

    # Where the history may be read, the message is found, and stands there once.
    assert drama.texts(REVENUE) == ["account 1: expansion +$1 MRR", "account 2: expansion +$1 MRR"]
    _, (found, attempts) = await drama.ledger(ACME)
    assert (found.may_be_repeat, attempts[-1].answer) == (False, "found in Slack")

    # The broken variant: without the right to look nobody can know, and it is posted again, marked.
    assert drama.texts(SALES) == ["account 3: expansion +$1 MRR", "account 3: expansion +$1 MRR (may be a repeat)"]
    [(repeated, _)] = await drama.ledger(GLOBEX)
    assert repeated.may_be_repeat
