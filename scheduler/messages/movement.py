"""A movement, told as it happens: the fact in the first line, what it means in the second, why it is here last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.attribute import label, written
from models.fact import MovementKind
from scheduler.messages import money, mrkdwn
from scheduler.messages.menu import Choice, menu
from scheduler.messages.message import Message, message

MOST_ATTRIBUTES = 10
"""As many fields as a section can hold."""

LATE = timedelta(days=1)
"""What is told longer than this after it happened says so."""

ABBREVIATION = 3
"""A role of so few letters is one, such as CSM."""

UNKNOWN = "MRR before and after unknown: import the account's history to see it"

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
class Holder:
    """Who holds a role at the account; `name` is None where nobody does. One with a `user_id` is mentioned."""

    role: str
    name: str | None = None
    user_id: str | None = None


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
    holders: tuple[Holder, ...] = ()
    occurred_at: datetime
    recorded_at: datetime | None = None
    corrected_at: datetime | None = None
    """When its source said otherwise than what the message told first."""
    claimed_by: str | None = None
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
    fields = [*_attributes(movement), *map(_holder, movement.holders)]
    first: dict[str, Any] = {
        "type": "section",
        "text": mrkdwn.marked(_body(movement)),
        "accessory": menu(Choice.HISTORY, Choice.MUTE, Choice.CLAIM, claimed_by=movement.claimed_by),
    }
    if fields:
        first["fields"] = fields[:MOST_ATTRIBUTES]
    rest = [{"type": "section", "fields": fields[MOST_ATTRIBUTES:]}] if fields[MOST_ATTRIBUTES:] else []
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(movement))]}
    return message(_notification(movement), first, *rest, context)


def _notification(movement: MovementMessage) -> str:
    """Say the fact for a phone's lock screen: `Northwind Traders: expansion +$420 MRR ($1,200 → $1,620)`."""
    change = _change(movement)
    aside = f" ({change})" if change else ""
    late = " · arrived late" if _arrived_late(movement) else ""
    repeat = " (may be a repeat)" if movement.may_be_repeat else ""
    word = KINDS[movement.kind].word.lower()
    return f"{_account(movement)}: {word} {_amount(movement)} MRR{_count(movement)}{aside}{late}{repeat}"


def _body(movement: MovementMessage) -> str:
    kind = KINDS[movement.kind]
    account = mrkdwn.bold(mrkdwn.link(movement.account_url, _account(movement)))
    first = f"{kind.shape} {account} — {kind.word} {mrkdwn.bold(f'{_amount(movement)} MRR')}{_share(movement)}"
    first += _count(movement)
    return f"{first}\n{_DOT.join((_change(movement, strong=True) or UNKNOWN, *_plan(movement)))}"


def _account(movement: MovementMessage) -> str:
    return mrkdwn.escape(movement.account_name, empty="An account without a name")


def _amount(movement: MovementMessage) -> str:
    return money.signed(movement.amount_minor, movement.currency, movement.locale)


def _share(movement: MovementMessage) -> str:
    """Compare with the MRR before, where there was any."""
    share = money.share(movement.amount_minor, movement.before_minor or 0, movement.locale)
    return f" ({share})" if share else ""


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
    """Say the plan, the one before it where it changed, and the description unless it begins with the plan itself.

    A description is of one change: of several it isn't said.
    """
    plan, before = movement.plan or "", movement.plan_before or ""
    description = "" if movement.count > 1 else movement.description or ""
    if plan and before and plan != before:
        said = f"{mrkdwn.escape(before, 200)} → {mrkdwn.escape(plan, 200)}"
    else:
        repeated = description.casefold().startswith(plan.casefold())
        said = mrkdwn.escape(plan or before, 200) if (plan or before) and not (plan and repeated) else ""
    return [part for part in (said, mrkdwn.escape(description, 600) if mrkdwn.one_line(description) else "") if part]


def _count(movement: MovementMessage) -> str:
    """Say of how many changes it is the sum, where that is not one."""
    return f" in {movement.count:,} changes" if movement.count > 1 else ""


def _attributes(movement: MovementMessage) -> list[dict[str, Any]]:
    known = [(name, value) for name, value in movement.attributes if value is not None and value != ""]
    return [_field(name, mrkdwn.escape(written(value))) for name, value in known[:MOST_ATTRIBUTES]]


def _holder(holder: Holder) -> dict[str, Any]:
    """Name who holds a role, or say that nobody does."""
    named = mrkdwn.mention(holder.user_id) if holder.user_id else mrkdwn.escape(holder.name or "nobody is named")
    return _field(role_word(holder.role), named)


def role_word(role: str) -> str:
    """Name a role: `Owner`, `CSM`."""
    return role.upper() if len(role) <= ABBREVIATION else label(role)


def _field(name: str, escaped: str) -> dict[str, Any]:
    return mrkdwn.marked(f"{mrkdwn.bold(mrkdwn.escape(name, 100))}  {escaped}")


def _reason(movement: MovementMessage) -> str:
    """Say when it happened, who said so, and whose wish it is that it stands here."""
    to = mrkdwn.reader(movement.channel_id, is_group=movement.is_group)
    by = f"to {to} by {mrkdwn.quoted(movement.destination_name)}"
    parts = [_when(movement), mrkdwn.escape(movement.source_name, 160), by]
    if movement.corrected_at is not None:
        parts.append(f"corrected {mrkdwn.news(movement.corrected_at, told_at=movement.told_at)}")
    if movement.claimed_by is not None:
        parts.append(f"claimed by {mrkdwn.escape(movement.claimed_by, 160)}")
    if movement.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return _DOT.join(parts)


def _when(movement: MovementMessage) -> str:
    """Say when it happened, and where that was long ago whether its source or we are late."""
    if _arrived_late(movement):
        return f"arrived late: it happened {mrkdwn.moment(movement.occurred_at)}"
    if movement.told_at is not None and movement.told_at - movement.occurred_at > LATE:
        return f"told late: it happened {mrkdwn.moment(movement.occurred_at)}"
    return mrkdwn.news(movement.occurred_at, told_at=movement.told_at)


def _arrived_late(movement: MovementMessage) -> bool:
    return movement.recorded_at is not None and movement.recorded_at - movement.occurred_at > LATE
