"""Telling a channel how MRR moved in a day, week or month, because somebody shared that there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, glance
from models.delivery import Delivery
from models.glance import Seen
from scheduler.drawing.telling import Setting
from scheduler.messages import glance as drawing
from scheduler.messages.glance import GlanceMessage
from scheduler.messages.message import Message
from scheduler.places import hold_back_from_outsiders


@dataclass(frozen=True)
class ToldGlance:
    """A period on its way to a channel."""

    seen: Seen
    needs_confirmation: bool


async def load_glances(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldGlance]:
    """Sum up the periods as they are known now."""
    unconfirmed = await channel.unconfirmed(session, {(one.workspace_id, one.target) for one in owed})
    told = {}
    for one in owed:
        seen = await glance.see(session, one.workspace_id, glance.of_fact(one.fact_id), now=setting.now)
        told[one.id] = ToldGlance(seen, (one.workspace_id, one.target) in unconfirmed)
    return told


def draw_glance(owed: Delivery, told: ToldGlance, setting: Setting) -> Message:
    """Draw what was shared, and who did."""
    hold_back_from_outsiders(needs_confirmation=told.needs_confirmation)
    return drawing.draw(
        GlanceMessage(
            seen=told.seen,
            note=owed.note or "Somebody shared this",
            told_at=setting.now,
            is_posted=True,
            may_be_repeat=owed.may_be_repeat,
        )
    )
