"""A recap: the summary of a day, week or month that is owed to a destination, and its figures.

The row names a period and nothing that happened in it: the figures are summed when a message is drawn, so that what
arrived late is still in it, and a row whose zone was edited since keeps the instants between which it was to sum.
Money is in minor units and never summed across currencies, but for a total in the workspace's base currency where every
rate that it takes is known.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import starmap
from typing import Any

from sqlalchemy import ForeignKey, Index, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import account, movement, rate
from models.base import Base, Id, insert, new_id
from models.destination import Destination
from models.fact import MovementKind
from models.movement import Change, KindSum, Movement
from models.rate import Moved, Rates
from models.schedule import Period, Rhythm, Schedule
from models.wish import LONGEST_ZONE
from models.workspace import Workspace

ALL = "all"
"""The name of the figures that are a total."""

MOST_ACCOUNTS = 5
"""How many of the largest gains, and of the largest losses, are named."""


class Recap(Base):
    """One period of one destination, `[starts_at, ends_at)`; `first` is its first local day."""

    __tablename__ = "recaps"
    __table_args__ = (Index("uq_recaps_period", "destination_id", "first", "end", "frequency", unique=True),)

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
    zone: Mapped[str] = mapped_column(String(LONGEST_ZONE))
    """Whose days these are."""
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]

    @property
    def a_year_ago(self) -> tuple[datetime, datetime]:
        """The same period a year before, as instants."""
        return Period(self.first, self.end).a_year_ago(Rhythm(self.frequency)).instants(self.zone)

    @property
    def days_before(self) -> int:
        """Say how many days the period before it had."""
        return round((self.starts_at - self.before_at) / timedelta(days=1))


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
    year_ago_minor: int | None = None
    """The net of the same period a year ago; None where nothing is known of that time."""
    gains: tuple[tuple[str, int], ...] = ()
    losses: tuple[tuple[str, int], ...] = ()
    more_gains: int = 0
    """How many accounts gained beside those that are named."""
    more_losses: int = 0
    is_total: bool = False
    """Whether it is all currencies together, at the rates of their days."""
    fx_other_minor: int = 0
    """What the movements don't explain of a total."""

    @property
    def name(self) -> str:
        """What tells it from the other figures of its period."""
        return ALL if self.is_total else self.currency

    @property
    def net_minor(self) -> int:
        """What the MRR changed by: the sum of all five kinds, and of a total of FX/other too."""
        return sum(one.amount_minor for one in self.sums.values()) + self.fx_other_minor

    @property
    def end_minor(self) -> int | None:
        """The MRR at the end."""
        return None if self.start_minor is None else self.start_minor + self.net_minor

    @property
    def count(self) -> int:
        """The number of movements."""
        return sum(one.count for one in self.sums.values())


@dataclass(frozen=True, kw_only=True)
class Late:
    """Movements that arrived when the recap of their own time had been made. `nets` are by currency, in minor units."""

    count: int
    nets: Mapping[str, int]
    is_just_before: bool
    """Whether all are of the period right before."""


async def make(
    session: AsyncSession, runs: Iterable[tuple[Destination, datetime]], *, now: datetime
) -> dict[tuple[str, datetime], str]:
    """Make the recaps that runs of destinations' schedules tell.

    Give the ids of those that were not made before, by the destination's id and the run.
    """
    rows = [row for asking, run in runs if (row := _row(asking, run, now=now))]
    if not rows:
        return {}
    statement = insert(session, Recap).on_conflict_do_nothing().returning(Recap.id)
    made = set(await session.scalars(statement, rows))
    return {(row["destination_id"], row["due_at"]): row["id"] for row in rows if row["id"] in made}


def _row(asking: Destination, run: datetime, *, now: datetime) -> dict[str, Any] | None:
    schedule = asking.schedule
    if schedule is None:
        return None
    period = schedule.period_of(run)
    starts_at, ends_at = period.instants(asking.zone)
    return {
        "id": new_id("rcp", now),
        "workspace_id": asking.workspace_id,
        "destination_id": asking.id,
        "frequency": asking.frequency,
        "first": period.first,
        "end": period.end,
        "before_at": _before(schedule, starts_at),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "zone": asking.zone,
        "due_at": run,
        "created_at": now,
    }


def _before(schedule: Schedule, starts_at: datetime) -> datetime:
    """Say when the period before the one that starts at an instant began."""
    return schedule.period_of(starts_at).instants(schedule.zone)[0]


def of_last_week(workspace_id: str, *, zone: str, now: datetime) -> Recap:
    """Describe the recap of the last whole week, which belongs to no destination and is never stored."""
    schedule = Schedule(rhythm=Rhythm.WEEKLY, zone=zone)
    return of_nobody(workspace_id, schedule, schedule.period_of(now), now=now)


def of_nobody(workspace_id: str, schedule: Schedule, period: Period, *, now: datetime) -> Recap:
    """Describe a recap that belongs to no destination and is never stored."""
    starts_at, ends_at = period.instants(schedule.zone)
    return Recap(
        workspace_id=workspace_id,
        frequency=schedule.rhythm,
        first=period.first,
        end=period.end,
        before_at=_before(schedule, starts_at),
        starts_at=starts_at,
        ends_at=ends_at,
        zone=schedule.zone,
        due_at=now,
    )


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


async def made_before(session: AsyncSession, recap: Recap) -> Recap | None:
    """Find the newest of its destination's recaps of the same frequency that were made before it."""
    earlier = select(Recap).where(
        Recap.destination_id == recap.destination_id,
        Recap.frequency == recap.frequency,
        Recap.first < recap.first,
        Recap.created_at < recap.created_at,
    )
    found: Recap | None = await session.scalar(earlier.order_by(Recap.first.desc()).limit(1))
    return found


