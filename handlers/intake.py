"""Intake: what sources send over HTTP. A handler verifies, reads, hands over to the inbox and answers.

A 200 says that everything in the call is committed, refused records with their reasons among it. Where that can't be
done, the answer is 503 and nothing is acknowledged, so that the sender sends it again. Keys are never logged or echoed.
"""

import base64
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePath
from typing import Any, Protocol

import orjson
import structlog
from aiohttp import web

from handlers import problem_json
from handlers.body import CallRefusedError, decode, read_content, read_json
from handlers.raw import refused_event
from handlers.senders import SENDERS, signature, stripe, stripe_signature, tracking
from handlers.senders.reading import Reading, Received, Refused
from models.event import EventOutcome, NewEvent
from models.fact import dump_facts
from models.inbox import InboxFullError
from models.source import SourceKind

LONGEST_KEY = 200
TAKEN = b'{"success":true}'

UNKNOWN_SOURCE = "No source has this address. Copy it anew from the source in Runrate's Home tab."
WRONG_KEY = "Send the key of a Segment source: as the user of Basic authentication, as Bearer, or as writeKey."

log = structlog.get_logger()


@dataclass(frozen=True)
class IntakeSource:
    """The source that a key opens."""

    id: str
    workspace_id: str
    kind: str
    shared_secret: str | None = None
    """What Segment's Webhook destination signs with."""
    signing_secrets: tuple[str, ...] = ()
    """What Stripe signs with."""
    how: stripe.How = stripe.PLAIN
    """How Stripe's events are read."""


class EventInbox(Protocol):
    """Where events go; `models.inbox.Inbox` is one."""

    async def add(self, events: Sequence[NewEvent], /) -> list[EventOutcome]:
        """Store events; return after the commit."""


FindSource = Callable[[str], Awaitable[IntakeSource | None]]


class Intake:
    """The routes that sources send to."""

    def __init__(self, *, find_source: FindSource, inbox: EventInbox, now: Callable[[], datetime]) -> None:
        """Take how a key is looked up (in constant time), where events go, and the clock."""
        self._find_source = find_source
        self._inbox = inbox
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.post("/in/{source_key}", self._receive),
            *(web.post(f"/v1/{call}", partial(self._track, call)) for call in tracking.CALLS),
        ]

    async def _receive(self, request: web.Request) -> web.Response:
        """Take what a source posts to its webhook, whatever its kind."""
        try:
            source = _webhook_source(await self._find(request.match_info["source_key"]))
            content, received_at = await read_content(request), self._now()
            reading = _read(source, request, content, received_at)
            outcomes = await self._store(source, reading, received_at)
            return _summary(source.kind, reading, outcomes)
        except CallRefusedError as refusal:
            return problem_json.answer(refusal.status, refusal.error, refusal.message)

    async def _track(self, call: str, request: web.Request) -> web.Response:
        """Take a call of Segment's tracking API. Its clients count nothing but exactly 200 as success."""
        try:
            in_header = await self._find(_key_in_header(request))
            body, received_at = await read_json(request), self._now()
            source = _segment_source(in_header or await self._find(_key_in_body(body)))
            reading = tracking.read(call, body, received_at=received_at)
            await self._store(source, reading, received_at)
            return web.Response(body=TAKEN, content_type="application/json")
        except CallRefusedError as refusal:
            return problem_json.answer(refusal.status, refusal.error, refusal.message)

    async def _find(self, key: str | None) -> IntakeSource | None:
        if not key or not key.isascii() or len(key) > LONGEST_KEY:
            return None
        try:
            return await self._find_source(key)
        except Exception as error:
            raise _unavailable(error) from error

    async def _store(self, source: IntakeSource, reading: Reading, received_at: datetime) -> list[EventOutcome]:
        """Commit the records, or raise what tells the sender that none of them is."""
        if reading.unreadable is not None:
            raise CallRefusedError(reading.unreadable.status, reading.unreadable.error, reading.unreadable.message)
        if reading.refused:
            log.info("records_refused", source_id=source.id, refused=len(reading.refused))
        events = [_event(source, record, received_at) for record in reading.records]
        try:
            return await self._inbox.add(events) if events else []
        except Exception as error:
            raise _unavailable(error) from error


