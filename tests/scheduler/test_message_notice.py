from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.sandbox.blocks import validate_blocks
from scheduler.messages.notice import ACTIONS, FailureNotice, RecoveryNotice, draw_failure, draw_recovery

ARCHIVED = FailureNotice(
    destination_id="dst_1",
    destination_name="Every movement",
    channel_id="C0REVENUE",
    cause="the channel is archived",
    fix="Unarchive it, or choose another channel.",
    waiting=3,
)


def test_a_failure_says_what_happened_what_it_means_and_what_to_do() -> None:
    message = draw_failure(ARCHIVED)
    assert message["text"] == (
        "I can't post to <#C0REVENUE>: the channel is archived. "
        "3 updates are waiting; nothing is lost. Unarchive it, or choose another channel."
    )
    validate_blocks(message["blocks"], surface="message")


def test_a_failure_offers_the_fix_and_another_try() -> None:
    edit, try_now = draw_failure(ARCHIVED)["blocks"][1]["elements"]
    assert (edit["text"]["text"], edit["action_id"], edit["value"]) == ("Edit “Every movement”", ACTIONS.edit, "dst_1")
    assert (try_now["text"]["text"], try_now["action_id"], try_now["value"]) == ("Try now", ACTIONS.try_now, "dst_1")


@pytest.mark.parametrize(
    ("waiting", "words"),
    [(0, "Nothing is waiting, and nothing is lost."), (1, "1 update is waiting; nothing is lost.")],
)
def test_a_failure_counts_what_waits(waiting: int, words: str) -> None:
    assert words in draw_failure(replace(ARCHIVED, waiting=waiting))["text"]


@pytest.mark.parametrize("name", ["<!channel>" * 40, "😀" * 100, "", "\x00"])
def test_any_name_fits_on_the_button(name: str) -> None:
    validate_blocks(draw_failure(replace(ARCHIVED, destination_name=name))["blocks"], surface="message")


@pytest.mark.parametrize(
    ("delivered", "words"),
    [
        (0, ""),
        (1, " The waiting update was delivered at <!date^1795183500^{time}|14:05 UTC>."),
        (3, " The 3 waiting updates were delivered at <!date^1795183500^{time}|14:05 UTC>."),
    ],
)
def test_a_recovery_is_told_with_what_was_made_up_for(delivered: int, words: str) -> None:
    at = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
    message = draw_recovery(RecoveryNotice(channel_id="C0REVENUE", delivered=delivered, at=at))
    assert message["text"] == f"Posting to <#C0REVENUE> works again.{words}"
    validate_blocks(message["blocks"], surface="message")
