from decimal import Decimal

import pytest
from babel import localedata
from hypothesis import given
from hypothesis import strategies as st

from scheduler.messages import money

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "written"),
    [
        (162000, "USD", "en_US", "$1,620"),
        (162050, "USD", "en_US", "$1,620.50"),
        (5, "USD", "en_US", "$0.05"),
        (0, "USD", "en_US", "$0"),
        (-72000, "USD", "en_US", "−$720"),
        (162000, "usd", "en-US", "$1,620"),
        (162050, "EUR", "en_US", "€1,620.50"),
        (162050, "EUR", "de_DE", f"1.620,50{NBSP}€"),
        (-72000, "EUR", "de-DE", f"−720{NBSP}€"),
        (162000, "GBP", "en_GB", "£1,620"),
        (1000, "JPY", "en_US", "¥1,000"),
        (1000, "JPY", "ja_JP", "￥1,000"),
        (50000, "KRW", "en_US", "₩50,000"),
        (1234500, "KWD", "en_US", f"KWD{NBSP}1,234.500"),
        (1234000, "KWD", "en_US", f"KWD{NBSP}1,234"),
        (1234, "BHD", "en_US", f"BHD{NBSP}1.234"),
        (123456, "CHF", "de_CH", f"CHF{NBSP}1’234.56"),
        (12345, "RSD", "en_US", f"RSD{NBSP}123.45"),
        (12345, "CLF", "en_US", f"CLF{NBSP}1.2345"),
        (1234, "ZZZ", "en_US", f"ZZZ{NBSP}12.34"),
        (1234, "<!channel>", "en_US", "¤12.34"),
        (123456789000, "INR", "hi_IN", "₹1,23,45,67,890"),
        (162050, "EUR", "ar_EG", f"1,620.50{NBSP}€"),
        (-162000, "EUR", "he_IL", f"−1,620{NBSP}€"),
        (-162000, "EGP", "ar_EG", f"−\u200e1,620{NBSP}ج.م.\u200e"),
        (162000, "USD", "nowhere", "$1,620"),
        (162000, "USD", "", "$1,620"),
    ],
)
def test_an_amount_as_people_of_a_locale_write_it(minor: int, currency: str, locale: str, written: str) -> None:
    assert money.amount(minor, currency, locale) == written


@pytest.mark.parametrize(("minor", "written"), [(42000, "+$420"), (-72000, "−$720"), (0, "$0"), (1, "+$0.01")])
def test_a_change_carries_its_sign(minor: int, written: str) -> None:
    assert money.signed(minor, "USD") == written


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (42000, 120000, "35"),
        (-72000, 72000, "100"),
        (29, 1000, "2.9"),
        (995, 10000, "10"),
        (994, 10000, "9.9"),
        (200, 10000, "2"),
        (123456, 100, "123,456"),
    ],
)
def test_a_percentage_is_as_exact_as_it_is_useful(part: int, whole: int, written: str) -> None:
    assert money.percent(part, whole) == f"{written}{NBSP}%"


def test_a_percentage_of_nothing_is_not_told() -> None:
    assert money.percent(42000, 0) is None
    assert money.percent(0, 42000) is None


def test_a_tiny_percentage_says_so() -> None:
    assert money.percent(1, 10**9) == f"under 0.1{NBSP}%"


def test_a_percentage_follows_the_locale() -> None:
    assert money.percent(29, 1000, "de_DE") == f"2,9{NBSP}%"


@given(st.integers(-(10**15), 10**15), st.sampled_from(["USD", "JPY", "KWD", "CLF", "ZZZ"]))
def test_no_digit_is_lost(minor: int, currency: str) -> None:
    written = money.amount(minor, currency)
    digits = Decimal("".join(character for character in written if character.isdigit() or character == "."))
    assert digits.scaleb(money.digits(currency)) == abs(minor)
    assert written.startswith("−") == (minor < 0)


@pytest.mark.parametrize("locale", localedata.locale_identifiers()[::7])
def test_every_locale_can_write_money_in_a_line_from_left_to_right(locale: str) -> None:
    written = money.signed(123450, "KWD", locale)
    assert written.startswith("+")
    assert not {"\u200f", "\u061c"} & set(written)
    assert money.percent(29, 1000, locale)
