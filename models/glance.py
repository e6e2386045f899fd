"""A glance: how MRR moved in a day, week or month that somebody asks for, the last whole one or the present one.

It belongs to no destination and is never stored: its key says it all, and the figures are summed when it is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import audit, lane, rate, recap, workspace
from models.delivery import RUNRATE, FactKind, Owed
from models.rate import Rates
from models.recap import Figures, Recap
from models.recipient import RecipientKind
from models.schedule import Period, Rhythm, Schedule

_RHYTHMS = {rhythm.value[0]: rhythm for rhythm in Rhythm}


@dataclass(frozen=True)
class Glance:
    """A period that begins on a local day of a zone."""

    rhythm: Rhythm
    first: date
    zone: str

    @property
    def key(self) -> str:
        """Write it down in as few characters as leave room for the time of asking beside them in a fact's id."""
        return f"{self.rhythm.value[0]} {self.first} {self.zone}"

    @property
    def period(self) -> Period:
        """Say which days those are."""
        match self.rhythm:
            case Rhythm.DAILY:
                return Period(self.first, self.first + timedelta(days=1))
            case Rhythm.WEEKLY:
                return Period(self.first, self.first + timedelta(days=7))
            case Rhythm.MONTHLY:
                return Period(self.first, (self.first + timedelta(days=31)).replace(day=1))

    def is_over(self, now: datetime) -> bool:
        """Say whether all of it has passed."""
        return self.period.instants(self.zone)[1] <= now


def last(rhythm: Rhythm, zone: str, *, now: datetime) -> Glance:
    """Look at the last whole day, week or month."""
    return Glance(rhythm, Schedule(rhythm=rhythm, zone=zone).period_of(now).first, zone)


def present(rhythm: Rhythm, zone: str, *, now: datetime) -> Glance:
    """Look at the day, week or month that isn't over yet."""
    return Glance(rhythm, Schedule(rhythm=rhythm, zone=zone).period_of(now).end, zone)


def read(key: str) -> Glance:
    """Read what `key` wrote. Raises ValueError for anything else."""
    letter, first, zone = key.split(" ", 2)
    if letter not in _RHYTHMS:
        raise ValueError(key)
    return Glance(_RHYTHMS[letter], date.fromisoformat(first), zone)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a glance shows: each currency by itself, and what all of them come to now."""

    glance: Glance
    recap: Recap
    is_over: bool
    figures: tuple[Figures, ...]
    total: tuple[int, str] | None
    """The MRR of several currencies in the workspace's base currency, where rates are known, even if nothing moved."""
    locale: str


async def see(session: AsyncSession, workspace_id: str, glance: Glance, *, now: datetime) -> Seen:
    """Sum up a period."""
    tenant = await workspace.get(session, workspace_id)
    assert tenant is not None  # noqa: S101 - whoever asks is of a workspace that installed us
    schedule = Schedule(rhythm=glance.rhythm, zone=glance.zone)
    told = recap.of_nobody(workspace_id, schedule, glance.period, now=now)
    figures = await recap.figures(session, workspace_id, told)
    return Seen(
        glance=glance,
        recap=told,
        is_over=glance.is_over(now),
        figures=tuple(figures),
        total=await _total(session, workspace_id, tenant.base_currency, figures, now=now),
        locale=tenant.locale,
    )


async def _total(
    session: AsyncSession, workspace_id: str, base: str, figures: Sequence[Figures], *, now: datetime
) -> tuple[int, str] | None:
    stated = next((one for one in figures if one.is_total), None)
    if stated is not None and stated.end_minor is not None:
        return stated.end_minor, stated.currency
    known = {one.currency: one.end_minor for one in figures if one.end_minor is not None}
    amounts = {currency: minor for currency, minor in known.items() if minor}
    if len(amounts) < 2 or len(known) < len(figures):  # noqa: PLR2004 - of one currency there is nothing to add up
        return None
    rates = Rates(base, await rate.of_workspace(session, workspace_id, currencies=amounts))
    total, currency = rates.in_one(amounts, now.astimezone(UTC).date())
    return None if total is None else (total, currency)


async def share(
    session: AsyncSession,
    workspace_id: str,
    glance: Glance,
    channel_id: str,
    *,
    asked: str,
    note: str,
    by: str,
    now: datetime,
) -> bool:
    """Owe a channel a glance, once for each time that it was `asked` for; say whether it wasn't owed before.

    `note` says who shares it.
    """
    owed = Owed(
        asked_by=RUNRATE,
        fact=(FactKind.GLANCE, fact_id(glance, asked=asked)),
        recipient=(RecipientKind.CHANNEL, channel_id),
        note=note,
    )
    is_new = bool(await lane.owe(session, workspace_id, [owed], now=now))
    if is_new:
        detail = {"channel_id": channel_id}
        audit.record(
            session, workspace_id, actor=by, action="glance.shared", subject_id=glance.key, detail=detail, now=now
        )
    return is_new


def fact_id(glance: Glance, *, asked: str) -> str:
    """Name a glance and the time at which it was asked for, as a delivery's fact."""
    return f"{asked} {glance.key}"


def of_fact(fact_id: str) -> Glance:
    """Read the glance of a delivery's fact."""
    return read(fact_id.partition(" ")[2])
