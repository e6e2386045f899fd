"""The demo's business, told to the app as its billing system would tell it: history silently, the present live."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import aiohttp
import orjson
import structlog

from bot.app import Runrate
from bot.story import Signal, Story
from models import event, installation, source
from models.event import NewEvent
from models.fact import Fact, SignalFact, dump_facts
from models.secret import Keyring
from models.source import Source, SourceKind
from models.wakeup import Topic

log = structlog.get_logger()

SOURCE = "Acme billing"
AT_ONCE = 200
SIGNAL_EVERY = 5
"""After how many movements somebody changes jobs."""
RETRY_SECONDS = 5


class Replay:
    """Waits for a workspace to install, brings in its history, and then lets one thing after another happen."""

    def __init__(
        self, app: Runrate, *, keyring: Keyring, address: str, workspace_id: str, now: Callable[[], datetime]
    ) -> None:
        """Take the running app, the workspace whose business this is, and the clock."""
        self._app = app
        self._keyring = keyring
        self._address = address
        self._workspace_id = workspace_id
        self._now = now
        self._story = Story(today=now().date())

    async def run(self) -> None:
        """Go on until cancelled."""
        await self._installed()
        key = await self._import()
        if key is not None:
            await self._go_on(key)

    async def _installed(self) -> None:
        wakeups = self._app.database.wakeups
        while True:
            marks = wakeups.marks(Topic.INSTALLATIONS)
            async with self._app.database.read() as session:
                if await installation.get(session, self._workspace_id) is not None:
                    return
            await wakeups.wait(Topic.INSTALLATIONS, since=marks, seconds=60)

    async def _import(self) -> str | None:
        """Add the source with its history, and answer its key; None where an earlier start of the demo did."""
        now = self._now()
        async with self._app.database.write() as session:
            if await source.find_by_name(session, self._workspace_id, SOURCE) is not None:
                return None
            added, key = await source.add(
                session,
                self._workspace_id,
                kind=SourceKind.API,
                name=SOURCE,
                keyring=self._keyring,
                by="demo",
                now=now,
            )
        facts = self._story.history()
        for start in range(0, len(facts), AT_ONCE):
            async with self._app.database.write() as session:
                await event.store(session, _history(added, facts[start : start + AT_ONCE], start, now=now))
                await source.heard_from(session, [added.id], now=now)
        log.info("history_imported", facts=len(facts))
        return key

    async def _go_on(self, key: str) -> None:
        """Send what happens now to the webhook, over HTTP like any billing system."""
        signals = iter(self._story.signals())
        async with aiohttp.ClientSession(base_url=self._address) as http:
            for number, happening in enumerate(self._story.present(), start=1):
                await asyncio.sleep(happening.after.total_seconds())
                told: list[Fact] = [happening.at(self._now())]
                if number % SIGNAL_EVERY == 0 and (signal := next(signals, None)):
                    told.append(_signal(signal, now=self._now()))
                await _send(http, f"/in/{key}", orjson.dumps(dump_facts(told)))


def _signal(told: Signal, *, now: datetime) -> SignalFact:
    return SignalFact(
        external_id=told.external_id,
        account_external_id=told.account_external_id,
        kind=told.kind,
        person=told.person,
        title=told.title,
        text=told.text,
        occurred_at=now,
    )


def _history(added: Source, facts: Sequence[Fact], start: int, *, now: datetime) -> list[NewEvent]:
    return [
        NewEvent(
            workspace_id=added.workspace_id,
            source_id=added.id,
            kind=fact.type,
            dedupe_key=f"history:{start + position}",
            occurred_at=now,
            received_at=now,
            facts=dump_facts([fact]),
            is_history=True,
        )
        for position, fact in enumerate(facts)
    ]


async def _send(http: aiohttp.ClientSession, path: str, record: bytes) -> None:
    """Send one record until it is taken."""
    headers = {"Content-Type": "application/json"}
    while True:
        async with http.post(path, data=record, headers=headers) as response:
            if response.status < 500:  # noqa: PLR2004 - what is refused stays refused
                return
        await asyncio.sleep(RETRY_SECONDS)
