"""Kind `stripe`: Stripe's events, one a call, signed; and what its API lists, subscriptions and customers.

Each event says what a subscription is worth from its instant on, so that events may come in any order and any number of
times. One that changed something also says what was before, back to the subscription's start, which counts until an
older one says otherwise: so the end of a subscription that nobody told us of is a churn of what it was.

Of two events in the same second that counts which comes later in a subscription's life: a deletion most, its creation
least, and one that changed nothing of what we count less than one that did.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from handlers.senders.reading import Reading, Received, Refused, Unreadable, identifier, judge
from handlers.senders.refusal import RecordRefusedError, make
from handlers.senders.stripe_prices import Coupons, Json, currency_of, left_out, monthly, unknown_discounts
from handlers.senders.traits import Traits
from models.fact import EARLIEST, LATEST, AccountFact, Fact, SubscriptionFact, read_instant
from models.stripe import Cancellation, Rules

SUBSCRIPTION_EVENTS = tuple(
    f"customer.subscription.{what}"
    for what in ("created", "updated", "deleted", "paused", "resumed", "pending_update_applied")
)
CUSTOMER_EVENTS = ("customer.created", "customer.updated")
EVENTS = (*SUBSCRIPTION_EVENTS, *CUSTOMER_EVENTS)
"""What is read. Any other event says nothing that these do not, and is answered like them."""

DASHBOARD = "https://dashboard.stripe.com"

_CREATED, _UPDATED, _DELETED = SUBSCRIPTION_EVENTS[:3]
_COUNTED = ("active", "past_due")
_NEVER_BEGUN = ("incomplete", "incomplete_expired")
_RANKS = {"trialing": 3, "active": 4, "past_due": 5, "unpaid": 6, "paused": 7, "canceled": 8}
_DELETION_RANK = 9
_RANK = timedelta(milliseconds=50)
"""A rank moves when a thing is said within its second, and no further."""
_MATTERS = {
    "cancel_at",
    "cancel_at_period_end",
    "canceled_at",
    "discount",
    "discounts",
    "items",
    "pause_collection",
    "plan",
    "quantity",
    "status",
    "trial_end",
}
"""The fields of a subscription that its MRR depends on."""
_NEAR = 1000
"""Divides how long after a start a thing was said that speaks of all the time since: what is said sooner counts."""
_SKEW = timedelta(seconds=2)
"""By how much our clock may be ahead of Stripe's: what a list says, counts from so long ago."""
_ACCOUNT_PATHS = {"external_id": "id", "attributes": "metadata"}
_PATHS = {
    "external_id": "id",
    "account_external_id": "customer",
    "mrr_minor": "items",
    "starts_at": "start_date",
    "ends_at": "ended_at",
}


_DEFAULT = Rules()


@dataclass(frozen=True)
class How:
    """How a source's events are read: its rules, and coupons that are known besides."""

    rules: Rules = _DEFAULT
    coupons: Coupons = field(default_factory=dict)
    is_asked: bool = False
    """Whether Stripe's API is asked about what an event leaves open, which a poll then brings."""


PLAIN = How()


def read(body: Any, *, received_at: datetime, how: How = PLAIN) -> Reading:  # noqa: ARG001 - as all are called
    """Read one event; one that is of no use to us comes to nothing."""
    if not isinstance(body, dict):
        return Reading(unreadable=Unreadable(400, "not_an_object", "Stripe's webhook sends one JSON object a call."))
    if how.is_asked and discounts_of(body, how):
        return Reading()
    return Reading(tuple(read_event(body, how)))


def read_event(event: Any, how: How) -> Iterator[Received | Refused]:
    """Read one event, and what of its subscription is not counted; nothing where it is of no use."""
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str) or kind in EVENTS or _is_thin(event):
        record = judge(event, lambda checked: _read_event(checked, how), position=0)
        yield record
        if isinstance(record, Received) and kind in SUBSCRIPTION_EVENTS:
            yield from _left_out(event["data"]["object"], how)


def discounts_of(event: Any, how: How) -> str | None:
    """Give the id of an event's subscription where the event does not tell what its discounts are."""
    try:
        if not isinstance(event, dict) or event.get("type") not in SUBSCRIPTION_EVENTS:
            return None
        subscription = _object(event)
        return identifier(subscription.get("id")) if unknown_discounts(subscription, coupons=how.coupons) else None
    except RecordRefusedError:
        return None


