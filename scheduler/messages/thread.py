"""An account's thread: the card above it says how the account stands now, and what happened last."""

from dataclasses import dataclass
from datetime import datetime

from models.fact import MovementKind
from models.movement import Movement
from scheduler.messages import money, mrkdwn
from scheduler.messages.menu import Choice, menu
from scheduler.messages.message import Message, message
from scheduler.messages.movement import KINDS

UNKNOWN = "MRR unknown: import the account's history to see it"
NOTHING = "nothing of what was told stands: its source took it back"

_DOT = " · "


@dataclass(frozen=True, kw_only=True)
class ThreadMessage:
    """An account, and what one recipient was told of it. Amounts are minor units; `last` is its newest movement."""

    account_name: str
    account_url: str | None = None
    mrr_minor: int | None = None
    currency: str | None = None
    last: Movement | None = None
    count: int
    since: datetime
    told_at: datetime
    destination_name: str
    channel_id: str | None
    """The channel that it is posted to; None where one person gets it, or those of a group DM."""
    is_group: bool = False
    locale: str = money.DEFAULT_LOCALE
    may_be_repeat: bool = False


def draw(card: ThreadMessage) -> Message:
    """Draw the message."""
    section = {
        "type": "section",
        "text": mrkdwn.marked("\n".join(line for line in (_head(card), _last(card)) if line)),
        "accessory": menu(Choice.HISTORY),
    }
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(card))]}
    return message(_notification(card), section, context)


def _notification(card: ThreadMessage) -> str:
    """Say the fact for a phone's lock screen: `Northwind Traders: $1,620 MRR after expansion +$420`."""
    after = f" after {_word(card.last).lower()} {_amount(card, card.last)}" if card.last else ""
    repeat = " (may be a repeat)" if card.may_be_repeat else ""
    return f"{_account(card)}: {_mrr(card) or ('MRR unknown' if card.count else NOTHING)}{after}{repeat}"


def _account(card: ThreadMessage) -> str:
    return mrkdwn.escape(card.account_name, empty="An account without a name")


def _mrr(card: ThreadMessage) -> str:
    if card.mrr_minor is None or card.currency is None:
        return ""
    return f"{money.amount(card.mrr_minor, card.currency, card.locale)} MRR"


def _word(moved: Movement) -> str:
    return KINDS[MovementKind(moved.kind)].word


def _amount(card: ThreadMessage, moved: Movement) -> str:
    return money.signed(moved.amount_minor, moved.currency, card.locale)


def _head(card: ThreadMessage) -> str:
    mrr = _mrr(card)
    account = mrkdwn.bold(mrkdwn.link(card.account_url, _account(card)))
    return f"{account} — {mrkdwn.bold(mrr) if mrr else UNKNOWN if card.count else NOTHING}"


def _last(card: ThreadMessage) -> str:
    """Say what happened last: `▲ Expansion +$420 MRR · today at 14:02`."""
    if card.last is None:
        return ""
    shape = KINDS[MovementKind(card.last.kind)].shape
    at = mrkdwn.news(card.last.occurred_at, told_at=card.told_at)
    return f"{shape} {_word(card.last)} {mrkdwn.bold(f'{_amount(card, card.last)} MRR')}{_DOT}{at}"


def _reason(card: ThreadMessage) -> str:
    """Say what stands in the thread, and whose wish it is that it does."""
    changes = f"{card.count:,} changes since {mrkdwn.day(card.since)} are" if card.count > 1 else "The change is"
    if not card.count:
        changes = "It is"
    to = mrkdwn.reader(card.channel_id, is_group=card.is_group)
    parts = [f"{changes} in the thread", f"to {to} by {mrkdwn.quoted(card.destination_name)}"]
    if card.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return _DOT.join(parts)
