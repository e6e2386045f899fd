from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sandbox.blocks import validate_view
from handlers.views import destination_details as view
from handlers.views.destination_details import (
    CHANGES_SHOWN,
    MUTES_SHOWN,
    Change,
    DestinationDetails,
    GivenUp,
    MutedHere,
)
from handlers.views.destinations import DestinationRow, Menu, read_menu
from handlers.views.listing import Listing
from handlers.views.mutes import read_place_of
from models import amendment
from models.fact import MovementKind
from models.ledger import Failing
from models.recipient import RecipientKind
from models.wish import Frequency
from scheduler.messages.keeper import Gone
from tests.seeds import channels

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
MOMENT = "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"
DAY = "<!date^1795183320^{date_short}|20 Nov 2026>"
ROW = DestinationRow(id="dst_1", name="Every movement", recipients=channels("C0REVENUE"), last_sent_at=AT)
MADE = Change(actor="U0ADA", action="destination.created", detail={"name": "Every movement"}, at=AT)
DETAILS = DestinationDetails(
    row=ROW, created_by="U0ADA", created_at=AT, kept_by="U0DANA", may_change=True, changes=Listing((MADE,), 1)
)


def read(drawn: dict[str, Any]) -> list[str]:
    """Read a view from top to bottom: texts, and buttons in brackets."""
    said = []
    for block in drawn["blocks"]:
        texts = [*([block["text"]] if "text" in block else []), *block.get("fields", ())]
        texts += block["elements"] if block["type"] == "context" else []
        said += [one["text"] for one in texts]
        if block["type"] == "actions":
            said.append(f"[{' | '.join(one['text']['text'] for one in block['elements'])}]")
    return said


FACTS = [
    "*Every movement* · Real-time to <#C0REVENUE>",
    "*State*\nActive",
    f"*Last sent*\n{MOMENT}",
    "*Next*\nwith the next movement",
    f"*Made*\n{DAY} by <@U0ADA>",
    "*Answers for it*\n<@U0DANA>",
]


def test_a_manager_sees_how_it_fares_what_can_be_done_and_who_changed_what() -> None:
    drawn = view.draw(DETAILS)
    validate_view(drawn)
    assert read(drawn) == [
        *FACTS,
        "[Edit | Send a test | Pause]",
        "[Duplicate | Hand over | Delete]",
        "*Who changed what*",
        f"<@U0ADA> made it · {MOMENT}",
    ]
    buttons = [one for block in drawn["blocks"] if block["type"] == "actions" for one in block["elements"]]
    assert [read_menu(one) for one in buttons] == [
        (choice, "dst_1") for choice in (Menu.EDIT, Menu.TEST, Menu.PAUSE, Menu.DUPLICATE, Menu.HAND_OVER, Menu.DELETE)
    ]


def test_how_it_tells_stands_in_a_line_of_its_own() -> None:
    way = {"attributes": ("country", "employee_count"), "mentions": "owner", "locale": "de_DE", "tells_empty": False}
    told = replace(DETAILS, **way, group_minutes=5)  # type: ignore[arg-type]
    assert read(view.draw(told))[0].splitlines()[1] == (
        "Shows Country and Employee count · mentions the owner · changes of an account within 5 min told as one · "
        "numbers as in German (Germany)"
    )
    recap = replace(told, row=replace(ROW, frequency=Frequency.DAILY))
    assert read(view.draw(recap))[0].splitlines()[1] == (
        "Periods in which nothing moved are left out · numbers as in German (Germany)"
    )


def test_anybody_else_sees_what_it_tells_and_whom_to_ask() -> None:
    drawn = view.draw(replace(DETAILS, may_change=False, row=replace(ROW, waiting=3)))
    validate_view(drawn)
    assert read(drawn) == FACTS


def test_what_fails_and_what_was_given_up_are_told_with_what_to_do_and_that_nobody_answers() -> None:
    archived = Failing(
        target="C0REVENUE",
        recipient_kind=RecipientKind.CHANNEL,
        reason="the channel is archived",
        fix="Unarchive it, or choose another channel.",
        waiting=3,
        asked_by=("dst_1",),
    )
    paused = replace(ROW, is_paused=True, waiting=3, failing=(archived,))
    given_up = GivenUp(count=2, reason="Slack refused the message's form", fix="Tell whoever runs Runrate.")
    details = replace(DETAILS, row=paused, given_up=given_up, gone=Gone.LEFT)
    drawn = view.draw(details)
    validate_view(drawn)
    assert read(drawn)[1:-2] == [
        "*State*\n*Paused until it is resumed*",
        f"*Last sent*\n{MOMENT}",
        "*Next*\nonce it is resumed",
        "*Waiting*\n3 updates",
        f"*Made*\n{DAY} by <@U0ADA>",
        "*Answers for it*\n*nobody*: <@U0DANA> has left",
        (
            "I can't post to <#C0REVENUE>: the channel is archived. 3 updates are waiting; nothing is lost. "
            "Unarchive it, or choose another channel."
        ),
        (
            "*2 given up in the last week*, the newest because Slack refused the message's form. "
            "Tell whoever runs Runrate. `/mrr deliveries` retries them."
        ),
        "[Edit | Send a test | Resume]",
        "[Duplicate | Hand over | Delete]",
    ]


