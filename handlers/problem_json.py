"""What a program is told of a call that failed: problem details, as RFC 9457 has them.

`error` and `message` say once more what `type` and `detail` say, for clients that know only those.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

CONTENT_TYPE = "application/problem+json"
API_PATH = "/api"
"""The page that explains each error, under a fragment of the error's name."""
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Known:
    """An error that the page explains: its status, and what to do about it."""

    status: int
    title: str
    remedy: str


KNOWN: Mapping[str, Known] = {
    "not_json": Known(400, "The body is not JSON", "Send JSON in UTF-8; the message says where it stops being that."),
    "nested_too_deep": Known(400, "The JSON is nested too deep", "Send at most 64 levels."),
    "broken_compression": Known(
        400, "The body is not compressed as its header says", "Send it anew; or send it as it is, without the header."
    ),
    "hung_up": Known(400, "The connection ended before the body did", "Send the call again."),
    "no_records": Known(
        400, "The body holds no records", "Send a record, an array of them, or an object with records."
    ),
    "not_an_object": Known(400, "The body is not an object", "Send a JSON object."),
    "no_batch": Known(400, "The batch is missing", "Send an object with an array named batch."),
    "wrong_key": Known(401, "The key is missing or wrong", "Copy the key of a Segment source from Runrate's Home tab."),
    "wrong_kind": Known(401, "The key is that of a source of another kind", "Send with the key of a Segment source."),
    "wrong_signature": Known(
        401, "The signature does not match", "Copy the secret anew from the source in Runrate's Home tab."
    ),
    "no_signing_secret": Known(
        401,
        "The source has no signing secret yet",
        "Enter the endpoint's signing secret with the source in the Home tab.",
    ),
    "signature_too_old": Known(
        401, "The signature is older than 5 minutes", "Set the clock of the machine that Runrate runs on."
    ),
    "unknown_source": Known(404, "No source has this address", "Copy the URL anew from the source in the Home tab."),
    "not_found": Known(404, "There is nothing at this address", "Compare the path with this page."),
    "method_not_allowed": Known(405, "This address takes another method", "Send a POST."),
    "too_large": Known(413, "The body is too large", "Send at most 4 MB, counted after inflation."),
    "too_many_records": Known(413, "The call has too many records", "Send at most 1,000 in a call."),
    "too_many_events": Known(413, "The call has too many events", "Send at most 2,500 in a batch."),
    "unknown_encoding": Known(415, "The compression is unknown", "Send gzip, deflate, or the body as it is."),
    "all_refused": Known(
        422, "Every record was refused", "Correct each record as refused says, and send it again under the same id."
    ),
    "internal_error": Known(
        500, "The fault is Runrate's", "Send the call again. The reference leads to the cause in the server's log."
    ),
    "inbox_full": Known(503, "Too much is coming in", "Send the call again after Retry-After seconds."),
    "unavailable": Known(503, "The database can't be reached", "Send the call again after Retry-After seconds."),
}
"""Every error of the intake, by the name that programs know it by."""

_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": 'Basic realm="Runrate"'},
    503: {"Retry-After": str(RETRY_AFTER_SECONDS)},
}


def answer(status: int, error: str, message: str, **more: Any) -> web.Response:
    """Answer that nothing of a call was taken, and why."""
    known = KNOWN.get(error)
    problem = {
        "type": f"{API_PATH}#{error}" if known else "about:blank",
        "title": known.title if known else HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "error": error,
        "message": message,
    }
    return web.Response(
        body=orjson.dumps(problem | more),
        status=status,
        headers={"Cache-Control": "no-store", **_HEADERS.get(status, {})},
        content_type=CONTENT_TYPE,
    )
