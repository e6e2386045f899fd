"""Telling signals, and that nobody heard of one."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import claim, signal, source
from models.account import Account
from models.delivery import Delivery, DeliveryState, FactKind
from models.fact import SignalKind
from models.recipient import RecipientKind
from models.signal import Signal
from scheduler.drawing.hearing import name_source
from scheduler.drawing.telling import Drawn, Setting, told_at
from scheduler.messages import signal as signal_message
from scheduler.messages.signal import SignalMessage, UnheardMessage


@dataclass(frozen=True)
class ToldSignal:
    """A signal on its way to whoever hears of it."""

    signal: Signal
    account: Account
    source_name: str
    claimed_by: str | None = None


async def load_signals(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldSignal]:
    """Find the signals, and who claimed those that were told before."""
    facts = await signal.many(session, {one.fact_id for one in owed})
    names = await source.names_of(session, {told.source_id for told, _ in facts.values()})
    found = {one.id: facts.get((one.workspace_id, one.fact_id)) for one in owed}
    posted = {one.fact_id for one in owed if one.state == DeliveryState.DELIVERED}
    claimed = await claim.holders(session, FactKind.SIGNAL, posted) if posted else {}
    return {
        key: ToldSignal(*fact, name_source(names, fact[0].source_id), claimed.get((fact[0].workspace_id, fact[0].id)))
        for key, fact in found.items()
        if fact is not None
    }


def draw_signal(owed: Delivery, told: ToldSignal, setting: Setting) -> Drawn:
    """Tell what happened at an account, and why it is told here."""
    about, account = told.signal, told.account
    is_direct = owed.recipient_kind == RecipientKind.PERSON
    return signal_message.draw(
        SignalMessage(
            kind=SignalKind(about.kind),
            person=about.person,
            title=about.title,
            text=about.text,
            url=about.url,
            account_name=account.display_name,
            account_url=account.url,
            account_status=account.status,
            sales_stage=account.sales_stage,
            occurred_at=about.occurred_at,
            told_at=told_at(owed, setting),
            source_name=told.source_name,
            why=f"{'Sent to you' if is_direct else 'Told here'} because {owed.note}.",
            is_direct=is_direct,
            claimed_by=told.claimed_by,
            may_be_repeat=owed.may_be_repeat,
        )
    )


def draw_unheard(owed: Delivery, told: ToldSignal, _setting: Setting) -> Drawn:
    """Tell that nobody could be told of a signal."""
    return signal_message.draw_unheard(UnheardMessage(account_name=told.account.display_name, why=owed.note or ""))
