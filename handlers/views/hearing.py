"""What `/mrr why` answers: of each destination whether it tells of an account's movements, and if not, why."""

from dataclasses import dataclass
from datetime import datetime

from handlers.views import deliveries, mutes
from handlers.views.answers import Answer
from handlers.views.blocks import Block, button, context, section
from handlers.views.recipients import words
from models.delivery import DeliveryState, SkipReason
from models.fact import MovementKind
from models.ledger import Told
from models.movement import Movement
from models.recipient import To
from models.signal import TOLD_TO
from models.wish import Frequency
from scheduler.messages import money, mrkdwn
from scheduler.messages.movement import KINDS

MOST_LISTED = 10
LINES = 5
"""As many fit into a section, however long their names."""

_DOT = " · "


@dataclass(frozen=True, kw_only=True)
class Hearer:
    """A destination, and what it does with the account's newest movement."""

    id: str = ""
    name: str
    frequency: Frequency
    recipients: tuple[To, ...]
    lacks_kind: bool = False
    is_elsewhere: bool = False
    """Its conditions leave this account out."""
    is_too_small: bool = False
    is_paused: bool = False
    paused_until: datetime | None = None
    is_muted: bool = False
    """A manager silenced the account in it."""
    muted_until: datetime | None = None
    next_at: datetime | None = None

    @property
    def tells(self) -> bool:
        """Say whether it would tell of one like it now. A recap sums up all, whatever the filter."""
        is_unwanted = self.lacks_kind or self.is_elsewhere or self.is_too_small or self.is_muted
        return not self.is_paused and (self.frequency.is_recap or not is_unwanted)


@dataclass(frozen=True, kw_only=True)
class ToldHere:
    """A delivery to where it was asked."""

    told: Told
    state: DeliveryState
    reason: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """Who hears of an account, as far as the person who asks may know."""

    account_id: str
    name: str
    newest: Movement | None
    hearers: tuple[Hearer, ...]
    told_here: tuple[ToldHere, ...] = ()
    owner: str | None = None
    fallback_channel_id: str | None = None
    is_muted: bool = False
    may_change: bool = False
    locale: str = money.DEFAULT_LOCALE


def answer(hearing: Hearing) -> Answer:
    """Draw the answer."""
    name = mrkdwn.escape(hearing.name, 160)
    shown, more = hearing.hearers[:MOST_LISTED], len(hearing.hearers) - MOST_LISTED
    lines = [_line(one, hearing) for one in shown] or ["No destination tells of it where you can read it."]
    parts: list[Block] = [section("\n".join(lines[start : start + LINES])) for start in range(0, len(lines), LINES)]
    if more > 0:
        parts.append(context(f"and {more} more destinations; `/mrr list` shows them"))
    here = "\n".join(_here(one, hearing.locale) for one in hearing.told_here) or "Nothing of it was told here lately."
    blocks = [
        section(f"{mrkdwn.bold(f'Who hears of {name}')}\n{_newest(hearing)}"),
        *parts,
        *(_muted(one, hearing) for one in hearing.hearers[:MOST_LISTED] if one.is_muted and hearing.may_change),
        section(f"*Last told here*\n{here}"),
        context(_signals(hearing)),
    ]
    return Answer(response_type="ephemeral", text=f"Who hears of {name}", blocks=blocks)


def _muted(one: Hearer, hearing: Hearing) -> Block:
    """Offer a manager to end the silence of an account in a destination."""
    end = button("Undo", mutes.ACTIONS.undo_in_destination, value=mutes.place_of(one.id, hearing.account_id))
    return section(f"{mrkdwn.quoted(one.name, 80)} tells nothing of it {mutes.span(one.muted_until)}.", accessory=end)


def _newest(hearing: Hearing) -> str:
    moved = hearing.newest
    if moved is None:
        return "No movement of it is known yet; this is who would hear of one."
    kind = KINDS[MovementKind(moved.kind)]
    amount = money.signed(moved.amount_minor, moved.currency, hearing.locale)
    return f"Its newest movement is {kind.shape} {kind.word.lower()} {amount}, {mrkdwn.moment(moved.occurred_at)}."


def _line(one: Hearer, hearing: Hearing) -> str:
    where = words(one.recipients, most=8)
    return f"{'✓' if one.tells else '✕'} {mrkdwn.bold(mrkdwn.quoted(one.name, 80))} to {where}: {_why(one, hearing)}"


def _why(one: Hearer, hearing: Hearing) -> str:
    """Say why it tells, or first of all that it is silent."""
    if one.is_paused:
        return f"paused until {mrkdwn.moment(one.paused_until)}" if one.paused_until else "paused until it is resumed"
    if one.frequency.is_recap:
        following = f", next {mrkdwn.moment(one.next_at)}" if one.next_at else ""
        return f"counts it in its {one.frequency.value} recap{following}"
    return _unwanted(one, hearing) or "tells of one like it as it happens"


def _unwanted(one: Hearer, hearing: Hearing) -> str:
    if one.is_muted:
        return f"a manager muted it there {mutes.span(one.muted_until)}"
    if one.lacks_kind and hearing.newest is not None:
        return f"doesn't want movements of the kind “{KINDS[MovementKind(hearing.newest.kind)].word}”"
    if one.is_elsewhere:
        return "its conditions leave this account out"
    if one.is_too_small:
        return "wants only larger ones"
    return ""


def _here(one: ToldHere, locale: str) -> str:
    words = mrkdwn.escape(deliveries.capitalised(deliveries.words(one.told, locale)), 300)
    because = deliveries.REASONS.get(SkipReason(one.reason)) if one.reason in set(SkipReason) else None
    state = deliveries.STATES[one.state] + (f" ({because})" if because else "")
    return f"{words}{_DOT}{state} {mrkdwn.moment(one.at)}"


def _signals(hearing: Hearing) -> str:
    """Say who hears of signals, and whether that is muted by who asks."""
    if hearing.owner:
        told = f"Signals about it go to its {TOLD_TO}, {mrkdwn.escape(hearing.owner, 160)}, by direct message"
    elif hearing.fallback_channel_id:
        told = f"It has no {TOLD_TO}, so signals about it go to the fallback channel"
    else:
        told = f"It has no {TOLD_TO}, so signals about it go to nobody"
    return _DOT.join([told, *(["you muted it for yourself"] if hearing.is_muted else [])])
