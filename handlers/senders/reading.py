"""What a sender makes of a call: its records, each received or refused, or that the whole of it can't be read.

A record that can't be taken never takes its neighbours with it: `judge` turns whatever is wrong with one into a
`Refused`.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from handlers.senders.refusal import RecordRefusedError
from models.base import json_bytes
from models.fact import EARLIEST, LATEST, Fact, is_storable

_ID_FIELDS = ("id", "messageId", "message_id")


@dataclass(slots=True, kw_only=True)  # Frozen, it would take twice as long to make.
class Received:
    """A record that can be taken. The same dedupe key from the same source means the same record, sent again."""

    kind: str
    dedupe_key: str
    occurred_at: datetime
    facts: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A record that can't be taken: where it stood in the call, counted from 0, and what to do about it."""

    kind: str
    dedupe_key: str
    record: int
    id: str | None
    field: str
    reason: str
    raw: Any


@dataclass(frozen=True)
class Unreadable:
    """A call of which nothing can be taken, with the HTTP status, error code and sentence to answer."""

    status: int
    error: str
    message: str


@dataclass(frozen=True)
class Reading:
    """What came of a call, in the order of its records. An empty one is a connection test."""

    records: tuple[Received | Refused, ...] = ()
    unreadable: Unreadable | None = None

    @property
    def received(self) -> list[Received]:
        """The records that can be taken."""
        return [record for record in self.records if isinstance(record, Received)]

    @property
    def refused(self) -> list[Refused]:
        """The records that can't."""
        return [record for record in self.records if isinstance(record, Refused)]


def judge(
    record: Any, read: Callable[[dict[str, Any]], Received], *, position: int, most_bytes: int | None = None
) -> Received | Refused:
    """Read one record; where it can't be taken, say why."""
    try:
        return read(_checked(record, most_bytes))
    except RecordRefusedError as refusal:
        values = record if isinstance(record, dict) else {}
        return Refused(
            kind=_kind_of(values),
            dedupe_key=digest(record),
            record=position,
            id=_id_of(values),
            field=_plain(refusal.field) or "record",
            reason=_plain(refusal.reason),
            raw=record,
        )


def identifier(value: Any) -> str | None:
    """Read an id, which some senders write as a number; None if there is none."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def past(instant: datetime, received_at: datetime) -> datetime:
    """Keep an instant within reason: nothing happens after it is received, or before there was anybody to tell."""
    return min(instant, received_at) if EARLIEST <= instant < LATEST else received_at


def digest(value: Any) -> str:
    """Hash a JSON value, whatever the order of its keys."""
    try:
        content = json_bytes(value)
    except TypeError:  # Half a surrogate pair, or a number of more than 64 bits.
        content = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _checked(record: Any, most_bytes: int | None) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise RecordRefusedError("record", "It must be a JSON object.")
    try:
        content = orjson.dumps(record)
    except TypeError:  # Half a surrogate pair, or a number of more than 64 bits.
        _check_values(record, "")
        raise
    if b"\\u0000" in content:
        _check_values(record, "")
    if most_bytes is not None and len(content) > most_bytes:
        raise RecordRefusedError(
            "event", f"It is larger than {most_bytes // 1024} KB; send fewer or shorter properties."
        )
    return record


def _check_values(value: Any, path: str) -> None:
    """Refuse what the databases can't store, naming where it stands."""
    if isinstance(value, dict):
        for key, child in value.items():
            _check_values(key, _join(path, key))
            _check_values(child, _join(path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _check_values(child, _join(path, str(index)))
    elif isinstance(value, str) and not is_storable(value):
        raise RecordRefusedError(path, "The text has a NUL character or half of a surrogate pair in it; take it out.")
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise RecordRefusedError(path, "The number has more than 64 bits; send it as text.")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _kind_of(record: dict[str, Any]) -> str:
    kind = record.get("type")
    words = kind.lower().split() if isinstance(kind, str) else []
    return _plain("_".join(words))[:60] or "unknown"


def _id_of(record: dict[str, Any]) -> str | None:
    found = next((text for name in _ID_FIELDS if (text := identifier(record.get(name)))), None)
    return _plain(found)[:255] if found else None


def _plain(text: str) -> str:
    return text.replace("\0", "�").encode(errors="replace").decode()
