"""The trend: what MRR is now, how it came there over the last 30 days, and how it moved today.

Each currency has one of its own, and all of them together have one in the workspace's base currency, at the rate of
each day, where all rates are known. It is summed from the days in UTC, so that it takes as long however much happened.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, movement, rate, workspace
from models.currency import place, rounded
from models.movement import TICK, KindSum, Movement
from models.rate import Rates
from models.secret import Keyring

DAYS = 30
SUBJECT = "mrr"
"""What a preview of it names as its subject."""
VERSION_LENGTH = 16
ALL = "all"
"""The name of all currencies together."""

_Series = Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Today:
    """How MRR moved in a currency since midnight: what was gained and lost, and by how many movements."""

    gained_minor: int = 0
    gains: int = 0
    lost_minor: int = 0
    losses: int = 0

    @property
    def net_minor(self) -> int:
        """What both come to."""
        return self.gained_minor + self.lost_minor

    @property
    def count(self) -> int:
        """By how many movements."""
        return self.gains + self.losses


QUIET = Today()


@dataclass(frozen=True, kw_only=True)
class Trend:
    """One currency, or all together; the points are the MRR when the time began and at the end of each of its days."""

    currency: str
    is_total: bool = False
    first: date
    """The first of its days, in UTC; the last one isn't over."""
    points: tuple[int, ...] | None
    """None where some account had MRR of which no movement tells."""
    least_minor: int = 0
    """What the MRR now is at least, where it isn't known: what movements tell of it."""
    unclear: int = 0
    """How many accounts had MRR of which no movement tells."""
    today: Today = QUIET

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return ALL if self.is_total else self.currency

    @property
    def now_minor(self) -> int | None:
        """The MRR now."""
        return self.points[-1] if self.points else None


async def read(
    session: AsyncSession, workspace_id: str, *, midnight: datetime | None = None, now: datetime
) -> tuple[Trend, ...]:
    """Read what MRR does: all currencies together, then the base currency, then the others, the busiest today first.

    `midnight` is when today began for whoever reads of it.
    """
    first, until = now.astimezone(UTC).date() - timedelta(days=DAYS - 1), now + TICK
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    starts = defaultdict[str, int](int)
    for sum_ in await movement.sums(session, workspace_id, until=since):
        starts[sum_.currency] += sum_.amount_minor
    moved: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for day, currency, _, minor in await movement.sums_by_day(session, workspace_id, since=since, until=until):
        moved[currency][day] += minor
    unclear = await account.unclear_currencies(session, workspace_id)
    days = [first + timedelta(days=number) for number in range(DAYS)]
    told = {one: _points(starts[one], moved[one], days) for one in sorted({*starts, *moved})}
    series = {one: None if one in unclear else points for one, points in told.items()}
    today = _today(await movement.sums(session, workspace_id, since=midnight, until=until) if midnight else [])
    each = [
        Trend(
            currency=one,
            first=first,
            points=points,
            least_minor=told[one][-1] if points is None else 0,
            unclear=unclear[one],
            today=today.get(one, QUIET),
        )
        for one, points in series.items()
    ]
    tenant = await workspace.get(session, workspace_id)
    base = tenant.base_currency if tenant is not None else ""
    total = await _total(session, workspace_id, base, series, days)
    each.sort(key=lambda one: place(one.currency, one.today.count, base=base))
    return (*([Trend(currency=base, is_total=True, first=first, points=total)] if total else []), *each)


def _points(start: int, moved: Mapping[date, int], days: Sequence[date]) -> tuple[int, ...]:
    points = [start]
    for day in days:
        points.append(points[-1] + moved.get(day, 0))
    return tuple(points)


def _today(sums: Collection[KindSum]) -> dict[str, Today]:
    told: dict[str, Today] = {}
    for one in sums:
        so_far, is_gain = told.get(one.currency, QUIET), one.amount_minor > 0
        told[one.currency] = Today(
            gained_minor=so_far.gained_minor + (one.amount_minor if is_gain else 0),
            gains=so_far.gains + (one.count if is_gain else 0),
            lost_minor=so_far.lost_minor + (0 if is_gain else one.amount_minor),
            losses=so_far.losses + (0 if is_gain else one.count),
        )
    return told


async def _total(
    session: AsyncSession, workspace_id: str, base: str, series: Mapping[str, _Series | None], days: Sequence[date]
) -> tuple[int, ...] | None:
    """Add up the currencies that have MRR, each point at the rates of its day; None where there is nothing to add."""
    known = {one: points for one, points in series.items() if points is not None}
    held = {one: points for one, points in known.items() if any(points)}
    if len(held) < 2 or len(known) < len(series):  # noqa: PLR2004 - of one currency there is nothing to add up
        return None
    rates = Rates(base, await rate.of_workspace(session, workspace_id, currencies=held))
    totals = [
        rates.total({one: points[number] for one, points in held.items()}, day)
        for number, day in enumerate([days[0], *days])
    ]
    added = tuple(rounded(one) for one in totals if one is not None)
    return added if len(added) == len(totals) else None


def version(shown: Trend, *, keyring: Keyring) -> str:
    """Tell one picture of a trend from another without its figures, which history and corrections change too."""
    return keyring.sign(repr(shown.points), purpose=SUBJECT).rpartition(".")[2][:VERSION_LENGTH]


async def news_at(session: AsyncSession, workspace_id: str) -> datetime | None:
    """Say when a movement that is no history was recorded last."""
    newest = select(func.max(Movement.recorded_at)).where(Movement.workspace_id == workspace_id, ~Movement.is_history)
    found: datetime | None = await session.scalar(newest)
    return found


def as_of(news_at: datetime | None, *, now: datetime) -> datetime:
    """Say of which instant the picture is: right after the last news, or the beginning of this hour.

    Until something happens its address stays the same, so that whoever fetched it has it. It names whole seconds.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    after = hour if news_at is None else news_at.replace(microsecond=0) + timedelta(seconds=1)
    return max(hour, after)
