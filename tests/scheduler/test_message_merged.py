"""Many movements in one message: how it reads, and that no value can break it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from models.merge import Corrections
from models.recap import Figures, Sum
from scheduler.messages.correction import MergedCorrections, draw_merged
from scheduler.messages.merged import MergedMessage, draw
from scheduler.messages.message import Message

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
DOLLARS = Figures(
    currency="USD",
    start_minor=None,
    sums={
        MovementKind.EXPANSION: Sum(amount_minor=4_200_000, count=1_000),
        MovementKind.CHURN: Sum(amount_minor=-120_000, count=1),
    },
    gains=(("Northwind", 42_000), ("Contoso", 39_000)),
    losses=(("Initech", -120_000),),
)
FLOOD = MergedMessage(
    count=1_001,
    first_at=AT,
    last_at=AT + timedelta(minutes=1),
    figures=(DOLLARS,),
    destination_name="Every movement",
    channel_id="C0REVENUE",
    report_url="https://runrate.example/reports/rep_1",
)


def lines(drawn: Message) -> list[str]:
    """Read the message from top to bottom."""
    read: list[str] = []
    for block in drawn["blocks"]:
        texts = [block["text"]] if "text" in block else block.get("fields") or block.get("elements") or []
        read += [line for text in texts for line in text["text"].split("\n")]
    return read


def test_a_flood_reads_as_its_number_its_net_its_kinds_and_its_largest() -> None:
    drawn = draw(FLOOD)
    assert drawn["text"] == "1,001 MRR movements: +$40,800 net"
    *told, reason = lines(drawn)
    assert told == [
        "*1,001 MRR movements* in one message, because so many were waiting. None is left out.",
        "*+$40,800 net*",
        "▲ Expansion  *+$42,000*  1,000 movements",
        "✕ Churn  *−$1,200*  1 movement",
        "*Largest gains*",
        "+$420  Northwind",
        "+$390  Contoso",
        "*Largest losses*",
        "−$1,200  Initech",
    ]
    assert "to <#C0REVENUE> by “Every movement”" in reason
    assert "<https://runrate.example/reports/rep_1|Open the report>" in reason
    validate_blocks(drawn["blocks"], surface="message")


def test_currencies_are_told_apart_and_never_added_up() -> None:
    drawn = draw(replace(FLOOD, figures=(DOLLARS, replace(DOLLARS, currency="EUR"))))
    assert drawn["text"] == "1,001 MRR movements: +$40,800 net and +€40,800 net"
    assert lines(drawn).count("−$1,200  Initech") == 1


def test_many_currencies_are_told_in_short() -> None:
    currencies = ("USD", "EUR", "GBP", "JPY", "CHF")
    drawn = draw(replace(FLOOD, figures=tuple(replace(DOLLARS, currency=one) for one in currencies)))
    assert "*Also*  +¥4,080,000 net and +CHF" in " ".join(lines(drawn)).replace("\u00a0", "")
    validate_blocks(drawn["blocks"], surface="message")


def test_a_message_that_may_be_a_repeat_says_so() -> None:
    drawn = draw(replace(FLOOD, may_be_repeat=True))
    assert drawn["text"].endswith("(may be a repeat)")
    assert "may be a repeat" in lines(drawn)[-1]


words = st.text(max_size=300) | st.sampled_from(["<!channel>", "<@U0ADA>", "&<>*_~`", "\u202eאבג", "🎉" * 200, ""])


@settings(max_examples=200, deadline=None)
@given(name=words, account=words, currencies=st.integers(1, 40))
def test_no_value_can_mention_anybody_or_break_a_limit(name: str, account: str, currencies: int) -> None:
    one = replace(DOLLARS, gains=((account, 1),) * 5, losses=((account, -1),) * 5)
    drawn = draw(replace(FLOOD, figures=(one,) * currencies, destination_name=name))
    validate_blocks(drawn["blocks"], surface="message")
    told = " ".join([drawn["text"], *lines(drawn)])
    for mention in ("<!", "<@"):
        assert mention not in told.replace("<!date^", "")


@pytest.mark.parametrize("channel_id", ["C0REVENUE", None])
def test_it_says_where_it_goes(channel_id: str | None) -> None:
    reason = lines(draw(replace(FLOOD, channel_id=channel_id)))[-1]
    assert ("to you by" in reason) == (channel_id is None)


def test_what_was_taken_back_since_is_said() -> None:
    drawn = draw(replace(FLOOD, taken_back=2, corrected_at=AT))
    assert lines(drawn)[0].endswith("in one message, because so many were waiting. 2 more were taken back since.")
    assert " · corrected <!date^" in lines(drawn)[-1]
    nothing = draw(replace(FLOOD, count=0, figures=(), first_at=None, last_at=None, taken_back=25))
    assert nothing["text"] == "25 MRR movements: all were taken back"
    validate_blocks(nothing["blocks"], surface="message")


CORRECTED = MergedCorrections(
    corrections=Corrections(
        count=1_037,
        taken_back=12,
        of_another_kind=5,
        nets=(("EUR", 0), ("USD", -124_000)),
        largest=(("Contoso", "USD", -39_000), ("Northwind", "USD", 2_000)),
        more=3,
        first_at=AT,
        last_at=AT + timedelta(minutes=1),
        corrected_at=AT,
    ),
    destination_name="Every movement",
    channel_id="C0REVENUE",
)


def test_many_corrections_read_as_their_number_what_they_change_and_where_most() -> None:
    drawn = draw_merged(CORRECTED)
    assert drawn["text"] == "1,037 movements are corrected: −$1,240 net"
    *told, reason = lines(drawn)
    assert told == [
        "*1,037 movements are corrected* in one message. What was told of them is brought up to date in its place.",
        "*−$1,240 net* · 12 taken back · 1,020 with another amount · 5 of another kind",
        "*Most changed*",
        "−$390  Contoso",
        "+$20  Northwind",
        "3 more",
    ]
    assert reason.startswith("corrected <!date^")
    assert reason.endswith("to <#C0REVENUE> by “Every movement”")


def test_corrections_of_kinds_alone_say_that_mrr_is_the_same() -> None:
    of_kinds = replace(CORRECTED.corrections, count=1, taken_back=0, of_another_kind=1, nets=(), largest=(), more=0)
    drawn = draw_merged(replace(CORRECTED, corrections=of_kinds, may_be_repeat=True))
    assert drawn["text"] == "1 movement is corrected: MRR is the same (may be a repeat)"
    assert lines(drawn)[1] == "*MRR is the same* · 1 of another kind"
