"""Currencies: the decimals that ISO 4217 gives each one's minor unit.

Babel's own digits say how cash is rounded, which is something else: for RSD it says none, where a dinar has 100 para.
"""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Where they aren't two."""

_DIGITS_OF = {currency: digits for digits, currencies in _DIGITS.items() for currency in currencies.split()}


def digits(currency: str) -> int:
    """Say how many decimals the currency's minor unit makes; two for a currency that we don't know."""
    return _DIGITS_OF.get(currency.upper(), 2)


def minor(amount: Decimal, currency: str) -> int:
    """Give an amount of major units in minor ones, rounded half away from zero."""
    return int(amount.scaleb(digits(currency)).to_integral_value(ROUND_HALF_UP))


def rounded(amount: Fraction) -> int:
    """Round half away from zero."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def place(currency: str, count: int, *, base: str) -> tuple[bool, int, str]:
    """Give a currency's place among others, to sort by: the base currency, then the busiest, then the alphabet."""
    return currency != base, -count, currency
