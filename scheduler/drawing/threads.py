"""Telling how an account stands, above what is told of it in its thread."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import thread
from models.delivery import Delivery, DeliveryState, SkipReason
from models.recipient import RecipientKind
from models.thread import Card
from scheduler.drawing.hearing import Hearing, find_hearings
from scheduler.drawing.telling import Drawn, Setting, channel_of
from scheduler.messages import thread as thread_message
from scheduler.messages.thread import ThreadMessage
from scheduler.places import hold_back


@dataclass(frozen=True)
class ToldThread:
    """An account's card on its way to a destination that tells each account's movements under one."""

    card: Card
    to: Hearing


async def load_threads(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldThread]:
    """Find the accounts, for destinations that still tell each under a card."""
    hearing = await find_hearings(session, owed)
    wanted = {key: to for key, to in hearing.items() if to.destination.has_threads}
    cards = await thread.cards(session, [one for one in owed if one.id in wanted])
    return {key: ToldThread(card, wanted[key]) for key, card in cards.items()}


def draw_thread(owed: Delivery, told: ToldThread, setting: Setting) -> Drawn:
    """Say how an account stands, above what is told of it."""
    if told.to.destination.is_paused(setting.now):
        return SkipReason.PAUSED
    if not told.card.count and owed.state != DeliveryState.DELIVERED:
        return SkipReason.EMPTY  # What was to stand under it was muted, or did not happen.
    hold_back(told.to.because)
    about, last, destination = told.card.account, told.card.last, told.to.destination
    return thread_message.draw(
        ThreadMessage(
            account_name=about.display_name,
            account_url=about.url,
            mrr_minor=about.mrr_minor,
            currency=about.currency,
            last=last,
            count=told.card.count,
            since=told.card.since,
            told_at=setting.now,
            destination_name=destination.name,
            channel_id=channel_of(owed),
            is_group=owed.recipient_kind == RecipientKind.GROUP_DM,
            locale=told.to.locale,
            may_be_repeat=owed.may_be_repeat,
        )
    )
