from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.sandbox.blocks import validate_blocks
from scheduler.messages.menu import menu
from scheduler.messages.notice import (
    ACTIONS,
    Asker,
    FailureNotice,
    Frame,
    RecoveryNotice,
    draw_failure,
    draw_recovery,
    mail_failure,
    mail_recovery,
)

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


def test_a_notice_says_on_request_why_it_came() -> None:
    recovered = draw_recovery(
        RecoveryNotice(channel_id="C0REVENUE", delivered=0, at=datetime(2026, 11, 20, tzinfo=UTC))
    )
    for told in (draw_failure(ARCHIVED), recovered):
        assert told["blocks"][0]["accessory"] == menu()


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


FRAME = Frame(
    workspace="Acme", asked_by="the destination “Every movement”", link="https://r.io?a=1&b=2", link_text="Open Runrate"
)


@pytest.mark.parametrize(
    ("asker", "words", "actions"),
    [
        (Asker.DESTINATION, "I can't post to <#C0REVENUE>: the", [ACTIONS.edit, ACTIONS.try_now]),
        (Asker.WORKFLOW, "I can't post to <#C0REVENUE>: the", [ACTIONS.edit_workflow, ACTIONS.try_now]),
        (Asker.SIGNALS, "I can't post signals to <#C0REVENUE>: the", [ACTIONS.choose_fallback, ACTIONS.try_now]),
        (Asker.OWNER, "I can't send signals to &lt;Dana&gt;: the", [ACTIONS.try_now]),
        (Asker.WORKSPACE, "Runrate can't post in &lt;Dana&gt;: the", []),
    ],
)
def test_each_kind_of_asker_has_its_own_words_and_buttons(asker: Asker, words: str, actions: list[str]) -> None:
    message = draw_failure(replace(ARCHIVED, asker=asker, place="<Dana>"))
    assert message["text"].startswith(words)
    buttons = [element for block in message["blocks"][1:] for element in block["elements"]]
    assert [one["action_id"] for one in buttons] == actions
    validate_blocks(message["blocks"], surface="message")


def test_what_was_given_up_is_never_called_waiting() -> None:
    told = draw_failure(replace(ARCHIVED, waiting=0, failed=2))["text"]
    assert "2 updates were given up, and can be retried" in told
    assert "nothing is lost" not in told


def test_a_mail_says_the_same_twice_and_why_one_gets_it() -> None:
    mail = mail_failure(replace(ARCHIVED, place="#revenue"), FRAME)
    assert mail.subject == "I can't post to #revenue: the channel is archived"
    for words in (
        "3 updates are waiting; nothing is lost. Unarchive it, or choose another channel.",
        "you answer for it or",
    ):
        assert words in mail.text
        assert words in mail.html
    assert "Open Runrate: https://r.io?a=1&b=2" in mail.text
    assert 'href="https://r.io?a=1&amp;b=2"' in mail.html


def test_the_mail_of_a_recovery_needs_no_reader_s_clock() -> None:
    at = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
    mail = mail_recovery(RecoveryNotice(channel_id="C1", delivered=3, at=at, place="#revenue"), FRAME)
    assert mail.subject == "Posting to #revenue works again"
    assert "The 3 waiting updates were delivered at 14:05 UTC on 20 November." in mail.text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\r\nBcc: eve@evil.io", "&", "😀" * 200, "\x00"])
def test_any_name_is_only_a_name_in_a_mail(name: str) -> None:
    frame = replace(FRAME, workspace=name, asked_by=name)
    mail = mail_failure(replace(ARCHIVED, place=name, cause=name, fix=name), frame)
    assert "<script" not in mail.html
    assert "\n" not in mail.subject
    assert "\r" not in mail.text
