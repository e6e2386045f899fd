from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sandbox.blocks import validate_view
from handlers.views import destinations
from handlers.views.destinations import DestinationRow
from handlers.views.filled import subject
from models.condition import About, Condition, Criterion
from models.filter import EVERYTHING, Filter
from models.wish import Frequency
from tests.seeds import channels

KNOWN = ("country", "employee_count", "employeeCount", "Segment")
OWNER = Condition(Criterion(About.ROLE, "owner"), ("dana@acme.com", "ada@acme.com"))
COUNTRY = Condition(Criterion(About.ATTRIBUTE, "country"), ("Germany", "*France*"))
HOLDERS = {"dana@acme.com": "Dana Reyes"}


@pytest.mark.parametrize(
    ("frequency", "told"),
    [
        (Frequency.DAILY, "Daily at 09:00 UTC"),
        (Frequency.WEEKLY, "Weekly, on Mondays at 09:00 UTC"),
        (Frequency.MONTHLY, "Monthly, on the 1st at 09:00 UTC"),
    ],
)
def test_a_recap_is_listed_with_its_time(frequency: Frequency, told: str) -> None:
    due = datetime(2026, 11, 23, 9, tzinfo=UTC)
    row = DestinationRow(
        id="dst_1", name="Board", frequency=frequency, recipients=channels("C0REVENUE"), next_run_at=due, zone="UTC"
    )
    following = "<!date^1795424400^{date_short_pretty} at {time}|23 Nov 2026 at 09:00 UTC>"
    said = f"*Board* · {told} to <#C0REVENUE>\nNothing sent yet · next: {following}"
    assert (destinations.told(row), destinations.row(row)["text"]["text"]) == (said, said)
    before = "<!date^1795338000^{date_short_pretty} at {time}|22 Nov 2026 at 09:00 UTC>"
    sent = replace(row, last_sent_at=due - timedelta(days=1))
    assert destinations.told(sent).splitlines()[1] == f"Last sent {before} · next: {following}"


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"frequency": Frequency.DAILY, "is_business": True}, "Daily, on business days at"),
        ({"frequency": Frequency.DAILY, "is_business": True, "country": "DE"}, "Daily, on business days (Germany) at"),
        (
            {"frequency": Frequency.WEEKLY, "weekday": 6, "is_business": True},
            "Weekly, on Sundays, or the next business day at",
        ),
        *(
            ({"frequency": Frequency.MONTHLY, "month_day": day}, f"Monthly, on the {word} at")
            for day, word in {2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 21: "21st", 31: "last day"}.items()
        ),
    ],
)
def test_the_days_of_a_recap_are_said_in_words(days: dict[str, Any], told: str) -> None:
    row = DestinationRow(id="dst_1", name="Board", recipients=channels("C0REVENUE"), **days)
    assert told in destinations.told(row)


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (EVERYTHING, ""),
        (Filter(kinds=EVERYTHING.kinds[1:]), "\nAll but New business"),
        (Filter(kinds=EVERYTHING.kinds[3:], least_loss=1000), "\nOnly Churn and Reactivation · losses from 1,000"),
        (Filter(least_gain=500, least_loss=20), "\nGains from 500 · losses from 20"),
        (
            Filter(least_gain=1000, least_gain_share=50, least_loss_share=1200),
            "\nGains from 1,000 and 0.5 % of MRR · losses from 12 % of MRR",
        ),
        (
            Filter(conditions=(COUNTRY, OWNER, Condition(Criterion(About.PLAN), ("A", "B", "C", "D")))),
            "\nCountry is Germany or ∗France∗ · Owner is Dana Reyes or ada@acme.com · Plan is A, B, C or 1 more",
        ),
        (Filter(conditions=(Condition(Criterion(About.ROLE, "csm"), ("a@b.c",)),)), "\nCSM is a@b.c"),
    ],
)
def test_what_is_filtered_stands_in_a_line_of_its_own(wanted: Filter, line: str) -> None:
    row = DestinationRow(id="dst_1", name="Big", recipients=channels("C0REVENUE"), filter=wanted, holders=HOLDERS)
    assert destinations.what(row) == f"*Big* · Real-time to <#C0REVENUE>{line}"
    weekly = replace(row, frequency=Frequency.WEEKLY)
    assert destinations.what(weekly) == "*Big* · Weekly, on Mondays at 09:00 UTC to <#C0REVENUE>"


def test_a_pause_is_said_first_and_the_next_recap_is_the_one_after_it() -> None:
    until, due = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 11, 30, 9, tzinfo=UTC)
    row = DestinationRow(id="dst_1", name="Board", recipients=channels("C0REVENUE"), is_paused=True, paused_until=until)
    ends = "<!date^1795996800^{date_short_pretty} at {time}|30 Nov 2026 at 00:00 UTC>"
    assert destinations.told(row).splitlines()[1] == f"*Paused until {ends}* · Nothing sent yet"
    weekly = replace(row, frequency=Frequency.WEEKLY, next_run_at=due)
    following = "<!date^1796029200^{date_short_pretty} at {time}|30 Nov 2026 at 09:00 UTC>"
    drawn = destinations.row(weekly)
    assert drawn["text"]["text"].splitlines()[1] == f"*Paused until {ends}* · Nothing sent yet · next: {following}"
    offered = [one["text"]["text"] for one in drawn["accessory"]["options"]]
    assert offered == ["Resume", "Edit", "Send a test", "Details", "Delete"]
    for_long = replace(row, paused_until=None)
    assert destinations.told(for_long).splitlines()[1] == "*Paused until it is resumed* · Nothing sent yet"


@pytest.mark.parametrize(
    ("waiting", "unsent"),
    [(0, ""), (1, " The 1 update still waiting is not sent."), (3, " The 3 updates still waiting are not sent.")],
)
def test_deleting_asks_first_and_says_what_will_happen(waiting: int, unsent: str) -> None:
    view = destinations.delete_question(
        destination_id="dst_1", name="Every *movement*", recipients=channels("C0REVENUE"), waiting=waiting
    )
    validate_view(view)
    assert view["blocks"][0]["text"]["text"] == (
        "Delete *Every ∗movement∗*?\n"
        f"Nothing more is posted to <#C0REVENUE> for it.{unsent} Messages already posted stay."
    )
    assert (view["submit"]["text"], view["close"]["text"], subject(view)) == ("Delete", "Keep", "dst_1")
