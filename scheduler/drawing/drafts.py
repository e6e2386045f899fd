"""Showing what a destination that isn't saved yet would tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, draft, movement, recap, source, workspace
from models.delivery import Delivery
from models.draft import Shown
from models.wish import Wish
from scheduler.drawing.hearing import Hearing, find_barred, name_source
from scheduler.drawing.movements import ToldMovement, draw_movement
from scheduler.drawing.recaps import ToldRecap, draw_recap
from scheduler.drawing.telling import Drawn, Setting
from scheduler.holders import NOBODY, name_holders
from scheduler.messages import draft as draft_message


@dataclass(frozen=True)
class ToldDraft:
    """A destination that isn't saved, and what it would tell."""

    wish: Wish
    told: ToldMovement | ToldRecap


async def load_drafts(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldDraft]:
    """Imagine the destinations, and find what they would tell."""
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    barred = await find_barred(session, owed)
    found = {}
    for one in owed:
        shown = await draft.shown(session, one.workspace_id, one.fact_id)
        if shown is None:
            continue
        asking = destination.imagined(one.workspace_id, shown.wish, now=setting.now)
        asking.tells_empty = True
        to = Hearing(asking, tenants[one.workspace_id], barred.get(one.id))
        told = await (_draft_movement if shown.movement_id else _draft_recap)(session, one, shown, to, setting)
        if told is not None:
            found[one.id] = ToldDraft(shown.wish, told)
    return found


async def _draft_movement(
    session: AsyncSession, owed: Delivery, shown: Shown, to: Hearing, setting: Setting
) -> ToldMovement | None:
    """Find the movement. Whom it would mention is named in words, as in whatever goes to one person."""
    found = await movement.get(session, owed.workspace_id, shown.movement_id or "")
    if found is None:
        return None
    names = await source.names_of(session, {found[0].source_id})
    named = await name_holders(session, [(owed, to.destination, found[1])], now=setting.now)
    return ToldMovement(*found, to, name_source(names, found[0].source_id), named=named.get(owed.id, NOBODY))


async def _draft_recap(
    session: AsyncSession, owed: Delivery, shown: Shown, to: Hearing, setting: Setting
) -> ToldRecap | None:
    """Sum up the last whole period, as the destination's next recap would have it were it due now."""
    schedule = shown.wish.schedule
    if schedule is None:
        return None
    imagined = recap.of_nobody(owed.workspace_id, schedule, schedule.period_of(setting.now), now=setting.now)
    figures = await recap.figures(session, owed.workspace_id, imagined)
    return ToldRecap(imagined, is_outdone=False, to=to, figures=tuple(figures))


def draw_draft(owed: Delivery, told: ToldDraft, setting: Setting) -> Drawn:
    """Draw what would be posted to the first recipient, and say that it is a preview."""
    kind, target = told.wish.recipients[0]
    posted = Delivery(id=owed.id, recipient_kind=kind, target=target, may_be_repeat=owed.may_be_repeat)
    if isinstance(told.told, ToldMovement):
        drawn, is_empty = draw_movement(posted, told.told, setting), False
    else:
        drawn = draw_recap(posted, told.told, setting)
        is_empty = told.told.is_empty
    if not isinstance(drawn, dict):
        return drawn
    left_out = is_empty and not told.wish.tells_empty
    return draft_message.draw(drawn, name=told.wish.name, left_out=left_out)
