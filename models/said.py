"""What was said of a thing: of each of its values the one that counts, and how well it was said.

The better source wins, then the newer statement, then the value that comes last when both are written down. So whatever
order statements arrive in, the same ones come to the same; `Voice` says how a statement without a time of its own
stands to those of the same instant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.base import json_bytes

Said = dict[str, list[Any]]
"""By name: the rank of who said it, when, and the value. A value of None was taken away."""

MENTION = 0
"""The rank of who only mentions a thing, such as an account's name beside a movement, and that of every attribute."""
_ATTRIBUTE = "attributes."


@dataclass(frozen=True)
class Voice:
    """Who says something, and when. What has no time of its own counts from its arrival, the last of them most."""

    rank: int
    at: str
    is_timed: bool = True

    def hears(self, old: list[Any] | None, value: Any, *, rank: int) -> bool:
        """Say whether this voice's value goes before the one that was said before."""
        if old is None:
            return True
        ours, theirs = (rank, self.at), (old[0], old[1])
        if ours != theirs:
            return ours > theirs
        return not self.is_timed or json_bytes(value) > json_bytes(old[2])


LEAST = Voice(MENTION, "")
"""Who speaks before anybody else."""


def voice(rank: int, occurred_at: datetime, received_at: datetime) -> Voice:
    """Give an event's voice. One that happened when it was received has no time of its own."""
    return Voice(rank, written(occurred_at), is_timed=occurred_at < received_at)


def written(instant: datetime) -> str:
    """Write an instant so that later ones come later in the order of the alphabet."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def hear(said: Said, voice: Voice, values: Mapping[str, Any], attributes: Mapping[str, Any] | None = None) -> Said:
    """Give what counts after a voice said this too. What it left open, None among `values`, changes nothing."""
    heard = dict(said)
    for name, value in values.items():
        if value is not None and voice.hears(heard.get(name), value, rank=voice.rank):
            heard[name] = [voice.rank, voice.at, value]
    for name, value in (attributes or {}).items():
        if voice.hears(heard.get(_ATTRIBUTE + name), value, rank=MENTION):
            heard[_ATTRIBUTE + name] = [MENTION, voice.at, value]
    return heard


def together(several: Iterable[Said]) -> Said:
    """Give what counts of what was said in several places of one thing."""
    counts: Said = {}
    for said in several:
        for name, one in said.items():
            if name not in counts or _order(one) > _order(counts[name]):
                counts[name] = one
    return counts


def best(several: Iterable[list[Any]]) -> list[Any]:
    """Give the statement that counts of several about one value."""
    return max(several, key=_order)


def _order(one: list[Any]) -> tuple[int, str, bytes]:
    return one[0], one[1], json_bytes(one[2])


def since(said: Said, instant: str) -> Said:
    """Give what was said after an instant."""
    return {name: one for name, one in said.items() if one[1] > instant}


def value(said: Said, name: str) -> Any:
    """Give the value that counts."""
    return said[name][2] if name in said else None


def is_attribute(name: str) -> bool:
    """Say whether this is the name of an attribute."""
    return name.startswith(_ATTRIBUTE)


def attributes(said: Said) -> dict[str, Any]:
    """Give the attributes that count."""
    found = ((name, one[2]) for name, one in said.items() if name.startswith(_ATTRIBUTE))
    return {name.removeprefix(_ATTRIBUTE): value for name, value in sorted(found) if value is not None}
