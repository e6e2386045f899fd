"""What nobody handles: 200 for Slack, and a helpful sentence for a person."""

from datetime import timedelta
from typing import Any

from bot.sandbox.people import ACME, ADA, GENERAL, GUS, REVENUE
from tests.stage import Stage

NOTHING_MORE = "That button does nothing any more"


EVENTS: list[dict[str, Any]] = [
    {"type": "reaction_added", "user": ADA, "reaction": "tada", "item": {"type": "message"}},
    {"type": "message", "channel": REVENUE, "user": ADA, "text": "hello", "ts": "1.1"},
    {"type": "team_rename", "name": "Acme & Sons"},
    {"type": "an_event_of_next_year", "anything": {"nested": []}},
    {"type": "app_home_opened", "user": ADA, "channel": "D1", "tab": "messages"},
    {"type": "member_joined_channel", "user": ADA, "channel": REVENUE, "channel_type": "C", "team": ACME},
]
OLD: list[dict[str, Any]] = [
    {"action_id": "button_of_last_year", "value": "1"},
    {"action_id": "menu_of_last_year", "type": "overflow", "selected_option": {"value": "x"}},
    {"action_id": "select_of_last_year", "type": "static_select", "selected_option": {"value": "x"}},
]


async def test_an_event_that_means_nothing_to_us_is_answered_200(acme: Stage) -> None:
    for event in EVENTS:
        assert (await acme.event(event)).status == 200, event
    assert await acme.called("views.publish") == 0


async def test_slacks_word_that_it_sends_no_more_events_is_answered_200_and_logged(acme: Stage) -> None:
    body = b'{"type":"app_rate_limited","team_id":"T0ACME","minute_rate_limited":1,"api_app_id":"A1","token":"x"}'
    assert (await acme.slack_sends(body, kind="application/json")).status == 200
    assert "events_limited_by_slack" in [line["event"] for line in acme.logs]


async def test_an_unknown_command_is_answered_with_what_there_is(acme: Stage) -> None:
    answer = await acme.command("", command="/revenue")
    assert answer.status == 200
    assert "/mrr list" in answer.json["blocks"][0]["text"]["text"]
    assert answer.json["response_type"] == "ephemeral"


async def test_an_old_button_in_the_home_tab_says_that_it_does_nothing_any_more(acme: Stage) -> None:
    assert (await acme.press({"action_id": "button_of_last_year", "value": "1"})).status == 200
    assert NOTHING_MORE in (await acme.ada.modal()).words


async def test_an_old_message_says_it_to_the_one_who_pressed_alone(acme: Stage) -> None:
    await acme.ada.invite(REVENUE, acme.bot())
    for number, action in enumerate(OLD, start=1):
        assert (await acme.press(action, place="message")).status == 200
        told = [one for one in await acme.ada.messages(REVENUE) if NOTHING_MORE in one.words]
        assert len(told) == number
        assert all(one.is_ephemeral for one in told)
    assert NOTHING_MORE not in " ".join(one.words for one in await acme.dana.messages(REVENUE))


async def test_a_button_that_opens_a_link_needs_no_answer(acme: Stage) -> None:
    assert (await acme.press({"action_id": "link", "url": "https://example.com"})).status == 200
    assert await acme.called("views.open") == 0


async def test_a_form_that_nobody_reads_any_more_gives_way_to_a_sentence(acme: Stage) -> None:
    answer = await acme.submit({"callback_id": "form_of_last_year"})
    assert answer.status == 200
    assert answer.json["response_action"] == "update"
    assert NOTHING_MORE in str(answer.json["view"])


async def test_closing_a_form_options_and_shortcuts_are_answered_200(acme: Stage) -> None:
    view = {"id": "V1", "type": "modal", "callback_id": "any", "team_id": ACME, "blocks": [], "state": {"values": {}}}
    assert (await acme.interaction({"type": "view_closed", "view": view, "is_cleared": False})).status == 200

    options = {"type": "block_suggestion", "action_id": "any", "block_id": "b", "value": "nor", "view": view}
    answer = await acme.interaction(options)
    assert (answer.status, answer.json) == (200, {"options": []})

    shortcut = {"callback_id": "any", "trigger_id": acme.trigger()}
    assert (await acme.interaction({"type": "shortcut", **shortcut})).status == 200
    message = {"channel": {"id": REVENUE}, "message": {"ts": "1.1"}, "response_url": acme.response_url()}
    assert (await acme.interaction({"type": "message_action", **shortcut, **message})).status == 200


async def test_a_workspace_that_never_installed_us_is_told_so(acme: Stage) -> None:
    answer = await acme.command("list", team_id="T0STRANGE")
    assert answer.status == 200
    assert (await acme.event({"type": "reaction_added"}, team_id="T0STRANGE")).status == 200
    assert "isn't installed in this workspace" in str([one.words for one in await acme.ada.messages(REVENUE)])


async def test_a_mention_is_answered_to_its_author_and_a_refusal_of_slacks_is_let_be(acme: Stage) -> None:
    await acme.ada.invite(REVENUE, acme.bot())
    await acme.dana.message(REVENUE, containing="I can post your MRR")
    acme.clock.ahead += timedelta(hours=1)
    await acme.dana.say(REVENUE, f"hello <@{acme.bot()}>")
    answer = await acme.dana.message(REVENUE, containing="/mrr list")
    assert answer.is_ephemeral

    again = {"type": "app_mention", "user": "U0DANA", "channel": REVENUE, "text": "hello", "ts": "1.1"}
    await acme.browser.fault("error", method="chat.postEphemeral", code="user_not_in_channel", times=1)
    assert (await acme.event(again)).status == 200
    await acme.browser.fault("http_500", method="chat.postEphemeral", times=1)
    assert (await acme.event(again)).status == 500


async def test_a_misspelt_command_is_done_by_its_button(acme: Stage) -> None:
    await acme.add_destination("Every movement")
    question = (await acme.ada.run("/mrr paues Every　movement", channel=REVENUE)).message
    assert question is not None
    asked = await question.click("Yes, do it")
    assert asked is not None
    assert "*Every movement* posts nothing" in asked.words
    listing = (await acme.ada.run("/mrr lsit", channel=REVENUE)).message
    assert listing is not None
    await listing.click("Yes, do it")
    await acme.ada.message(REVENUE, containing="*1 destination*")
    assert not [one for one in await acme.ada.messages(REVENUE) if "/mrr lsit" in one.words], (
        "it gave way to the answer"
    )
    assert "Ask <@U0ADA> or a Slack admin" in (await acme.person(GUS).run("/mrr lsit", channel=GENERAL)).words
