"""From deliveries to their messages: load the facts that the rows name, many at once, and draw each as it is now.

A kind of fact is two functions in one table. `load` reads what the messages of many deliveries need, and gives it by
the delivery's id; what is missing there has been deleted, or is not wanted any more. `draw` makes one message of it,
with no database, so that one that can't be drawn holds up no other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, edit
from models.database import is_passing
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from scheduler.drawing.accounts import draw_account, load_accounts
from scheduler.drawing.claims import draw_claim, load_claims
from scheduler.drawing.corrections import draw_correction, load_corrections
from scheduler.drawing.drafts import draw_draft, load_drafts
from scheduler.drawing.glances import draw_glance, load_glances
from scheduler.drawing.histories import draw_history, load_histories
from scheduler.drawing.movements import draw_movement, load_movements
from scheduler.drawing.recaps import draw_recap, load_recaps
from scheduler.drawing.signals import draw_signal, draw_unheard, load_signals
from scheduler.drawing.telling import Drawing, Drawn, Setting, in_place_of
from scheduler.drawing.threads import draw_thread, load_threads
from scheduler.drawing.tracks import draw_track, load_tracks
from scheduler.drawing.trials import draw_trial, load_trials
from scheduler.drawing.unfurls import draw_unfurl, load_unfurls
from scheduler.drawing.welcomes import draw_welcome, load_welcomes
from scheduler.keepers import draw_keeper, load_keepers
from scheduler.messages.message import Edited, Unfurled
from scheduler.notices import draw_notice, draw_recovery, load_notices, load_recoveries
from scheduler.places import POSTED_JUST_NOW, HeldBackError
from scheduler.pollers.refused import draw_key_refused, load_refused
from scheduler.silences import draw_heard_again, draw_silence, load_heard_again, load_silences


async def draw_deliveries(
    session: AsyncSession, owed: Iterable[Delivery], *, setting: Setting
) -> dict[str, Drawn | Exception]:
    """Draw what deliveries tell, or say why there is nothing to tell any more; by the delivery's id.

    What can't be drawn is an exception there. What can't be loaded raises.
    """
    by_kind: dict[str, list[Delivery]] = {}
    for one in owed:
        by_kind.setdefault(one.fact_kind, []).append(one)
    drawn: dict[str, Drawn | Exception] = {}
    for kind, alike in by_kind.items():
        drawing = DRAWINGS.get(kind)
        told = await drawing.load(session, alike, setting) if drawing else {}
        drawn |= {one.id: _draw(drawing, one, told.get(one.id), setting) for one in alike}
    return drawn


async def draw_alone(
    session: AsyncSession, owed: Iterable[Delivery], *, setting: Setting
) -> dict[str, Drawn | Exception]:
    """Draw deliveries one by one, each in a savepoint, so that what can't be loaded holds up no other either."""
    drawn: dict[str, Drawn | Exception] = {}
    for one in owed:
        try:
            async with session.begin_nested():
                drawn |= await draw_deliveries(session, [one], setting=setting)
        except Exception as error:
            if is_passing(error):
                raise
            drawn[one.id] = error
    return drawn


def _draw(drawing: Drawing[Any] | None, owed: Delivery, told: Any, setting: Setting) -> Drawn | Exception:
    if drawing is None:
        return LookupError(f"nobody draws {owed.fact_kind}")
    if told is None:
        return SkipReason.DELETED
    try:
        return drawing.draw(owed, told, setting)
    except Exception as error:  # noqa: BLE001 - it is this delivery's alone, and is told as its outcome
        return error


@dataclass(frozen=True)
class ToldAnew:
    """A delivery whose message is brought up to date, and that message as it is drawn now."""

    posted: Delivery
    drawn: Drawn | Exception | None = None


async def _load_edits(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldAnew]:
    posted = await delivery.many(session, {one.fact_id for one in owed})
    standing = [one for one in posted.values() if one.state == DeliveryState.DELIVERED and one.message_end is None]
    drawn = await draw_deliveries(session, standing, setting=setting)
    return {
        one.id: ToldAnew(posted[one.fact_id], drawn.get(one.fact_id))
        for one in owed
        if one.fact_id in posted and posted[one.fact_id].workspace_id == one.workspace_id
    }


def _draw_edit(_owed: Delivery, told: ToldAnew, _setting: Setting) -> Drawn:
    """Draw a posted message anew. While it is being posted, its edit waits; what is not sent yet needs none."""
    posted, drawn = told.posted, told.drawn
    if posted.state in edit.UNDER_WAY:
        raise HeldBackError(POSTED_JUST_NOW)
    if isinstance(drawn, Exception):
        raise drawn
    if drawn is None or isinstance(drawn, SkipReason):
        return drawn or SkipReason.STALE
    assert not isinstance(drawn, Unfurled)  # noqa: S101 - it is no message, and can't be edited
    return drawn if isinstance(drawn, Edited) else in_place_of(posted, drawn)


DRAWINGS: Mapping[str, Drawing[Any]] = {
    FactKind.MOVEMENT: Drawing(load_movements, draw_movement),
    FactKind.THREAD: Drawing(load_threads, draw_thread),
    FactKind.RECAP: Drawing(load_recaps, draw_recap),
    FactKind.TEST: Drawing(load_trials, draw_trial),
    FactKind.DRAFT: Drawing(load_drafts, draw_draft),
    FactKind.TRACK: Drawing(load_tracks, draw_track),
    FactKind.SIGNAL: Drawing(load_signals, draw_signal),
    FactKind.UNHEARD: Drawing(load_signals, draw_unheard),
    FactKind.ACCOUNT: Drawing(load_accounts, draw_account),
    FactKind.WELCOME: Drawing(load_welcomes, draw_welcome),
    FactKind.UNFURL: Drawing(load_unfurls, draw_unfurl),
    FactKind.NOTICE: Drawing(load_notices, draw_notice),
    FactKind.RECOVERY: Drawing(load_recoveries, draw_recovery),
    FactKind.SILENCE: Drawing(load_silences, draw_silence),
    FactKind.HEARD_AGAIN: Drawing(load_heard_again, draw_heard_again),
    FactKind.KEEPER_GONE: Drawing(load_keepers, draw_keeper),
    FactKind.HISTORY: Drawing(load_histories, draw_history),
    FactKind.GLANCE: Drawing(load_glances, draw_glance),
    FactKind.CORRECTION: Drawing(load_corrections, draw_correction),
    FactKind.CLAIM: Drawing(load_claims, draw_claim),
    FactKind.RELEASE: Drawing(load_claims, draw_claim),
    FactKind.KEY_REFUSED: Drawing(load_refused, draw_key_refused),
    FactKind.EDIT: Drawing(_load_edits, _draw_edit),
}
"""Who tells what."""
