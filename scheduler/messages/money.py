"""Money for people: minor units and a currency become `$1,620`, `+$420` or `−$720` in the reader's locale."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from models.currency import digits

DEFAULT_LOCALE = "en_US"
MINUS = "−"
NO_BREAK_SPACE = "\u00a0"
LEFT_TO_RIGHT = "\u200e"

_NO_CURRENCY = "XXX"
_CODE = re.compile(r"[A-Z]{3}")
_DIRECTIONS = re.compile("[\u200e\u200f\u061c]")


@lru_cache(maxsize=4096)
def amount(minor: int, currency: str, locale: str = DEFAULT_LOCALE) -> str:
    """Write an amount; one that is whole has no decimals, any other has all of its currency's."""
    code = currency.upper() if _CODE.fullmatch(currency.upper()) else _NO_CURRENCY
    value = Decimal(abs(minor)).scaleb(-digits(code))
    pattern = _pattern(code, digits(code) if value % 1 else 0, locale)
    written: str = format_currency(value, code, format=pattern, locale=_locale(locale), currency_digits=False)
    return f"{MINUS if minor < 0 else ''}{_in_line(written)}"


def _in_line(written: str) -> str:
    """Keep an amount in our left-to-right sentences: else two of them would be read as `$1,620 → $1,200`."""
    plain = _DIRECTIONS.sub("", written)
    has_letters = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in plain)
    return f"{LEFT_TO_RIGHT}{plain}{LEFT_TO_RIGHT}" if has_letters else plain


def signed(minor: int, currency: str, locale: str = DEFAULT_LOCALE) -> str:
    """Write a change, its direction always said; zero has none."""
    return f"+{amount(minor, currency, locale)}" if minor > 0 else amount(minor, currency, locale)


@lru_cache(maxsize=4096)
def percent(part: int, whole: int, locale: str = DEFAULT_LOCALE) -> str | None:
    """Write the size of a change, `35 %` or `2.9 %`, without its sign; None where there is nothing to compare with."""
    if whole == 0 or part == 0:
        return None
    share = abs(Decimal(part) / Decimal(whole) * 100)
    if share < Decimal("0.05"):
        return f"under {_decimal(Decimal('0.1'), locale)}{NO_BREAK_SPACE}%"
    step = Decimal("0.1") if share < Decimal("9.95") else Decimal(1)
    return f"{_decimal(share.quantize(step, ROUND_HALF_UP), locale)}{NO_BREAK_SPACE}%"


def share(part: int, whole: int, locale: str = DEFAULT_LOCALE) -> str | None:
    """Write the size of a change with its direction, `▲ 35 %`; None where there is nothing to compare with."""
    size = percent(part, whole, locale)
    return f"{'▲' if part > 0 else '▼'}{NO_BREAK_SPACE}{size}" if size else None


@lru_cache(maxsize=4096)
def number(count: int, locale: str = DEFAULT_LOCALE) -> str:
    """Write how many there are."""
    written: str = format_decimal(count, locale=_locale(locale))
    return written


def _decimal(value: Decimal, locale: str) -> str:
    written: str = format_decimal(
        value.normalize() if value % 1 else value.quantize(Decimal(1)), locale=_locale(locale)
    )
    return written


@lru_cache(maxsize=256)
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(DEFAULT_LOCALE)


@lru_cache(maxsize=1024)
def _pattern(currency: str, decimals: int, locale: str) -> str:
    """Give the locale's pattern with this many decimals; a symbol of letters keeps a space from the number."""
    written = str(_locale(locale).currency_formats["standard"].pattern).split(";", maxsplit=1)[0]
    written = re.sub(r"(?<=0)\.0+", f".{'0' * decimals}" if decimals else "", written)
    symbol = get_currency_symbol(currency, locale=_locale(locale))
    if symbol[-1].isalpha():
        written = re.sub(r"¤(?=[#0])", f"¤{NO_BREAK_SPACE}", written)
    if symbol[0].isalpha():
        written = re.sub(r"(?<=0)¤", f"{NO_BREAK_SPACE}¤", written)
    return written
