"""A keeper: who answers for a destination. Whoever made it, until somebody takes it over.

A destination goes on whatever becomes of its keeper. That somebody left, or manages nothing any more, is noticed by
whoever looks, at any time and in any number of processes: a destination is marked once, and its managers are told of
what was marked together.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import installation, person
from models.base import UNSEEN
from models.destination import Destination
from models.person import Manager, Person

MOST_TOLD = 5
"""So many admins are told at most, where nobody is left whom they named."""

_theirs = and_(Person.workspace_id == Destination.workspace_id, Person.user_id == Destination.kept_by)
_is_kept = and_(Destination.deleted_at.is_(None), Destination.personal_to.is_(None))
"""Say in SQL that somebody has to answer for a destination: one that is a person's own ends with them."""
_is_named = exists().where(Manager.workspace_id == Person.workspace_id, Manager.user_id == Person.user_id)
_is_gone: ColumnElement[bool] = or_(Person.is_deactivated, Person.is_guest, ~or_(Person.is_admin, _is_named))
"""Say in SQL of somebody whom we know that they may change nothing."""


async def keepers(session: AsyncSession, workspace_id: str) -> set[str]:
    """Give the user ids of all who answer for a destination."""
    theirs = (Destination.workspace_id == workspace_id, _is_kept)
    return set(await session.scalars(select(Destination.kept_by).where(*theirs).distinct()))


async def are_to_be_marked(session: AsyncSession) -> bool:
    """Say whether some destination's keeper is gone or back, and it isn't marked so."""
    wrong = or_(and_(Destination.unkept_at.is_(None), _is_gone), and_(Destination.unkept_at.is_not(None), ~_is_gone))
    query = select(Destination.id).join(Person, _theirs).where(_is_kept, wrong)
    return await session.scalar(query.limit(1)) is not None


async def mark(session: AsyncSession, *, now: datetime) -> set[tuple[str, str]]:
    """Mark the destinations whose keeper is gone, and unmark those whose is back.

    Give the workspace and the keeper of those that were marked.
    """
    is_gone = exists().where(_theirs, _is_gone)
    is_back = exists().where(_theirs, ~_is_gone)
    unmark = update(Destination).where(_is_kept, Destination.unkept_at.is_not(None), is_back).values(unkept_at=None)
    await session.execute(unmark, execution_options=UNSEEN)
    marking = update(Destination).where(_is_kept, Destination.unkept_at.is_(None), is_gone).values(unkept_at=now)
    marked = await session.execute(
        marking.returning(Destination.workspace_id, Destination.kept_by), execution_options=UNSEEN
    )
    return {(row.workspace_id, row.kept_by) for row in marked}


async def unkept(session: AsyncSession, workspace_id: str, user_id: str, *, hold: bool = False) -> list[Destination]:
    """List by name the destinations for which somebody answered who is gone; `hold` locks their rows."""
    theirs = (Destination.workspace_id == workspace_id, Destination.kept_by == user_id)
    query = select(Destination).where(*theirs, _is_kept, Destination.unkept_at.is_not(None))
    ordered = query.order_by(Destination.name_key)
    return list(await session.scalars(ordered.with_for_update(key_share=True) if hold else ordered))


async def to_tell(session: AsyncSession, workspace_id: str) -> list[str]:
    """List whom managers' news goes to: who installed us and whom admins named, or else some admins.

    Those are left out who are known to be gone.
    """
    grant = await installation.get(session, workspace_id)
    named = [*([grant.installed_by] if grant else []), *await person.named_managers(session, workspace_id)]
    return await _present(session, workspace_id, dict.fromkeys(named)) or await _admins(session, workspace_id)


async def theirs_or_managers(session: AsyncSession, workspace_id: str, did_it: str) -> list[str]:
    """List whom news of what somebody did goes to: them, or managers where they are gone, or it was no person."""
    is_person = did_it.startswith(("U", "W"))
    there = await _present(session, workspace_id, [did_it]) if is_person else []
    return there or await to_tell(session, workspace_id)


async def _present(session: AsyncSession, workspace_id: str, user_ids: Collection[str]) -> list[str]:
    known = {user_id: await person.get(session, workspace_id, user_id) for user_id in user_ids}
    return [user_id for user_id, one in known.items() if one is None or not (one.is_deactivated or one.is_guest)]


async def _admins(session: AsyncSession, workspace_id: str) -> list[str]:
    query = select(Person.user_id).where(
        Person.workspace_id == workspace_id, Person.is_admin, Person.is_deactivated.is_(False)
    )
    return list(await session.scalars(query.order_by(Person.user_id).limit(MOST_TOLD)))


def fact_id(user_id: str, *, now: datetime) -> str:
    """Name what is told of somebody's leaving: they may come back, and leave again."""
    return f"{user_id}#{int(now.timestamp())}"
