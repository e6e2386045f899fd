"""A recap: the summary of a day, week or month that is owed to a destination, and its figures.

The row names a period and nothing that happened in it: the figures are summed when a message is drawn, so that what
arrived late is still in it, and a row whose zone was edited since keeps the instants between which it was to sum.
Money is in minor units and never summed across currencies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.account import Account
from models.base import Base, Id, insert, new_id
from models.destination import Destination
from models.fact import MovementKind
from models.movement import Movement
from models.schedule import Schedule

MOST_ACCOUNTS = 5
"""How many of the largest gains, and of the largest losses, are named."""


class Recap(Base):
    """One period of one destination, `[starts_at, ends_at)`; `first` is its first local day."""

    __tablename__ = "recaps"
    __table_args__ = (Index("uq_recaps_period", "destination_id", "first", "frequency", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id, index=True)
    destination_id: Mapped[str] = mapped_column(Id, ForeignKey("destinations.id"))
    frequency: Mapped[str] = mapped_column(String(20))
    first: Mapped[date]
    end: Mapped[date]
    """The local day before which it ends."""
    before_at: Mapped[datetime]
    """When the period before it began."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What the movements of one kind come to, and how many they are."""

    amount_minor: int = 0
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A period in one currency. `gains` and `losses` are pairs of an account's name and what the period brought it."""

    currency: str
    start_minor: int | None
    """The MRR at the start; None where some account had MRR of which no movement tells."""
    sums: Mapping[MovementKind, Sum] = field(default_factory=dict)
    before_minor: int | None = None
    """The net of the period before; None where not all is known of that time."""
    gains: tuple[tuple[str, int], ...] = ()
    losses: tuple[tuple[str, int], ...] = ()

    @property
    def net_minor(self) -> int:
        """The sum of all five kinds."""
        return sum(one.amount_minor for one in self.sums.values())

    @property
    def end_minor(self) -> int | None:
        """The MRR at the end."""
        return None if self.start_minor is None else self.start_minor + self.net_minor

    @property
    def count(self) -> int:
        """The number of movements."""
        return sum(one.count for one in self.sums.values())


async def make(session: AsyncSession, destination: Destination, run: datetime, *, now: datetime) -> str | None:
    """Make the recap that a run of a destination's schedule tells, and give its id; None where it was made before."""
    schedule = destination.schedule
    if schedule is None:
        return None
    period = schedule.period_of(run)
    starts_at, ends_at = period.instants(destination.zone)
    values = {
        "id": new_id("rcp", now),
        "workspace_id": destination.workspace_id,
        "destination_id": destination.id,
        "frequency": destination.frequency,
        "first": period.first,
        "end": period.end,
        "before_at": _before(schedule, starts_at),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "due_at": run,
        "created_at": now,
    }
    statement = insert(session, Recap).values(values).on_conflict_do_nothing().returning(Recap.id)
    made: str | None = await session.scalar(statement)
    return made


def _before(schedule: Schedule, starts_at: datetime) -> datetime:
    """Say when the period before the one that starts at an instant began."""
    return schedule.period_of(starts_at).instants(schedule.zone)[0]


async def get(session: AsyncSession, workspace_id: str, recap_id: str) -> Recap | None:
    """Find a recap of this workspace."""
    query = select(Recap).where(Recap.workspace_id == workspace_id, Recap.id == recap_id)
    found: Recap | None = await session.scalar(query)
    return found


async def is_outdone(session: AsyncSession, recap: Recap) -> bool:
    """Say whether its destination has a later recap of the same frequency by now."""
    later = select(Recap.id).where(
        Recap.destination_id == recap.destination_id, Recap.frequency == recap.frequency, Recap.first > recap.first
    )
    return await session.scalar(later.limit(1)) is not None


