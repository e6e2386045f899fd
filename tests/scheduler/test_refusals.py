"""What a workspace refused is remembered for a while, for that workspace alone."""

from datetime import timedelta

import pytest

from scheduler.messages.message import CHART, PICTURE, Message, message
from scheduler.refusals import KEPT, Refusals
from tests.seeds import ACME, GLOBEX, NOW

WORDS = message("MRR", {"type": "section"})
PICTURED: Message = {**message("MRR", {"type": "section"}, {"type": PICTURE}), "plainer": WORDS}
CHARTED: Message = {**message("MRR", {"type": "section"}, {"type": CHART}), "plainer": PICTURED}


def refusing(*refused: Message) -> Refusals:
    refusals = Refusals()
    for one in refused:
        refusals.note(ACME, one, now=NOW)
    return refusals


@pytest.mark.parametrize(
    ("refused", "after", "form"),
    [
        ((), timedelta(), CHARTED),
        ((CHARTED,), timedelta(), PICTURED),
        ((CHARTED, PICTURED), timedelta(), WORDS),
        ((PICTURED,), timedelta(), CHARTED),
        ((CHARTED, PICTURED), KEPT[PICTURE], PICTURED),
        ((CHARTED, PICTURED), KEPT[CHART], CHARTED),
    ],
)
def test_the_richest_form_is_sent_that_is_not_known_to_be_refused(
    refused: tuple[Message, ...], after: timedelta, form: Message
) -> None:
    assert refusing(*refused).spare(ACME, CHARTED, now=NOW + after) is form


def test_what_one_workspace_refuses_another_is_offered() -> None:
    assert refusing(CHARTED).spare(GLOBEX, CHARTED, now=NOW) is CHARTED


def test_a_message_in_one_form_is_sent_whatever_was_refused() -> None:
    """Its section is in all forms, and was not the reason."""
    assert refusing(CHARTED, PICTURED).spare(ACME, WORDS, now=NOW) is WORDS
