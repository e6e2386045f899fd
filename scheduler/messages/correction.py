"""A correction: that a movement which was told is another than it was, or is no more. It stands in its thread."""

from dataclasses import dataclass
from datetime import datetime

from models.fact import MovementKind
from scheduler.messages import money, mrkdwn
from scheduler.messages.menu import Choice, menu
from scheduler.messages.message import Message, message
from scheduler.messages.movement import KINDS

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
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(correction))]}
    return message(f"{name}: {_said(correction).replace('*', '')}{repeat}", section, context)


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


def _reason(correction: CorrectionMessage) -> str:
    """Say when it was corrected, when it had happened, and whose wish it is that this stands here."""
    to = mrkdwn.reader(correction.channel_id, is_group=correction.is_group)
    parts = [
        f"corrected {mrkdwn.moment(correction.corrected_at)}",
        f"it happened {mrkdwn.moment(correction.occurred_at)}",
        f"to {to} by {mrkdwn.quoted(correction.destination_name)}",
    ]
    if correction.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return _DOT.join(parts)
