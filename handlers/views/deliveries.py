"""How delivery fares, in the words of the Home tab and of `/mrr deliveries`: counts, what fails and why, the fix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.views import destinations, managers, signals, workflows
from handlers.views.answers import Answer
from handlers.views.blocks import MOST_IN_A_ROW, Block, Element, actions, button, context, section
from handlers.views.recipients import IN_PERSON, there, word
from models.delivery import OPEN, DeliveryState, FactKind, SkipReason
from models.fact import MovementKind, SignalKind
from models.ledger import Asker, AskerKind, Counts, Failing, Told
from models.recipient import RecipientKind, To
from models.schedule import Period, Rhythm
from scheduler.messages import money, movement, mrkdwn, notice, signal
from scheduler.messages.recap import period_name

MOST_FAILING = 8
MOST_FAILURES = 5

AT_ONCE = timedelta(seconds=5)
"""What waits for less than this is on its way."""

LONG = timedelta(minutes=5)
"""Whoever waits longer than this is not well served."""

STATES: Mapping[DeliveryState, str] = {
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.PENDING: "waiting",
    DeliveryState.SENDING: "being sent",
    DeliveryState.RETRYING: "to be tried again",
    DeliveryState.AMBIGUOUS: "perhaps posted, being checked",
    DeliveryState.FAILED: "failed",
    DeliveryState.SKIPPED: "not sent",
    DeliveryState.COALESCED: "told in another message",
}
"""Each state as it follows a number."""

REASONS: Mapping[SkipReason, str] = {
    SkipReason.EMPTY: "nothing was left to say",
    SkipReason.MUTED: "muted",
    SkipReason.BELOW_THRESHOLD: "below the threshold",
    SkipReason.STALE: "too old to be news",
    SkipReason.PAUSED: "paused",
    SkipReason.DELETED: "not asked for any more",
    SkipReason.NO_RECIPIENT: "nobody to tell",
}
"""Why something was not sent, though nothing failed."""

SAID_BY_KIND: Mapping[FactKind, str] = {
    FactKind.TEST: "a test",
    FactKind.DRAFT: "what a destination would tell",
    FactKind.WELCOME: "the welcome",
    FactKind.UNFURL: "a preview under a link",
    FactKind.NOTICE: "the notice that something can't be delivered",
    FactKind.RECOVERY: "the notice that it works again",
    FactKind.SILENCE: "the notice that a source is silent",
    FactKind.HEARD_AGAIN: "the notice that a source is back",
    FactKind.KEEPER_GONE: "the notice that somebody is gone who answered for destinations",
    FactKind.HISTORY: "what last week's recap would have said",
    FactKind.ACCOUNT: "an account that somebody shared",
    FactKind.GLANCE: "MRR that somebody shared",
    FactKind.CORRECTION: "the correction of a movement",
    FactKind.CLAIM: "who takes care of something",
    FactKind.RELEASE: "that somebody let something go",
    FactKind.KEY_REFUSED: "the notice that an API key is refused",
    FactKind.THREAD: "the thread of an account",
    FactKind.EDIT: "a posted message, brought up to date",
}
"""What is told where the kind says all."""

SAID_ABOUT: Mapping[FactKind, str] = {
    FactKind.MOVEMENT: "a movement of {} that its source took back",
    FactKind.UNHEARD: "a signal about {} that reached nobody",
    FactKind.TRACK: "the event {}",
    FactKind.ACCOUNT: "the account {}",
    FactKind.THREAD: "the thread of {}",
    FactKind.CORRECTION: "the correction of a movement of {}",
    FactKind.CLAIM: "who takes care of {}",
    FactKind.RELEASE: "that somebody let {} go",
}
"""What is told where the kind says all but of whom, or of what."""

_DOT = " · "


@dataclass(frozen=True)
class Actions:
    """The names of the buttons. The value of one is a target, of the other a delivery's id."""

    try_now: str = "delivery_try_now"
    retry: str = "delivery_retry"


