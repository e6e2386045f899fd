from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_view
from bot.sandbox.elements import placed_in, starting
from handlers.views import pauses
from handlers.views.pauses import Length, PauseForm, Pausing
from tests.handlers.test_view_fuzz import check, fuzz, names
from tests.seeds import channels

BOARD = Pausing(id="dst_1", name="Board *weekly*", recipients=channels("C0REVENUE"))


@pytest.mark.parametrize(
    ("pausing", "said"),
    [
        (BOARD, "*Board ∗weekly∗* posts nothing to <#C0REVENUE> meanwhile."),
        (replace(BOARD, recipients=()), "*Board ∗weekly∗* posts nothing meanwhile."),
        (replace(BOARD, waiting=1), "meanwhile. The 1 update still waiting is not sent."),
        (replace(BOARD, waiting=1200), "meanwhile. The 1,200 updates still waiting are not sent."),
        (BOARD, "What happens in that time is not told later; recaps and the report still count it."),
        (
            replace(BOARD, is_recap=True),
            "A recap that falls due in that time is not posted later; the report still counts everything.",
        ),
    ],
)
def test_the_question_says_what_will_happen(pausing: Pausing, said: str) -> None:
    view = pauses.question(pausing, PauseForm(), zone="Europe/Berlin")
    validate_view(view)
    assert said in view["blocks"][0]["text"]["text"]
    assert (view["submit"]["text"], view["private_metadata"]) == ("Pause", "dst_1")


@pytest.mark.parametrize("length", Length)
def test_a_day_is_asked_for_only_where_one_is_to_be_chosen(length: Length) -> None:
    filled_in = PauseForm(length=length, until="2026-11-30" if length is Length.DATE else "")
    view = pauses.question(BOARD, filled_in, zone="Europe/Berlin")
    validate_view(view)
    assert ("Until" in [one.label for one in placed_in(view["blocks"])]) is (length is Length.DATE)
    assert pauses.read({**view, "state": {"values": starting(view["blocks"])}}) == filled_in


def test_what_was_never_offered_is_no_answer() -> None:
    values = {"pause_length": {"pause_length": {"type": "radio_buttons", "selected_option": {"value": "decade"}}}}
    with pytest.raises(ValueError, match="decade"):
        pauses.read({"state": {"values": values}})


@given(names, st.integers(0, 10**6))
@fuzz
def test_any_name_can_be_asked_about(name: str, waiting: int) -> None:
    view = pauses.question(replace(BOARD, name=name, waiting=waiting), PauseForm(), zone="UTC")
    validate_view(view)
    check(view)
