"""What CRMs list, read as records: each that says something new becomes an event, and only with what is new.

What stays the same is not said again, or it would overwrite what other sources said since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from handlers.raw import refused_event
from handlers.senders.reading import Received, Refused, identifier
from handlers.senders.refusal import make
from handlers.senders.traits import Traits
from models.crm import EVERYTHING
from models.event import NewEvent
from models.fact import EARLIEST, MOST_IN_NAME, RecordFact, dump_facts, is_email
from models.poll import Poll, PolledRecord, Said, recalled

_WHOSE = ("type", "external_id", "account_external_id", "name", "domain", "url")
"""What says which account a record is, and is told with each change."""


@dataclass
class Holders:
    """Who holds which role at a company, and of whom the CRM says that they left."""

    roles: dict[str, str | None] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    def add(self, role: str, email: Any, *, is_active: bool) -> None:
        """Note who holds a role. Nobody does where that person left; an attribute says who it was."""
        known = email.strip().lower() if isinstance(email, str) and is_email(email) else None
        self.roles[role] = known if is_active else None
        if known is not None and not is_active:
            self.attributes[f"inactive_{role}".replace(" ", "_")] = known


def record(record_id: str, *, holders: Holders, url: Any, **said: Any) -> Received:
    """Make a record of what a CRM says."""
    link = url if isinstance(url, str) and url.startswith("https://") else None
    values = {"external_id": record_id, "url": link, **said, "roles": holders.roles, "attributes": holders.attributes}
    return _received(make(RecordFact, values, paths={}))


def gone(record_id: str) -> Received:
    """Make a record of a company that the CRM has no more."""
    return _received(RecordFact(external_id=record_id, is_gone=True))


def _received(fact: RecordFact) -> Received:
    return Received(kind="record", dedupe_key=fact.external_id, occurred_at=EARLIEST, facts=(fact,))


def text(value: Any) -> str | None:
    """Read a text of a sensible length, or a number."""
    return Traits({"value": value}).text("value")


def external_id(value: Any) -> str | None:
    """Read an id, which a CRM may keep as a number: 42 is written 42.0 there."""
    found = identifier(int(value) if isinstance(value, float) and value.is_integer() else value)
    return found if found is not None and len(found) <= MOST_IN_NAME else None


def ids(records: Sequence[Received | Refused]) -> list[str]:
    """Give the CRM's ids of records."""
    return [one.dedupe_key for one in records if isinstance(one, Received)]


def changes(
    records: Sequence[Received | Refused],
    *,
    polled: Poll,
    known: Mapping[str, PolledRecord],
    received_at: datetime,
) -> tuple[list[NewEvent], Said]:
    """Read what is new of records, and all that is said of those now."""
    events: list[NewEvent] = []
    said: dict[str, list[dict[str, Any]]] = {}
    for one in records:
        if isinstance(one, Refused):
            refused = replace(one, kind="record")
            ids = {"workspace_id": polled.workspace_id, "source_id": polled.source_id}
            events.append(refused_event(refused, **ids, received_at=received_at))
            continue
        record_id, before = one.dedupe_key, known.get(one.dedupe_key)
        facts = dump_facts(one.facts)
        news = _news(recalled(before.said, facts)[0] if before is not None else None, facts[0])
        if news is not None:
            number = before.changes + 1 if before is not None else 1
            events.append(_event(f"record:{record_id}:{number}", news, polled, received_at))
            said[record_id] = facts
    return events, said


def _news(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give what is said otherwise than before; None where nothing is. What is gone unknown to us is no news."""
    then: Mapping[str, Any] = {} if before is None or before.get("is_gone") else before
    whose = {name: now[name] for name in _WHOSE if name in now}
    if now.get("is_gone"):
        return {**whose, "is_gone": True} if then else None
    changed: dict[str, Any] = {
        name: _changed(then.get(name, {}), now.get(name, {})) for name in ("roles", "attributes")
    }
    if now.get("sales_stage") != then.get("sales_stage"):
        changed["sales_stage"] = now.get("sales_stage")
    news = {name: value for name, value in changed.items() if value or name == "sales_stage"}
    is_other = any(then.get(name) != value for name, value in whose.items())
    return {**whose, **news} if news or is_other else None


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values that changed; one that is gone is null, and one that never was is not mentioned."""
    lost = {name: None for name, value in before.items() if value is not None and now.get(name) is None}
    return {name: value for name, value in now.items() if value is not None and before.get(name) != value} | lost


def _event(key: str, news: dict[str, Any], polled: Poll, received_at: datetime) -> NewEvent:
    return NewEvent(
        workspace_id=polled.workspace_id,
        source_id=polled.source_id,
        kind="record",
        dedupe_key=key,
        occurred_at=received_at,
        received_at=received_at,
        facts=[news],
        is_history=not polled.has_read(EVERYTHING),
    )
