"""A request's body: read with a limit that counts after inflation, and decoded from JSON."""

import json
import re
import zlib
from itertools import chain
from typing import Any

import orjson
from aiohttp import web

MOST_BYTES = 4 * 1024 * 1024
MOST_NESTED = 64

_COMPRESSED = {"gzip", "x-gzip", "deflate"}
_ENCODINGS = {"", "identity", *_COMPRESSED}
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_GZIP_START = b"\x1f\x8b"
_ZLIB_START = b"x"
"""What compressed bytes begin with, and JSON never does: the server may have inflated the body before us."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_MOST_DIGITS = 18
_CONTAINERS = frozenset({dict, list})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CallRefusedError(Exception):
    """A call of which nothing is taken, with the status, error code and sentence to answer."""

    def __init__(self, status: int, error: str, message: str) -> None:
        """Take what the answer says."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message


async def read_json(request: web.Request) -> Any:
    """Read and decode the body. Raises `CallRefusedError` where it is too large, broken or no JSON."""
    return decode(await read_content(request))


async def read_content(request: web.Request) -> bytes:
    """Read and inflate the body. Raises `CallRefusedError` where it is too large or broken."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise CallRefusedError(415, "unknown_encoding", "Send the body as it is, or compressed with gzip or deflate.")
    body = await _read(request)
    if encoding in _COMPRESSED and body.startswith((_GZIP_START, _ZLIB_START)):
        body = inflate(body)
    return body


async def _read(request: web.Request) -> bytes:
    try:
        body = await request.content.readany()
        if not request.content.at_eof():
            body = await _read_on(request, bytearray(body))
    except web.RequestPayloadError as error:
        raise _broken() from error
    except ConnectionResetError as error:
        raise CallRefusedError(400, "hung_up", "The connection ended before the body did.") from error
    if len(body) > MOST_BYTES:
        raise _too_large()
    return body


async def _read_on(request: web.Request, body: bytearray) -> bytes:
    """Read what comes after the first piece, until it ends or is too much."""
    while len(body) <= MOST_BYTES and (chunk := await request.content.readany()):
        body += chunk
    return bytes(body)


def inflate(body: bytes) -> bytes:
    """Inflate gzip or zlib, never beyond the limit."""
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        inflated = inflater.decompress(body, MOST_BYTES + 1)
    except zlib.error as error:
        raise _broken() from error
    if len(inflated) > MOST_BYTES:
        raise _too_large()
    if not inflater.eof or inflater.unused_data:
        raise _broken()
    return inflated


def decode(body: bytes) -> Any:
    """Decode JSON that is nested no deeper than a sender can read."""
    plain = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        value = orjson.loads(plain)
    except orjson.JSONDecodeError as error:
        value = _decode_leniently(plain, error)
    if plain.count(b"{") + plain.count(b"[") > MOST_NESTED and _is_deeper(value, MOST_NESTED):
        raise CallRefusedError(400, "nested_too_deep", f"The JSON is nested deeper than {MOST_NESTED} levels.")
    return value


def _decode_leniently(body: bytes, error: orjson.JSONDecodeError) -> Any:
    """Decode a body with half a surrogate pair in it: one such text should refuse its record, not all of them."""
    if _SURROGATE.search(body):
        try:
            return json.loads(body, parse_int=_read_integer, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            pass
    raise CallRefusedError(400, "not_json", f"The body is not JSON: {error.msg} at character {error.pos}.") from error


def _read_integer(digits: str) -> float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _is_deeper(value: Any, most: int) -> bool:
    """Say whether something lies more than so many levels deep, one level at a time and without recursion."""
    level: list[Any] = [[value]]
    for _ in range(most + 1):
        children = chain.from_iterable(node.values() if isinstance(node, dict) else node for node in level)
        level = [child for child in children if type(child) in _CONTAINERS]
        if not level:
            return False
    return True


def _too_large() -> CallRefusedError:
    return CallRefusedError(413, "too_large", "The body is larger than 4 MB; nothing was stored. Send it in parts.")


def _broken() -> CallRefusedError:
    return CallRefusedError(
        400, "broken_compression", "The body is not the gzip or deflate that its header says it is."
    )
