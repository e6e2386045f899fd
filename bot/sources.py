"""Which source a key opens: by our own table, remembered for ten seconds, since each call to the intake asks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.intake import IntakeSource
from handlers.senders.stripe import How
from models import poll, source, stripe
from models.database import Database
from models.secret import Keyring, fingerprint
from models.source import Source, SourceKind
from models.wakeup import Topic

REMEMBERED = timedelta(seconds=10)
MOST_REMEMBERED = 1_000


@dataclass(frozen=True)
class _Known:
    """An answer, until when it holds, and after how many changes of sources it was read."""

    source: IntakeSource
    until: datetime
    changes: int


class Sources:
    """Finds sources by their keys.

    What it remembers counts no more once a source is removed or gets another key, at the latest when the ten seconds
    are over: on SQLite the command line is another process, which can wake nobody. Only right keys are remembered, by
    their hashes.
    """

    def __init__(self, *, database: Database, keyring: Keyring | None, now: Callable[[], datetime]) -> None:
        """Take what is needed."""
        self._database = database
        self._keyring = keyring
        self._now = now
        self._known: dict[str, _Known] = {}
        self._asked: dict[tuple[str, int], asyncio.Task[IntakeSource | None]] = {}

    async def find(self, key: str) -> IntakeSource | None:
        """Find the source that a key opens; None for a wrong one."""
        digest = fingerprint(key)
        known = self._known.get(digest)
        if known is not None and known.changes == self._changes and known.until > self._now():
            return known.source
        return await self._ask(key, digest)

    @property
    def _changes(self) -> int:
        return self._database.wakeups.mark(Topic.SOURCES)

    async def _ask(self, key: str, digest: str) -> IntakeSource | None:
        """Look a key up once for all calls that came while it is looked up: each second, every call would do so."""
        asked_for = (digest, self._changes)
        if asked_for not in self._asked:
            self._asked[asked_for] = asyncio.create_task(self._look_up(key, digest))
            self._asked[asked_for].add_done_callback(lambda _done: self._asked.pop(asked_for))
        return await asyncio.shield(self._asked[asked_for])

    async def _look_up(self, key: str, digest: str) -> IntakeSource | None:
        now, changes = self._now(), self._changes
        async with self._database.read() as session:
            found = await source.find_by_key(session, key, now=now)
            is_asked = found is not None and await _is_asked(session, found)
        if found is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        answer = IntakeSource(
            found.id,
            found.workspace_id,
            found.kind,
            source.shared_secret(found, keyring=self._keyring) if self._keyring else None,
            stripe.secrets(found, keyring=self._keyring) if self._keyring else (),
            How(stripe.rules(found), is_asked=is_asked),
        )
        self._known[digest] = _Known(answer, now + REMEMBERED, changes)
        return answer


async def _is_asked(session: AsyncSession, found: Source) -> bool:
    """Say whether Stripe's API answers what its events leave open."""
    polled = await poll.of_source(session, found.id) if found.kind == SourceKind.STRIPE else None
    return polled is not None and polled.refused_at is None
