"""Countries are found by what people call them, and days on which nobody works are known."""

from datetime import date

import pytest

from models import holiday
from models.holiday import CountryUnknownError

ADVICE = "Name a country in English or by its two letters, such as Germany or DE."


@pytest.mark.parametrize(
    ("typed", "code"),
    [("DE", "DE"), ("de", "DE"), (" Germany ", "DE"), ("united  states", "US"), ("USA", "US"), ("UK", "GB")],
)
def test_a_country_is_found_by_its_name_or_letters(typed: str, code: str) -> None:
    assert holiday.named(typed) == code


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("Germoney", "No holidays are known there. Did you mean Germany?"),
        ("Atlantis", ADVICE),
        ("", ADVICE),
        ("D\0", ADVICE),
        ("x" * 10_000, ADVICE),
    ],
)
def test_what_is_no_country_is_answered_with_what_may_be_meant(typed: str, sentence: str) -> None:
    with pytest.raises(CountryUnknownError) as refused:
        holiday.named(typed)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("day", "country", "is_one"),
    [
        (date(2026, 11, 16), None, True),
        (date(2026, 11, 14), None, False),
        (date(2026, 12, 25), "DE", False),
        (date(2026, 12, 25), None, True),
        (date(2026, 11, 26), "US", False),
        (date(2026, 11, 26), "DE", True),
    ],
)
def test_weekends_and_holidays_are_no_business_days(day: date, country: str | None, is_one: bool) -> None:
    assert holiday.is_business_day(day, country) is is_one


def test_of_every_country_that_is_offered_the_holidays_are_known() -> None:
    for code in sorted(set(holiday.countries().values())):
        holiday.is_business_day(date(2026, 1, 1), code)
