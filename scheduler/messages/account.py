"""An account's card: what it is and pays first, then what happened to it, what it is like, and who is there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from models import attribute
from models.account_card import AccountCard
from models.currency import digits
from models.fact import AccountStatus, MovementKind
from models.movement import Movement
from scheduler.messages import money, mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import CHART, Message, message
from scheduler.messages.movement import KINDS, role_word

MOST_ATTRIBUTES = 10
"""As many fields as a section can hold."""
MOST_ROLES = 5
MOST_ALIASES = 5
MOST_PARTS = 6
MOST_URLS = 2
LONGEST_NAME = 160

STATUSES = {AccountStatus.LEAD: "Lead", AccountStatus.CUSTOMER: "Customer", AccountStatus.CHURNED: "Former customer"}
SYSTEMS = {
    "chartmogul.com": "ChartMogul",
    "salesforce.com": "Salesforce",
    "force.com": "Salesforce",
    "hubspot.com": "HubSpot",
    "stripe.com": "Stripe",
    "segment.com": "Segment",
}
"""Whose pages are behind a link, by the end of its host."""
BARS = "▁▂▃▄▅▆▇█"

_DOT = " · "


@dataclass(frozen=True, kw_only=True)
class AccountMessage:
    """A card that somebody showed to others. `note` says who did."""

    card: AccountCard
    note: str
    told_at: datetime
    may_be_repeat: bool = False


def draw(shared: AccountMessage) -> Message:
    """Draw the message with a native chart; plainer, with the months as a line of small bars."""
    repeat = " · may be a repeat: Slack didn't confirm the first one" if shared.may_be_repeat else ""
    reason = f"{mrkdwn.time(shared.told_at)}{_DOT}{mrkdwn.escape(shared.note, 200)}{repeat}"
    context = {"type": "context", "elements": [mrkdwn.marked(reason)]}
    (rich, *below_rich), (plain, *below_plain) = blocks(shared.card, charts=True), blocks(shared.card)
    text, marks = summary(shared.card), {"accessory": menu()}
    plainer = message(text, plain | marks, *below_plain, context)
    return {**message(text, rich | marks, *below_rich, context), "plainer": plainer}


def summary(card: AccountCard) -> str:
    """Say the fact for a phone's lock screen: `Northwind Traders: $1,620 MRR, customer`."""
    name = mrkdwn.escape(card.name, LONGEST_NAME)
    return f"{name}: {', '.join(part for part in (_mrr(card), STATUSES[card.status].lower()) if part)}"


def blocks(card: AccountCard, *, charts: bool = False) -> list[dict[str, Any]]:
    """Draw the card, with a native chart or, where there are none, with the months as a line of small bars."""
    chart = _chart(card) if charts and card.months else None
    drawn = [_section(_head(card, with_months=chart is None)), *([chart] if chart else [])]
    drawn.append(_section(_movements(card)))
    if card.attributes:
        drawn += _attributes(card)
    people = _people(card)
    if people:
        drawn.append(_section(people))
    below = [text for text in (_origin(card), _links(card)) if text]
    drawn.append({"type": "context", "elements": [mrkdwn.marked(text) for text in below]})
    return drawn


def movement_line(moved: Movement, locale: str) -> str:
    """Say a movement in one line: its shape, its day, its kind, the change, and what was before and is after."""
    kind = KINDS[MovementKind(moved.kind)]
    change = mrkdwn.bold(money.signed(moved.amount_minor, moved.currency, locale))
    after = moved.mrr_after_minor
    path = f"→ {money.amount(after, moved.currency, locale)}" if after is not None else ""
    plan = mrkdwn.escape(moved.plan, 80) if moved.plan else ""
    said = _DOT.join(part for part in (f"{kind.word} {change} {path}".rstrip(), plan) if part)
    return f"{kind.shape} {mrkdwn.day(moved.occurred_at)}  {said}"


def mrr(mrr_minor: int | None, currency: str | None, locale: str) -> str:
    """Say the MRR of an account; nothing where there is none to speak of."""
    return "" if mrr_minor is None or currency is None else f"{money.amount(mrr_minor, currency, locale)} MRR"


def _mrr(card: AccountCard) -> str:
    return mrr(card.mrr_minor, card.currency, card.locale)


def _head(card: AccountCard, *, with_months: bool) -> str:
    name = mrkdwn.bold(mrkdwn.link(next(iter(card.urls), None), mrkdwn.escape(card.name, LONGEST_NAME)))
    lines = [f"{name} — {_standing(card)}", _DOT.join(_worth(card))]
    if with_months and card.months:
        lines.append(_months(card))
    return "\n".join(line for line in lines if line)


def _standing(card: AccountCard) -> str:
    word = STATUSES[card.status]
    if card.customer_since is None or card.status is AccountStatus.LEAD:
        return word
    join = " since" if card.status is AccountStatus.CUSTOMER else ", first won"
    return f"{word}{join} {mrkdwn.day(card.customer_since)}"


