"""What Stripe's API lists, read as what its webhook sends: an event that both tell is one, by its id.

A subscription's entry says what it is worth now. Only where that differs from what the list said before, it is news.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.raw import refused_event
from handlers.senders import polled as polled_records
from handlers.senders import stripe, stripe_prices
from handlers.senders.reading import Received, Refused, identifier
from handlers.senders.stripe import How
from handlers.senders.stripe_prices import Coupons
from models.event import NewEvent
from models.fact import SubscriptionFact, dump_facts
from models.poll import Poll, PolledRecord, Said
from models.stripe import Rules


@dataclass(frozen=True)
class Listed:
    """A subscription as it was listed: what is said of it now, and the events that say so."""

    id: str
    said: list[dict[str, Any]]
    events: list[NewEvent]


def open_discounts(entry: Any) -> str | None:
    """Give the id of an event's subscription where the event does not tell what its discounts are."""
    return stripe.discounts_of(entry, How())


def coupons(subscription: Mapping[str, Any]) -> Coupons:
    """Give the coupons of an expanded subscription, by their discounts' ids."""
    return stripe_prices.coupons_of(subscription)


def event(entry: Any, *, polled: Poll, rules: Rules, coupons: Coupons, received_at: datetime) -> list[NewEvent]:
    """Read an event."""
    before = polled.history_before or polled.news_since
    return [
        _event(one, polled, received_at, is_history=isinstance(one, Received) and one.occurred_at < before)
        for one in stripe.read_event(entry, How(rules, coupons))
    ]


def subscriptions(entries: Sequence[Any], *, polled: Poll, rules: Rules, received_at: datetime) -> list[Listed]:
    """Read a page of subscriptions."""
    return [_listed(entry, polled, rules, received_at) for entry in entries]


def _listed(entry: Any, polled: Poll, rules: Rules, received_at: datetime) -> Listed:
    records = list(stripe.read_listed(entry, How(rules), received_at=received_at))
    received = [fact for one in records if isinstance(one, Received) for fact in one.facts]
    facts = [fact for fact in received if isinstance(fact, SubscriptionFact)]
    return Listed(
        id=identifier(entry.get("id") if isinstance(entry, dict) else None) or "",
        said=[_said(fact) for fact in facts[-1:]],
        events=[
            _event(one, polled, received_at, is_history=polled.is_first_reading and not _ends_later(one, received_at))
            for one in records
        ],
    )


def _ends_later(record: Received | Refused, now: datetime) -> bool:
    """Say whether a record tells of an end that is still to come, which will be news."""
    return isinstance(record, Received) and any(
        isinstance(fact, SubscriptionFact)
        and fact.starts_at >= record.occurred_at
        and fact.ends_at is not None
        and fact.ends_at > now
        for fact in record.facts
    )


def _said(fact: SubscriptionFact) -> dict[str, Any]:
    """Give what is said now, without since when."""
    is_over = fact.ends_at == fact.starts_at
    ends_at = fact.ends_at.isoformat() if fact.ends_at and not is_over else None
    return {
        "account": fact.account_external_id,
        "mrr_minor": 0 if is_over else fact.mrr_minor,
        "currency": fact.currency,
        "is_over": is_over,
        "ends_at": ends_at,
    }


def ids(records: Sequence[Any]) -> list[str]:
    """Give the ids of subscriptions or customers."""
    customers = (stripe.read_customer(one) for one in records if not isinstance(one, Listed))
    return [
        *(one.id for one in records if isinstance(one, Listed)),
        *(one.dedupe_key for one in customers if isinstance(one, Received)),
    ]


def changes(
    records: Sequence[Any], *, polled: Poll, known: Mapping[str, PolledRecord], received_at: datetime
) -> tuple[list[NewEvent], Said]:
    """Read what is new of subscriptions or customers, and all that is said of them now."""
    listed = [one for one in records if isinstance(one, Listed)]
    if not listed:
        read = stripe.read_customer
        return polled_records.customers(records, polled=polled, known=known, received_at=received_at, read=read)
    new = [one for one in listed if one.id not in known or known[one.id].said != one.said]
    # The first time they are the history that the page itself brings.
    events = [] if polled.is_first_reading else [told for one in new for told in one.events]
    return events, {one.id: one.said for one in new if one.id}


def _event(record: Received | Refused, polled: Poll, received_at: datetime, *, is_history: bool) -> NewEvent:
    if isinstance(record, Refused):
        ids = {"workspace_id": polled.workspace_id, "source_id": polled.source_id}
        return refused_event(record, **ids, received_at=received_at)
    return NewEvent(
        workspace_id=polled.workspace_id,
        source_id=polled.source_id,
        kind=record.kind,
        dedupe_key=record.dedupe_key,
        occurred_at=record.occurred_at,
        received_at=received_at,
        facts=dump_facts(record.facts),
        is_history=is_history,
    )
