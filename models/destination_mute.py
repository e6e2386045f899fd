"""A destination's mute: an account of which it doesn't tell for a while, because a manager said so.

What would have been told is owed all the same, at once as `skipped (muted)`; so that the ledger accounts for it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ForeignKey, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models import audit, delivery, lane, thread
from models.account import Account
from models.base import UNSEEN, Base, Id, among, insert
from models.delivery import Delivery, SkipReason
from models.destination import Destination


class DestinationMute(Base):
    """One account of which one destination doesn't tell."""

    __tablename__ = "destination_mutes"

    account_id: Mapped[str] = mapped_column(Id, primary_key=True)
    destination_id: Mapped[str] = mapped_column(Id, ForeignKey("destinations.id"), primary_key=True, index=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    muted_by: Mapped[str] = mapped_column(Id)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    """When it ends by itself; None for one that lasts until it is undone."""


async def add(
    session: AsyncSession, told_by: Destination, about: Account, *, until: datetime | None, by: str, now: datetime
) -> None:
    """Let a destination tell nothing of an account, nor what it owes of it, unsent.

    Of what is muted already the last word counts, and who said it.
    """
    key = {"account_id": about.id, "destination_id": told_by.id}
    said = {"muted_by": by, "since": now, "until": until}
    statement = insert(session, DestinationMute).values(**key, **said, workspace_id=told_by.workspace_id)
    await session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=said))
    told_by.has_mutes = True
    await lane.hold_those_of(session, told_by.id)
    await _skip_unsent(session, told_by, about, now=now)
    _audit(session, told_by, "destination.account_muted", about.id, by=by, now=now, until=until)


async def remove(session: AsyncSession, told_by: Destination, account_id: str, *, by: str, now: datetime) -> bool:
    """Let a destination tell of an account again; say whether it didn't."""
    where = (DestinationMute.account_id == account_id, DestinationMute.destination_id == told_by.id)
    ended = await session.scalar(delete(DestinationMute).where(*where).returning(DestinationMute.account_id))
    if ended is not None:
        _audit(session, told_by, "destination.account_unmuted", account_id, by=by, now=now)
    return ended is not None


async def find(
    session: AsyncSession, workspace_id: str, destination_id: str, account_id: str, *, now: datetime
) -> DestinationMute | None:
    """Find the mute of an account in a destination that lasts still."""
    found = await session.get(DestinationMute, (account_id, destination_id))
    if found is None or found.workspace_id != workspace_id or (found.until is not None and found.until <= now):
        return None
    return found


async def of_destination(
    session: AsyncSession, workspace_id: str, destination_id: str, *, limit: int, now: datetime
) -> tuple[list[tuple[DestinationMute, Account]], int]:
    """List some of the mutes in a destination that last still, the newest first; and say how many there are."""
    lasting = (
        DestinationMute.workspace_id == workspace_id,
        DestinationMute.destination_id == destination_id,
        or_(DestinationMute.until.is_(None), DestinationMute.until > now),
    )
    query = select(DestinationMute, Account).join(Account, Account.id == DestinationMute.account_id).where(*lasting)
    newest = query.order_by(DestinationMute.since.desc(), DestinationMute.account_id).limit(limit)
    total = await session.scalar(select(func.count()).select_from(query.subquery()))
    return [(row[0], row[1]) for row in await session.execute(newest)], total or 0


async def among_accounts(session: AsyncSession, account_ids: Collection[str]) -> dict[tuple[str, str], datetime | None]:
    """Say of accounts which destinations don't tell of them, and until when: by a destination's id and an account's."""
    columns = (DestinationMute.destination_id, DestinationMute.account_id, DestinationMute.until)
    rows = await session.execute(select(*columns).where(among(DestinationMute.account_id, account_ids)))
    return {(row[0], row[1]): row[2] for row in rows}


def is_muted(
    muted: Mapping[tuple[str, str], datetime | None], destination_id: str, account_id: str, *, at: datetime
) -> bool:
    """Say whether an account is muted in a destination at an instant."""
    place = (destination_id, account_id)
    until = muted.get(place)
    return place in muted and (until is None or at < until)


async def move(session: AsyncSession, workspace_id: str, account_id: str, to_account_id: str) -> None:
    """Let where an account is muted another be so, with which it becomes one; one that is so already stays as it is."""
    other = aliased(DestinationMute)
    taken = exists().where(
        and_(other.account_id == to_account_id, other.destination_id == DestinationMute.destination_id)
    )
    theirs = (DestinationMute.workspace_id == workspace_id, DestinationMute.account_id == account_id)
    moved = update(DestinationMute).where(*theirs, ~taken).values(account_id=to_account_id)
    await session.execute(moved, execution_options=UNSEEN)
    await session.execute(delete(DestinationMute).where(*theirs), execution_options=UNSEEN)


async def _skip_unsent(session: AsyncSession, told_by: Destination, about: Account, *, now: datetime) -> None:
    """Skip what is owed of the account and not sent."""
    for owed in await thread.unsent_about(session, about.id, Delivery.asked_by == told_by.id):
        delivery.skip(owed, SkipReason.MUTED, now=now)


def _audit(
    session: AsyncSession,
    told_by: Destination,
    action: str,
    account_id: str,
    *,
    by: str,
    now: datetime,
    until: datetime | None = None,
) -> None:
    detail = {"name": told_by.name, "account_id": account_id, "until": until.isoformat() if until else None}
    audit.record(session, told_by.workspace_id, actor=by, action=action, subject_id=told_by.id, detail=detail, now=now)
