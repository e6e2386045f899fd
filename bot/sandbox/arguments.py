"""The arguments of a Web API call, from each of the places where a client may put them: query, JSON and form."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from bot.sandbox.errors import SlackError, with_messages
from bot.sandbox.records import Json

TRUE = frozenset({"1", "true", "True", "t"})
CREDENTIALS = frozenset({"token", "client_secret", "code", "code_verifier"})


@dataclass(frozen=True)
class Arguments:
    """What was asked. Values are strings from a query or a form and any JSON from a JSON body."""

    values: Json
    token: str | None = None
    basic: tuple[str, str] | None = None
    present: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "present", frozenset(name for name, value in self.values.items() if value is not None))

    @property
    def witnessed(self) -> Json:
        """The arguments without what is secret in them."""
        return {name: value for name, value in self.values.items() if name not in CREDENTIALS}

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if value is None or isinstance(value, str) else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        return default if value is None else value is True or str(value) in TRUE

    def number(self, name: str, default: int, *, most: int, code: str = "invalid_limit") -> int:
        """Read a whole number from 1 to `most`; zero, like no value at all, means the default."""
        value = self.values.get(name)
        if value in (None, "", 0, "0"):
            return default
        try:
            number = int(str(value))
        except ValueError as error:
            raise SlackError(code) from error
        if not 1 <= number <= most:
            raise SlackError(code)
        return number

    def structure(self, name: str, *, code: str) -> Any:
        """Read a list or an object, also when it came as a string of JSON; raise `code` when it is neither."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError as error:
                raise SlackError(code) from error
        if not isinstance(value, list | dict):
            raise SlackError(code)
        return value

    def names(self, name: str) -> list[str]:
        """Read a comma-separated list."""
        value = self.values.get(name)
        parts = value if isinstance(value, list) else str(value or "").split(",")
        return [part.strip() for part in map(str, parts) if part.strip()]


async def read(request: web.Request) -> Arguments:
    """Gather the arguments; where one stands in two places, the body is believed."""
    values: Json = dict(request.query)
    if request.method == "POST":
        values |= await _body(request)
    token = values.pop("token", None) or _bearer(request)
    return Arguments(values=values, token=str(token) if token else None, basic=_basic(request))


async def _body(request: web.Request) -> Json:
    if request.content_type == "application/json":
        return _json(await request.read())
    # Clients without a body send none of the content types, and aiohttp then reports this default.
    if request.content_type not in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/octet-stream",
    ):
        raise SlackError("invalid_post_type")
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(values, dict):
        raise SlackError("json_not_object")
    return values


def _bearer(request: web.Request) -> str | None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() or None if kind.lower() == "bearer" else None


def _basic(request: web.Request) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret


def missing(names: list[str]) -> SlackError:
    return with_messages("invalid_arguments", [f"missing required field: {name}" for name in names])
