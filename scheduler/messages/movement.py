"""A movement, told as it happens: the fact in the first line, what it means in the second, why it is here last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.attribute import written
from models.fact import MovementKind
from scheduler.messages import money, mrkdwn
from scheduler.messages.menu import Choice, menu
from scheduler.messages.message import Message, message

MOST_ATTRIBUTES = 10
"""As many fields as a section can hold."""

_DOT = " · "


@dataclass(frozen=True)
class Kind:
    """A kind of movement for people: its shape, so that colour is never needed, and its word."""

    shape: str
    word: str


KINDS = {
    MovementKind.NEW_BUSINESS: Kind("●", "New business"),
    MovementKind.EXPANSION: Kind("▲", "Expansion"),
    MovementKind.CONTRACTION: Kind("▼", "Contraction"),
    MovementKind.CHURN: Kind("✕", "Churn"),
    MovementKind.REACTIVATION: Kind("↻", "Reactivation"),
}


@dataclass(frozen=True, kw_only=True)
class MovementMessage:
    """A movement and to whom it is told. Amounts are minor units; `attributes` are pairs of label and value."""

    account_name: str
    account_url: str | None = None
    kind: MovementKind
    amount_minor: int
    count: int = 1
    """How many changes this is the sum of."""
    currency: str
    before_minor: int | None = None
    after_minor: int | None = None
    plan: str | None = None
    plan_before: str | None = None
    description: str | None = None
    attributes: tuple[tuple[str, str | float | bool | None], ...] = ()
    occurred_at: datetime
    told_at: datetime | None = None
    source_name: str
    destination_name: str
    channel_id: str | None
    """The channel that it is posted to; None where one person gets it, or those of a group DM."""
    is_group: bool = False
    locale: str = money.DEFAULT_LOCALE
    may_be_repeat: bool = False


def draw(movement: MovementMessage) -> Message:
    """Draw the message."""
    section: dict[str, Any] = {
        "type": "section",
        "text": mrkdwn.marked(_body(movement)),
        "accessory": menu(Choice.HISTORY),
    }
    fields = _fields(movement)
    if fields:
        section["fields"] = fields
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(movement))]}
    return message(_notification(movement), section, context)


def _notification(movement: MovementMessage) -> str:
    """Say the fact for a phone's lock screen: `Northwind Traders: expansion +$420 MRR ($1,200 → $1,620)`."""
    change = _change(movement)
    aside = f" ({change})" if change else ""
    repeat = " (may be a repeat)" if movement.may_be_repeat else ""
    word = KINDS[movement.kind].word.lower()
    return f"{_account(movement)}: {word} {_amount(movement)} MRR{_count(movement)}{aside}{repeat}"


def _body(movement: MovementMessage) -> str:
    kind = KINDS[movement.kind]
    account = mrkdwn.bold(mrkdwn.link(movement.account_url, _account(movement)))
    first = f"{kind.shape} {account} — {kind.word} {mrkdwn.bold(f'{_amount(movement)} MRR')}{_share(movement)}"
    first += _count(movement)
    second = _DOT.join(part for part in (_change(movement, strong=True), *_plan(movement)) if part)
    return "\n".join(line for line in (first, second) if line)


def _account(movement: MovementMessage) -> str:
    return mrkdwn.escape(movement.account_name, empty="An account without a name")


def _amount(movement: MovementMessage) -> str:
    return money.signed(movement.amount_minor, movement.currency, movement.locale)


def _share(movement: MovementMessage) -> str:
    """Compare with the MRR before, where there was any."""
    share = money.percent(movement.amount_minor, movement.before_minor or 0, movement.locale)
    return f" ({'▲' if movement.amount_minor > 0 else '▼'} {share})" if share else ""


def _change(movement: MovementMessage, *, strong: bool = False) -> str:
    """Say `$1,200 → $1,620`, or as much of it as is known."""
    before, after = (
        None if minor is None else money.amount(minor, movement.currency, movement.locale)
        for minor in (movement.before_minor, movement.after_minor)
    )
    if after is None:
        return f"from {before}" if before else ""
    return f"{before or 'now'} {'→ ' if before else ''}{mrkdwn.bold(after) if strong else after}"


def _plan(movement: MovementMessage) -> list[str]:
    """Say the plan, the one before it where it changed, and the description unless it begins with the plan itself."""
    plan, before = movement.plan or "", movement.plan_before or ""
    description = movement.description or ""
    if plan and before and plan != before:
        said = f"{mrkdwn.escape(before, 200)} → {mrkdwn.escape(plan, 200)}"
    else:
        repeated = description.casefold().startswith(plan.casefold())
        said = mrkdwn.escape(plan or before, 200) if (plan or before) and not (plan and repeated) else ""
    return [part for part in (said, mrkdwn.escape(description, 600) if mrkdwn.one_line(description) else "") if part]


def _count(movement: MovementMessage) -> str:
    """Say of how many changes it is the sum, where that is not one."""
    return f" in {movement.count:,} changes" if movement.count > 1 else ""


def _fields(movement: MovementMessage) -> list[dict[str, Any]]:
    known = [(label, value) for label, value in movement.attributes if value is not None and value != ""]
    return [
        mrkdwn.marked(f"{mrkdwn.bold(mrkdwn.escape(label, 100))}  {mrkdwn.escape(written(value))}")
        for label, value in known[:MOST_ATTRIBUTES]
    ]


def _reason(movement: MovementMessage) -> str:
    """Say when it happened, who said so, and whose wish it is that it stands here."""
    at = mrkdwn.news(movement.occurred_at, told_at=movement.told_at)
    to = mrkdwn.reader(movement.channel_id, is_group=movement.is_group)
    parts = [at, mrkdwn.escape(movement.source_name, 160), f"to {to} by {mrkdwn.quoted(movement.destination_name)}"]
    if movement.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return _DOT.join(parts)
