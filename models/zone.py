"""A time zone, by the name that a person types for it."""

from difflib import get_close_matches
from functools import cache
from zoneinfo import available_timezones

from models.base import UserError

UTC = "UTC"
MOST_SUGGESTED = 3
_NOT_ZONES = {"localtime", "Factory", "posixrules"}
"""These mean another zone on each machine, or none."""


class ZoneUnknownError(UserError):
    """Name a time zone by its region and city, such as Europe/Berlin, or UTC."""


def named(typed: str) -> str:
    """Find a zone by its name, whatever the case of its letters. Raises `ZoneUnknownError`, with what may be meant."""
    word = _folded(typed)
    found = _names().get(word)
    if found is not None:
        return found
    near = " or ".join(_suggested(word)) if word else ""
    raise ZoneUnknownError(f"There is no such time zone. Did you mean {near}?" if near else None)


def _suggested(word: str) -> list[str]:
    """Suggest the zones of this city, or those whose city or name is written nearly so."""
    city = word.rsplit("/", maxsplit=1)[-1]
    cities = _cities()
    if city in cities:
        return cities[city][:MOST_SUGGESTED]
    for near in get_close_matches(city, cities, n=1, cutoff=0.75):
        return cities[near][:MOST_SUGGESTED]
    return [_names()[name] for name in get_close_matches(word, _names(), n=1, cutoff=0.75)]


def _folded(typed: str) -> str:
    return "_".join(typed.split()).casefold()[:100]


@cache
def _names() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones() - _NOT_ZONES)}


@cache
def _cities() -> dict[str, list[str]]:
    """Give the zones named by region and city, by the city."""
    found: dict[str, list[str]] = {}
    for word, name in _names().items():
        if "/" in name and not name.startswith("Etc/"):
            found.setdefault(word.rsplit("/", maxsplit=1)[-1], []).append(name)
    return found
