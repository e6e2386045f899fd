"""Telling a channel how MRR moved in a day, week or month, because somebody shared that there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import glance
from models.delivery import Delivery
from models.glance import Seen
from scheduler.decisions import Decision
from scheduler.drawing.hearing import find_barred
from scheduler.drawing.telling import Setting
from scheduler.messages import glance as drawing
from scheduler.messages.glance import GlanceMessage
from scheduler.messages.message import Message
from scheduler.places import hold_back


@dataclass(frozen=True)
class ToldGlance:
    """A period on its way to a channel."""

    seen: Seen
    because: Decision | None
    """Why nothing of MRR may be told there, if so."""


async def load_glances(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldGlance]:
    """Sum up the periods as they are known now."""
    barred = await find_barred(session, owed)
    told = {}
    for one in owed:
        seen = await glance.see(session, one.workspace_id, glance.of_fact(one.fact_id), now=setting.now)
        told[one.id] = ToldGlance(seen, barred.get(one.id))
    return told


def draw_glance(owed: Delivery, told: ToldGlance, setting: Setting) -> Message:
    """Draw what was shared, and who did."""
    hold_back(told.because)
    return drawing.draw(
        GlanceMessage(
            seen=told.seen,
            note=owed.note or "Somebody shared this",
            told_at=setting.now,
            is_posted=True,
            may_be_repeat=owed.may_be_repeat,
        )
    )
