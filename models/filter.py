"""A filter: which movements a destination wants to hear of, by their kind and size, and by conditions (`condition`).

A minimum is a whole amount in the currency of whichever movement it is held against: 500 means $500, and ¥500 too. It
is also, or instead, a share of the total MRR in that currency, as it was when the movement's day in UTC began: so that
one day's movements weigh the same in whatever order they arrive. Where that total isn't known, the amount alone counts.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, movement, role
from models.base import UserError, among
from models.condition import PLAN, About, Condition, Standing
from models.currency import digits
from models.fact import MovementKind
from models.movement import KindSum, Movement

FORECAST = timedelta(days=30)
"""The time by which a filter is tried out."""

LARGEST_MINIMUM = 10**9

WHOLE = 10_000
"""A share is written in hundredths of a percent: this is all of the total MRR."""

_WHOLE = re.compile(r"[0-9]{1,12}|[0-9]{1,3}([,. '’])(?:[0-9]{2,3}\1)*[0-9]{3}")
"""Digits, or digits in groups that one sign parts: of three, or as in 12,34,567."""
_SHARE = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))? ?%")


class AmountError(UserError):
    """Write a whole amount without a currency, such as 500 or 1,000, or a share such as 0.5 %; or leave it empty."""


class ShareError(AmountError):
    """Write a share of the total MRR with at most two decimals, such as 0.5 %."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is wanted: these kinds, and of them gains and losses that are not smaller than this."""

    kinds: tuple[MovementKind, ...] = tuple(MovementKind)
    least_gain: int | None = None
    least_loss: int | None = None
    least_gain_share: int | None = None
    least_loss_share: int | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def has_share(self) -> bool:
        """Say whether a minimum is a share of the total MRR."""
        return bool(self.least_gain_share or self.least_loss_share)

    def least_minor(self, kind: MovementKind, currency: str, total_minor: int | None) -> int:
        """Give the minimum for movements of a kind in minor units; 0 where there is none."""
        amount, share = (
            (self.least_gain, self.least_gain_share) if kind.is_gain else (self.least_loss, self.least_loss_share)
        )
        of_total = -(-(share or 0) * max(total_minor or 0, 0) // WHOLE)
        return max(int((amount or 0) * 10 ** digits(currency)), of_total)

    def is_too_small(
        self, kind: MovementKind, amount_minor: int, currency: str, *, total_minor: int | None = None
    ) -> bool:
        """Say whether a movement of this many minor units is under its minimum."""
        return abs(amount_minor) < self.least_minor(kind, currency, total_minor)

    def concerns(self, standing: Standing) -> bool:
        """Say whether all conditions hold."""
        return all(one.holds(standing) for one in self.conditions)


EVERYTHING = Filter()
NOTHING_KNOWN = Standing()
"""What a filter that asks nothing more has to know."""


def whole_amount(typed: str) -> int | None:
    """Read a minimum as people type it: `500`, `1,000`, `1.000`, `1 000`. None for nothing, and for zero.

    What has decimals is refused, so that no comma or point can be taken for the other. Raises `AmountError`.
    """
    text = " ".join(typed.split())
    if not text:
        return None
    if not _WHOLE.fullmatch(text):
        raise AmountError
    amount = int(re.sub("[^0-9]", "", text))
    if amount > LARGEST_MINIMUM:
        raise AmountError(f"Write an amount of at most {LARGEST_MINIMUM:,}.")
    return amount or None


def minimum(typed: str) -> tuple[int | None, int | None]:
    """Read an amount, a share or both, as in `500 and 0.5 %`: None for what there is none of. Raises `AmountError`."""
    parts = re.split(r"\s+and\s+", " ".join(typed.split()))
    shares = [part for part in parts if part.endswith("%")]
    amounts = [part for part in parts if not part.endswith("%")]
    if len(shares) > 1 or len(amounts) > 1:
        raise AmountError
    return whole_amount("".join(amounts)), _share("".join(shares)) if shares else None


def _share(typed: str) -> int | None:
    """Read a share in hundredths of a percent; None for zero."""
    found = _SHARE.fullmatch(typed)
    if found is None:
        raise ShareError
    share = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if share > WHOLE:
        raise ShareError("Write a share of at most 100 %.")
    return share or None


async def total_mrr(session: AsyncSession, workspace_id: str, *, on: date) -> dict[str, int | None]:
    """Sum the MRR by currency, in minor units, as it was when a day in UTC began; None where that isn't known."""
    totals: dict[str, int] = {}
    for one in await movement.sums(session, workspace_id, until=datetime.combine(on, time(), UTC)):
        totals[one.currency] = totals.get(one.currency, 0) + one.amount_minor
    unclear = await account.unclear_currencies(session, workspace_id)
    return {currency: None if currency in unclear else total for currency, total in totals.items()}


async def standings(
    session: AsyncSession, movements: Collection[Movement], wanted: Collection[Filter]
) -> dict[str, Standing]:
    """Read what filters have to know of movements beside themselves, all at once; give it by the movement's id."""
    if not wanted:
        return {}
    about = {one.criterion.about for filter_ in wanted for one in filter_.conditions}
    ids = {one.account_id for one in movements}
    attributes = await account.attributes(session, ids) if About.ATTRIBUTE in about else {}
    holders = await role.holders(session, ids) if About.ROLE in about else {}
    days = {_day(one) for one in movements} if any(one.has_share for one in wanted) else set()
    totals = {(workspace_id, day): await total_mrr(session, workspace_id, on=day) for workspace_id, day in days}
    return {
        one.id: Standing(
            currency=one.currency,
            plan=one.plan or one.plan_before,
            attributes=attributes.get(one.account_id, {}),
            holders=holders.get(one.account_id, {}),
            total_minor=totals.get(_day(one), {}).get(one.currency),
        )
        for one in movements
    }


def _day(moved: Movement) -> tuple[str, date]:
    return moved.workspace_id, moved.occurred_at.astimezone(UTC).date()


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How many movements of the last 30 days there were, and how many of them a filter lets through.

    Shares were taken of today's total MRR; `unknown` are the currencies in which that isn't known.
    """

    told: int
    happened: int
    has_share: bool = False
    unknown: tuple[str, ...] = ()


async def forecast(session: AsyncSession, workspace_id: str, wanted: Filter, *, now: datetime) -> Forecast | None:
    """Try a filter out on what happened in the last 30 days, history included; None where nothing did.

    The days are whole ones in UTC, today the last: so they are summed up already, however much happened.
    """
    until = datetime.combine(now.astimezone(UTC) + timedelta(days=1), time(), UTC)
    since = until - FORECAST
    sums = await movement.sums(session, workspace_id, since=since, until=until)
    if not sums:
        return None
    totals = await total_mrr(session, workspace_id, on=now.astimezone(UTC).date()) if wanted.has_share else {}
    least = {one: wanted.least_minor(one.kind, one.currency, totals.get(one.currency)) for one in sums}
    heard = [one for one in sums if one.kind in wanted.kinds]
    whole = [one for one in heard if not least[one] and not wanted.conditions]
    partly = {one: least[one] for one in heard if one not in whole}
    told = sum(one.count for one in whole)
    if partly:
        within = (Movement.workspace_id == workspace_id, Movement.occurred_at >= since, Movement.occurred_at < until)
        concerned = await _concerned(session, wanted.conditions, within)
        told += int(await session.scalar(select(func.count()).where(*within, _large_enough(partly), *concerned)) or 0)
    unknown = {one.currency for one in heard if wanted.has_share and totals.get(one.currency) is None}
    happened = sum(one.count for one in sums)
    return Forecast(told=told, happened=happened, has_share=wanted.has_share, unknown=tuple(sorted(unknown)))


def _large_enough(least: Mapping[KindSum, int]) -> ColumnElement[bool]:
    """Say in SQL which movements of these kinds and currencies are not too small."""
    return or_(
        *(
            and_(
                Movement.currency == one.currency,
                Movement.kind == one.kind,
                func.abs(Movement.amount_minor) >= least_minor,
            )
            for one, least_minor in least.items()
        )
    )


async def _concerned(
    session: AsyncSession, conditions: Collection[Condition], within: Sequence[ColumnElement[bool]]
) -> list[ColumnElement[bool]]:
    """Say in SQL of which movements conditions hold. Accounts are looked at one by one, exactly as when one is told."""
    columns = {About.CURRENCY: Movement.currency, About.PLAN: PLAN}
    met: list[ColumnElement[bool]]
    met = [columns[one.criterion.about].in_(one.values) for one in conditions if not one.criterion.is_of_account]
    of_account = Filter(conditions=tuple(one for one in conditions if one.criterion.is_of_account))
    if not of_account.conditions:
        return met
    ids = set(await session.scalars(select(Movement.account_id).where(*within).distinct()))
    attributes, holders = await account.attributes(session, ids), await role.holders(session, ids)
    standing = {one: Standing(attributes=attributes.get(one, {}), holders=holders.get(one, {})) for one in ids}
    return [*met, among(Movement.account_id, [one for one in ids if of_account.concerns(standing[one])])]