async def figures(session: AsyncSession, workspace_id: str, recap: Recap) -> list[Figures]:
    """Sum up a period, each currency that had MRR or movements by itself, the one with the most movements first."""
    starts = await _nets(session, workspace_id, None, recap.starts_at)
    before = await _nets(session, workspace_id, recap.before_at, recap.starts_at)
    between = await _sums(session, workspace_id, recap)
    unclear = await _unclear(session, workspace_id)
    found = []
    for currency in sorted(starts.keys() | between.keys()):
        is_known = currency not in unclear
        moves = currency in between
        one = Figures(
            currency=currency,
            start_minor=starts.get(currency, 0) if is_known else None,
            sums=between.get(currency, {}),
            before_minor=before.get(currency, 0) if is_known and currency in starts else None,
            gains=await _largest(session, workspace_id, recap, currency, losses=False) if moves else (),
            losses=await _largest(session, workspace_id, recap, currency, losses=True) if moves else (),
        )
        found.append(one)
    return sorted(found, key=lambda one: -one.count)


async def _nets(session: AsyncSession, workspace_id: str, since: datetime | None, until: datetime) -> dict[str, int]:
    """Add up all movements before an instant, or those since another one, by currency."""
    query = select(Movement.currency, func.sum(Movement.amount_minor)).where(
        Movement.workspace_id == workspace_id, Movement.occurred_at < until
    )
    if since is not None:
        query = query.where(Movement.occurred_at >= since)
    return {currency: int(net) for currency, net in await session.execute(query.group_by(Movement.currency))}


async def _sums(session: AsyncSession, workspace_id: str, recap: Recap) -> dict[str, dict[MovementKind, Sum]]:
    """Add up the period by currency and kind."""
    query = select(Movement.currency, Movement.kind, func.sum(Movement.amount_minor), func.count())
    rows = await session.execute(
        query.where(
            Movement.workspace_id == workspace_id,
            Movement.occurred_at >= recap.starts_at,
            Movement.occurred_at < recap.ends_at,
        ).group_by(Movement.currency, Movement.kind)
    )
    found: dict[str, dict[MovementKind, Sum]] = {}
    for currency, kind, amount, count in rows:
        found.setdefault(currency, {})[MovementKind(kind)] = Sum(amount_minor=int(amount), count=count)
    return found


async def _unclear(session: AsyncSession, workspace_id: str) -> set[str]:
    """Give the currencies in which the first movement known of some account did not start from nothing."""
    earlier = aliased(Movement)
    came_before = select(earlier.id).where(
        earlier.account_id == Movement.account_id,
        earlier.currency == Movement.currency,
        or_(
            earlier.occurred_at < Movement.occurred_at,
            (earlier.occurred_at == Movement.occurred_at) & (earlier.mrr_before_minor == 0),
        ),
    )
    query = select(Movement.currency).where(
        Movement.workspace_id == workspace_id,
        or_(Movement.mrr_before_minor.is_(None), Movement.mrr_before_minor != 0),
        ~came_before.exists(),
    )
    return set(await session.scalars(query.distinct()))


async def _largest(
    session: AsyncSession, workspace_id: str, recap: Recap, currency: str, *, losses: bool
) -> tuple[tuple[str, int], ...]:
    """Give the accounts that the period brought the largest gain, or loss, all their movements taken together."""
    change = func.sum(Movement.amount_minor)
    query = (
        select(Account.name, Account.external_id, change)
        .join(Account, Account.id == Movement.account_id)
        .where(
            Movement.workspace_id == workspace_id,
            Movement.currency == currency,
            Movement.occurred_at >= recap.starts_at,
            Movement.occurred_at < recap.ends_at,
        )
        .group_by(Account.id, Account.name, Account.external_id)
        .having(change < 0 if losses else change > 0)
        .order_by(change if losses else change.desc(), Account.external_id)
    )
    rows = await session.execute(query.limit(MOST_ACCOUNTS))
    return tuple((name or external_id, int(amount)) for name, external_id, amount in rows)
