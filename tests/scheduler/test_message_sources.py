"""What people read about a source: that it is silent, that it is back, and what its history comes to."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from models.recap import Figures, Sum
from models.schedule import Period, Rhythm
from scheduler.messages import history, silence
from scheduler.messages.history import HistoryMessage
from scheduler.messages.message import CHART, Message
from scheduler.messages.recap import RecapMessage
from scheduler.messages.silence import SilenceNotice

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
QUIET = SilenceNotice(source_id="src_1", source_name="Bill & <co>", since=AT)
MOMENT = "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"


def test_a_silent_source_is_named_with_the_time_of_its_last_event_and_one_button() -> None:
    drawn = silence.draw_silence(QUIET)
    validate_blocks(drawn["blocks"], surface="message")
    assert drawn["text"] == (
        f"“Bill &amp; &lt;co&gt;” has sent nothing since {MOMENT}. That is longer than its longest pauses of late. "
        "Look whether it still sends, and where to."
    )
    [button] = drawn["blocks"][1]["elements"]
    assert (button["text"]["text"], button["value"]) == ("Show the source", "src_1")


def test_a_source_that_is_back_says_when_it_was_heard() -> None:
    drawn = silence.draw_heard_again(SilenceNotice(**{**vars(QUIET), "until": AT + timedelta(hours=3)}))
    validate_blocks(drawn["blocks"], surface="message")
    assert drawn["text"].startswith("“Bill &amp; &lt;co&gt;” is back: an event arrived at <!date^")


def week(*figures: Figures) -> HistoryMessage:
    recap = RecapMessage(
        rhythm=Rhythm.WEEKLY,
        period=Period(date(2026, 11, 9), date(2026, 11, 16)),
        figures=figures,
        destination_name="",
        channel_id=None,
        due_at=AT,
        told_at=AT,
        picture_urls={},
    )
    return HistoryMessage(source_name="Import", recap=recap)


def texts(drawn: Message) -> list[str]:
    return [block["text"]["text"] for block in drawn["blocks"] if "text" in block]


def test_history_that_is_in_is_told_by_the_recap_that_it_would_have_made() -> None:
    gained = {MovementKind.EXPANSION: Sum(amount_minor=42_000, count=3)}
    drawn: Any = history.draw(week(Figures(currency="USD", start_minor=120_000, sums=gained)))
    first, headline, *_, last = texts(drawn)
    assert first == (
        "*The history from “Import” is in. None of it was posted.*\nThis is what Monday's recap would have said:"
    )
    assert headline.startswith("*MRR, week of 9 – 15 November*\n*+$420* net (▲\xa035\xa0%)")
    assert last == history.EACH_WEEK
    assert drawn["text"].startswith("The history from “Import” is in. None of it was posted. MRR, week of")
    assert any(block["type"] == CHART for block in drawn["blocks"])
    while "plainer" in drawn:
        validate_blocks(drawn["blocks"], surface="message")
        drawn = drawn["plainer"]
        assert texts(drawn)[0] == first
        assert not any(block["type"] in {CHART, "image"} for block in drawn["blocks"])


def test_history_without_a_movement_in_that_week_says_so() -> None:
    drawn = history.draw(week(Figures(currency="USD", start_minor=120_000)))
    validate_blocks(drawn["blocks"], surface="message")
    assert texts(drawn)[1] == "*No MRR movements in the week of 9 – 15 November.* MRR stays at $1,200."