def _worth(card: AccountCard) -> Iterable[str]:
    parts = mrkdwn.listed((money.amount(*one, card.locale) for one in card.parts), most=MOST_PARTS)
    if card.mrr_minor is not None and card.currency is not None:
        base = f" (about {money.amount(*card.in_base, card.locale)})" if card.in_base else ""
        yield f"{mrkdwn.bold(_mrr(card))}{base}{f' from {parts}' if parts else ''}"
    elif parts:
        yield mrkdwn.bold(f"{parts} MRR")
    elif card.status is AccountStatus.LEAD:
        yield "No MRR yet"
    else:
        yield "MRR unknown: import the history, and this says it"
    if card.plan:
        yield f"plan {mrkdwn.escape(card.plan, 80)}"
    if card.sales_stage:
        yield f"stage {mrkdwn.escape(card.sales_stage, 80)}"


def _months(card: AccountCard) -> str:
    """Draw the MRR at the ends of the months as bars of letters, and say where it began and ended."""
    amounts = [amount for _, amount in card.months]
    low, high = min(0, *amounts), max(0, *amounts)
    steps = [round((amount - low) * (len(BARS) - 1) / (high - low or 1)) for amount in amounts]
    first, last = (money.amount(amount, card.currency or "", card.locale) for amount in (amounts[0], amounts[-1]))
    return f"`{''.join(BARS[step] for step in steps)}` {first} → {last} in {len(amounts)} months"


def _chart(card: AccountCard) -> dict[str, Any]:
    """Draw the MRR at the ends of the months as a line, in whole units of the currency."""
    unit = 10 ** digits(card.currency or "")
    points = [{"label": f"{month:%b %Y}", "value": amount / unit} for month, amount in card.months]
    drawn = {
        "type": "line",
        "series": [{"name": mrkdwn.shown(card.currency or "", 20), "data": points}],
        "axis_config": {"categories": [point["label"] for point in points]},
    }
    return {"type": CHART, "title": mrkdwn.shown(f"MRR, {card.name}", 50), "chart": drawn}


def _movements(card: AccountCard) -> str:
    if not card.movements:
        return f"{mrkdwn.bold('Movements')}\nNone is known."
    lines = [movement_line(one, card.locale) for one in card.movements]
    return "\n".join([mrkdwn.bold("Movements"), *lines, *_more(card.movement_count - len(lines))])


def _attributes(card: AccountCard) -> list[dict[str, Any]]:
    known = [(key, value) for key, value in card.attributes if value is not None and value != ""]
    fields = [
        mrkdwn.marked(
            f"{mrkdwn.bold(mrkdwn.escape(attribute.label(key), 100))}  {mrkdwn.escape(attribute.written(value), 200)}"
        )
        for key, value in known[:MOST_ATTRIBUTES]
    ]
    more = [
        {"type": "context", "elements": [mrkdwn.marked(f"{one} attributes")]} for one in _more(len(known) - len(fields))
    ]
    return [{"type": "section", "fields": fields}, *more] if fields else []


def _people(card: AccountCard) -> str:
    roles = [
        f"{mrkdwn.escape(role_word(what), 60)} {mrkdwn.escape(who, LONGEST_NAME)}"
        for what, who in card.roles[:MOST_ROLES]
    ]
    contacts = [
        mrkdwn.escape(name, LONGEST_NAME, empty="somebody without a name")
        + (f", {mrkdwn.escape(title, 80)}" if title else "")
        for name, title in card.contacts
    ]
    lists = (
        ("With us", [*roles, *_more(len(card.roles) - len(roles))]),
        ("With them", [*contacts, *_more(card.contact_count - len(contacts))]),
    )
    return "\n".join(f"{mrkdwn.bold(title)}  {_DOT.join(words)}" for title, words in lists if words)


def _origin(card: AccountCard) -> str:
    """Say who told of it, and by which ids and addresses it is known."""
    told = [
        mrkdwn.escape(name, 80) + (f" (last {mrkdwn.moment(at)})" if at else "")
        for name, at in card.sources[:MOST_ROLES]
    ]
    parts = [f"Told by {mrkdwn.listed([*told, *_more(len(card.sources) - len(told))], most=9)}"] if told else []
    parts.append(f"id {mrkdwn.code(card.external_id)}")
    if card.aliases:
        also = [mrkdwn.code(one, 60) for one in card.aliases]
        parts.append(f"also {mrkdwn.listed(also, most=MOST_ALIASES)}")
    if card.domain:
        parts.append(mrkdwn.escape(card.domain, 100))
    return _DOT.join(parts)


def _links(card: AccountCard) -> str:
    return _DOT.join(mrkdwn.link(url, f"Open in {_system(url)}") for url in card.urls[:MOST_URLS])


def _system(url: str) -> str:
    """Name the system that a link leads to."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        host = ""
    known = (name for end, name in SYSTEMS.items() if host == end or host.endswith(f".{end}"))
    return next(known, None) or mrkdwn.escape(host, 60, empty="its system")


def _more(number: int) -> Sequence[str]:
    return [f"{number:,} more"] if number > 0 else []


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn.marked(text)}