ACTIONS = Actions()


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A target to which nothing gets through, and who asks for what waits for it."""

    failing: Failing
    askers: tuple[Asker, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Delivering:
    """How delivery fares today."""

    counts: Counts
    oldest_waiting: timedelta | None = None
    troubles: tuple[Trouble, ...] = ()
    lost: str | None = None
    """Why nothing can be posted at all, where Slack took the workspace's grant back; None where it stands."""

    @property
    def delivered(self) -> int:
        """Say how many messages were delivered."""
        return self.counts.get((DeliveryState.DELIVERED, None), 0)

    @property
    def failed(self) -> int:
        """Say how many messages were given up."""
        return self.counts.get((DeliveryState.FAILED, None), 0)

    @property
    def has_waited(self) -> bool:
        """Say whether anything waits for longer than it takes to send it."""
        return self.oldest_waiting is not None and self.oldest_waiting >= AT_ONCE

    @property
    def is_well(self) -> bool:
        """Say whether nobody needs to do anything."""
        waits_long = self.oldest_waiting is not None and self.oldest_waiting > LONG
        return not (self.troubles or self.failed or waits_long or self.lost)

    @property
    def waiting(self) -> int:
        """Say how many messages are owed still."""
        return sum(number for (state, _), number in self.counts.items() if state in OPEN)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A delivery that was given up: what it told whom, and why that failed."""

    delivery_id: str
    told: Told
    target: str
    recipient_kind: RecipientKind
    reason: str | None
    fix: str | None
    at: datetime


def blocks(delivering: Delivering) -> list[Block]:
    """Draw how delivery fares for the Home tab: one calm line, or what happened today and what fails with its fix."""
    if delivering.is_well:
        return [section(all_well(delivering))]
    hint = [context("`/mrr deliveries` says what failed, and why.")] if delivering.failed else []
    return [
        section("\n".join(filter(None, ("*Delivery*", _today(delivering))))),
        *hint,
        *_troubles(delivering.troubles),
    ]


def all_well(delivering: Delivering) -> str:
    """Say that all is well: `214 messages delivered today`, and how long the oldest waits, where any does."""
    if not delivering.delivered and delivering.oldest_waiting is None:
        return "*All well*: nothing to tell yet today."
    messages = "1 message" if delivering.delivered == 1 else f"{delivering.delivered:,} messages"
    oldest = f", oldest waiting {duration(delivering.oldest_waiting)}" if delivering.has_waited else ""
    return f"*All well*: {messages} delivered today{oldest}."


def answer(
    delivering: Delivering, failures: Sequence[Failure], *, now: datetime, locale: str, install_url: str
) -> Answer:
    """Answer `/mrr deliveries`: today's counts, what waits, what fails with its fix, and the newest failures."""
    has_more = any(state is not DeliveryState.DELIVERED for state, _ in delivering.counts)
    calm = [all_well(delivering), *([f"Today: {_counted(delivering.counts)}"] if has_more else [])]
    first = calm if delivering.is_well else [_today(delivering)]
    lost = [section(_lost(delivering, delivering.lost, install_url))] if delivering.lost else []
    drawn = [section("\n".join(["*Deliveries*", *filter(None, first)])), *lost, *_troubles(delivering.troubles)]
    if failures:
        drawn.append(section("*Failed this week*"))
        drawn += [_failure(one, now=now, locale=locale) for one in failures[:MOST_FAILURES]]
    drawn.append(context("The whole ledger, with every attempt: `runrate deliveries list` on the server."))
    text = _plain(_counted(delivering.counts) or "Nothing was owed to anybody today.")
    return Answer(response_type="ephemeral", text=f"Deliveries today: {text}", blocks=drawn)


def _lost(delivering: Delivering, why: str, install_url: str) -> str:
    """Say that nothing can be posted at all, what that means, and what to do."""
    again = mrkdwn.link(install_url, "Install Runrate again")
    return (
        f"*Runrate can't post anything*: {mrkdwn.escape(why)}. {notice.waiting(delivering.waiting)} "
        f"{again}; everything that waits is then sent."
    )


def not_shown(manager_ids: Sequence[str]) -> Answer:
    """Tell a member who can look at the deliveries."""
    text = f"Only managers see the deliveries, since they name every channel. Ask {managers.whom_to_ask(manager_ids)}."
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])


def _plain(text: str) -> str:
    return text.replace("*", "")


def _today(delivering: Delivering) -> str:
    counted = _counted(delivering.counts)
    oldest = f"The oldest has waited for {duration(delivering.oldest_waiting)}." if delivering.has_waited else ""
    return "\n".join(part for part in (f"Today: {counted}" if counted else "", oldest) if part)


def _counted(counts: Counts) -> str:
    """Count by state, in words and without zeros: `214 delivered · 3 to be tried again · 2 not sent (2 muted …)`."""
    return _DOT.join(filter(None, (_state(counts, state) for state in STATES)))


