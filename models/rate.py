"""A rate: what a currency is worth in the workspace's base currency on a day, and on those after it until the next.

Rates serve totals alone. What a total gains or loses by them is a line of its own, FX/other, and never a movement: the
start, the movements and that line add up to the end. Each figure is rounded once, half away from zero.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, UserError, among, insert
from models.currency import digits, rounded
from models.fact import MovementKind
from models.movement import Day, Movement
from models.workspace import Workspace

FX_OTHER = "fx_other"
"""What the line of rates is called beside the kinds of movements."""


class RateMissingError(UserError):
    """A rate is missing."""


class Rate(Base):
    """How much of the base currency one unit of a currency is, from a day on."""

    __tablename__ = "rates"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    rate: Mapped[str] = mapped_column(String(40))
    """A decimal number, kept as it was written."""


class Told(NamedTuple):
    """A rate as it is told."""

    day: date
    currency: str
    rate: Decimal


@dataclass(frozen=True)
class Rates:
    """The rates of a workspace to its base currency."""

    base: str
    of: Mapping[str, Sequence[tuple[date, Fraction]]] = field(default_factory=dict)
    """By currency, in the order of their days."""

    def convert(self, amount_minor: int, currency: str, day: date) -> Fraction | None:
        """Give an amount in minor units of the base currency, not rounded; None where no rate is known by that day."""
        if currency == self.base or not amount_minor:
            return Fraction(amount_minor)
        known = self.of.get(currency, ())
        place = bisect_right(known, day, key=lambda one: one[0])
        if not place:
            return None
        return amount_minor * known[place - 1][1] * Fraction(10) ** (digits(self.base) - digits(currency))

    def total(self, amounts: Mapping[str, int], day: date) -> Fraction | None:
        """Add up amounts by currency."""
        converted = [self.convert(amount, currency, day) for currency, amount in amounts.items()]
        known = [amount for amount in converted if amount is not None]
        return sum(known, Fraction(0)) if len(known) == len(converted) else None

    def in_one(self, amounts: Mapping[str, int], day: date) -> tuple[int | None, str]:
        """Say what amounts come to in one currency: in their own, where it is one; None where a rate is missing."""
        if len(amounts) == 1:
            [(currency, amount)] = amounts.items()
            return amount, currency
        total = self.total(amounts, day)
        return None if total is None else rounded(total), self.base


class Moved(NamedTuple):
    """What movements of a kind come to on a day."""

    day: date
    currency: str
    kind: MovementKind
    amount_minor: int
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A period in one currency: `start + the movements + FX/other = end`, to the minor unit."""

    currency: str
    start_minor: int
    sums: Mapping[MovementKind, int]
    end_minor: int

    @property
    def net_minor(self) -> int:
        """What the MRR changed by."""
        return self.end_minor - self.start_minor

    @property
    def fx_other_minor(self) -> int:
        """What the movements don't explain."""
        return self.end_minor - self.start_minor - sum(self.sums.values())


def state(
    moved: Iterable[Moved], rates: Rates, *, since: date, until: date, end_minor: int | None = None
) -> Statement | None:
    """Make the statement of `[since, until)` from all movements: each at the rate of its day, start and end at theirs.

    `end_minor` is the MRR at the end where somebody else tells it. None where a rate is missing.
    """
    start = Counter[str]()
    between = []
    for one in moved:
        if one.day < since:
            start[one.currency] += one.amount_minor
        elif one.day < until:
            between.append(one)
    return bridge(start, between, rates, since=since, until=until, end_minor=end_minor)


def bridge(
    start: Mapping[str, int],
    moved: Iterable[Moved],
    rates: Rates,
    *,
    since: date,
    until: date,
    end_minor: int | None = None,
) -> Statement | None:
    """Make the statement of a period from its start by currency, at the rate of the day `since`, and its movements.

    The end is at the rate of `until`, which is where the next period starts. None where a rate is missing.
    """
    end = Counter(start)
    exact: dict[MovementKind, Fraction] = defaultdict(Fraction)
    for one in moved:
        end[one.currency] += one.amount_minor
        amount = rates.convert(one.amount_minor, one.currency, one.day)
        if amount is None:
            return None
        exact[one.kind] += amount
    opening, closing = rates.total(start, since), rates.total(end, until)
    if opening is None or closing is None:
        return None
    return Statement(
        currency=rates.base,
        start_minor=rounded(opening),
        sums={kind: rounded(amount) for kind, amount in exact.items()},
        end_minor=rounded(closing) if end_minor is None else end_minor,
    )


