"""The answer to “Why did I get this?”: the fact, the rule that brought it here, who can change it, and the attempts."""

from dataclasses import dataclass
from datetime import datetime

from handlers.views import deliveries, managers
from handlers.views.blocks import Block, View, context, modal, section
from handlers.views.destinations import FREQUENCIES
from models.delivery import DeliveryState, FactKind
from models.ledger import Asker, AskerKind, Told
from models.recipient import RecipientKind
from models.signal import TOLD_TO
from models.wish import Frequency
from scheduler.messages import money, mrkdwn

TITLE = "Why did I get this?"
MOST_ATTEMPTS = 20
UNKNOWN = (
    "Runrate finds nothing about this message in its ledger. If it was posted just now, ask again in a minute; "
    "if it is old, ask a manager to look in the Home tab."
)
OF_FAILURES = "You answer for what it is about, or manage Runrate. You hear once when it fails, and once when it works."
OF_SILENCES = "You manage Runrate. You hear once when a source is silent for longer than usual, and once it is back."
OWN_RULES = {
    FactKind.DRAFT: "You pressed “Send me this” in the form of a destination. Nobody else got it.",
    FactKind.WELCOME: "Somebody invited Runrate to this channel. It says once what it can do in a channel.",
    FactKind.NOTICE: OF_FAILURES,
    FactKind.RECOVERY: OF_FAILURES,
    FactKind.SILENCE: OF_SILENCES,
    FactKind.HEARD_AGAIN: OF_SILENCES,
    FactKind.KEEPER_GONE: "You manage Runrate. You hear once when somebody is gone who answered for a destination.",
    FactKind.CLAIM: "Somebody pressed “Claim” on the message above. Its thread says who takes care of it.",
    FactKind.RELEASE: "Whoever took care of the message above let it go. Its thread says so.",
    FactKind.KEY_REFUSED: "You entered the API key, or manage Runrate. You hear once when it is refused.",
    FactKind.HISTORY: "You connected the source whose history came in, or installed Runrate. It is told once a source.",
}
"""Why the product says something on its own."""


