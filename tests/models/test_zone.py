import contextlib
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import zone
from models.wish import LONGEST_ZONE
from models.zone import ZoneUnknownError


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("europe/berlin", "Europe/Berlin"),
        ("  America/New  York ", "America/New_York"),
        ("america/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
    ],
)
def test_a_zone_is_found_whatever_its_case(typed: str, name: str) -> None:
    assert zone.named(typed) == name


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("Berlin", "Did you mean Europe/Berlin?"),
        ("Europe/Berln", "Did you mean Europe/Berlin?"),
        ("Kolkatta", "Did you mean Asia/Kolkata?"),
        ("Louisville", "Did you mean America/Kentucky/Louisville or America/Louisville?"),
        ("", "Name a time zone by its region and city"),
        ("CET+1 or so", "Name a time zone by its region and city"),
        ("localtime", "Name a time zone by its region and city"),
        ("../../etc/passwd", "Name a time zone by its region and city"),
        ("\0", "Name a time zone by its region and city"),
    ],
)
def test_what_is_no_zone_is_answered_with_what_may_be_meant(typed: str, sentence: str) -> None:
    with pytest.raises(ZoneUnknownError) as refused:
        zone.named(typed)
    assert sentence in str(refused.value)


def test_every_name_that_is_offered_can_be_used_and_kept() -> None:
    names = available_timezones() - {"localtime", "Factory", "posixrules"}
    for name in names:
        ZoneInfo(zone.named(name))
    assert max(map(len, names)) <= LONGEST_ZONE


@given(st.text(max_size=300))
def test_whatever_is_typed_is_a_zone_or_refused(typed: str) -> None:
    with contextlib.suppress(ZoneUnknownError):
        ZoneInfo(zone.named(typed))
