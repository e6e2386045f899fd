from datetime import UTC, datetime

from hypothesis import given

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from scheduler.messages import draft, mrkdwn, trial
from scheduler.messages.menu import Choice, menu
from scheduler.messages.message import Message, message
from scheduler.messages.movement import MovementMessage, draw
from scheduler.messages.trial import TrialMessage
from tests.handlers.test_view_fuzz import check, fuzz, names, typed

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
SECTION = {"type": "section", "text": mrkdwn.marked("A recap"), "accessory": menu(Choice.HISTORY)}
BUTTONS = {"type": "actions", "elements": []}


def test_a_preview_is_the_message_as_it_would_be_but_for_what_can_be_pressed() -> None:
    words = message("A recap", SECTION)
    drawn = draft.draw({**message("A recap", SECTION, BUTTONS), "plainer": words}, name="Board *weekly*")
    assert drawn["text"] == "Preview: A recap"
    first, shown = drawn["blocks"]
    said = "*Preview of “Board ∗weekly∗”*, seen by you alone. This is what it would post:"
    assert first["elements"][0]["text"] == said
    assert shown == {**SECTION, "accessory": menu()}
    assert drawn["plainer"]["blocks"] == drawn["blocks"]


def test_a_preview_of_what_would_be_left_out_says_so() -> None:
    drawn = draft.draw(trial.draw(TrialMessage(destination_name="x", note="", told_at=AT)), name="x", left_out=True)
    assert "Nothing moved, so that it would post nothing:" in str(drawn["blocks"][0])


@given(names, typed)
@fuzz
def test_any_movement_can_be_shown_before(name: str, said: str) -> None:
    told: Message = draw(
        MovementMessage(
            account_name=said,
            kind=MovementKind.CHURN,
            amount_minor=-5,
            currency="JPY",
            occurred_at=AT,
            source_name=said,
            destination_name=name,
            channel_id="C0REVENUE",
        )
    )
    drawn = draft.draw(told, name=name)
    validate_blocks(drawn["blocks"], surface="message")
    check(drawn["blocks"], drawn["text"])
