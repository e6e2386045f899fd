"""What pollers ask over HTTP: one address that is set, JSON back, and what each kind of refusal means.

ApiError
├── RefusedError    the key is not accepted
├── LimitedError    too much was asked; again at a later instant
├── GoneError       there is no such thing
├── UnknownError    the request was not understood, as with a cursor that expired
└── FailedError     the other side fails, can't be reached or says what it should not
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson

TIMEOUT = 30.0
MOST_BYTES = 32 * 1024 * 1024
LONGEST_WAIT = timedelta(days=1)
"""However long a limit asks us to wait, we look again after this time."""


class ApiError(Exception):
    """A question was not answered."""

    def __init__(self, words: str) -> None:
        """Take what it was in words that follow the name of who was asked: `answers 500`."""
        super().__init__(words)
        self.words = words


class RefusedError(ApiError):
    """The key is not accepted."""


class LimitedError(ApiError):
    """Too much was asked."""

    def __init__(self, words: str, retry_after: str | None) -> None:
        """Take the header `Retry-After` as it came."""
        super().__init__(words)
        self.retry_after = retry_after


class GoneError(ApiError):
    """There is no such thing."""


class UnknownError(ApiError):
    """The request was not understood."""


class FailedError(ApiError):
    """The other side can't answer now."""


async def get_json(
    session: aiohttp.ClientSession, url: str, *, headers: Mapping[str, str], query: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    """Ask for a JSON object, for so many seconds. Redirects are not followed: they would take the key elsewhere."""
    try:
        limit = aiohttp.ClientTimeout(total=seconds)
        async with session.get(url, headers=headers, params=query, allow_redirects=False, timeout=limit) as response:
            if response.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise _error(response)
            body = await response.content.read(MOST_BYTES + 1)
            while not response.content.at_eof() and len(body) <= MOST_BYTES:
                body += await response.content.read(MOST_BYTES + 1 - len(body))
    except TimeoutError as error:
        raise FailedError(f"did not answer within {seconds:.0f} seconds") from error
    except aiohttp.ClientError as error:
        raise FailedError(f"can't be reached ({type(error).__name__})") from error
    return _decoded(body)


def _error(response: aiohttp.ClientResponse) -> ApiError:
    words = f"answers {response.status}"
    match response.status:
        case 401 | 403:
            return RefusedError(words)
        case 429 | 503:
            return LimitedError(words, response.headers.get("Retry-After"))
        case 404:
            return GoneError(words)
        case 400 | 410 | 422:
            return UnknownError(words)
        case _:
            return FailedError(words)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body) if len(body) <= MOST_BYTES else None
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise FailedError("sends something that is no JSON object, or too large")
    return value


def wait_of(retry_after: str | None, *, now: datetime) -> timedelta | None:
    """Read `Retry-After`: seconds or a date. None where it is missing or neither."""
    value = (retry_after or "").strip()
    if value.isdecimal():
        return min(timedelta(seconds=int(value[:9])), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return min(max(at - now, timedelta()), LONGEST_WAIT)
