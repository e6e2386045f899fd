"""A signal: something worth a person's attention about an account. It is told to whoever holds a role there."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.account import Account
from models.base import Base, Id, among, new_id, told_before
from models.database import wake
from models.fact import SignalFact
from models.wakeup import Topic

TOLD_TO = "owner"
"""The role whose holder hears of a signal."""


class Signal(Base):
    """One signal. `addressed_at` says when it was decided who hears of it; until then it waits for that."""

    __tablename__ = "signals"
    __table_args__ = (
        Index("uq_signals_external_id", "source_id", "external_id", unique=True),
        Index(None, "account_id", "occurred_at"),
        Index(
            "ix_signals_waiting",
            "id",
            sqlite_where=text("addressed_at IS NULL"),
            postgresql_where=text("addressed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id"))
    source_id: Mapped[str] = mapped_column(Id)
    external_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(20))
    person: Mapped[str | None] = mapped_column(String(255))
    title: Mapped[str | None] = mapped_column(String(255))
    text: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    addressed_at: Mapped[datetime | None]


def new(
    account: Account, fact: SignalFact, *, source_id: str, external_id: str, is_history: bool, now: datetime
) -> Signal:
    """Begin a signal. History is addressed to nobody."""
    return Signal(
        id=new_id("sig", now),
        workspace_id=account.workspace_id,
        account_id=account.id,
        source_id=source_id,
        external_id=external_id,
        kind=fact.kind,
        person=fact.person,
        title=fact.title,
        text=fact.text,
        url=fact.url,
        occurred_at=fact.occurred_at,
        recorded_at=now,
        addressed_at=now if is_history else None,
    )


async def known(session: AsyncSession, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give those of these ids, of a source and its own of the signal, that were told before."""
    return await told_before(session, Signal, keys)


async def add(session: AsyncSession, signals: Sequence[Signal]) -> None:
    """Write signals down, and let it be decided who hears of them."""
    session.add_all(signals)
    await session.flush()
    if any(signal.addressed_at is None for signal in signals):
        wake(session, Topic.SIGNALS)


async def waiting(session: AsyncSession, *, limit: int = 500) -> list[tuple[Signal, Account]]:
    """List the oldest signals for which nobody was chosen yet, in turn between the workspaces, with their accounts."""
    query = select(Signal, Account).join(Account, Account.id == Signal.account_id).where(Signal.addressed_at.is_(None))
    turn = func.row_number().over(partition_by=Signal.workspace_id, order_by=Signal.id)
    rows = await session.execute(query.order_by(turn, Signal.id).limit(limit))
    return [(row[0], row[1]) for row in rows]


async def mark_addressed(session: AsyncSession, signal_id: str, *, now: datetime) -> bool:
    """Note that it was decided who hears of a signal; False where somebody else decided it before."""
    statement = update(Signal).where(Signal.id == signal_id, Signal.addressed_at.is_(None)).values(addressed_at=now)
    return await session.scalar(statement.returning(Signal.id)) is not None


async def many(session: AsyncSession, ids: Collection[str]) -> dict[tuple[str, str], tuple[Signal, Account]]:
    """Give signals with their accounts, by the workspace and the signal's id."""
    query = select(Signal, Account).join(Account, Account.id == Signal.account_id).where(among(Signal.id, ids))
    return {(told.workspace_id, told.id): (told, account) for told, account in await session.execute(query)}


async def get(session: AsyncSession, workspace_id: str, signal_id: str) -> tuple[Signal, Account] | None:
    """Find a signal of this workspace with its account."""
    query = (
        select(Signal, Account)
        .join(Account, Account.id == Signal.account_id)
        .where(Signal.workspace_id == workspace_id, Signal.id == signal_id)
    )
    row = (await session.execute(query)).one_or_none()
    return (row[0], row[1]) if row is not None else None
