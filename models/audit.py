"""The audit: who changed what, when. Entries are added in the transaction of the change, and never altered."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, JsonValue, Number


class AuditEntry(Base):
    """One change. `actor` is a Slack user id, `slack`, or `command line`."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "workspace_id", "at"), Index(None, "subject_id", "id"))

    id: Mapped[int] = mapped_column(Number, Identity(always=False), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    actor: Mapped[str] = mapped_column(Id)
    action: Mapped[str] = mapped_column(String(80))
    subject_id: Mapped[str | None] = mapped_column(Id)
    detail: Mapped[dict[str, Any]] = mapped_column(JsonValue, default=dict)
    at: Mapped[datetime]


def record(
    session: AsyncSession,
    workspace_id: str,
    *,
    actor: str,
    action: str,
    now: datetime,
    subject_id: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add an entry, such as `destination.created`. The detail never holds a secret."""
    session.add(
        AuditEntry(
            workspace_id=workspace_id, actor=actor, action=action, subject_id=subject_id, detail=detail or {}, at=now
        )
    )


async def of_workspace(session: AsyncSession, workspace_id: str, *, limit: int = 100) -> list[AuditEntry]:
    """List a workspace's newest entries, newest first."""
    query = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id).order_by(AuditEntry.id.desc())
    return list(await session.scalars(query.limit(limit)))


async def of_subject(
    session: AsyncSession, workspace_id: str, subject_id: str, *, offset: int = 0, limit: int
) -> tuple[list[AuditEntry], int]:
    """List some entries about one thing, newest first, and say how many there are."""
    about = (AuditEntry.workspace_id == workspace_id, AuditEntry.subject_id == subject_id)
    total = await session.scalar(select(func.count()).select_from(AuditEntry).where(*about))
    rows = select(AuditEntry).where(*about).order_by(AuditEntry.id.desc()).offset(offset).limit(limit)
    return list(await session.scalars(rows)), total or 0