def read_listed(entry: Any, how: How, *, received_at: datetime) -> Iterator[Received | Refused]:
    """Read one entry of `/v1/subscriptions`: what it was worth since its start as far as we know, and what it is now.

    These are two records, since the first is history.
    """
    at = received_at.replace(microsecond=0) - _SKEW
    read = {"since": _since_listed, "now": _now_listed}
    records = [
        judge(entry, partial(_read_listed, said=name, of=of, how=how, at=at), position=0) for name, of in read.items()
    ]
    refused = next((one for one in records if isinstance(one, Refused)), None)
    if refused is not None:
        yield refused
        return
    yield from (one for one in records if isinstance(one, Received) and one.facts)
    yield from _left_out(entry, how)


def read_customer(entry: Any) -> Received | Refused:
    """Read one entry of `/v1/customers`. Its key is the customer's, whatever it says."""
    return judge(entry, _read_customer, position=0)


# --- events ----------------------------------------------------------------------------------------------------------


def _is_thin(event: Json) -> bool:
    return str(event.get("object", "")).startswith("v2.")


def _read_event(event: dict[str, Any], how: How) -> Received:
    kind, own_id = event.get("type"), identifier(event.get("id"))
    if _is_thin(event):
        raise RecordRefusedError("object", "It is a thin event; choose snapshot as the payload style in Stripe.")
    if not isinstance(kind, str):
        raise RecordRefusedError("type", "It must be the name of an event, such as customer.subscription.updated.")
    if own_id is None:
        raise RecordRefusedError("id", "It is missing; an event of Stripe's has one, such as evt_1N.")
    at, about = _instant(event, "created"), _object(event)
    facts: tuple[Fact, ...] = (_account(about),) if kind in CUSTOMER_EVENTS else tuple(_facts(event, about, at, how))
    return Received(kind=kind, dedupe_key=own_id, occurred_at=at, facts=facts)


def _object(event: Json) -> Json:
    data = event.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    if not isinstance(about, dict):
        raise RecordRefusedError("data.object", "It must be an object.")
    return about


def _facts(event: Json, subscription: Json, at: datetime, how: How) -> Iterator[SubscriptionFact]:
    """Say what a subscription is worth from an event on, and what it was worth before."""
    kind, start = event["type"], _start(subscription)
    said = at + _rank(event, subscription) * _RANK
    before = _before(event, subscription, at)
    if before is not None:
        yield from _known_before(before, how, said)
    trial_end = _maybe(subscription, "trial_end")
    if before is not None and before.get("status") == "trialing" and trial_end and start < trial_end < at:
        # It was a trial until now, whatever a list has us believe.
        yield _fact(subscription, 0, trial_end, None, said)
    if kind == _DELETED or subscription.get("status") == "canceled":
        yield _over(subscription, _ended_at(subscription, how.rules) or at, said)
    else:
        yield _standing(subscription, min(start, at) if kind == _CREATED else at, how, said)


def _known_before(before: Json, how: How, said: datetime) -> list[SubscriptionFact]:
    """Say what a subscription was worth before; nothing where that can't be read, since what it is now still counts."""
    try:
        return list(_since_start(before, how, said=said))
    except RecordRefusedError:
        return []


def _rank(event: Json, subscription: Json) -> int:
    """Rank events of the same second by their place in a subscription's life."""
    if event["type"] == _CREATED:
        return 0
    if event["type"] == _DELETED:
        return _DELETION_RANK
    changed = _previous(event)
    if event["type"] == _UPDATED and not _MATTERS & changed.keys():
        return 1
    return _RANKS.get(str(subscription.get("status")), 2)


def _previous(event: Json) -> Json:
    data = event.get("data")
    previous = data.get("previous_attributes") if isinstance(data, dict) else None
    return previous if isinstance(previous, dict) else {}


def _before(event: Json, subscription: Json, at: datetime) -> Json | None:
    """Give the subscription as it was before an event, where the event tells."""
    if event["type"] == _DELETED:
        trial_end = _maybe(subscription, "trial_end")
        return _uncancelled(subscription, "trialing" if trial_end and trial_end >= at else "active")
    return _merged(subscription, _previous(event)) if event["type"] == _UPDATED else None


