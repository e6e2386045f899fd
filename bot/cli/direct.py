"""What an import writes into its own table, and not as events into the inbox: subscriptions and rates.

Either has keys of its own, so that the inbox would only be a second copy. Their rows are read with the names that their
files have (`subscription_id`, `start_date`), or with those of the JSON that sources send.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cli.columns import ColumnsError
from handlers.senders.reading import identifier
from handlers.senders.refusal import RecordRefusedError, make
from models import account, rate, record, subscription
from models.currency import minor
from models.database import Database
from models.fact import SubscriptionFact, read_currency
from models.rate import Told
from scheduler.recount import recount_all_due

NUMBER = re.compile(r"\d{1,16}(\.\d{1,10})?")
"""Few enough digits that arithmetic with it is exact."""

SUBSCRIPTION = {
    "subscription_id": "external_id",
    "account_id": "account_external_id",
    "account_name": "account_name",
    "start_date": "starts_at",
    "end_date": "ends_at",
    "mrr": "mrr_minor",
    "currency": "currency",
}
"""The columns of a file of subscriptions, and what they are called elsewhere."""
_THEIRS = {ours: theirs for theirs, ours in SUBSCRIPTION.items()}
_RATE = ("date", "currency", "rate")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where rows go."""

    workspace_id: str
    source_id: str
    now: datetime


class Direct(Protocol):
    """A kind of rows with a table of its own."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns that a file of these may have."""

    def read(self, row: Mapping[str, Any], *, now: datetime) -> Any:
        """Read a row, or raise `RecordRefusedError`."""

    async def store(self, session: AsyncSession, read: Sequence[Any], *, target: Target) -> int:
        """Write what was read; say how many were known as they are."""

    async def left(self, session: AsyncSession, target: Target) -> int:
        """Count what follows from all of it and is still to be done."""

    async def finish(self, database: Database, target: Target, counted: Callable[[int], None]) -> None:
        """Do that, and say how many each time."""


class Subscriptions:
    """Subscriptions; what an earlier file said of the same time of one is replaced."""

    columns = tuple(SUBSCRIPTION)

    def read(self, row: Mapping[str, Any], *, now: datetime) -> SubscriptionFact:
        """Read a row; its `mrr` is in major units, rounded once, half away from zero."""
        values = {SUBSCRIPTION.get(name, name): value for name, value in row.items() if name != "type"}
        if "mrr" in row:
            currency = read_currency(values.get("currency"))
            values["mrr_minor"] = minor(_number(row["mrr"], "mrr"), currency) if currency else 0
        return make(SubscriptionFact, {**values, "as_of": now}, paths=_THEIRS)

    async def store(self, session: AsyncSession, read: Sequence[Any], *, target: Target) -> int:
        """Write segments down; the accounts that they concern are recounted at the end."""
        names: dict[str, str | None] = {}
        for fact in read:
            names[fact.account_external_id] = fact.account_name or names.get(fact.account_external_id)
        ids = await account.ensure(session, target.workspace_id, names, now=target.now)
        await record.appeared(session, target.workspace_id, names, now=target.now)
        segments = [
            subscription.segment(fact, ids[fact.account_external_id], target.source_id, is_history=True, replaces=True)
            for fact in read
        ]
        return (await subscription.store(session, target.workspace_id, segments, now=target.now)).known

    async def left(self, session: AsyncSession, target: Target) -> int:
        """Count the accounts whose movements are to be derived."""
        return await subscription.count_due(session, target.workspace_id, now=target.now)

    async def finish(self, database: Database, target: Target, counted: Callable[[int], None]) -> None:
        """Derive the movements."""
        await recount_all_due(database, target.workspace_id, now=target.now, counted=counted)


class Rates:
    """Rates to the base currency by day."""

    columns = _RATE

    def read(self, row: Mapping[str, Any], *, now: datetime) -> Told:  # noqa: ARG002 - as all kinds
        """Read a row."""
        for name in _RATE:
            if name not in row:
                raise RecordRefusedError(name, "It is missing; send it.")
        stray = next((name for name in row if name not in {*_RATE, "type"}), None)
        if stray is not None:
            raise RecordRefusedError(stray, "There is no such field; take it out.")
        currency = read_currency(row["currency"])
        if currency is None:
            raise RecordRefusedError("currency", "It is not a currency code of ISO 4217, such as USD.")
        number = _number(row["rate"], "rate")
        if not number:
            raise RecordRefusedError("rate", "It must be above 0.")
        return Told(_day(row["date"]), currency, number)

    async def store(self, session: AsyncSession, read: Sequence[Any], *, target: Target) -> int:
        """Write rates down."""
        return await rate.store(session, target.workspace_id, read)

    async def left(self, session: AsyncSession, target: Target) -> int:  # noqa: ARG002 - as all kinds
        """Leave it at that: totals are converted when they are asked for."""
        return 0

    async def finish(self, database: Database, target: Target, counted: Callable[[int], None]) -> None:
        """Do nothing more."""


KINDS: Mapping[str, Direct] = {"subscription": Subscriptions(), "rate": Rates()}


def check(header: Iterable[str], kind: str) -> None:
    """Refuse columns that this kind of row doesn't have."""
    unknown = [name for name in header if name not in KINDS[kind].columns]
    if unknown:
        names = ", ".join(KINDS[kind].columns)
        raise ColumnsError(f"A file of {kind}s has no column “{unknown[0]}”. Take it out, or choose from: {names}.")


def _number(value: Any, field: str) -> Decimal:
    text = value.strip() if isinstance(value, str) else str(value) if _is_number(value) else ""
    if NUMBER.fullmatch(text) is None:
        raise RecordRefusedError(field, "It must be a number that is not below 0, such as 420.00.")
    return Decimal(text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _day(value: Any) -> date:
    text = identifier(value) or ""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RecordRefusedError("date", "It must be a day, such as 2026-11-20.") from None