EVERY = [str(kind) for kind in MovementKind]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"recipients": None, "at": ["09:00", "10:30"]}, "the time (09:00 → 10:30) and who hears of it"),
        ({"recipients": [["C1"], ["C1", "C2"]]}, "who hears of it (<#C1> → <#C1> and <#C2>)"),
        ({"attributes": [[], ["mrr*"]]}, "the attributes that it shows (none → Mrr∗)"),
        ({"frequency": ["real_time", "weekly"]}, "the frequency (Real-time → Weekly)"),
        ({"weekday": [0, 4]}, "the day of the week (Monday → Friday)"),
        ({"is_business": [False, True]}, "business days only (off → on)"),
        ({"country": [None, "DE"]}, "whose holidays count (none → Germany)"),
        ({"least_gain": [None, 1500]}, "the minimum gain (none → 1,500)"),
        ({"least_loss_share": [50, None]}, "the minimum loss in percent (0.5 % → none)"),
        ({"kinds": [EVERY, ["churn"]]}, "the kinds of movements (all → Churn)"),
        ({"name": ["*A*", "<!here>"]}, "the name (∗A∗ → &lt;!here&gt;)"),
        ({"month_day": [1, 31]}, "the day of the month (1st → last day)"),
        ({}, "something"),
    ],
)
def test_an_edit_is_said_in_words(changed: dict[str, Any], words: str) -> None:
    assert view.in_words(replace(MADE, action="destination.edited", detail={"changed": changed})) == f"changed {words}"


@pytest.mark.parametrize(
    ("action", "detail", "words"),
    [
        ("paused", {"until": None}, "paused it"),
        ("paused", {"until": AT.isoformat()}, f"paused it until {MOMENT}"),
        ("handed_over", {"to": "U0ADA"}, "took it over"),
        ("handed_over", {"to": "U0DANA"}, "let <@U0DANA> answer for it"),
        ("tested", {}, "sent a test"),
        ("something_new", {}, "noted: something new"),
    ],
)
def test_each_change_is_said_in_words(action: str, detail: dict[str, Any], words: str) -> None:
    assert view.in_words(replace(MADE, action=f"destination.{action}", detail=detail)) == words


NORTHWIND, GONE = "*Northwind*", "an account that is gone"


@pytest.mark.parametrize(
    ("action", "about", "until", "words"),
    [
        ("muted", NORTHWIND, AT + timedelta(days=1), "muted ∗Northwind∗ for a day"),
        ("muted", NORTHWIND, AT + timedelta(days=7), "muted ∗Northwind∗ for a week"),
        ("muted", NORTHWIND, None, "muted ∗Northwind∗ until it is undone"),
        ("muted", None, AT, f"muted {GONE} until {MOMENT}"),
        ("unmuted", NORTHWIND, None, "let it tell of ∗Northwind∗ again"),
        ("unmuted", None, None, f"let it tell of {GONE} again"),
    ],
)
def test_who_muted_what_is_said_in_words(action: str, about: str | None, until: datetime | None, words: str) -> None:
    detail = {"account_id": "acc_1", "until": until.isoformat() if until else None}
    change = Change(actor="U0ADA", action=f"destination.account_{action}", detail=detail, about=about, at=AT)
    assert view.in_words(change) == words


def test_what_is_muted_stands_there_with_what_ends_it_and_how_many_more_there_are() -> None:
    muted = (MutedHere("acc_1", "*Northwind*", AT, "U0ADA"), MutedHere("acc_2", "Initech", None, "U0DANA"))
    drawn = view.draw(replace(DETAILS, mutes=Listing(muted, 2)))
    validate_view(drawn)
    said = read(drawn)
    listed = [f"∗Northwind∗ · until {MOMENT}, by <@U0ADA>", "Initech · until it is undone, by <@U0DANA>"]
    assert said[said.index("*Muted here*") :][:4] == ["*Muted here*", *listed, "*Who changed what*"]
    buttons = [block["accessory"] for block in drawn["blocks"] if "accessory" in block]
    assert [read_place_of(one) for one in buttons] == [("dst_1", "acc_1"), ("dst_1", "acc_2")]
    many = view.draw(replace(DETAILS, mutes=Listing(muted[:1] * MUTES_SHOWN, 1_200)))
    assert "and 1,195 more; `/mrr why ACCOUNT` ends one" in read(many)


def test_every_field_that_the_audit_keeps_has_words() -> None:
    assert view.FIELDS.keys() == {*amendment.TOLD, *amendment.UNTOLD}


@pytest.mark.parametrize(("page", "shown", "there", "turns"), [
    (0, CHANGES_SHOWN, "1–8 of 17", [("Older", 1)]),
    (1, CHANGES_SHOWN, "9–16 of 17", [("Newer", 0), ("Older", 2)]),
    (2, 1, "17–17 of 17", [("Newer", 1)]),
])  # fmt: skip
def test_changes_are_paged(page: int, shown: int, there: str, turns: list[tuple[str, int]]) -> None:
    drawn = view.draw(replace(DETAILS, changes=Listing((MADE,) * shown, 17), page=page))
    validate_view(drawn)
    assert f"*Who changed what* · {there}" in read(drawn)
    buttons = drawn["blocks"][-1]["elements"]
    assert [(one["text"]["text"], view.read_page(one)) for one in buttons] == turns
    assert {view.read_id(one) for one in buttons} == {"dst_1"}
