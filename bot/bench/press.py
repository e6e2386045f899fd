"""The client of the intake rows: raw sockets and one selector, so that it is never what is measured."""

import asyncio
import selectors
import socket
import time
from collections.abc import Iterator
from typing import Any

import orjson

from bot.bench import child
from bot.bench.cores import CLIENT, stay_on

LARGEST_ANSWER = 65536
TRACK = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u_1042",
    "properties": {"revenue": 39.95, "currency": "USD", "plan": "Scale", "seats": 16, "coupon": None},
    "context": {"library": {"name": "analytics-python", "version": "2.3.3"}, "ip": "203.0.113.7"},
    "timestamp": "2026-11-20T14:02:00.123Z",
    "sentAt": "2026-11-20T14:02:00.500Z",
}
NUMBER = b"#" * 12
"""Where the number of a message id is put into a ready body."""


class WrongAnswerError(Exception):
    """What is measured answered with something else than 200."""


def bodies(prefix: str, events: int) -> Iterator[bytes]:
    """Write bodies of one event, or of a batch, in which no message id is ever repeated."""
    one = {**TRACK, "messageId": f"{prefix}-{NUMBER.decode()}"}
    first, *others = orjson.dumps(one if events == 1 else {"batch": [one] * events}).split(NUMBER)
    number = 0
    while True:
        pieces = [first]
        for piece in others:
            number += 1
            pieces += (b"%012d" % number, piece)
        yield b"".join(pieces)


def requests(path: str, key: str, prefix: str, events: int) -> Iterator[bytes]:
    """Write whole requests."""
    for body in bodies(prefix, events):
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def press(port: int, sent: Iterator[bytes], *, connections: int, seconds: float) -> int:
    """Keep every connection busy with one request at a time; say how many were answered, all of them with 200."""
    answered, until = 0, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            one = socket.create_connection(("127.0.0.1", port))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(one, selectors.EVENT_READ)
            one.sendall(next(sent))
        while selector.get_map():
            for ready, _ in selector.select():
                one = ready.fileobj  # type: ignore[assignment] # It is one of the sockets above.
                answer = one.recv(LARGEST_ANSWER)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise WrongAnswerError(answer[:200])
                answered += 1
                if time.monotonic() < until:
                    one.sendall(next(sent))
                else:
                    selector.unregister(one)
                    one.close()
    return answered


async def _answer(question: dict[str, Any]) -> dict[str, Any]:
    sent = requests(question["path"], question["key"], question["prefix"], question["events"])
    before = child.usage()
    answered = press(question["port"], sent, connections=question["connections"], seconds=question["seconds"])
    after = child.usage()
    return {"a_second": answered / (after["at"] - before["at"]), "share": child.share(before, after)}


async def _serve() -> None:
    stay_on(CLIENT)
    child.say(ready=True)
    await child.answer(_answer)


if __name__ == "__main__":
    asyncio.run(_serve())
