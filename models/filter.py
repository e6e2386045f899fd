"""A filter: which movements a destination wants to hear of, by their kind and by their size.

A minimum is a whole amount in the currency of whichever movement it is held against: 500 means $500, and ¥500 too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import movement
from models.base import UserError
from models.currency import digits
from models.fact import MovementKind
from models.movement import KindSum, Movement

FORECAST = timedelta(days=30)
"""The time by which a filter is tried out."""

LARGEST_MINIMUM = 10**9

_WHOLE = re.compile(r"[0-9]{1,12}|[0-9]{1,3}([,. '’])(?:[0-9]{2,3}\1)*[0-9]{3}")
"""Digits, or digits in groups that one sign parts: of three, or as in 12,34,567."""


class AmountError(UserError):
    """Write a whole amount without a currency, such as 500 or 1,000; leave it empty for no minimum."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is wanted: these kinds, and of them gains and losses that are not smaller than this."""

    kinds: tuple[MovementKind, ...] = tuple(MovementKind)
    least_gain: int | None = None
    least_loss: int | None = None

    @property
    def is_whole(self) -> bool:
        """Say whether it lets everything through."""
        return self == EVERYTHING

    def least(self, kind: MovementKind) -> int | None:
        """Give the minimum for movements of a kind."""
        return self.least_gain if kind.is_gain else self.least_loss

    def is_too_small(self, kind: MovementKind, amount_minor: int, currency: str) -> bool:
        """Say whether a movement of this many minor units is under its minimum."""
        least = self.least(kind)
        return least is not None and abs(amount_minor) < least * 10 ** digits(currency)


EVERYTHING = Filter()


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


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How many movements of the last 30 days there were, and how many of them a filter lets through."""

    told: int
    happened: int


async def forecast(session: AsyncSession, workspace_id: str, wanted: Filter, *, now: datetime) -> Forecast | None:
    """Try a filter out on what happened in the last 30 days, history included; None where nothing did.

    The days are whole ones in UTC, today the last: so they are summed up already, however much happened.
    """
    until = datetime.combine(now.astimezone(UTC) + timedelta(days=1), time(), UTC)
    since = until - FORECAST
    sums = await movement.sums(session, workspace_id, since=since, until=until)
    whole = [one for one in sums if one.kind in wanted.kinds and wanted.least(one.kind) is None]
    partly = [one for one in sums if one.kind in wanted.kinds and wanted.least(one.kind) is not None]
    told = sum(one.count for one in whole)
    if partly:
        large = or_(*_large_enough(wanted, partly))
        within = (Movement.workspace_id == workspace_id, Movement.occurred_at >= since, Movement.occurred_at < until)
        told += int(await session.scalar(select(func.count()).where(*within, large)) or 0)
    return Forecast(told=told, happened=sum(one.count for one in sums)) if sums else None


def _large_enough(wanted: Filter, sums: Sequence[KindSum]) -> list[ColumnElement[bool]]:
    """Say in SQL which movements of these kinds and currencies are not too small."""
    return [
        and_(
            Movement.currency == one.currency,
            Movement.kind == one.kind,
            func.abs(Movement.amount_minor) >= (wanted.least(one.kind) or 0) * 10 ** digits(one.currency),
        )
        for one in sums
    ]
