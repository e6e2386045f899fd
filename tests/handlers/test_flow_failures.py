"""A listener that fails or takes too long: an event answers 500, and a person reads a sentence and loses nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.people import ADA, REVENUE, WINS
from handlers import channels, home, listening
from handlers.listening import TIME_LIMIT
from handlers.views.answers import FAILED
from tests.stage import Stage

OPENED = {"type": "app_home_opened", "user": ADA, "channel": "D1", "tab": "home"}
TOO_LONG = "That took too long"
FAULTS: list[dict[str, Any]] = [
    {"fault": "error", "code": "internal_error"},
    {"fault": "http_500"},
    {"fault": "drop_request"},
    {"fault": "limit", "retry_after": 30},
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_while_slack_fails_an_event_is_answered_500_and_a_person_reads_a_sentence(
    acme: Stage, fault: dict[str, Any]
) -> None:
    """Each thing that a person can begin, with Slack failing in each way that it does."""
    await acme.add_destination()
    form = await acme.destination_form()
    await form.fill({"Name": "Wins", "Channels": [WINS]})
    await acme.browser.fault(method="views.publish", **fault)
    assert (await acme.event(OPENED)).status == 500

    await acme.browser.fault(method="conversations.info", **fault)
    result = await form.submit()
    assert not result.closed
    assert result.errors == {"Name": FAILED}
    assert form.filled["Name"] == "Wins"
    assert form.filled["Channels"] == [WINS]

    await acme.browser.fault(method="views.open", **fault)
    answered = await acme.ada.run("/mrr new", channel=REVENUE)
    assert answered.status == 200
    assert answered.words == FAILED

    await acme.browser.clear_faults()
    assert (await form.submit()).closed


async def test_who_cannot_be_asked_about_is_told_instead_of_being_let_in(acme: Stage) -> None:
    await acme.browser.fault("error", method="users.info", code="internal_error")
    assert (await acme.dana.run("/mrr list", channel=REVENUE)).words == FAILED
    assert (await acme.dana.run("/mrr new", channel=REVENUE)).words == FAILED
    assert (await acme.press({"action_id": "source_add"}, user="U0DANA")).status == 200
    assert (await acme.dana.modal()).words == FAILED


async def test_a_button_over_a_form_that_fails_puts_a_sentence_over_the_form(acme: Stage) -> None:
    await acme.home()
    form = await acme.ada.click("Add source")
    assert form is not None
    await form.fill({"Name": "Billing"})
    await acme.browser.fault("error", method="views.update", code="internal_error")
    over = await form.click("source_kind", option="Segment")
    assert over is not None
    assert over.words == FAILED
    beneath = await over.close()
    assert beneath is not None
    assert beneath.filled["Name"] == "Billing"


async def test_what_takes_too_long_is_answered_before_slack_gives_up(
    acme: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything at once, since each of it takes the 2.5 seconds that a listener has."""
    form = await acme.destination_form()
    await form.fill({"Name": "Wins", "Channels": [WINS]})
    monkeypatch.setattr(listening, "TIME_LIMIT", TIME_LIMIT)
    acme.clock.ahead = timedelta(hours=2)  # What we knew of everybody is old now.
    await acme.browser.fault("delay", method="users.info", seconds=4)

    event, command, saved, pressed = await asyncio.gather(
        acme.event(OPENED),
        acme.dana.run("/mrr list", channel=REVENUE),
        form.submit(),
        acme.press({"action_id": "source_add"}, user="U0LIAM"),
    )
    assert event.status == 500
    assert (command.status, command.error) == (200, None)
    assert command.words.startswith(TOO_LONG)
    assert saved.errors["Name"].startswith(TOO_LONG)
    assert form.filled["Name"] == "Wins"
    assert pressed.status == 200
    assert TOO_LONG in (await acme.person("U0LIAM").modal()).words


async def test_a_slow_answer_about_a_channel_stands_under_the_channels(
    acme: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = await acme.destination_form()
    await acme.browser.fault("delay", method="conversations.info", seconds=0.5, times=1)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(channels, "CHECK_LIMIT", 0.1)
        result = await form.submit({"Name": "Wins", "Channels": [WINS]})
    assert result.errors == {"Channels": "Slack didn't say in time whether I can post there. Save again."}
    assert (await form.submit()).closed


async def test_what_is_saved_counts_even_if_the_home_tab_cannot_be_shown_again(acme: Stage) -> None:
    await acme.browser.fault("error", method="views.publish", code="internal_error", times=1)
    await acme.add_destination("Wins", [WINS])
    assert "Wins" in (await acme.home()).words


async def test_what_is_saved_counts_even_if_showing_the_home_tab_again_takes_too_long(
    acme: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener's own limit ends it then, which leaves a busy machine time to save."""
    form = await acme.destination_form()
    monkeypatch.setattr(listening, "TIME_LIMIT", 2 * TIME_LIMIT)
    monkeypatch.setattr(home, "REFRESH_LIMIT", 60)
    await acme.browser.fault("delay", method="views.publish", seconds=60, times=1)
    result = await form.submit({"Name": "Wins", "Channels": [WINS]})
    assert result.closed, result.errors
    assert "listener_failed_after_answering" in [line["event"] for line in acme.logs]
    assert "Wins" in (await acme.home()).words