async def late(session: AsyncSession, workspace_id: str, recap: Recap, *, before: Recap) -> Late | None:
    """Sum up what arrived between the making of two recaps of a destination, and is of the first one's time or older.

    Each late movement is so told by one of the destination's recaps. What came as history never is late.
    """
    count, oldest = func.count(), func.min(Movement.occurred_at)
    arrived = select(Movement.currency, count, func.sum(Movement.amount_minor), oldest).where(
        Movement.workspace_id == workspace_id,
        Movement.recorded_at >= before.created_at,
        Movement.recorded_at < recap.created_at,
        Movement.occurred_at < before.ends_at,
        ~Movement.is_history,
    )
    rows = (await session.execute(arrived.group_by(Movement.currency).order_by(count.desc(), Movement.currency))).all()
    if not rows:
        return None
    return Late(
        count=sum(row[1] for row in rows),
        nets={row[0]: int(row[2]) for row in rows},
        is_just_before=before.ends_at == recap.starts_at and min(row[3] for row in rows) >= before.starts_at,
    )


async def figures_of(session: AsyncSession, recaps: Collection[Recap]) -> dict[str, list[Figures]]:
    """Sum up the periods of several recaps, by their ids; a period that many tell is summed up once."""
    found: dict[tuple[str, datetime, datetime, datetime], list[Figures]] = {}
    by_id = {}
    for one in recaps:
        period = (one.workspace_id, one.before_at, one.starts_at, one.ends_at)
        if period not in found:
            found[period] = await figures(session, one.workspace_id, one)
        by_id[one.id] = found[period]
    return by_id


async def figures(session: AsyncSession, workspace_id: str, recap: Recap) -> list[Figures]:
    """Sum up a period, each currency that had MRR or movements by itself, the one with the most movements first.

    Where there are rates for all of it, their total comes before them.
    """
    long_before = _nets(await movement.sums(session, workspace_id, until=recap.before_at))
    before = _nets(await movement.sums(session, workspace_id, since=recap.before_at, until=recap.starts_at))
    between = await movement.sums(session, workspace_id, since=recap.starts_at, until=recap.ends_at)
    then, until = recap.a_year_ago
    year_ago = _nets(await movement.sums(session, workspace_id, since=then, until=until))
    unclear = await account.unclear_currencies(session, workspace_id)
    changes = await movement.changes(
        session, workspace_id, since=recap.starts_at, until=recap.ends_at, most=MOST_ACCOUNTS
    )
    found = []
    for currency in sorted(long_before.keys() | before.keys() | {one.currency for one in between}):
        is_known, is_old = currency not in unclear, currency in long_before or currency in before
        theirs = [change for change in changes if change.currency == currency]
        gains, losses = _largest(theirs, losses=False), _largest(theirs, losses=True)
        one = Figures(
            currency=currency,
            start_minor=long_before.get(currency, 0) + before.get(currency, 0) if is_known else None,
            sums={
                sum_.kind: Sum(amount_minor=sum_.amount_minor, count=sum_.count)
                for sum_ in between
                if sum_.currency == currency
            },
            before_minor=before.get(currency, 0) if is_known and is_old else None,
            year_ago_minor=year_ago.get(currency) if is_known else None,
            gains=gains,
            losses=losses,
            more_gains=theirs[0].rising - len(gains) if theirs else 0,
            more_losses=theirs[0].falling - len(losses) if theirs else 0,
        )
        found.append(one)
    found.sort(key=lambda one: -one.count)
    return [*await _total(session, workspace_id, recap, found), *found]


async def _total(session: AsyncSession, workspace_id: str, recap: Recap, found: Sequence[Figures]) -> Sequence[Figures]:
    """State all currencies in the base currency, where there are others, and something moved, and all is known."""
    starts = {one.currency: one.start_minor for one in found if one.start_minor is not None}
    if not any(one.count for one in found) or len(starts) < len(found):
        return ()
    base = await session.scalar(select(Workspace.base_currency).where(Workspace.id == workspace_id))
    if base is None or {one.currency for one in found if one.start_minor or one.count} == {base}:
        return ()
    rates = Rates(base, await rate.of_workspace(session, workspace_id, currencies=starts))
    moved = await movement.sums_by_day(session, workspace_id, since=recap.starts_at, until=recap.ends_at)
    told = rate.bridge(starts, starmap(Moved, moved), rates, since=recap.first, until=recap.end)
    if told is None:
        return ()
    counts = Counter[MovementKind]()
    for one in found:
        counts.update({kind: sum_.count for kind, sum_ in one.sums.items()})
    sums = {kind: Sum(amount_minor=amount, count=counts[kind]) for kind, amount in told.sums.items()}
    total = Figures(
        currency=rates.base,
        start_minor=told.start_minor,
        sums=sums,
        is_total=True,
        fx_other_minor=told.fx_other_minor,
    )
    return (total,)


def _nets(sums: Iterable[KindSum]) -> dict[str, int]:
    """Add up all kinds, by currency."""
    nets: dict[str, int] = {}
    for one in sums:
        nets[one.currency] = nets.get(one.currency, 0) + one.amount_minor
    return nets


def _largest(changes: Iterable[Change], *, losses: bool) -> tuple[tuple[str, int], ...]:
    """Give the accounts that the period brought the largest gain, or loss, all their movements taken together."""
    sign = -1 if losses else 1
    theirs = [one for one in changes if one.amount_minor * sign > 0]
    theirs.sort(key=lambda one: (-one.amount_minor * sign, one.account.external_id))
    return tuple((one.account.display_name, one.amount_minor) for one in theirs[:MOST_ACCOUNTS])
