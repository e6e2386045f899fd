"""A claim: that somebody takes care of what a message told, a movement or a signal. One person at a time holds it.

Who takes it and who lets it go is said in the thread of the message on which they pressed, and in that one itself.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, String, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import delivery, edit, lane, movement, person, signal, subscription
from models.account import Account
from models.base import Base, Id, among, insert, new_id
from models.delivery import RUNRATE, Delivery, FactKind, Owed

HELD = text("released_at IS NULL")
SOMEBODY = "somebody"
CLAIMED = (FactKind.MOVEMENT, FactKind.SIGNAL)
"""What somebody can take care of."""


class Claim(Base):
    """Somebody's claim of what was told, and when they let it go, if they did."""

    __tablename__ = "claims"
    __table_args__ = (
        Index(None, "fact_id"),
        Index(
            "uq_claims_held",
            "workspace_id",
            "fact_kind",
            "fact_id",
            unique=True,
            sqlite_where=HELD,
            postgresql_where=HELD,
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    fact_kind: Mapped[str] = mapped_column(String(20))
    fact_id: Mapped[str] = mapped_column(Id)
    delivery_id: Mapped[str] = mapped_column(Id)
    """The delivery on whose message somebody pressed: in that one's thread it is said."""
    user_id: Mapped[str] = mapped_column(Id)
    claimed_at: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(Id)
    released_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Taken:
    """Who holds a claim, and whether it is this press that took it."""

    claim: Claim
    is_new: bool


async def take(session: AsyncSession, told: Delivery, *, by: str, now: datetime) -> Taken:
    """Claim what a message told, and owe its thread word of that; whoever comes later learns who holds it."""
    values = {
        "id": new_id("clm", now),
        "workspace_id": told.workspace_id,
        "fact_kind": told.fact_kind,
        "fact_id": told.fact_id,
        "delivery_id": told.id,
        "user_id": by,
        "claimed_at": now,
    }
    statement = insert(session, Claim).values(values).on_conflict_do_nothing().returning(Claim.id)
    is_new = await session.scalar(statement) is not None
    found = await held(session, told.workspace_id, FactKind(told.fact_kind), told.fact_id)
    if found is None:  # It was let go between the two statements, and is free.
        return await take(session, told, by=by, now=now)
    if is_new:
        await _say(session, told, FactKind.CLAIM, found, now=now)
    return Taken(found, is_new)


async def release(session: AsyncSession, workspace_id: str, claim_id: str, *, by: str, now: datetime) -> bool:
    """Let a claim go, and owe the message's thread word of that; False where it is gone already."""
    mine = (Claim.workspace_id == workspace_id, Claim.id == claim_id, Claim.released_at.is_(None))
    statement = update(Claim).where(*mine).values(released_at=now, released_by=by).returning(Claim)
    found: Claim | None = await session.scalar(statement, execution_options={"populate_existing": True})
    if found is not None:
        told = await delivery.get(session, workspace_id, found.delivery_id)
        await _say(session, told, FactKind.RELEASE, found, now=now)
    return found is not None


async def held(session: AsyncSession, workspace_id: str, kind: FactKind, fact_id: str) -> Claim | None:
    """Find the claim of what was told that somebody holds."""
    query = select(Claim).where(Claim.workspace_id == workspace_id, Claim.fact_kind == kind, Claim.fact_id == fact_id)
    found: Claim | None = await session.scalar(query.where(Claim.released_at.is_(None)))
    return found


async def get(session: AsyncSession, workspace_id: str, claim_id: str) -> Claim | None:
    """Find a claim of this workspace, let go or not."""
    found = await session.get(Claim, claim_id)
    return found if found is not None and found.workspace_id == workspace_id else None


async def about(session: AsyncSession, claim: Claim) -> str | None:
    """Say which account a claim is about, by its name."""
    facts = await (movement if claim.fact_kind == FactKind.MOVEMENT else signal).get(
        session, claim.workspace_id, claim.fact_id
    )
    gone = await subscription.account_of_gone(session, claim.workspace_id, claim.fact_id) if facts is None else None
    account: Account | None = facts[1] if facts is not None else gone
    return account.display_name if account is not None else None


async def many(session: AsyncSession, ids: Collection[str]) -> dict[tuple[str, str], Claim]:
    """Give claims, by the workspace and the claim's id."""
    found = await session.scalars(select(Claim).where(among(Claim.id, ids)))
    return {(one.workspace_id, one.id): one for one in found}


async def holders(session: AsyncSession, kind: FactKind, fact_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Give the names of those who hold claims of what was told, by the workspace and what that is."""
    query = select(Claim).where(among(Claim.fact_id, fact_ids), Claim.fact_kind == kind, Claim.released_at.is_(None))
    held_by = defaultdict(list)
    for one in await session.scalars(query):
        held_by[one.workspace_id].append(one)
    found: dict[tuple[str, str], str] = {}
    for workspace_id, theirs in held_by.items():
        names = await person.named(session, workspace_id, {one.user_id for one in theirs})
        found |= {(workspace_id, one.fact_id): names.get(one.user_id) or SOMEBODY for one in theirs}
    return found


async def _say(session: AsyncSession, told: Delivery, kind: FactKind, found: Claim, *, now: datetime) -> None:
    owed = Owed(
        asked_by=RUNRATE,
        fact=(kind, found.id),
        recipient=(told.recipient_kind, told.target),
        replies_to=told.id,
    )
    await lane.owe(session, told.workspace_id, [owed], now=now)
    await edit.ask(session, told.workspace_id, [told.id], now=now)
