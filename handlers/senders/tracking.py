"""Segment's calls: identify, group, track, page, screen and alias, alone or in a batch.

Whatever speaks to `api.segment.io/v1` can speak to us: its libraries, RudderStack's and Customer.io's. Segment's
Webhook destination passes the same calls on to a source's webhook.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from handlers.senders.profile import account_fact, company_fact, contact_fact
from handlers.senders.reading import Reading, Received, Unreadable, digest, identifier, judge, past
from handlers.senders.refusal import RecordRefusedError, make
from handlers.senders.traits import Traits
from models.base import iso_text
from models.fact import AccountFact, AliasFact, ContactFact, ErasureFact, Fact, TrackFact, read_instant

KINDS = ("identify", "group", "track", "page", "screen", "alias")
CALLS = (*KINDS, "batch")
DELETE = "delete"
"""What Segment's Webhook destination tells of a person who asked to be deleted."""
MOST_EVENTS = 2500
MOST_EVENT_BYTES = 32 * 1024

_NEEDED = {"track": ("event", "event"), "group": ("groupId", "group_id"), "alias": ("previousId", "previous_id")}
"""What a call of each type can't be without, besides an id of the user."""
_NOBODY = {"", "-1", "anonymous", "guest", "n/a", "na", "nan", "nil", "none", "null", "undefined", "unknown"}
"""What broken senders write for an id that they don't have: to take it for one would make one person of many."""
_TOLD = ("event", "userId", "anonymousId", "messageId", "properties")
_NOT_HASHED = {"sentAt", "sent_at", "writeKey"}
_PATHS = {"user_id": "userId", "anonymous_id": "anonymousId", "external_id": "groupId", "attributes": "traits"}


def read(call: str, body: Any, *, received_at: datetime) -> Reading:
    """Read what was posted to `/v1/{call}`."""
    if not isinstance(body, dict):
        return Reading(unreadable=Unreadable(400, "not_an_object", "The body must be a JSON object."))
    events = body.get("batch") if call == "batch" else [{**body, "type": call}]
    if not isinstance(events, list):
        return Reading(unreadable=Unreadable(400, "no_batch", "The body must have an array named “batch”."))
    if len(events) > MOST_EVENTS:
        return Reading(unreadable=_too_many(len(events)))
    shared = body if call == "batch" else {}
    return Reading(
        tuple(
            judge(
                event,
                partial(read_event, shared=shared, received_at=received_at, position=position),
                position=position,
                most_bytes=MOST_EVENT_BYTES,
            )
            for position, event in enumerate(events)
        )
    )


def _too_many(number: int) -> Unreadable:
    return Unreadable(
        413,
        "too_many_events",
        f"A batch takes at most {MOST_EVENTS:,} events, and this one has {number:,}. "
        "Nothing was stored; send them in several batches.",
    )


def read_event(
    event: dict[str, Any],
    *,
    shared: Mapping[str, Any],
    received_at: datetime,
    position: int,
    passed_on: bool = False,
) -> Received:
    """Read one call. Where Segment passed it on, it has corrected its time already, and may ask for a deletion."""
    kind = _kind(event, (*KINDS, DELETE) if passed_on else KINDS)
    _check_ids(event, kind)
    context = _context(event, shared)
    corrected = _first_instant(event, "timestamp") if passed_on else None
    occurred_at = past(corrected, received_at) if corrected else _occurred_at(event, shared, received_at)
    facts = _facts(kind, event, context)
    return Received(
        kind=kind,
        dedupe_key=f"{kind}:{_message_id(event, received_at, position)}",
        occurred_at=occurred_at,
        facts=(*facts, _track(event, context, occurred_at)) if kind == "track" else facts,
    )


def _kind(event: Mapping[str, Any], kinds: Sequence[str]) -> str:
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise RecordRefusedError("type", f"It must be one of {', '.join(kinds)}.")
    return kind


def _check_ids(event: Mapping[str, Any], kind: str) -> None:
    if not (_user_id(event) or _anonymous_id(event)):
        raise RecordRefusedError(
            "userId", "no_user_anon_id: the call has neither userId nor anonymousId; send one of them."
        )
    if kind == "alias" and _user_id(event) is None:
        raise RecordRefusedError("userId", "It is missing; a call of type alias needs it.")
    if kind in _NEEDED and _id(event, *_NEEDED[kind]) is None:
        raise RecordRefusedError(_NEEDED[kind][0], f"It is missing; a call of type {kind} needs it.")


