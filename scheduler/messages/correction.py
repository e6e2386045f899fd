"""A correction: that a movement which was told is another than it was, or is no more. It stands in its thread.

Many of them are told in one message, which stands by itself.
"""

from dataclasses import dataclass
from datetime import datetime

from models.fact import MovementKind
from models.merge import Corrections
from scheduler.messages import money, mrkdwn
from scheduler.messages.menu import Choice, menu
from scheduler.messages.message import Message, message
from scheduler.messages.movement import KINDS
from scheduler.messages.recap import LONGEST_ACCOUNT

MOST_CURRENCIES = 3
"""Of the rest only the number is told."""

_DOT = " · "


@dataclass(frozen=True, kw_only=True)
class CorrectionMessage:
    """What was told of an account, and what it is now; no kind where it is no more. Amounts are minor units."""

    account_name: str
    account_url: str | None = None
    kind_before: MovementKind
    amount_before_minor: int
    kind: MovementKind | None
    amount_minor: int | None
    currency: str
    before_minor: int | None = None
    after_minor: int | None = None
    occurred_at: datetime
    corrected_at: datetime
    destination_name: str
    channel_id: str | None
    """The channel that it is posted to; None where people get it by themselves."""
    is_group: bool = False
    locale: str = money.DEFAULT_LOCALE
    may_be_repeat: bool = False


@dataclass(frozen=True, kw_only=True)
class MergedCorrections:
    """Corrections that are told together, and to whom."""

    corrections: Corrections
    destination_name: str
    channel_id: str | None
    """The channel that it is posted to; None where people get it by themselves."""
    is_group: bool = False
    locale: str = money.DEFAULT_LOCALE
    may_be_repeat: bool = False


def draw(correction: CorrectionMessage) -> Message:
    """Draw the reply."""
    name = mrkdwn.escape(correction.account_name, empty="An account without a name")
    account = mrkdwn.bold(mrkdwn.link(correction.account_url, name))
    body = "\n".join(
        part for part in (f"{_shape(correction)}{account} — {_said(correction)}", _now(correction)) if part
    )
    section = {
        "type": "section",
        "text": mrkdwn.marked(body),
        "accessory": menu(Choice.HISTORY),
    }
    repeat = " (may be a repeat)" if correction.may_be_repeat else ""
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(correction, *_when(correction)))]}
    return message(f"{name}: {_said(correction).replace('*', '')}{repeat}", section, context)


def draw_taken_back(correction: CorrectionMessage) -> Message:
    """Draw the message that told of what its source took back, as it is from then on: struck out, and why."""
    name = mrkdwn.escape(correction.account_name, empty="An account without a name")
    kind, amount = KINDS[correction.kind_before], _amount(correction, correction.amount_before_minor)
    account = mrkdwn.bold(mrkdwn.link(correction.account_url, name))
    told = f"~{kind.shape} {account} — {kind.word} {mrkdwn.bold(f'{amount} MRR')}~"
    section = {
        "type": "section",
        "text": mrkdwn.marked(f"{told}\n{mrkdwn.bold('Taken back')}: it did not happen"),
        "accessory": menu(Choice.HISTORY, Choice.MUTE),
    }
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(correction, *_when(correction)))]}
    return message(f"{name}: {_said(correction).replace('*', '')}", section, context)


def _shape(correction: CorrectionMessage) -> str:
    return f"{KINDS[correction.kind].shape} " if correction.kind is not None else ""


def _said(correction: CorrectionMessage) -> str:
    """Say `corrected: Expansion +$400 MRR, not +$420`, or that what was told did not happen."""
    was = _amount(correction, correction.amount_before_minor)
    told = f"{KINDS[correction.kind_before].word} {was} MRR"
    if correction.kind is None or correction.amount_minor is None:
        return f"taken back: {mrkdwn.bold(told)} did not happen"
    is_now = f"{KINDS[correction.kind].word} {_amount(correction, correction.amount_minor)} MRR"
    instead = was if correction.kind is correction.kind_before else told
    return f"corrected: {mrkdwn.bold(is_now)}, not {instead}"


def _now(correction: CorrectionMessage) -> str:
    """Say what the account's MRR was before and is after, where that is known."""
    if correction.before_minor is None or correction.after_minor is None:
        return ""
    before, after = (_unsigned(correction, one) for one in (correction.before_minor, correction.after_minor))
    return f"{before} → {mrkdwn.bold(after)}"


def _amount(correction: CorrectionMessage, minor: int) -> str:
    return money.signed(minor, correction.currency, correction.locale)


def _unsigned(correction: CorrectionMessage, minor: int) -> str:
    return money.amount(minor, correction.currency, correction.locale)


def _when(correction: CorrectionMessage) -> tuple[str, str]:
    """Say when it had happened, or was said to, and when it was corrected."""
    happened, done = ("dated", "taken back") if correction.kind is None else ("it happened", "corrected")
    at = mrkdwn.news(correction.corrected_at, told_at=correction.occurred_at)
    return f"{happened} {mrkdwn.moment(correction.occurred_at)}", f"{done} {at}"


def _reason(correction: CorrectionMessage | MergedCorrections, *when: str) -> str:
    """Say when that was, and whose wish it is that this stands here."""
    to = mrkdwn.reader(correction.channel_id, is_group=correction.is_group)
    by = f"to {to} by {mrkdwn.quoted(correction.destination_name)}"
    parts = [*when, by]
    if correction.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return _DOT.join(parts)


def draw_merged(merged: MergedCorrections) -> Message:
    """Draw one message of many corrections."""
    told = merged.corrections
    title = f"{told.count:,} {'movement is' if told.count == 1 else 'movements are'} corrected"
    lines = [
        f"{mrkdwn.bold(title)} in one message. What was told of them is brought up to date in its place.",
        f"{mrkdwn.bold(_net(merged))}{_DOT}{_how(told)}",
        *_most_changed(merged),
    ]
    section = {"type": "section", "text": mrkdwn.marked("\n".join(lines)), "accessory": menu()}
    corrected = f"corrected {mrkdwn.moment(told.corrected_at)}"
    happened = f"they happened {mrkdwn.span(told.first_at, told.last_at)}"
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(merged, corrected, happened))]}
    repeat = " (may be a repeat)" if merged.may_be_repeat else ""
    return message(f"{title}: {_net(merged)}{repeat}", section, context)


def _net(merged: MergedCorrections) -> str:
    """Say what the corrections come to in each currency."""
    nets = [(currency, net) for currency, net in merged.corrections.nets if net]
    told = (f"{money.signed(net, currency, merged.locale)} net" for currency, net in nets)
    return mrkdwn.listed(told, most=MOST_CURRENCIES) or "MRR is the same"


def _how(told: Corrections) -> str:
    """Say `12 taken back · 20 with another amount · 5 of another kind`."""
    another_amount = told.count - told.taken_back - told.of_another_kind
    ways = (
        (told.taken_back, "taken back"),
        (another_amount, "with another amount"),
        (told.of_another_kind, "of another kind"),
    )
    return _DOT.join(f"{number:,} {how}" for number, how in ways if number)


def _most_changed(merged: MergedCorrections) -> list[str]:
    """Name the accounts for which it changes most."""
    told = merged.corrections
    named = [
        f"{money.signed(change, currency, merged.locale)}  {mrkdwn.escape(name, LONGEST_ACCOUNT)}"
        for name, currency, change in told.largest
    ]
    more = [f"{told.more:,} more"] if told.more else []
    return [mrkdwn.bold("Most changed"), *named, *more] if named else []
