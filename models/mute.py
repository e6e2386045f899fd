"""A mute: what a person does not want to get any more: all signals, or those about an account."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import delivery, lane, thread
from models.account import Account
from models.base import Base, Id, insert, rows_among
from models.delivery import Delivery, FactKind, SkipReason
from models.signal import Signal


class Muted(StrEnum):
    """What can be muted, beside an account."""

    SIGNALS = "signals"


class Mute(Base):
    """One wish of one person not to be told."""

    __tablename__ = "mutes"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    what: Mapped[str] = mapped_column(Id, primary_key=True)
    """`Muted`, or the id of an account."""
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    """When it ends by itself; None for one that lasts until it is undone."""


async def add(
    session: AsyncSession, workspace_id: str, user_id: str, what: str, *, until: datetime | None = None, now: datetime
) -> None:
    """Stop telling a person, also what is owed to them, unsent; of what is muted already only the end is changed."""
    values = {"workspace_id": workspace_id, "user_id": user_id, "what": what, "since": now, "until": until}
    statement = insert(session, Mute).values(values)
    key = ("workspace_id", "user_id", "what")
    await session.execute(statement.on_conflict_do_update(index_elements=key, set_={"until": until}))
    await _skip_unsent(session, workspace_id, user_id, what, now=now)


async def _skip_unsent(session: AsyncSession, workspace_id: str, user_id: str, what: str, *, now: datetime) -> None:
    """Skip what waits for them, as for the end of their quiet hours."""
    theirs = lane.unsent_to(workspace_id, user_id)
    await lane.hold_where(session, theirs)
    signals = select(Delivery).join(Signal, Signal.id == Delivery.fact_id).where(theirs)
    muted: list[Delivery] = []
    if what != Muted.SIGNALS:
        signals = signals.where(Signal.account_id == what)
        muted = await thread.unsent_about(session, what, theirs)
    muted += await session.scalars(signals.where(Delivery.fact_kind == FactKind.SIGNAL))
    for owed in muted:
        delivery.skip(owed, SkipReason.MUTED, now=now)


async def remove(session: AsyncSession, workspace_id: str, user_id: str, what: str) -> None:
    """Tell a person again."""
    where = (Mute.workspace_id == workspace_id, Mute.user_id == user_id, Mute.what == what)
    await session.execute(delete(Mute).where(*where))


async def is_muted(
    session: AsyncSession, workspace_id: str, user_id: str, what: Collection[str], *, now: datetime
) -> bool:
    """Say whether a person does not want to be told of any of these."""
    theirs = (Mute.workspace_id == workspace_id, Mute.user_id == user_id, Mute.what.in_(what))
    lasting = or_(Mute.until.is_(None), Mute.until > now)
    return await session.scalar(select(Mute.what).where(*theirs, lasting).limit(1)) is not None


async def of_people(
    session: AsyncSession, people: Collection[tuple[str, str]], *, now: datetime
) -> set[tuple[str, str, str]]:
    """Give what these people muted, each named by a workspace's id and a user's: these two, and what."""
    muted = (Mute.workspace_id, Mute.user_id, Mute.what)
    lasting = or_(Mute.until.is_(None), Mute.until > now)
    rows = await session.execute(select(*muted).where(rows_among(muted[:2], people), lasting)) if people else ()
    return {(row[0], row[1], row[2]) for row in rows}


async def find(session: AsyncSession, workspace_id: str, user_id: str, what: str, *, now: datetime) -> Mute | None:
    """Find a person's mute that lasts still."""
    found = await session.get(Mute, (workspace_id, user_id, what))
    return found if found is not None and (found.until is None or found.until > now) else None


async def of_person(
    session: AsyncSession, workspace_id: str, user_id: str, *, now: datetime
) -> list[tuple[Mute, str | None]]:
    """List what a person muted, the newest first, each with the account's name; None beside all signals."""
    about = (Account.workspace_id == Mute.workspace_id) & (Account.id == Mute.what)
    query = (
        select(Mute, Account)
        .outerjoin(Account, about)
        .where(Mute.workspace_id == workspace_id, Mute.user_id == user_id)
        .where(or_(Mute.until.is_(None), Mute.until > now), or_(Mute.what == Muted.SIGNALS, Account.id.is_not(None)))
        .order_by(Mute.since.desc(), Mute.what)
    )
    return [(row[0], row[1].display_name if row[1] else None) for row in await session.execute(query)]


async def move(session: AsyncSession, workspace_id: str, account_id: str, to_account_id: str) -> None:
    """Let who muted an account have muted another, with which it becomes one; who muted both keeps the other's end."""
    theirs = (Mute.workspace_id == workspace_id, Mute.what == account_id)
    both = select(Mute.user_id).where(Mute.workspace_id == workspace_id, Mute.what == to_account_id)
    users = list(await session.scalars(both))
    unseen = {"synchronize_session": False}
    await session.execute(delete(Mute).where(*theirs, Mute.user_id.in_(users)), execution_options=unseen)
    await session.execute(update(Mute).where(*theirs).values(what=to_account_id), execution_options=unseen)
