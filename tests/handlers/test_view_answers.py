from typing import Any

import pytest

from bot.sandbox.blocks import validate_blocks, validate_view
from bot.sandbox.elements import placed_in
from handlers.views import answers, destination_form, destinations, sources
from handlers.views.answers import Answer
from handlers.views.destination_answers import DestinationForm
from handlers.views.destination_form import Offer
from handlers.views.destinations import DestinationRow
from handlers.views.listing import Listing
from handlers.views.sources import SourceForm
from tests.seeds import channels

EVERY_MOVEMENT = DestinationRow(id="dst_1", name="Every movement", recipients=channels("C0REVENUE"))


def read(answer: Answer) -> list[str]:
    """Read an answer from top to bottom."""
    validate_blocks(answer["blocks"], surface="ephemeral")
    assert answer["response_type"] == "ephemeral"
    return [text for block in answer["blocks"] for text in _texts(block)]


def _texts(block: dict[str, Any]) -> list[str]:
    return [block["text"]["text"]] if "text" in block else [element["text"] for element in block["elements"]]


def test_help_says_what_one_can_ask_for() -> None:
    assert read(answers.usage()) == [
        (
            "*What* `/mrr` *can do*\n`/mrr` — show how MRR stands today\n"
            "`/mrr recap day|week|month [#channel]` — show the last whole day, week or month, or share it in a "
            "channel; `/mrr recap this week` shows this one\n"
            "`/mrr account NAME` — show an account: its MRR, history, attributes and people\n"
            "`/mrr why NAME` — show who hears of an account, who doesn't, and why\n"
            "`/mrr mute NAME` — get no direct messages about an account; add `day` or `week` for that long only\n"
            "`/mrr unmute NAME` — get them again; without a name, see what you muted\n"
            "`/mrr new` — make a destination\n"
            "`/mrr list` — show the destinations and where they post\n"
            "`/mrr edit NAME` — change a destination\n`/mrr pause NAME` — silence a destination for a while\n"
            "`/mrr resume NAME` — let it post again\n"
            "`/mrr test NAME` — send a test message to a destination's channels and people\n"
            "`/mrr deliveries` — show what was delivered today, what waits and what failed\n`/mrr help` — show this"
        ),
        (
            "Sources, managers and the state of each destination are in Runrate's Home tab; so are a recap of your own "
            "by direct message, and your quiet hours."
        ),
    ]


def test_the_list_says_what_is_told_where() -> None:
    answer = answers.destination_list(Listing((EVERY_MOVEMENT,), 1), may_change=True)
    assert answer["text"] == "1 destination: Every movement"
    assert read(answer) == ["*1 destination*", "*Every movement* · Real-time to <#C0REVENUE>\nNothing sent yet"]


def test_a_long_list_ends_in_the_home_tab() -> None:
    rows = tuple(DestinationRow(id=str(number), name="x" * 80, recipients=channels("C1") * 20) for number in range(20))
    answer = answers.destination_list(Listing(rows, 1000), may_change=False)
    assert read(answer)[-1] == "980 more are in Runrate's Home tab."


def test_an_empty_list_gives_a_manager_the_button() -> None:
    answer = answers.destination_list(Listing(), may_change=True)
    assert read(answer) == ["No destination yet. Make one, and every movement is told in the channels that you choose."]
    assert answer["blocks"][0]["accessory"]["action_id"] == destinations.ACTIONS.new


def test_an_empty_list_tells_anybody_else_who_can_make_one() -> None:
    answer = answers.destination_list(Listing(), may_change=False)
    assert read(answer) == ["No destination yet. A Slack admin can make one."]
    assert "accessory" not in answer["blocks"][0]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("lst", "`/mrr lst` is no command. Did you mean `/mrr list`?"),
        ("recpa week <#C1|wins>", "`/mrr recpa week #wins` is no command. Did you mean `/mrr recap week #wins`?"),
        ("week", "`/mrr week` is no command. Did you mean `/mrr recap week`?"),
        ("HLEP", "`/mrr HLEP` is no command. Did you mean `/mrr help`?"),
        ("nwe", "`/mrr nwe` is no command. Did you mean `/mrr new`?"),
        ("create one", "`/mrr create one` is no command. Did you mean `/mrr new`?"),
        ("frobnicate", "`/mrr frobnicate` is no command. See what there is: `/mrr help`"),
        ("&lt;!channel&gt; `x`", "`/mrr &lt;!channel&gt; ˋxˋ` is no command. See what there is: `/mrr help`"),
    ],
)
def test_a_near_miss_suggests_what_was_meant(typed: str, said: str) -> None:
    assert read(answers.unknown_command(typed)) == [said]


@pytest.mark.parametrize("typed", ["x" * 5000, "", "\x00", "😀" * 900, "```" * 90])
def test_whatever_is_typed_is_answered(typed: str) -> None:
    read(answers.unknown_command(typed))


def test_a_refusal_says_whom_to_ask() -> None:
    text = "Only managers can change this. Ask <@U0DANA> or a Slack admin."
    assert read(answers.not_a_manager(["U0DANA"])) == [text]
    view = answers.not_a_manager_view(["U0DANA"])
    validate_view(view)
    assert view["blocks"][0]["text"]["text"] == text
    assert read(answers.not_a_manager([])) == ["Only managers can change this. Ask a Slack admin."]


@pytest.mark.parametrize("text", [answers.FAILED, answers.UNKNOWN_BUTTON])
def test_our_own_sentences_are_answered_as_message_and_as_modal(text: str) -> None:
    assert read(answers.sentence(text)) == [text]
    view = answers.sentence_view("Something went wrong", text)
    validate_view(view)
    assert view["blocks"][0]["text"]["text"] == text


def test_a_failure_in_a_form_stands_under_its_first_field() -> None:
    for view in (destination_form.form(DestinationForm(), Offer()), sources.form(SourceForm())):
        errors = answers.failed_view_errors(view)
        assert errors == {next(placed_in(view["blocks"])).block_id: answers.FAILED}
    question = destinations.delete_question(destination_id="dst_1", name="Wins", recipients=channels("C1"), waiting=0)
    assert answers.failed_view_errors(question) is None
