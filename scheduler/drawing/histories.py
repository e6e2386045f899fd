"""Telling that history is in, by the recap that it would have made of last week."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import person, recap, source, workspace
from models.base import UserError
from models.delivery import Delivery
from models.recap import Figures, Recap
from models.schedule import Period, Rhythm
from models.workspace import Workspace
from scheduler.drawing.telling import Setting
from scheduler.messages import history as drawing
from scheduler.messages.history import HistoryMessage
from scheduler.messages.message import Message
from scheduler.messages.recap import RecapMessage


@dataclass(frozen=True)
class ToldHistory:
    """A source whose history is in, and what last week came to."""

    source_name: str
    recap: Recap
    figures: tuple[Figures, ...]
    tenant: Workspace


async def load_histories(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldHistory]:
    """Sum up last week, in the zone of each reader, for sources that are still there."""
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    told = {}
    for one in owed:
        try:
            origin = await source.get(session, one.workspace_id, one.fact_id)
        except UserError:
            continue
        reader = await person.get(session, one.workspace_id, one.target)
        zone = reader.zone.key if reader is not None else "UTC"
        week = recap.of_last_week(one.workspace_id, zone=zone, now=setting.now)
        figures = await recap.figures(session, one.workspace_id, week)
        told[one.id] = ToldHistory(origin.name, week, tuple(figures), tenants[one.workspace_id])
    return told


def draw_history(owed: Delivery, told: ToldHistory, setting: Setting) -> Message:
    """Draw that history is in."""
    week = RecapMessage(
        rhythm=Rhythm.WEEKLY,
        period=Period(told.recap.first, told.recap.end),
        figures=told.figures,
        destination_name="",
        channel_id=None,
        due_at=told.recap.due_at,
        told_at=setting.now,
        locale=told.tenant.locale,
        may_be_repeat=owed.may_be_repeat,
        picture_urls={},
    )
    return drawing.draw(HistoryMessage(source_name=told.source_name, recap=week))
