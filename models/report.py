"""A report: a saved look at revenue with a link. Every workspace has the built-in one, “MRR this month”."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import account, movement, workspace
from models.base import Base, Id, insert, new_id
from models.currency import place
from models.movement import KindSum, Largest

MOST_LISTED = 5
"""How many of the largest movements a report names for each currency."""


class ReportKind(StrEnum):
    """What a report looks at."""

    MRR_THIS_MONTH = "mrr_this_month"


class Report(Base):
    """One report. Its id is in its link, so it stays as long as the workspace does."""

    __tablename__ = "reports"
    __table_args__ = (Index("uq_reports_kind", "workspace_id", "kind", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id, ForeignKey("workspaces.id"))
    kind: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What happened to MRR in one currency since the month began (in UTC). Amounts are in minor units."""

    currency: str
    mrr_minor: int | None
    """The MRR now; None where it isn't known of every customer."""
    sums: tuple[KindSum, ...]
    largest: tuple[Largest, ...]

    @property
    def net_minor(self) -> int:
        return sum(one.amount_minor for one in self.sums)

    @property
    def count(self) -> int:
        return sum(one.count for one in self.sums)


async def ensure(session: AsyncSession, workspace_id: str, *, now: datetime) -> None:
    """Give a workspace the built-in report, unless it has it."""
    values = {
        "id": new_id("rep", now),
        "workspace_id": workspace_id,
        "kind": ReportKind.MRR_THIS_MONTH,
        "created_at": now,
    }
    await session.execute(insert(session, Report).values(values).on_conflict_do_nothing())


async def built_in(session: AsyncSession, workspace_id: str) -> Report | None:
    """Find a workspace's built-in report."""
    kind = ReportKind.MRR_THIS_MONTH
    found: Report | None = await session.scalar(
        select(Report).where(Report.workspace_id == workspace_id, Report.kind == kind)
    )
    return found


async def get(session: AsyncSession, workspace_id: str, report_id: str) -> Report | None:
    """Find a report of this workspace."""
    found: Report | None = await session.scalar(
        select(Report).where(Report.workspace_id == workspace_id, Report.id == report_id)
    )
    return found


def month_of(now: datetime) -> datetime:
    """Say when the month of an instant began, in UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def figures(session: AsyncSession, workspace_id: str, *, now: datetime) -> tuple[Figures, ...]:
    """Sum up the month so far, a value for each currency: the workspace's base currency, then the busiest first."""
    since, until = month_of(now), now + timedelta(microseconds=1)
    mrr = await account.mrr(session, workspace_id)
    sums = await movement.sums(session, workspace_id, since=since, until=until)
    told = {
        currency: Figures(
            currency=currency,
            mrr_minor=mrr.get(currency, 0),
            sums=tuple(one for one in sums if one.currency == currency),
            largest=tuple(
                await movement.largest(
                    session, workspace_id, currency=currency, since=since, until=until, limit=MOST_LISTED
                )
            ),
        )
        for currency in _currencies(mrr, sums)
    }
    tenant = await workspace.get(session, workspace_id)
    base = tenant.base_currency if tenant is not None else ""
    return tuple(sorted(told.values(), key=lambda one: place(one.currency, one.count, base=base)))


def _currencies(mrr: dict[str, int | None], sums: Sequence[KindSum]) -> list[str]:
    return sorted({*mrr, *(one.currency for one in sums)})
