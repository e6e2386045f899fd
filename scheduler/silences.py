"""Silences: managers hear once when a source is silent for longer than its habit, and once when it is back.

The stage reads when each source was last heard, and nothing depends on it: it may look late, twice, or in many
processes.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import keeper, lane, silence
from models.database import Database
from models.delivery import RUNRATE, Delivery, FactKind, Owed, SkipReason
from models.recipient import RecipientKind
from models.silence import Silence
from models.source import Source
from scheduler.messages import silence as drawing
from scheduler.messages.message import Message
from scheduler.messages.silence import SilenceNotice

log = structlog.get_logger()

LISTENED = timedelta(hours=1)
"""A process that started later than this ago tells nobody: what was sent while none listened is sent again by then."""


class Silences:
    """Notes silences, and owes what is told about them."""

    def __init__(self, *, database: Database, now: Callable[[], datetime]) -> None:
        """Take the database and the clock, by which the process listens from now on."""
        self._database = database
        self._now = now
        self._since = now()

    async def look(self) -> None:
        """Bring the silences up to when each source was last heard."""
        now = self._now()
        async with self._database.read() as session:
            falling = await silence.falling(session, now=now)
            going_on = await silence.going_on(session)
        is_listening = now - self._since >= LISTENED
        if falling and is_listening:
            async with self._database.write() as session:
                for one in falling:
                    await silence.begin(session, one, now=now)
        for quiet, origin in going_on:
            if _is_over(quiet, origin):
                await self._end(quiet, origin, now=now)
            elif is_listening and quiet.told_at is None:
                await self._tell_if_too_long(quiet, origin, now=now)

    async def _tell_if_too_long(self, quiet: Silence, origin: Source, *, now: datetime) -> None:
        async with self._database.read() as session:
            if not await silence.is_too_long(session, quiet, origin, now=now):
                return
        async with self._database.write() as session:
            if await silence.tell(session, quiet, now=now):
                await _owe(session, quiet, FactKind.SILENCE, await keeper.to_tell(session, quiet.workspace_id), now=now)
                log.info("source_fell_silent", source_id=origin.id, workspace_id=origin.workspace_id)

    async def _end(self, quiet: Silence, origin: Source, *, now: datetime) -> None:
        async with self._database.write() as session:
            if (
                not await silence.end(session, quiet, at=origin.last_event_at or now)
                or quiet.told_at is None
                or origin.removed_at is not None
            ):
                return
            await _owe(session, quiet, FactKind.HEARD_AGAIN, await silence.recipients(session, quiet), now=now)


def _is_over(quiet: Silence, origin: Source) -> bool:
    is_heard = origin.last_event_at is not None and origin.last_event_at > quiet.began_at
    return is_heard or origin.removed_at is not None


async def _owe(
    session: AsyncSession, quiet: Silence, kind: FactKind, user_ids: Iterable[str], *, now: datetime
) -> None:
    owed = [
        Owed(asked_by=RUNRATE, fact=(kind, quiet.id), recipient=(RecipientKind.PERSON, user_id)) for user_id in user_ids
    ]
    await lane.owe(session, quiet.workspace_id, owed, now=now)


# --- what is told --------------------------------------------------------------------------------------------------


async def load_silences(session: AsyncSession, owed: Sequence[Delivery], _setting: object) -> dict[str, SilenceNotice]:
    """Load the silences that messages tell of, while their sources are there."""
    told = {}
    for one in owed:
        found = await silence.get(session, one.workspace_id, one.fact_id)
        if found is not None and found[1].removed_at is None:
            told[one.id] = _notice(*found)
    return told


async def load_heard_again(
    session: AsyncSession, owed: Sequence[Delivery], _setting: object
) -> dict[str, SilenceNotice | SkipReason]:
    """Load the silences that are over, for those who were told of them."""
    told: dict[str, SilenceNotice | SkipReason] = {}
    for one in owed:
        found = await silence.get(session, one.workspace_id, one.fact_id)
        if found is not None:
            was_told = await silence.was_told(session, found[0], one.target)
            told[one.id] = _notice(*found) if was_told else SkipReason.STALE
    return told


def _notice(quiet: Silence, origin: Source) -> SilenceNotice:
    return SilenceNotice(source_id=origin.id, source_name=origin.name, since=quiet.began_at, until=quiet.ended_at)


def draw_silence(_owed: Delivery, told: SilenceNotice, _setting: object) -> Message | SkipReason:
    """Draw that a source is silent, while it is."""
    return SkipReason.STALE if told.until is not None else drawing.draw_silence(told)


def draw_heard_again(_owed: Delivery, told: SilenceNotice | SkipReason, _setting: object) -> Message | SkipReason:
    """Draw that a source is back."""
    return told if isinstance(told, SkipReason) else drawing.draw_heard_again(told)
