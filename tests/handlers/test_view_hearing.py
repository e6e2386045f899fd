"""What `/mrr why` says of each destination, and how a length is read after an account's name."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handlers.views import hearing, mutes
from handlers.views.hearing import Hearer, Hearing, ToldHere
from handlers.views.mutes import Length
from models.delivery import DeliveryState, FactKind
from models.fact import MovementKind
from models.ledger import Told
from models.movement import Movement
from models.wish import Frequency
from tests.seeds import channels

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
MOMENT = "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"
EVERY = Hearer(name="Every movement", frequency=Frequency.REAL_TIME, recipients=channels("C0REVENUE"))
MOVED = Movement(kind=MovementKind.CHURN, amount_minor=-72_000, currency="USD", occurred_at=AT)
TOLD = Told(kind=FactKind.MOVEMENT, about="Initech", detail=MovementKind.CHURN, amount_minor=-72_000, currency="USD")
INITECH = Hearing(account_id="acc_1", name="Initech", newest=MOVED, hearers=(EVERY,), owner="Dana Reyes")


def texts(shown: Hearing) -> list[str]:
    return [
        text["text"]
        for block in hearing.answer(shown)["blocks"]
        for text in [*([block["text"]] if "text" in block else []), *block.get("elements", ())]
    ]


def test_it_says_who_hears_and_what_was_told_here() -> None:
    here = ToldHere(told=TOLD, state=DeliveryState.SKIPPED, reason="paused", at=AT)
    assert texts(replace(INITECH, told_here=(here,), is_muted=True)) == [
        f"*Who hears of Initech*\nIts newest movement is ✕ churn −$720, {MOMENT}.",
        "✓ *“Every movement”* to <#C0REVENUE>: tells of one like it as it happens",
        f"*Last told here*\nInitech: churn −$720 MRR · not sent (paused) {MOMENT}",
        "Signals about it go to its owner, Dana Reyes, by direct message · you muted it for yourself",
    ]


@pytest.mark.parametrize(
    ("hearer", "tells", "why"),
    [
        (replace(EVERY, lacks_kind=True), "✕", "doesn't want movements of the kind “Churn”"),
        (replace(EVERY, is_too_small=True), "✕", "wants only larger ones"),
        (replace(EVERY, is_paused=True), "✕", "paused until it is resumed"),
        (replace(EVERY, is_paused=True, paused_until=AT, lacks_kind=True), "✕", f"paused until {MOMENT}"),
        (replace(EVERY, frequency=Frequency.WEEKLY, lacks_kind=True), "✓", "counts it in its weekly recap"),
        (replace(EVERY, frequency=Frequency.DAILY, next_at=AT), "✓", f"counts it in its daily recap, next {MOMENT}"),
    ],
)
def test_each_destination_says_why(hearer: Hearer, tells: str, why: str) -> None:
    assert texts(replace(INITECH, hearers=(hearer,)))[1] == f"{tells} *“Every movement”* to <#C0REVENUE>: {why}"


def test_where_nothing_is_known_it_says_so() -> None:
    assert texts(replace(INITECH, newest=None, hearers=(), owner=None)) == [
        "*Who hears of Initech*\nNo movement of it is known yet; this is who would hear of one.",
        "No destination tells of it where you can read it.",
        "*Last told here*\nNothing of it was told here lately.",
        "It has no owner, so signals about it go to nobody",
    ]


@pytest.mark.parametrize(
    ("typed", "name", "length"),
    [
        ("Northwind", "Northwind", Length.ALWAYS),
        ("Northwind Traders week", "Northwind Traders", Length.WEEK),
        ("Northwind DAY", "Northwind", Length.DAY),
        ("Northwind always", "Northwind", Length.ALWAYS),
        ("Week", "Week", Length.ALWAYS),
        ("", "", Length.ALWAYS),
    ],
)
def test_a_length_is_read_from_the_end_and_a_name_that_is_one_stays_a_name(
    typed: str, name: str, length: Length
) -> None:
    assert mutes.read_length(typed) == (name, length)
