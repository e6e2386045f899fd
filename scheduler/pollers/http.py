"""What pollers ask over HTTP: one address that is set, JSON back, and what each kind of refusal means.

ApiError
├── RefusedError    the key is not accepted
├── LimitedError    too much was asked; again at a later instant
├── GoneError       there is no such thing
├── UnknownError    the request was not understood, as with a cursor that expired
└── FailedError     the other side fails, can't be reached or says what it should not
"""

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Listed:
    """One page of a list; the cursor leads to the next one, where there is one."""

    entries: list[Any]
    cursor: str | None


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def value(self) -> Any:
        """Read the JSON in it; None where it is none, or too large."""
        try:
            return orjson.loads(self.body) if len(self.body) <= MOST_BYTES else None
        except orjson.JSONDecodeError:
            return None

    def object(self) -> dict[str, Any]:
        """Read the JSON object that it has to be."""
        value = self.value()
        if not isinstance(value, dict):
            raise FailedError("sends something that is no JSON object, or too large")
        return value


async def ask(session: aiohttp.ClientSession, method: str, url: str, *, seconds: float, **request: Any) -> Answer:
    """Ask, for so many seconds. Redirects are not followed: they would take the key elsewhere."""
    try:
        limit = aiohttp.ClientTimeout(total=seconds)
        async with session.request(method, url, allow_redirects=False, timeout=limit, **request) as response:
            body = await response.content.read(MOST_BYTES + 1)
            while not response.content.at_eof() and len(body) <= MOST_BYTES:
                body += await response.content.read(MOST_BYTES + 1 - len(body))
            return Answer(response.status, response.headers, body)
    except TimeoutError as error:
        raise FailedError(f"did not answer within {seconds:.0f} seconds") from error
    except aiohttp.ClientError as error:
        raise FailedError(f"can't be reached ({type(error).__name__})") from error


async def get_json(
    session: aiohttp.ClientSession, url: str, *, headers: Mapping[str, str], query: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    """Ask for a JSON object, for so many seconds."""
    answer = await ask(session, "GET", url, seconds=seconds, headers=headers, params=query)
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
        raise error_of(answer)
    return answer.object()


def error_of(answer: Answer, words: str | None = None) -> ApiError:
    """Say what a status other than 200 means, where a vendor has no words of its own for it."""
    words = words or f"answers {answer.status}"
    match answer.status:
        case 401 | 403:
            return RefusedError(words)
        case 429 | 503:
            return LimitedError(words, answer.headers.get("Retry-After"))
        case 404:
            return GoneError(words)
        case 400 | 410 | 422:
            return UnknownError(words)
        case _:
            return FailedError(words)


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