def _state(counts: Counts, state: DeliveryState) -> str:
    number = sum(found for (one, _), found in counts.items() if one == state)
    if not number:
        return ""
    reasons = ", ".join(f"{counts[state, why]:,} {REASONS[why]}" for why in REASONS if counts.get((state, why)))
    return f"{number:,} {STATES[state]}" + (f" ({reasons})" if reasons else "")


def duration(time: timedelta | None) -> str:
    """Write a span of time in one unit."""
    seconds = max(int(time.total_seconds()), 0) if time else 0
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _troubles(troubles: Sequence[Trouble]) -> list[Block]:
    more = len(troubles) - MOST_FAILING
    rest = [context(f"and {more} more")] if more > 0 else []
    return [*(block for one in troubles[:MOST_FAILING] for block in _trouble(one)), *rest]


def _trouble(trouble: Trouble) -> list[Block]:
    """Say what stands in the way, what that means, and the one thing to do, with the buttons that do it."""
    failing = trouble.failing
    again = [try_now_button(failing.target)] if failing.waiting else []
    return [section(told(failing)), actions(*_edits(trouble), *again)]


def told(failing: Failing) -> str:
    """Say what stands in the way of a target, what that means, and the one thing to do."""
    fact = f"I can't {there(To(failing.recipient_kind, failing.target))}: {mrkdwn.escape(failing.reason)}."
    return f"{fact} {notice.waiting(failing.waiting)} {mrkdwn.escape(failing.fix, 600)}"


def _edits(trouble: Trouble) -> list[Element]:
    """Draw the buttons that open what asks for the messages; a person's are asked for by nobody who could edit that."""
    if not trouble.askers:
        return [] if trouble.failing.recipient_kind in IN_PERSON else [signals.fallback_button()]
    names = {AskerKind.DESTINATION: destinations.ACTIONS.edits, AskerKind.WORKFLOW: workflows.ACTIONS.edits}
    editable = [one for one in trouble.askers if not one.is_personal]
    return [
        button(f"Edit “{mrkdwn.shown(one.name, 50)}”", names[one.kind][number], value=one.id)
        for number, one in enumerate(editable[:MOST_IN_A_ROW])
    ]


def try_now_button(target: str) -> Element:
    """Draw the button that tries a target again at once."""
    return button("Try now", ACTIONS.try_now, value=target)


def read_value(action: Mapping[str, object]) -> str:
    """Read the target, or the delivery's id, from a press on one of the buttons."""
    return str(action.get("value") or "")


def _failure(failure: Failure, *, now: datetime, locale: str) -> Block:
    what = mrkdwn.bold(mrkdwn.escape(capitalised(words(failure.told, locale)), 300))
    at = mrkdwn.news(failure.at, told_at=now)
    reason = capitalised(mrkdwn.escape(failure.reason or "Nobody noted why", 300))
    fix = f" {mrkdwn.escape(failure.fix, 600)}" if failure.fix else ""
    retry = button("Retry", ACTIONS.retry, value=failure.delivery_id)
    id_ = mrkdwn.code(failure.delivery_id)
    return section(
        f"{what} to {word(To(failure.recipient_kind, failure.target))} · {at} · {id_}\n{reason}.{fix}", accessory=retry
    )


def capitalised(text: str) -> str:
    """Begin a sentence with words that stood within one."""
    return text[:1].upper() + text[1:]


def words(told: Told, locale: str = money.DEFAULT_LOCALE) -> str:
    """Say in a few words, as they were typed, what a delivery tells: `Northwind: expansion +$420 MRR`."""
    match told:
        case Told(about=str(about), detail=MovementKind() as kind, amount_minor=int(minor), currency=str(currency)):
            return f"{about}: {movement.KINDS[kind].word.lower()} {money.signed(minor, currency, locale)} MRR"
        case Told(kind=FactKind.RECAP | FactKind.GLANCE as kind, detail=Rhythm() as rhythm, period=Period() as period):
            return f"{'recap' if kind is FactKind.RECAP else 'MRR'}, {period_name(rhythm, period)}"
        case Told(kind=FactKind.SIGNAL, about=str(about), detail=SignalKind() as kind):
            return f"{signal.KINDS[kind]} at {about}{f': {told.person}' if told.person else ''}"
        case Told(kind=kind, about=str(about)) if kind in SAID_ABOUT:
            return SAID_ABOUT[kind].format(about)
    return SAID_BY_KIND.get(told.kind, f"a {told.kind} of which nothing is known any more")
