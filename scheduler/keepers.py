"""Keepers: managers hear once when somebody leaves, or manages nothing any more, who answered for destinations.

The stage reads what Slack said of people, and nothing depends on it: it may look late, twice, or in many processes.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import keeper, lane, person
from models.database import Database
from models.delivery import RUNRATE, Delivery, FactKind, Owed, SkipReason
from models.recipient import RecipientKind
from scheduler.messages import keeper as drawing
from scheduler.messages.keeper import Gone, KeeperNotice
from scheduler.messages.message import Message

log = structlog.get_logger()


class Keepers:
    """Marks destinations whose keeper is gone, and owes what is told about it."""

    def __init__(self, *, database: Database, now: Callable[[], datetime]) -> None:
        """Take what is needed."""
        self._database = database
        self._now = now

    async def look(self) -> None:
        """Bring the marks up to what is known of people."""
        async with self._database.read() as session:
            if not await keeper.are_to_be_marked(session):
                return
        now = self._now()
        async with self._database.write() as session:
            for workspace_id, user_id in sorted(await keeper.mark(session, now=now)):
                await _owe(session, workspace_id, user_id, now=now)
                log.info("keeper_gone", workspace_id=workspace_id)


async def _owe(session: AsyncSession, workspace_id: str, user_id: str, *, now: datetime) -> None:
    fact = (FactKind.KEEPER_GONE, keeper.fact_id(user_id, now=now))
    told = await keeper.to_tell(session, workspace_id)
    owed = [Owed(asked_by=RUNRATE, fact=fact, recipient=(RecipientKind.PERSON, one)) for one in told]
    await lane.owe(session, workspace_id, owed, now=now)


# --- what is told --------------------------------------------------------------------------------------------------


async def load_keepers(session: AsyncSession, owed: Sequence[Delivery], _setting: object) -> dict[str, KeeperNotice]:
    """Load who is gone, and for what nobody answers still."""
    found = {one.id: await _notice(session, one) for one in owed}
    return {key: notice for key, notice in found.items() if notice is not None}


async def _notice(session: AsyncSession, owed: Delivery) -> KeeperNotice | None:
    user_id = owed.fact_id.partition("#")[0]
    gone = await person.get(session, owed.workspace_id, user_id)
    if gone is None:
        return None
    unkept = await keeper.unkept(session, owed.workspace_id, user_id)
    how = Gone.LEFT if gone.is_deactivated else Gone.DEMOTED
    return KeeperNotice(user_id=user_id, name=gone.name, how=how, destinations=tuple(one.name for one in unkept))


def draw_keeper(_owed: Delivery, told: KeeperNotice, _setting: object) -> Message | SkipReason:
    """Draw who is gone, while nobody has taken over."""
    return drawing.draw(told) if told.destinations else SkipReason.STALE
