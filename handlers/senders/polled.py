"""What a poller lists, read as what the same source sends: each entry becomes an event, or is refused with its reason.

A movement that both the webhook and the API tell is one event, whichever comes first: an activity has the webhook's
key. Of several activities that say the same at one instant the first has that key, and each other a number besides.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from handlers.raw import refused_event
from handlers.senders.chartmogul import named, read_activity, read_customer
from handlers.senders.reading import Received, Refused, digest, identifier
from models.event import NewEvent
from models.fact import MovementFact, dump_facts
from models.poll import Activities, Poll, PolledRecord, Said, recalled

AHEAD = timedelta(minutes=5)
"""By how much ChartMogul's clock may differ from ours. What lies further ahead has not happened yet."""


def activities(entries: Sequence[Any], *, polled: Poll, received_at: datetime) -> Activities:
    """Read a page of activities, in the order in which they happened."""
    told = {key: list(uuids) for key, (_, *uuids) in polled.at_page_end.items()}
    instants = {key: datetime.fromisoformat(at) for key, (at, *_) in polled.at_page_end.items()}
    events: list[tuple[NewEvent, str | None]] = []
    for entry in entries:
        record = read_activity(entry)
        if isinstance(record, Refused):
            events.append((_refused(record, polled, received_at), None))
        elif record.occurred_at <= received_at + AHEAD:
            instants[record.dedupe_key] = record.occurred_at
            key = _numbered(record, entry, told)
            events.append((_event(record, key, polled, received_at), identifier(entry.get("customer-uuid"))))
    last = max(instants.values(), default=None)
    return Activities(events, {key: [at.isoformat(), *told[key]] for key, at in instants.items() if at == last})


def _numbered(record: Received, entry: Mapping[str, Any], told: dict[str, list[str]]) -> str:
    """Give an activity its key: the webhook's for the first of equal ones, and that with a number for each other."""
    uuids = told.setdefault(record.dedupe_key, [])
    uuid = identifier(entry.get("uuid")) or digest(entry)
    if uuid not in uuids:
        uuids.append(uuid)
    number = uuids.index(uuid) + 1
    return record.dedupe_key if number == 1 else f"{record.dedupe_key}#{number}"


def uuids(entries: Sequence[Any]) -> list[str]:
    """Give the uuids of customers."""
    return [record.dedupe_key for record in map(read_customer, entries) if isinstance(record, Received)]


def customers(
    entries: Sequence[Any],
    *,
    polled: Poll,
    known: Mapping[str, PolledRecord],
    received_at: datetime,
    read: Callable[[Any], Received | Refused] = read_customer,
) -> tuple[list[NewEvent], Said]:
    """Read what is new of customers, and all that is said of those now."""
    events, said = [], {}
    for record in map(read, entries):
        if isinstance(record, Refused):
            events.append(_refused(record, polled, received_at))
            continue
        before, facts = known.get(record.dedupe_key), dump_facts(record.facts)
        news = _news(recalled(before.said, facts) if before is not None else [], facts)
        if news:
            number = before.changes + 1 if before is not None else 1
            events.append(_changed(record, f"customer:{record.dedupe_key}:{number}", news, polled, received_at))
            said[record.dedupe_key] = facts
    return events, said


def _news(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what is said otherwise than before: what is said again would overwrite what other sources said since."""
    then = {fact["type"]: fact for fact in before}
    account, *roles = now
    old = then.get("account", {})
    if old.get("external_id") != account["external_id"]:
        old, then = {}, {}
    changed = {name: value for name, value in account.items() if old.get(name) != value and name != "attributes"}
    attributes = _changed_attributes(old.get("attributes", {}), account.get("attributes", {}))
    if attributes:
        changed["attributes"] = attributes
    held = [role for role in roles if role != then.get("role") and (role["email"] or "role" in then)]
    told = [{"type": "account", "external_id": account["external_id"], **changed}] if changed else []
    return [*told, *held]


def _changed_attributes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values that changed; one that is gone is null."""
    gone = {name: None for name, value in before.items() if name not in now and value is not None}
    return gone | {name: value for name, value in now.items() if name not in before or before[name] != value}


def _changed(record: Received, key: str, facts: list[dict[str, Any]], polled: Poll, received_at: datetime) -> NewEvent:
    return NewEvent(
        workspace_id=polled.workspace_id,
        source_id=polled.source_id,
        kind=record.kind,
        dedupe_key=key,
        occurred_at=received_at,
        received_at=received_at,
        facts=facts,
        is_history=not polled.has_read("customers"),
    )


def _event(record: Received, key: str, polled: Poll, received_at: datetime) -> NewEvent:
    movements = [named(fact, key) for fact in record.facts if isinstance(fact, MovementFact)]
    return NewEvent(
        workspace_id=polled.workspace_id,
        source_id=polled.source_id,
        kind=record.kind,
        dedupe_key=key,
        occurred_at=record.occurred_at,
        received_at=received_at,
        facts=dump_facts(movements),
        is_history=record.occurred_at < (polled.history_before or polled.news_since),
    )


def _refused(record: Refused, polled: Poll, received_at: datetime) -> NewEvent:
    return refused_event(record, workspace_id=polled.workspace_id, source_id=polled.source_id, received_at=received_at)