def _uncancelled(subscription: Json, status: str) -> Json:
    return {
        **subscription,
        "status": status,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "pause_collection": None,
    }


def _merged(now: Json, before: Json) -> dict[str, Any]:
    """Undo a change: of objects Stripe tells what differed within them, of lists the whole."""
    return {
        **now,
        **{
            name: _merged(now[name], value) if isinstance(value, dict) and isinstance(now.get(name), dict) else value
            for name, value in before.items()
        },
    }


# --- what a list says ------------------------------------------------------------------------------------------------


def _read_listed(
    subscription: dict[str, Any],
    *,
    said: str,
    of: Callable[[Json, How, datetime], Iterator[SubscriptionFact]],
    how: How,
    at: datetime,
) -> Received:
    status, counted = subscription.get("status"), _start(subscription) <= at
    return Received(
        kind="subscription",
        dedupe_key=f"subscription:{identifier(subscription.get('id'))}:{said}:{at.isoformat()}",
        occurred_at=at,
        facts=tuple(of(subscription, how, at)) if counted and status not in _NEVER_BEGUN else (),
    )


def _since_listed(subscription: Json, how: How, at: datetime) -> Iterator[SubscriptionFact]:
    status, until = subscription.get("status"), None
    is_trial = status == "trialing"
    if status == "canceled":
        until, trial_end = _ended_at(subscription, how.rules) or at, _maybe(subscription, "trial_end")
        is_trial = trial_end is not None and trial_end >= until
    elif status not in (*_COUNTED, "trialing") or subscription.get("pause_collection"):
        # It stopped at some time; it was last paid for before this period, or the bill would not be unpaid.
        until = min(at, _period(subscription, "start") or at)
    was = subscription if until is None else _uncancelled(subscription, "trialing" if is_trial else "active")
    yield from _since_start(was, how, said=at, until=until)


def _now_listed(subscription: Json, how: How, at: datetime) -> Iterator[SubscriptionFact]:
    if subscription.get("status") == "canceled":
        yield _over(subscription, _ended_at(subscription, how.rules) or at, at)
    else:
        yield _standing(subscription, at, how, at)


# --- facts -----------------------------------------------------------------------------------------------------------


def _since_start(
    subscription: Json, how: How, *, said: datetime, until: datetime | None = None
) -> Iterator[SubscriptionFact]:
    """Say what a subscription was worth since its start, or its trial's end, as far as was known when it was said.

    What is said sooner after the start counts, and what an event says of that instant itself counts more.
    """
    start, trial_end = _start(subscription), _maybe(subscription, "trial_end")
    begins = start
    if trial_end is not None and start < trial_end < said and subscription.get("status") != "trialing":
        yield _fact(subscription, 0, start, until and max(until, start), _nearly(start, said))
        begins = trial_end
    mrr, end = _worth(subscription, how, begins)
    ends = [max(one, begins) for one in (end, until) if one is not None]
    yield _fact(subscription, mrr, begins, min(ends, default=None), _nearly(begins, said))


def _nearly(start: datetime, said: datetime) -> datetime:
    return max(EARLIEST, start - abs(said - start) / _NEAR)


def _standing(subscription: Json, starts_at: datetime, how: How, said: datetime) -> SubscriptionFact:
    mrr, end = _worth(subscription, how, starts_at)
    return _fact(subscription, mrr, starts_at, end and max(end, starts_at), said)


def _over(subscription: Json, at: datetime, said: datetime) -> SubscriptionFact:
    ended_at = max(at, _start(subscription))
    return _fact(subscription, 0, ended_at, ended_at, said)


def _fact(
    subscription: Json, mrr_minor: int, starts_at: datetime, ends_at: datetime | None, said: datetime
) -> SubscriptionFact:
    customer = subscription.get("customer")
    values = {
        "external_id": identifier(subscription.get("id")) or "",
        "account_external_id": identifier(customer.get("id") if isinstance(customer, dict) else customer) or "",
        "mrr_minor": mrr_minor,
        "currency": currency_of(subscription),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "as_of": said,
    }
    return make(SubscriptionFact, values, paths=_PATHS)


