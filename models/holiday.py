"""Public holidays, by the country that a person names; the well-kept library `holidays` knows them.

It is imported when a destination first asks for holidays, which most never do: its import takes a fifth of a second.
"""

from datetime import date
from difflib import get_close_matches
from functools import cache

from babel import Locale

from models.base import UserError

MOST_SUGGESTED = 3
LONGEST_COUNTRY = 2
LONGEST_TYPED = 100
FIRST_YEAR, LAST_YEAR = 1970, 2100
_SHORT = {"usa": "US", "uk": "GB"}
"""What people write for these countries, and is neither their name nor their letters."""


class CountryUnknownError(UserError):
    """Name a country in English or by its two letters, such as Germany or DE."""


def named(typed: str) -> str:
    """Find a country's two letters by its name or these. Raises `CountryUnknownError`, with what may be meant."""
    word = " ".join(typed.split()).casefold()[:LONGEST_TYPED]
    names = countries()
    if word in names:
        return names[word]
    near = [name_of(names[one]) for one in get_close_matches(word, names, n=MOST_SUGGESTED, cutoff=0.78)]
    suggested = " or ".join(dict.fromkeys(near))
    raise CountryUnknownError(f"No holidays are known there. Did you mean {suggested}?" if suggested else None)


def name_of(country: str) -> str:
    """Give a country's name in English."""
    return str(Locale("en").territories.get(country, country))


def is_business_day(day: date, country: str | None) -> bool:
    """Say whether people work on a day: from Monday to Friday, unless it is a holiday all over that country."""
    return day.isoweekday() in range(1, 6) and not (country and day in _holidays(country, day.year))


@cache
def countries() -> dict[str, str]:
    """Give the two letters of every country with known holidays, by these and by its names, without case."""
    from holidays import list_supported_countries  # noqa: PLC0415 - see the module's docstring

    codes = [code for code in list_supported_countries(include_aliases=False) if len(code) == LONGEST_COUNTRY]
    return _SHORT | {written.casefold(): code for code in codes for written in (code, name_of(code))}


@cache
def _holidays(country: str, year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415 - see the module's docstring

    if not FIRST_YEAR <= year <= LAST_YEAR:
        return frozenset()
    return frozenset(country_holidays(country, years=year))
