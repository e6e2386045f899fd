"""An account's card above its thread, and several changes told as one: how they read, and that no value breaks them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from models.movement import Movement
from scheduler.messages import movement
from scheduler.messages.message import Message
from scheduler.messages.movement import MovementMessage
from scheduler.messages.thread import ThreadMessage, draw

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
LAST = Movement(kind="expansion", amount_minor=42_000, currency="USD", occurred_at=AT)


def card(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "account_name": "Northwind Traders",
        "mrr_minor": 162_000,
        "currency": "USD",
        "last": LAST,
        "count": 3,
        "since": AT - timedelta(days=3),
        "told_at": AT,
        "destination_name": "By account",
        "channel_id": "C0REVENUE",
    }
    return draw(ThreadMessage(**fields | changes))


def lines(drawn: Message) -> list[str]:
    section, context = drawn["blocks"]
    return [*section["text"]["text"].split("\n"), context["elements"][0]["text"]]


def test_a_card_reads_as_how_the_account_stands_what_came_last_and_where_the_rest_is() -> None:
    drawn = card()
    assert drawn["text"] == "Northwind Traders: $1,620 MRR after expansion +$420"
    head, last, reason = lines(drawn)
    assert head == "*Northwind Traders* — *$1,620 MRR*"
    assert last.startswith("▲ Expansion *+$420 MRR* · <!date^")
    assert reason.startswith("3 changes since <!date^")
    assert reason.endswith("are in the thread · to <#C0REVENUE> by “By account”")


def test_a_card_says_what_it_does_not_know() -> None:
    drawn = card(mrr_minor=None, last=None, count=1, channel_id=None, may_be_repeat=True)
    assert drawn["text"] == "Northwind Traders: MRR unknown (may be a repeat)"
    head, reason = lines(drawn)
    assert head == "*Northwind Traders* — MRR unknown: import the account's history to see it"
    assert reason.startswith("The change is in the thread · to you by “By account” · may be a repeat")


def test_a_card_says_when_nothing_of_what_it_told_stands() -> None:
    head, reason = lines(card(mrr_minor=None, last=None, count=0))
    assert head == "*Northwind Traders* — nothing of what was told stands: its source took it back"
    assert reason == "It is in the thread · to <#C0REVENUE> by “By account”"


def test_several_changes_told_as_one_say_how_many_they_are() -> None:
    told = MovementMessage(
        account_name="Northwind",
        kind=MovementKind.EXPANSION,
        amount_minor=42_000,
        count=3,
        currency="USD",
        before_minor=120_000,
        after_minor=162_000,
        occurred_at=AT,
        source_name="Stripe",
        destination_name="Every movement",
        channel_id="C0REVENUE",
    )
    drawn = movement.draw(told)
    assert drawn["text"] == "Northwind: expansion +$420 MRR in 3 changes ($1,200 → $1,620)"
    assert "▲ *Northwind* — Expansion *+$420 MRR* (▲\u00a035\u00a0%) in 3 changes" in drawn["blocks"][0]["text"]["text"]


@settings(max_examples=50)
@given(name=st.text(max_size=400), by=st.text(max_size=80), mrr=st.none() | st.integers(-(10**12), 10**12))
def test_whatever_is_in_it_slack_takes_a_card_and_nobody_is_mentioned(name: str, by: str, mrr: int | None) -> None:
    drawn = card(account_name=name, destination_name=by, mrr_minor=mrr)
    validate_blocks(drawn["blocks"], surface="message")
    text = drawn["text"] + str(drawn["blocks"])
    assert not any(mention in text for mention in ("<!channel", "<!here", "<!everyone", "<@"))
