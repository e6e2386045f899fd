"""Kind `segment`, by webhook: what Segment's destinations "ChartMogul" and "Webhook" post.

The first posts one contact or customer a call, the second whole calls of the tracking API, one or an array of them.
"""

from datetime import datetime
from functools import partial
from typing import Any

from handlers.senders import tracking
from handlers.senders.profile import account_fact, company_fact, contact_fact
from handlers.senders.reading import Reading, Received, Unreadable, digest, identifier, judge, past
from handlers.senders.refusal import RecordRefusedError
from handlers.senders.traits import Traits
from models.fact import AccountFact, ContactFact, Fact, read_instant

MOST_IN_BATCH = 4000
"""As many as Segment's Webhook destination sends at once."""

_ENVELOPE = ("type", "message_id", "timestamp", "sent_at", "user_id", "anonymous_id", "group_id")
_PATHS = {"external_id": "group_id", "attributes": ""}


def read(body: Any, *, received_at: datetime) -> Reading:
    """Read what a destination posts; an empty object is Segment's connection test."""
    if not isinstance(body, dict | list):
        return Reading(unreadable=Unreadable(400, "not_an_object", "Segment sends a JSON object, or an array of them."))
    records = body if isinstance(body, list) else [body] if body else []
    if len(records) > MOST_IN_BATCH:
        return Reading(unreadable=Unreadable(413, "too_many_events", f"A call takes at most {MOST_IN_BATCH:,} events."))
    return Reading(
        tuple(
            judge(record, partial(_read_record, received_at=received_at, position=position), position=position)
            for position, record in enumerate(records)
        )
    )


def _read_record(record: dict[str, Any], *, received_at: datetime, position: int) -> Received:
    if record.get("type") in (*tracking.KINDS, tracking.DELETE):
        return tracking.read_event(record, shared={}, received_at=received_at, position=position, passed_on=True)
    return _read_payload(record, received_at=received_at)


def _read_payload(payload: dict[str, Any], *, received_at: datetime) -> Received:
    if payload.get("type") == "Send Contact":
        kind, facts = "send_contact", _contact(payload)
    elif payload.get("type") == "Send Customer":
        kind, facts = "send_customer", _customer(payload)
    else:
        raise RecordRefusedError(
            "type",
            "It must be 'Send Contact' or 'Send Customer', as Segment's ChartMogul destination sends them, or a call "
            f"such as 'identify', as its Webhook destination does ({', '.join((*tracking.KINDS, tracking.DELETE))}).",
        )
    message_id = identifier(payload.get("message_id"))
    return Received(
        kind=kind,
        # One Segment message can be mapped to a contact and to a customer, with the same id on both.
        dedupe_key=f"{kind}:{message_id or digest(payload)}",
        occurred_at=_occurred_at(payload, received_at),
        facts=facts,
    )


def _contact(payload: dict[str, Any]) -> tuple[Fact, ...]:
    traits = _traits(payload)
    account = company_fact(traits, group_id=None, path="company")
    contact = _person(payload, traits, account)
    return (contact,) if account is None else (account, contact)


def _customer(payload: dict[str, Any]) -> tuple[Fact, ...]:
    group_id = identifier(payload.get("group_id"))
    if group_id is None:
        raise RecordRefusedError("group_id", "It is missing; map it to the group's id in Segment.")
    account = account_fact(_traits(payload), external_id=group_id, paths=_PATHS)
    if _user_id(payload) is None:
        return (account,)
    return account, _person(payload, Traits({}), account)


def _person(payload: dict[str, Any], traits: Traits, account: AccountFact | None) -> ContactFact:
    return contact_fact(
        traits,
        user_id=_user_id(payload),
        anonymous_id=tracking.somebody(identifier(payload.get("anonymous_id"))),
        account=account,
        paths=_PATHS,
    )


def _user_id(payload: dict[str, Any]) -> str | None:
    return tracking.somebody(identifier(payload.get("user_id")))


def _traits(payload: dict[str, Any]) -> Traits:
    traits = Traits(payload)
    traits.drop(*_ENVELOPE)
    return traits


def _occurred_at(payload: dict[str, Any], received_at: datetime) -> datetime:
    """Take Segment's timestamp, which it has corrected already; nothing happens after it is received."""
    return past(read_instant(payload.get("timestamp")) or received_at, received_at)