_DOT = " · "


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One attempt: when, and what Slack or the way there answered."""

    at: datetime
    answer: str


@dataclass(frozen=True, kw_only=True)
class Why:
    """All that is known of a message. `asker` is None where the product speaks on its own, or it is gone."""

    delivery_id: str
    told: Told
    asker: Asker | None
    note: str | None
    target: str
    recipient_kind: RecipientKind
    state: DeliveryState
    tried: tuple[Tried, ...]
    settled_at: datetime | None
    may_be_repeat: bool
    merged: int
    """How many others were merged into it."""
    manager_ids: tuple[str, ...]
    is_for_manager: bool
    locale: str = money.DEFAULT_LOCALE


def answer(why: Why) -> View:
    """Draw the answer, in a modal that nobody else sees."""
    blocks: list[Block] = [
        section(f"*What it tells*\n{_fact(why)}"),
        section(f"*Why it is here*\n{_rule(why)}"),
        section(f"*Who can change that*\n{_who(why)}"),
        section(f"*How it got here*\n{_attempts(why)}"),
    ]
    if why.is_for_manager:
        blocks.append(context(_log(why)))
    return modal(TITLE, blocks, callback_id="why", close="Close")


def unknown() -> View:
    """Say that a message stands in no ledger."""
    return modal(TITLE, [section(UNKNOWN)], callback_id="why", close="Close")


def _fact(why: Why) -> str:
    told = why.told
    first = mrkdwn.escape(deliveries.capitalised(deliveries.words(told, why.locale)), 400)
    more = f", and {why.merged:,} more merged into this message" if why.merged else ""
    when = {FactKind.RECAP: "Due", FactKind.ACCOUNT: "Shared", FactKind.GLANCE: "Shared"}.get(told.kind, "Happened")
    source = f"from {mrkdwn.quoted(told.source_name)}" if told.source_name else ""
    second = " · ".join(part for part in (f"{when} {mrkdwn.moment(told.at)}" if told.at else "", source) if part)
    return "\n".join(part for part in (f"{first}{more}", second) if part)


def _rule(why: Why) -> str:
    match why.told.kind:
        case FactKind.SIGNAL:
            return _signal_rule(why)
        case FactKind.UNHEARD:
            note = mrkdwn.escape(why.note or "", 600)
            return f"It reached nobody: {note}. Managers hear of that once a day at most, until a fallback is chosen."
        case FactKind.ACCOUNT | FactKind.GLANCE as kind:
            asked = "/mrr account" if kind is FactKind.ACCOUNT else "/mrr"
            return f"{mrkdwn.escape(why.note or 'Somebody shared this')}, from the answer to `{asked}`."
        case FactKind.WELCOME if why.recipient_kind is RecipientKind.PERSON:
            return "You opened this conversation while it was empty. It is said once what comes here."
        case kind if kind in OWN_RULES:
            return OWN_RULES[kind]
        case _:
            return _asked(why.asker, why.recipient_kind)


def _signal_rule(why: Why) -> str:
    """Say how the signal found its reader: by the role at the account, and the e-mail address of whoever holds it."""
    rule = f"Each signal goes to the {TOLD_TO} of its account: {mrkdwn.escape(why.note or '', 600)}"
    if why.recipient_kind is RecipientKind.PERSON:
        return f"{rule}, and in Slack that address is {mrkdwn.person(why.target)}."
    return f"{rule}; so it was told in the fallback channel."


def _asked(asker: Asker | None, kind: RecipientKind) -> str:
    """Say what asked for the message, and who made that."""
    if asker is None:
        return "Whatever asked for it is gone."
    if asker.is_personal:
        since = "; you stopped it since" if asker.is_deleted else ""
        return f"You asked for it in Runrate's Home tab: {_hears(asker)}{since}."
    where = "to you" if kind is RecipientKind.PERSON else "here"
    what = "destination" if asker.kind is AskerKind.DESTINATION else "workflow"
    made = f"{mrkdwn.person(asker.created_by)} made this {what} on {mrkdwn.day(asker.created_at)}"
    since = "; it has been deleted since" if asker.is_deleted else ""
    return f"{mrkdwn.bold(mrkdwn.quoted(asker.name))} posts {where} {_hears(asker)}.\n{made}{since}."


def _hears(asker: Asker) -> str:
    if asker.kind is AskerKind.WORKFLOW:
        return f"when {mrkdwn.code(asker.hears)} arrives"
    _, choice = FREQUENCIES[Frequency(asker.hears)]
    return choice.partition(": ")[2].partition(",")[0]


def _who(why: Why) -> str:
    if why.asker is not None and why.asker.is_personal:
        return "You: “Stop my recap” in Runrate's Home tab."
    if why.told.kind in (FactKind.CLAIM, FactKind.RELEASE):
        return "Whoever takes care of it, or a manager: “Claimed by …” on the message above, then “Release”."
    who = f"{managers.who_may(why.manager_ids)}, in Runrate's Home tab."
    is_own = why.told.kind is FactKind.SIGNAL and why.recipient_kind is RecipientKind.PERSON
    return f"You: “Stop signals” in the same menu ends them for you.\n{who}" if is_own else who


def _attempts(why: Why) -> str:
    repeat = " It may be a repeat: Slack didn't confirm the first one." if why.may_be_repeat else ""
    if not why.tried:
        return f"No attempt at it is noted yet.{repeat}"
    first, number = mrkdwn.moment(why.tried[0].at), len(why.tried)
    if why.state is DeliveryState.DELIVERED and number == 1:
        return f"Posted {first}, at the first attempt.{repeat}"
    if why.state is DeliveryState.DELIVERED and why.settled_at is not None:
        return f"First tried {first}, confirmed {mrkdwn.moment(why.settled_at)} at attempt {number}.{repeat}"
    times = "once" if number == 1 else f"{number} times"
    return f"First tried {first}, {times} so far; Slack has not confirmed it.{repeat}"


def _log(why: Why) -> str:
    """List the attempts with their answers, and say how whoever runs this finds the rest in the ledger."""
    shown = why.tried[-MOST_ATTEMPTS:]
    earlier = [f"{len(why.tried) - len(shown)} earlier"] if len(shown) < len(why.tried) else []
    tried = [f"{mrkdwn.moment(one.at)} {mrkdwn.code(one.answer, 60)}" for one in shown]
    answers = f"Slack's answers: {_DOT.join([*earlier, *tried])}{_DOT}" if tried else ""
    return f"{answers}in a terminal: {mrkdwn.code(f'runrate deliveries show {why.delivery_id}')}"