async def store(session: AsyncSession, workspace_id: str, told: Iterable[Told]) -> int:
    """Write rates down, each over what was said of its day before; say how many were known as they are."""
    rates = {(one.currency, one.day): format(one.rate, "f") for one in told}
    if not rates:
        return 0
    days = [day for _, day in rates]
    between = (Rate.day >= min(days), Rate.day <= max(days), among(Rate.currency, {currency for currency, _ in rates}))
    query = select(Rate.currency, Rate.day, Rate.rate).where(Rate.workspace_id == workspace_id, *between)
    known = sum(rates.get((currency, day)) == rate for currency, day, rate in await session.execute(query))
    statement = insert(session, Rate)
    latest = statement.on_conflict_do_update(
        index_elements=["workspace_id", "currency", "day"], set_={"rate": statement.excluded.rate}
    )
    rows = [
        {"workspace_id": workspace_id, "currency": currency, "day": day, "rate": rate}
        for (currency, day), rate in rates.items()
    ]
    await (await session.connection()).execute(latest, rows)
    return known


async def of_workspace(
    session: AsyncSession, workspace_id: str, *, currencies: Collection[str] | None = None
) -> dict[str, list[tuple[date, Fraction]]]:
    """Read a workspace's rates, as `Rates` takes them: of all currencies, or of these."""
    found: dict[str, list[tuple[date, Fraction]]] = defaultdict(list)
    query = select(Rate.currency, Rate.day, Rate.rate).where(Rate.workspace_id == workspace_id)
    if currencies is not None:
        query = query.where(among(Rate.currency, currencies))
    for currency, day, rate in await session.execute(query.order_by(Rate.currency, Rate.day)):
        found[currency].append((day, Fraction(rate)))
    return found


async def worth(session: AsyncSession, workspace_id: str, amount_minor: int, currency: str, *, on: date) -> int | None:
    """Say what an amount is worth in a workspace's base currency on a day; None where no rate says so."""
    tenant = await session.get_one(Workspace, workspace_id)
    theirs = (Rate.workspace_id == workspace_id, Rate.currency == currency, Rate.day <= on)
    newest = (
        await session.execute(select(Rate.day, Rate.rate).where(*theirs).order_by(Rate.day.desc()).limit(1))
    ).all()
    rates = Rates(tenant.base_currency, {currency: [(day, Fraction(told)) for day, told in newest]})
    amount = rates.convert(amount_minor, currency, on)
    return None if amount is None else rounded(amount)


async def moved(session: AsyncSession, workspace_id: str, *, account_id: str | None = None) -> list[Moved]:
    """Sum a workspace's movements by day in UTC, or list those of one of its accounts."""
    if account_id is None:
        columns = (Day.day, Day.currency, Day.kind, Day.amount_minor, Day.number)
        days = select(*columns).where(Day.workspace_id == workspace_id, Day.number != 0)
        rows = await session.execute(days)
        return [Moved(day, currency, MovementKind(kind), sum_, number) for day, currency, kind, sum_, number in rows]
    query = select(Movement.occurred_at, Movement.currency, Movement.kind, Movement.amount_minor)
    theirs = query.where(Movement.workspace_id == workspace_id, Movement.account_id == account_id)
    return [
        Moved(at.astimezone(UTC).date(), currency, MovementKind(kind), amount)
        for at, currency, kind, amount in await session.execute(theirs)
    ]


def by_month(moved: Sequence[Moved], rates: Rates) -> list[dict[str, Any]]:
    """State each month in the base currency: rows of its kinds, and of `fx_other` where there is any.

    Raises `RateMissingError`.
    """
    months = sorted({one.day.replace(day=1) for one in moved})
    rows = []
    since = months[0] if months else date.max
    while months and since <= months[-1]:
        until = (since + timedelta(days=31)).replace(day=1)
        told = state(moved, rates, since=since, until=until)
        if told is None:
            raise RateMissingError(
                f"Some currency has no rate by {since:%Y-%m}. Import rates with: runrate import --kind rates FILE"
            )
        rows += _rows(told, [one for one in moved if since <= one.day < until], f"{since:%Y-%m}")
        since = until
    return rows


def _rows(told: Statement, moved: Sequence[Moved], month: str) -> list[dict[str, Any]]:
    numbers = Counter[str]()
    for one in moved:
        numbers[one.kind.value] += one.number
    amounts = {kind.value: amount for kind, amount in told.sums.items()}
    if told.fx_other_minor:
        amounts[FX_OTHER] = told.fx_other_minor
    return [
        {"month": month, "type": type_, "currency": told.currency, "count": numbers[type_], "amount": amount}
        for type_, amount in sorted(amounts.items())
    ]
