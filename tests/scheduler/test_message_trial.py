from datetime import UTC, datetime

from hypothesis import given

from bot.sandbox.blocks import validate_blocks
from scheduler.messages.message import Message
from scheduler.messages.trial import TrialMessage, draw
from tests.handlers.test_view_fuzz import check, fuzz, names, typed

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
MOMENT = "<!date^1795183320^{time}|14:02 UTC>"


def read(message: Message) -> list[str]:
    """Read a message from top to bottom."""
    section, context = message["blocks"]
    return [*section["text"]["text"].splitlines(), context["elements"][0]["text"]]


def test_a_test_says_what_it_is_what_comes_next_and_who_asked_for_it() -> None:
    drawn = draw(TrialMessage(destination_name="Board *weekly*", note="Ada asked for this test", told_at=AT))
    assert drawn["text"] == "Test of “Board ∗weekly∗”: it can post here"
    assert read(drawn) == [
        "*Test of “Board ∗weekly∗”*: it can post here.",
        "Each movement that it hears of is told here as it happens.",
        f"{MOMENT} · Ada asked for this test; nothing happened to MRR",
    ]


def test_a_test_that_may_be_a_repeat_says_so() -> None:
    drawn = draw(TrialMessage(destination_name="Board", is_recap=True, note="Ada", told_at=AT, may_be_repeat=True))
    assert read(drawn)[1:] == [
        "No recap of it is due.",
        f"{MOMENT} · Ada; nothing happened to MRR · may be a repeat: Slack didn't confirm the first one",
    ]


@given(names, typed)
@fuzz
def test_any_name_can_be_tested(name: str, note: str) -> None:
    drawn = draw(TrialMessage(destination_name=name, is_recap=True, next_at=AT, note=note, told_at=AT))
    validate_blocks(drawn["blocks"], surface="message")
    check(drawn["blocks"], drawn["text"])
