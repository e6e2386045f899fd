"""An unfurl: what Slack shows under a link to a report that somebody shared, owed once for a link in a message."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import delivery, lane
from models.base import Base, Id, insert, new_id
from models.delivery import RUNRATE, FactKind, Owed
from models.recipient import RecipientKind

LONGEST_URL = 2000


class Unfurl(Base):
    """A link to a report in a message."""

    __tablename__ = "unfurls"
    __table_args__ = (Index("uq_unfurls_link", "workspace_id", "channel_id", "message_ts", "report_id", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    report_id: Mapped[str] = mapped_column(Id, ForeignKey("reports.id"))
    channel_id: Mapped[str] = mapped_column(Id)
    message_ts: Mapped[str] = mapped_column(String(40))
    url: Mapped[str] = mapped_column(Text)
    """Exactly as it was posted: Slack knows the link by it."""
    preview_url: Mapped[str] = mapped_column(Text)
    shared_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class SharedLink:
    """A link to a report as Slack told us of it, and where its picture is."""

    report_id: str
    channel_id: str
    message_ts: str
    url: str
    preview_url: str


async def owe(session: AsyncSession, workspace_id: str, link: SharedLink, *, now: datetime) -> bool:
    """Owe a link its unfurl; False where it is owed already."""
    values = {
        "id": new_id("unf", now),
        "workspace_id": workspace_id,
        "report_id": link.report_id,
        "channel_id": link.channel_id,
        "message_ts": link.message_ts,
        "url": link.url,
        "preview_url": link.preview_url,
        "shared_at": now,
    }
    statement = insert(session, Unfurl).values(values).on_conflict_do_nothing().returning(Unfurl.id)
    unfurl_id = await session.scalar(statement)
    if unfurl_id is None:
        return False
    owed = Owed(
        asked_by=RUNRATE,
        fact=(FactKind.UNFURL, unfurl_id),
        recipient=(RecipientKind.CHANNEL, link.channel_id),
        method=delivery.UNFURL,
    )
    return await lane.owe(session, workspace_id, [owed], now=now) > 0


async def get(session: AsyncSession, workspace_id: str, unfurl_id: str) -> Unfurl | None:
    """Find an unfurl of this workspace."""
    found: Unfurl | None = await session.scalar(
        select(Unfurl).where(Unfurl.workspace_id == workspace_id, Unfurl.id == unfurl_id)
    )
    return found