def _worth(subscription: Json, how: How, at: datetime) -> tuple[int, datetime | None]:
    """Give what a subscription is worth a month, and when that ends; at once where it does not count."""
    status = subscription.get("status")
    if status == "trialing":
        return 0, _end(subscription, how.rules)
    if status not in _COUNTED or subscription.get("pause_collection"):
        return 0, at
    mrr = monthly(subscription, subtracted=how.rules.subtracted, coupons=how.coupons, at=at)
    return mrr, _end(subscription, how.rules)


def _end(subscription: Json, rules: Rules) -> datetime | None:
    """Say when a subscription that is to be cancelled is over."""
    cancel_at = _maybe(subscription, "cancel_at")
    is_at_period_end = subscription.get("cancel_at_period_end") is True
    if not (cancel_at or is_at_period_end):
        return None
    return _asked_at(subscription, rules) or cancel_at or _period(subscription, "end")


def _ended_at(subscription: Json, rules: Rules) -> datetime | None:
    return _asked_at(subscription, rules) or _maybe(subscription, "ended_at")


def _asked_at(subscription: Json, rules: Rules) -> datetime | None:
    """Say when somebody cancelled, where that is what counts. One that was made with its end is not cancelled by it."""
    asked_at = _maybe(subscription, "canceled_at")
    is_asked = asked_at is not None and asked_at > _start(subscription)
    return asked_at if rules.cancellation is Cancellation.AT_ONCE and is_asked else None


def _start(subscription: Json) -> datetime:
    """Give the start, which old API versions call `start` or know as the creation alone."""
    names = ("start_date", "start", "created")
    return _instant(subscription, next((name for name in names if subscription.get(name) is not None), "start_date"))


def _period(subscription: Json, edge: str) -> datetime | None:
    """Give when the current period begins or ends: on the subscription, or on its items the last."""
    name, listed = f"current_period_{edge}", subscription.get("items")
    items = listed.get("data") if isinstance(listed, dict) else None
    places = [subscription, *(item for item in (items if isinstance(items, list) else []) if isinstance(item, dict))]
    return max((found for place in places if (found := _maybe(place, name))), default=None)


def _maybe(values: Json, name: str) -> datetime | None:
    return None if values.get(name) is None else _instant(values, name)


def _instant(values: Json, name: str) -> datetime:
    value = values.get(name)
    instant = read_instant(value) if isinstance(value, int) else None
    if instant is None or not EARLIEST <= instant < LATEST:
        raise RecordRefusedError(name, "It must be a time in seconds since 1970.")
    return instant.astimezone(UTC)


def _left_out(subscription: Json, how: How) -> Iterator[Refused]:
    """Say what of a subscription is not counted, each time in the same words, so that it is noted once."""
    try:
        found = list(left_out(subscription, coupons=how.coupons))
    except RecordRefusedError:  # It does not count, so that nobody read its items.
        return
    for one in found:
        yield Refused(
            kind="left_out",
            dedupe_key=f"left_out:{one.id}",
            record=0,
            id=one.id,
            field=one.field,
            reason=one.reason,
            raw={"subscription": identifier(subscription.get("id")), "id": one.id},
        )


# --- customers -------------------------------------------------------------------------------------------------------


def _read_customer(customer: dict[str, Any]) -> Received:
    account = _account(customer)
    return Received(
        kind="customer",
        dedupe_key=account.external_id,
        occurred_at=_instant(customer, "created"),
        facts=(account,),
    )


def _account(customer: Json) -> AccountFact:
    own_id, traits = identifier(customer.get("id")), Traits(customer)
    if own_id is None:
        raise RecordRefusedError("id", "It is missing; a customer of Stripe's has one, such as cus_9s6.")
    mode = "" if customer.get("livemode") is True else "/test"
    email = traits.email("email")
    values = {
        "external_id": own_id,
        "name": traits.text("name") or email,
        "email": email,
        "url": f"{DASHBOARD}{mode}/customers/{own_id}" if own_id.startswith("cus_") else None,
        "created_at": traits.instant("created"),
        "attributes": Traits(customer.get("metadata")).attributes(),
    }
    return make(AccountFact, values, paths=_ACCOUNT_PATHS)
