"""Showing what stands behind a report's link that somebody shared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import report, unfurl, workspace
from models.delivery import Delivery, SkipReason
from models.report import Figures as ReportFigures
from models.unfurl import Unfurl
from models.workspace import Workspace
from scheduler.drawing.telling import Drawn, Setting
from scheduler.messages import report as report_message
from scheduler.messages.message import Unfurled
from scheduler.messages.report import ReportUnfurl

UNFURL_KEPT = timedelta(seconds=60)
"""After this time a conversation has gone on, and nobody looks at the link any more."""


@dataclass(frozen=True)
class ToldLink:
    """A link that somebody shared, and what stands under it; no figures where nothing is shown."""

    link: Unfurl
    tenant: Workspace
    figures: tuple[ReportFigures, ...]


async def load_unfurls(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldLink]:
    """Find the links, and what stands behind those that are shown."""
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    told = {}
    for one in owed:
        link, tenant = await unfurl.get(session, one.workspace_id, one.fact_id), tenants[one.workspace_id]
        if link is not None:
            is_shown = tenant.shows_previews and not _is_old(link, setting.now)
            figures = await report.figures(session, one.workspace_id, now=setting.now) if is_shown else ()
            told[one.id] = ToldLink(link, tenant, figures)
    return told


def _is_old(link: Unfurl, now: datetime) -> bool:
    return now - link.shared_at > UNFURL_KEPT


def draw_unfurl(_owed: Delivery, told: ToldLink, setting: Setting) -> Drawn:
    """Draw what stands under a link, while it is news and the workspace wants it."""
    link, tenant = told.link, told.tenant
    if not tenant.shows_previews:
        return SkipReason.MUTED
    if _is_old(link, setting.now):
        return SkipReason.STALE
    blocks = report_message.draw(
        ReportUnfurl(
            url=link.url,
            preview_url=link.preview_url,
            workspace_name=tenant.name,
            figures=told.figures,
            as_of=setting.now,
            locale=tenant.locale,
        )
    )
    return Unfurled(url=link.url, message_ts=link.message_ts, blocks=blocks)
