"""The signature of Segment's Webhook destination: HMAC-SHA1 in hex of an event, and of a batch the first event alone.

So the others of a batch prove nothing. They are taken like those without a signature: what they bring counts, but a
deletion counts only where it is signed.
"""

import dataclasses
import hashlib
import hmac
import json
import re
from typing import Any

from handlers.senders.reading import Reading, Received, Refused, Unreadable, digest, identifier
from handlers.senders.tracking import DELETE

HEADER = "X-Signature"
_ARRAY_START = re.compile(r"\s*\[\s*")
_WRONG = "The signature does not match. Copy the shared secret anew from the source in Runrate's Home tab."
_UNSIGNED = (
    "A deletion counts only where it is signed: enter the source's shared secret in Segment's Webhook destination, "
    "and set its batch size to 0, since of a batch only the first event is signed."
)


def judge(reading: Reading, body: Any, content: bytes, *, signature: str | None, secret: str | None) -> Reading:
    """Refuse all of a call with a wrong signature, and each deletion that none proves."""
    is_signed = bool(signature and secret)
    if signature and secret and not _fits(content, signature, secret):
        return Reading(unreadable=Unreadable(401, "wrong_signature", _WRONG))
    events = body if isinstance(body, list) else [body]
    records = tuple(
        _refused(record, position, events[position])
        if isinstance(record, Received) and record.kind == DELETE and not (is_signed and position == 0)
        else record
        for position, record in enumerate(reading.records)
    )
    return dataclasses.replace(reading, records=records)


def _refused(record: Received, position: int, event: dict[str, Any]) -> Refused:
    return Refused(
        kind=record.kind,
        dedupe_key=digest(event),
        record=position,
        id=identifier(event.get("messageId")),
        field="type",
        reason=_UNSIGNED,
        raw=event,
    )


def _fits(content: bytes, signature: str, secret: str) -> bool:
    signed = hmac.new(secret.encode(), _signed_part(content), hashlib.sha1).hexdigest()
    return hmac.compare_digest(signed.encode(), signature.strip().lower().encode())


def _signed_part(content: bytes) -> bytes:
    """Give the bytes that are signed: the whole, or the first element of an array as it was written."""
    text = content.decode(errors="surrogateescape")
    start = _ARRAY_START.match(text)
    if start is None:
        return content
    try:
        _, end = json.JSONDecoder().raw_decode(text, start.end())
    except ValueError:
        return content
    return text[start.end() : end].encode(errors="surrogateescape")