def _context(event: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the batch's context under the event's own."""
    above, below = shared.get("context"), event.get("context")
    own = below if isinstance(below, dict) else {}
    return above | own if isinstance(above, dict) else own


def _facts(kind: str, event: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Fact, ...]:
    match kind:
        case "identify":
            return _identify(event, context)
        case "group":
            return _group(event, context)
        case "alias":
            return _alias(event)
        case "delete":
            return (make(ErasureFact, _ids(event), paths=_PATHS),)
        case _:
            return _mentioned(event, context)


def _alias(event: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Lead an id to the one that takes its place. One that names nobody leads nowhere."""
    previous_id = somebody(_id(event, "previousId", "previous_id"))
    values = {"previous_id": previous_id, "user_id": _user_id(event)}
    paths = {"previous_id": "previousId", "user_id": "userId"}
    return (make(AliasFact, values, paths=paths),) if previous_id else ()


def _mentioned(event: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Take what a call says of its person besides what happened: traits, a group, or who an anonymous visitor is."""
    traits = _audience_trait(event, _audience(event, context))
    if context.get("traits") or _group_id(context) or traits or all(_ids(event).values()):
        return _identify({**event, "traits": traits}, context)
    return ()


def _audience(event: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """Give the audience of Segment's that a call tells of."""
    personas, properties = context.get("personas"), event.get("properties")
    if isinstance(personas, dict) and personas.get("computation_class") == "audience":
        return _id(personas, "computation_key")
    return _id(properties, "audience_key") if isinstance(properties, dict) else None


def _audience_trait(event: Mapping[str, Any], audience: str | None) -> dict[str, Any]:
    """Give an audience's true or false, which a track call has among its properties."""
    properties = event.get("properties")
    value = properties.get(audience) if isinstance(properties, dict) and audience else None
    return {audience: value} if audience and isinstance(value, bool) else {}


def _track(event: Mapping[str, Any], context: Mapping[str, Any], occurred_at: datetime) -> TrackFact:
    """Keep of a track call what a message may be made of."""
    payload = {name: event[name] for name in _TOLD if event.get(name) is not None}
    payload |= {"type": "track", "timestamp": iso_text(occurred_at), "context": context}
    audience = _audience(event, context)
    values = {"event": _id(event, "event"), "payload": payload, "audience": audience, "occurred_at": occurred_at}
    return make(TrackFact, values, paths=_PATHS)


def _identify(event: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Fact, ...]:
    traits = _traits(context.get("traits"), event.get("traits"))
    account = company_fact(traits, group_id=_group_id(context), path="traits.company")
    contact = _person(event, traits, account)
    return (contact,) if account is None else (account, contact)


def _group(event: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Describe the group by the call's traits, and by the context's whoever joined it."""
    group_id = _id(event, "groupId", "group_id") or ""
    account = account_fact(_traits(event.get("traits")), external_id=group_id, paths=_PATHS)
    if _user_id(event) is None:
        return (account,)
    return account, _person(event, _traits(context.get("traits")), account)


def _person(event: Mapping[str, Any], traits: Traits, account: AccountFact | None) -> ContactFact:
    return contact_fact(traits, **_ids(event), account=account, paths=_PATHS)


def _ids(event: Mapping[str, Any]) -> dict[str, str | None]:
    return {"user_id": _user_id(event), "anonymous_id": _anonymous_id(event)}


def _user_id(event: Mapping[str, Any]) -> str | None:
    return somebody(_id(event, "userId", "user_id"))


def _anonymous_id(event: Mapping[str, Any]) -> str | None:
    return somebody(_id(event, "anonymousId", "anonymous_id"))


def somebody(found: str | None) -> str | None:
    """Leave out what names nobody, such as “undefined”, or a UUID of zeros."""
    is_nobody = found is None or found.lower() in _NOBODY or not found.strip("0-")
    return None if is_nobody else found


def _traits(*layers: Any) -> Traits:
    """Lay traits over each other, the last on top. Their `id` only repeats the call's own."""
    traits = Traits({name: value for layer in layers if isinstance(layer, dict) for name, value in layer.items()})
    traits.drop("id")
    return traits


def _group_id(context: Mapping[str, Any]) -> str | None:
    return _id(context, "groupId", "group_id")


def _message_id(event: Mapping[str, Any], received_at: datetime, position: int) -> str:
    message_id = _id(event, "messageId", "message_id")
    if message_id is not None:
        return message_id
    content = digest({name: value for name, value in event.items() if name not in _NOT_HASHED})
    # Without an id or a time of its own, the same words said anew may well be news.
    return content if _instant(event) else f"{received_at.isoformat()}:{position}:{content}"


def _instant(event: Mapping[str, Any]) -> datetime | None:
    return _first_instant(event, "originalTimestamp", "original_timestamp", "timestamp")


def _occurred_at(event: Mapping[str, Any], shared: Mapping[str, Any], received_at: datetime) -> datetime:
    """Correct the sender's clock as Segment does: by the distance between its sending and our receiving."""
    said = _instant(event)
    if said is None:
        return received_at
    sent_at = _first_instant(event, "sentAt", "sent_at") or _first_instant(shared, "sentAt", "sent_at")
    try:
        return past(said if sent_at is None else received_at - (sent_at - said), received_at)
    except OverflowError:
        return received_at


def _first_instant(values: Mapping[str, Any], *names: str) -> datetime | None:
    for name in names:
        value = values.get(name)
        if value is not None and (found := read_instant(value)) is not None:
            return found
    return None


def _id(values: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = values.get(name)
        if value is not None and (found := identifier(value)) is not None:
            return found
    return None
