"""Telling a channel how an account stands, because somebody shared that there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import account_card
from models.account_card import AccountCard
from models.delivery import Delivery
from scheduler.decisions import Decision
from scheduler.drawing.hearing import find_barred
from scheduler.drawing.telling import Drawn, Setting
from scheduler.messages import account as account_message
from scheduler.messages.account import AccountMessage
from scheduler.places import hold_back


@dataclass(frozen=True)
class ToldAccount:
    """An account's card on its way to a channel in which somebody shared it."""

    card: AccountCard
    because: Decision | None
    """Why nothing of MRR may be told there, if so."""


async def load_accounts(session: AsyncSession, owed: Sequence[Delivery], setting: Setting) -> dict[str, ToldAccount]:
    """Read how the accounts stand now."""
    barred = await find_barred(session, owed)
    told = {}
    for one in owed:
        account_id = one.fact_id.partition("#")[0]
        card = await account_card.read(session, one.workspace_id, account_id, now=setting.now)
        if card is not None:
            told[one.id] = ToldAccount(card, barred.get(one.id))
    return told


def draw_account(owed: Delivery, told: ToldAccount, setting: Setting) -> Drawn:
    """Draw the account as it stands now, and who shared it."""
    hold_back(told.because)
    note = owed.note or "Somebody shared this"
    return account_message.draw(
        AccountMessage(card=told.card, note=note, told_at=setting.now, may_be_repeat=owed.may_be_repeat)
    )