def _read(source: IntakeSource, request: web.Request, content: bytes, received_at: datetime) -> Reading:
    """Read what came, as far as its signature lets us."""
    if source.kind == SourceKind.STRIPE:
        signed, secrets = request.headers.get(stripe_signature.HEADER), source.signing_secrets
        wrong = stripe_signature.fault(content, signature=signed, secrets=secrets, now=received_at)
        return (
            Reading(unreadable=wrong)
            if wrong
            else stripe.read(decode(content), received_at=received_at, how=source.how)
        )
    body = decode(content)
    reading = SENDERS[source.kind](body, received_at=received_at)
    if source.kind == SourceKind.SEGMENT:
        signed = request.headers.get(signature.HEADER)
        reading = signature.judge(reading, body, content, signature=signed, secret=source.shared_secret)
    return reading


def _event(source: IntakeSource, record: Received | Refused, received_at: datetime) -> NewEvent:
    if isinstance(record, Received):
        return NewEvent(
            workspace_id=source.workspace_id,
            source_id=source.id,
            kind=record.kind,
            dedupe_key=record.dedupe_key,
            occurred_at=record.occurred_at,
            received_at=received_at,
            facts=dump_facts(record.facts),
        )
    return refused_event(record, workspace_id=source.workspace_id, source_id=source.id, received_at=received_at)


def _unavailable(error: Exception) -> CallRefusedError:
    """Log the error's place without its words, which may quote what was sent."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.warning("intake_unavailable", error=type(error).__name__, at=f"{PurePath(place.filename).name}:{place.lineno}")
    message = "Nothing of this call was stored. Send it again in a few seconds."
    return CallRefusedError(503, "inbox_full" if isinstance(error, InboxFullError) else "unavailable", message)


def _key_in_header(request: web.Request) -> str | None:
    """Read the key from `Basic key:`, also without its colon as old clients send it, or from `Bearer key`."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip()
        case "basic":
            try:
                return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
            except ValueError:
                return None
        case _:
            return None


def _key_in_body(body: Any) -> str | None:
    key = body.get("writeKey") if isinstance(body, dict) else None
    return key if isinstance(key, str) else None


def _webhook_source(source: IntakeSource | None) -> IntakeSource:
    if source is None or source.kind not in SENDERS:
        raise CallRefusedError(404, "unknown_source", UNKNOWN_SOURCE)
    return source


def _segment_source(source: IntakeSource | None) -> IntakeSource:
    if source is None:
        raise CallRefusedError(401, "wrong_key", WRONG_KEY)
    if source.kind != SourceKind.SEGMENT:
        raise CallRefusedError(
            401, "wrong_kind", f"This key belongs to a source of kind {source.kind}; /v1 needs one of kind segment."
        )
    return source


def _summary(kind: str, reading: Reading, outcomes: Sequence[EventOutcome]) -> web.Response:
    """Answer what became of each record. Vendors get 200 even where all are refused: sending again would not help."""
    taken = [outcome for record, outcome in zip(reading.records, outcomes, strict=True) if isinstance(record, Received)]
    is_ok = bool(taken) or not reading.refused
    answer = {
        "ok": is_ok,
        "stored": taken.count(EventOutcome.STORED),
        "duplicates": taken.count(EventOutcome.DUPLICATE),
        "refused": [
            {"record": record.record, "id": record.id, "field": record.field, "reason": record.reason}
            for record in reading.refused
        ],
    }
    if is_ok or kind != SourceKind.API:
        return web.Response(body=orjson.dumps(answer), content_type="application/json")
    return problem_json.answer(422, "all_refused", _refused_all(reading.refused), **answer)


def _refused_all(refused: Sequence[Refused]) -> str:
    first = f"{refused[0].field}: {refused[0].reason}"
    return first if len(refused) == 1 else f"All {len(refused):,} records were refused. The first: {first}"
