"""Kind `api`: Runrate's own JSON, one record or many. Each is a fact, with an id of the sender's to dedupe it by."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from handlers.senders.reading import Reading, Received, Unreadable, digest, identifier, judge
from handlers.senders.refusal import RecordRefusedError, make
from models.fact import (
    EARLIEST,
    LATEST,
    MOST_IN_NAME,
    AccountFact,
    ContactFact,
    Fact,
    MovementFact,
    RoleFact,
    SignalFact,
    SubscriptionFact,
    read_instant,
)

MOST_RECORDS = 1000

_STATES: Mapping[str, type[AccountFact | ContactFact | RoleFact]] = {
    "account": AccountFact,
    "contact": ContactFact,
    "role": RoleFact,
}
_HAPPENINGS: Mapping[str, type[MovementFact | SignalFact]] = {"movement": MovementFact, "signal": SignalFact}
_ACCOUNT_PATHS = {name: f"account.{name}" for name in AccountFact.model_fields}


def read(body: Any, *, received_at: datetime) -> Reading:
    """Read one record, an array of them, or an object whose `records` are an array of them."""
    records = _records(body)
    if isinstance(records, Unreadable):
        return Reading(unreadable=records)
    return Reading(
        tuple(
            judge(record, partial(_read_record, received_at=received_at, position=position), position=position)
            for position, record in enumerate(records)
        )
    )


def _records(body: Any) -> list[Any] | Unreadable:
    records = body.get("records", [body]) if isinstance(body, dict) else body
    if not isinstance(records, list):
        return Unreadable(
            400, "no_records", "Send one record, an array of records, or an object with a “records” array."
        )
    if len(records) > MOST_RECORDS:
        return Unreadable(
            413,
            "too_many_records",
            f"A call takes at most {MOST_RECORDS:,} records, and this one has {len(records):,}. "
            "Nothing was stored; send them in several calls.",
        )
    return records


def _read_record(record: dict[str, Any], *, received_at: datetime, position: int) -> Received:
    kind = record.get("type")
    if isinstance(kind, str) and kind in _HAPPENINGS:
        return _read_happening(record, _HAPPENINGS[kind])
    if kind == "subscription":
        return _read_subscription(record, received_at=received_at, position=position)
    if not isinstance(kind, str) or kind not in _STATES:
        raise RecordRefusedError(
            "type", "It must be 'movement', 'subscription', 'signal', 'account', 'contact' or 'role'."
        )
    return _read_state(record, kind, received_at=received_at, position=position)


def _read_happening(record: dict[str, Any], fact_type: type[MovementFact | SignalFact]) -> Received:
    """Read what happened once at an instant; its account may come inside it."""
    own_id = _own_id(record)
    values = {name: value for name, value in record.items() if name not in {"id", "account"}}
    values.setdefault("external_id", own_id)
    account = _inline_account(record)
    if account is not None:
        values = _at_account(values, account)
    happening = make(fact_type, values, paths={})
    facts: tuple[Fact, ...] = (happening,) if account is None else (account, happening)
    return Received(
        kind=happening.type,
        dedupe_key=f"{happening.type}:{own_id or digest(record)}",
        occurred_at=happening.occurred_at,
        facts=facts,
    )


def _read_subscription(record: dict[str, Any], *, received_at: datetime, position: int) -> Received:
    """Read what a subscription is worth; what is said later, by its own time or else by its arrival, counts."""
    account, said_at = _inline_account(record), _occurred_at(record)
    if "as_of" in record:
        raise RecordRefusedError("as_of", "There is no such field; when it was said is occurred_at.")
    values = {name: value for name, value in record.items() if name not in {"id", "account", "occurred_at"}}
    if account is not None:
        values = _at_account(values, account)
    fact = make(SubscriptionFact, {**values, "as_of": said_at or received_at}, paths={})
    return Received(
        kind=fact.type,
        dedupe_key=_state_key(record, fact.type, said_at, received_at=received_at, position=position),
        occurred_at=said_at or received_at,
        facts=(fact,) if account is None else (account, fact),
    )


def _at_account(values: dict[str, Any], account: AccountFact) -> dict[str, Any]:
    """Tie a happening to the account that came inside it."""
    if identifier(values.get("account_external_id")) not in {None, account.external_id}:
        raise RecordRefusedError("account_external_id", "It names another account than account does; send one of them.")
    return {"account_name": account.name, **values, "account_external_id": account.external_id}


def _inline_account(record: dict[str, Any]) -> AccountFact | None:
    account = record.get("account")
    if account is None:
        return None
    if not isinstance(account, dict):
        raise RecordRefusedError("account", "It must be an object with an external_id.")
    return make(AccountFact, account, paths=_ACCOUNT_PATHS)


def _read_state(record: dict[str, Any], kind: str, *, received_at: datetime, position: int) -> Received:
    said_at = _occurred_at(record)
    values = {name: value for name, value in record.items() if name not in {"id", "occurred_at"}}
    return Received(
        kind=kind,
        dedupe_key=_state_key(record, kind, said_at, received_at=received_at, position=position),
        occurred_at=said_at or received_at,
        facts=(make(_STATES[kind], values, paths={}),),
    )


def _state_key(
    record: dict[str, Any], kind: str, said_at: datetime | None, *, received_at: datetime, position: int
) -> str:
    """Key a state: it may become again what it was before.

    Without an id or a time of its own, the same words said anew are therefore a new event; applying a state twice harms
    nobody.
    """
    content = digest(record) if said_at else f"{received_at.isoformat()}:{position}:{digest(record)}"
    return f"{kind}:{_own_id(record) or content}"


def _own_id(record: dict[str, Any]) -> str | None:
    own_id = identifier(record.get("id"))
    if own_id is None and record.get("id") is not None:
        raise RecordRefusedError("id", "It must be text or a whole number.")
    if own_id is not None and len(own_id) > MOST_IN_NAME:
        raise RecordRefusedError("id", f"It is longer than {MOST_IN_NAME} characters; shorten it.")
    return own_id


def _occurred_at(record: dict[str, Any]) -> datetime | None:
    if record.get("occurred_at") is None:
        return None
    occurred_at = read_instant(record["occurred_at"])
    if occurred_at is None or not EARLIEST <= occurred_at < LATEST:
        raise RecordRefusedError(
            "occurred_at", "It is not a time since 1990; send ISO 8601, such as 2026-11-20T14:02:00Z."
        )
    return occurred_at
