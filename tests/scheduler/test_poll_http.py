"""What a header asks of us: seconds or a date, in its many forms."""

from datetime import timedelta

import pytest

from scheduler.pollers.http import LONGEST_WAIT, wait_of
from tests.seeds import NOW


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", timedelta()),
        ("90", timedelta(seconds=90)),
        (" 90 ", timedelta(seconds=90)),
        ("Mon, 16 Nov 2026 09:02:00 GMT", timedelta(minutes=2)),
        ("Mon, 16 Nov 2026 08:00:00 GMT", timedelta()),
        ("9" * 40, LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(header: str | None, expected: timedelta | None) -> None:
    assert wait_of(header, now=NOW) == expected
