"""Making, changing and deleting destinations, as a manager does it and as a forger would try."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.people import ACME, ADA, DEALS, GLOBEX, OLD_NEWS, PARTNERS, REVENUE, WINS
from models import delivery, destination, movement
from models.delivery import Delivery
from models.destination import Destination
from tests.stage import Stage, both_engines

INVITE_FIRST = "Type @Runrate there and press “Invite Them”, then save again."


async def destinations(stage: Stage, workspace: str = ACME) -> list[Destination]:
    async with stage.database.read() as session:
        return await destination.of_workspace(session, workspace)


async def deliveries(stage: Stage, workspace: str = ACME) -> list[Delivery]:
    async with stage.database.read() as session:
        return list(await delivery.of_workspace(session, workspace))


def filled_in(name: str, channels: list[str], *, destination_id: str = "") -> dict[str, Any]:
    """A form as it is submitted, with choices that its pickers never offered."""
    values: dict[str, Any] = {
        "destination_name": {"name": {"type": "plain_text_input", "value": name}},
        "destination_recipients": {
            "channels": {"type": "multi_conversations_select", "selected_conversations": channels}
        },
    }
    blocks = [{"type": "input", "block_id": block_id} for block_id in values]
    view = {"callback_id": "destination_save", "blocks": blocks, "state": {"values": values}}
    return view | {"private_metadata": destination_id}


async def test_a_destination_is_made_from_the_home_tab_and_stands_there(acme: Stage) -> None:
    home = await acme.home()
    form = await home.click("New destination")
    assert form is not None
    assert form.fields == ["Name", "Frequency", "Channels", "People", "Test"]
    assert (await form.submit({"Name": "  Every \n movement ", "Channels": [REVENUE, WINS]})).closed

    home = await acme.ada.home(containing="Every movement")
    assert f"*Every movement* · Real-time to <#{REVENUE}> and <#{WINS}>" in home.words
    listed = await acme.ada.run("/mrr list", channel=REVENUE)
    assert f"*Every movement* · Real-time to <#{REVENUE}> and <#{WINS}>" in listed.words


async def test_public_channels_are_joined_before_the_first_message(acme: Stage) -> None:
    await acme.add_destination(channels=[REVENUE, WINS])

    async def both_joined() -> bool:
        return all(acme.bot() in acme.slack.channels[one].members for one in (REVENUE, WINS))

    await acme.until(both_joined)


async def test_a_name_that_exists_is_refused_under_the_name_and_the_form_keeps_what_was_typed(acme: Stage) -> None:
    await acme.add_destination()
    form = await acme.destination_form()
    for name in ("Every movement", "EVERY  Movement"):
        result = await form.submit({"Name": name, "Channels": [WINS]})
        assert not result.closed
        assert result.errors == {"Name": "“Every movement” exists already. Choose another name."}
        assert form.filled["Name"] == name
        assert form.filled["Channels"] == [WINS]
    assert (await form.submit({"Name": "Another"})).closed
    assert [one.name for one in await destinations(acme)] == ["Another", "Every movement"]


async def test_what_a_form_may_not_say_is_refused_under_its_field(acme: Stage) -> None:
    for name, channels, field, sentence in (
        ("Wins", [], "recipients", "Choose at least one channel, or somebody below."),
        ("Wins", [f"C{number}" for number in range(21)], "recipients", "Choose at most 20 channels and people."),
        (" \u200b ", [WINS], "name", "Give the destination a name"),
        ("x" * 81, [WINS], "name", "A name has at most 80 characters; this one has 81."),
        ("Wins", [OLD_NEWS], "recipients", "#old-news is archived. Unarchive it, or choose another channel."),
        ("Wins", ["C0NOWHERE"], "recipients", f"I'm not in the private channel that you chose yet. {INVITE_FIRST}"),
    ):
        answer = await acme.submit(filled_in(name, channels))
        assert answer.json["response_action"] == "errors"
        assert answer.json["errors"].keys() == {f"destination_{field}"}
        assert answer.json["errors"][f"destination_{field}"].startswith(sentence)
    assert await destinations(acme) == []


@both_engines
async def test_ten_people_who_choose_one_name_at_once_make_one_destination(acme: Stage) -> None:
    await acme.ada.invite(REVENUE, acme.bot())
    await acme.ada.message(REVENUE, containing="I can post your MRR")  # Now Slack needn't be asked about the channel,
    await acme.ada.run("/mrr list", channel=REVENUE)  # nor about Ada.
    answers = await asyncio.gather(*(acme.submit(filled_in("Every movement", [REVENUE])) for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    refusals = [answer.json["errors"]["destination_name"] for answer in answers if answer.text]
    assert refusals == ["“Every movement” exists already. Choose another name."] * 9
    assert len(await destinations(acme)) == 1


async def test_a_private_channel_is_entered_by_mentioning_the_bot_there(acme: Stage) -> None:
    form = await acme.destination_form()
    result = await form.submit({"Name": "Deals", "Channels": [DEALS]})
    assert result.errors == {"Channels": f"I'm not in the private channel that you chose yet. {INVITE_FIRST}"}
    assert form.filled["Channels"] == [DEALS]

    await acme.ada.say(DEALS, f"<@{acme.bot()}>")
    question = await acme.ada.message(DEALS, containing="they’re not in this private channel")
    await question.click("Invite Them")
    await acme.ada.message(DEALS, containing="I can post your MRR")
    assert (await form.submit()).closed

    _, webhook = await acme.add_source()
    await acme.move(webhook)
    assert "Northwind" in (await acme.dana.message(DEALS, containing="Northwind")).words


@pytest.mark.parametrize("mention_first", [True, False])
async def test_the_two_events_of_an_invitation_may_come_in_either_order(acme: Stage, *, mention_first: bool) -> None:
    acme.slack.channels[DEALS].members.append(acme.bot())
    mention = {"type": "app_mention", "user": ADA, "channel": DEALS, "text": "hi", "ts": "1.1"}
    joined = {
        "type": "member_joined_channel",
        "user": acme.bot(),
        "channel": DEALS,
        "channel_type": "C",
        "inviter": ADA,
    }
    for event in (mention, joined) if mention_first else (joined, mention):
        assert (await acme.event(event)).status == 200
    await acme.add_destination("Deals", [DEALS])
    assert len(await destinations(acme)) == 1


async def test_a_channel_with_other_companies_asks_for_a_confirmation(acme: Stage) -> None:
    form = await acme.destination_form()
    result = await form.submit({"Name": "Partners", "Channels": [PARTNERS]})
    assert not result.closed
    asked = result.modal
    assert asked is not None
    assert asked.words.startswith("*Nothing is saved yet.* Say below the channels whether people of other companies")
    assert "People of other companies read along" in asked.words
    assert asked.filled["Name"] == "Partners"
    assert asked.filled["Channels"] == [PARTNERS]

    refused = await asked.submit()
    assert refused.errors["Channels"].startswith("People of other companies read along there. Tick below")
    await asked.fill({"Other companies": ["yes"]})
    acme.slack.channels[WINS].workspace_ids.append(GLOBEX)
    another = (await asked.submit({"Channels": [PARTNERS, WINS]})).modal
    assert another is not None
    assert f"read along in <#{PARTNERS}> and <#{WINS}>" in another.words
    assert await destinations(acme) == []
    assert (await another.submit({"Other companies": ["yes"]})).closed
    assert len(await destinations(acme)) == 1


async def test_editing_starts_with_what_is_and_changes_what_comes_next(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination("Every movement", [REVENUE])
    await acme.move(webhook, account={"external_id": "n", "name": "Northwind", "attributes": {"country": "Germany"}})
    await acme.ada.message(REVENUE, containing="Northwind")

    form = await (await acme.home()).click("Edit", near="Every movement")
    assert form is not None
    assert form.filled.keys() == {"Name", "Frequency", "Channels", "People"}
    form = await form.click("More options")
    assert form is not None
    assert form.filled == {
        "Name": "Every movement",
        "Frequency": form.filled["Frequency"],
        "Channels": [REVENUE],
        "People": [],
        "Movements": form.filled["Movements"],
        "Minimum gain": None,
        "Minimum loss": None,
        "Only accounts where": None,
        "Attributes to show": [],
        "Changes of one account": form.filled["Changes of one account"],
        "Mention": form.filled["Mention"],
        "Numbers and money": form.filled["Numbers and money"],
    }
    assert (await form.submit({"Name": "Wins only", "Channels": [WINS], "Attributes to show": ["Country"]})).closed
    await acme.move(webhook, account={"external_id": "n"})
    message = await acme.ada.message(WINS, containing="Northwind")
    assert "Germany" in message.words
    assert "Wins only" in message.words
    assert len([one for one in await acme.ada.messages(REVENUE) if "Northwind" in one.words]) == 1


@both_engines
async def test_a_name_may_be_kept_and_its_case_changed_when_editing(acme: Stage) -> None:
    await acme.add_destination("wins")
    form = await (await acme.home()).click("Edit", near="wins")
    assert form is not None
    assert (await form.submit({"Name": "Wins"})).closed
    assert [one.name for one in await destinations(acme)] == ["Wins"]


async def test_deleting_asks_first_and_skips_what_is_not_sent(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.browser.fault("limit", method="chat.postMessage", retry_after=600)
    await acme.move(webhook, "Northwind")
    await acme.move(webhook, "Contoso")

    async def both_wait() -> bool:
        return [one.state for one in await deliveries(acme)].count("pending") == 1 and len(await deliveries(acme)) == 2

    await acme.until(both_wait)
    question = await (await acme.home()).click("Delete", near="Every movement")
    assert question is not None
    assert "The 2 updates still waiting are not sent." in question.words
    assert await destinations(acme) != []
    assert (await question.submit()).closed

    assert {(one.state, one.reason) for one in await deliveries(acme)} == {("skipped", "deleted")}
    assert await destinations(acme) == []
    await acme.move(webhook, "Fabrikam")
    assert "Every movement" not in (await acme.home()).words


async def test_a_deleted_name_is_free_again(acme: Stage) -> None:
    await acme.add_destination()
    question = await (await acme.home()).click("Delete", near="Every movement")
    assert question is not None
    assert (await question.submit()).closed
    await acme.add_destination()
    assert len(await destinations(acme)) == 1


async def test_what_was_deleted_meanwhile_can_be_neither_saved_nor_deleted_again(acme: Stage) -> None:
    await acme.add_destination()
    form = await (await acme.home()).click("Edit", near="Every movement")
    assert form is not None
    async with acme.database.write() as session:
        [found] = await destination.of_workspace(session, ACME)
        await destination.remove(session, found, by=ADA, now=acme.clock.now())

    asked = (await form.submit({"Name": "Another"})).modal
    assert asked is not None
    assert "*<@U0ADA> deleted this destination* after you opened the form." in asked.words
    assert (asked.title, asked.filled["Name"]) == ("New destination", "Another")
    question = await acme.submit({"callback_id": "destination_delete", "private_metadata": found.id})
    assert "There is no such destination" in str(question.json["view"])
    assert await destinations(acme) == []
    assert (await asked.submit()).closed
    assert [one.name for one in await destinations(acme)] == ["Another"]


async def test_only_managers_change_destinations_and_a_refusal_says_who_they_are(acme: Stage) -> None:
    await acme.add_destination()
    [found] = await destinations(acme)
    refused = await acme.dana.run("/mrr new", channel=REVENUE)
    assert refused.words == "Only managers can change this. Ask <@U0ADA> or a Slack admin."
    assert refused.modal is None
    for action in (
        {"action_id": "destination_new"},
        {"action_id": "destination_edit", "value": found.id},
        {"action_id": "try_now", "value": found.id},
        *(
            {"action_id": "destination_menu", "type": "overflow", "selected_option": {"value": f"{choice} {found.id}"}}
            for choice in ("delete", "pause", "resume", "test")
        ),
    ):
        assert (await acme.press(action, user="U0DANA")).status == 200
        modal = await acme.dana.modal()
        assert modal.title == "Only managers"
        await modal.close(all_of_them=True)
    for view in (
        filled_in("Mine", [WINS]),
        filled_in("Mine", [WINS], destination_id=found.id),
        {"callback_id": "destination_delete", "private_metadata": found.id},
        {"callback_id": "destination_pause", "private_metadata": found.id},
    ):
        answer = await acme.submit(view, user="U0DANA")
        assert answer.json["response_action"] == "update"
        assert "Only managers can change this" in str(answer.json["view"])
    assert [one.name for one in await destinations(acme)] == ["Every movement"]


async def test_a_person_who_lost_their_rights_is_refused_at_once(acme: Stage) -> None:
    form = await acme.destination_form()
    ada = acme.slack.people[ADA]
    ada.is_admin = ada.is_owner = False
    await acme.slack.reactivate(ada)  # Slack tells that something about Ada changed.
    await acme.sandbox.outbound.settled()
    result = await form.submit({"Name": "Every movement", "Channels": [REVENUE]})
    assert result.modal is not None
    assert result.modal.title == "Only managers"
    assert await destinations(acme) == []


async def test_the_form_of_a_command_has_the_channel_filled_in_where_it_was_typed(acme: Stage) -> None:
    assert (await acme.destination_form(channel=WINS)).filled["Channels"] == [WINS]


async def test_a_filter_keeps_back_what_nobody_wants_and_the_ledger_says_why(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form(more=True)
    choices = {"Movements": ["▲ Expansion", "✕ Churn"], "Minimum gain": "1.000", "Minimum loss": "250"}
    assert (await form.submit({"Name": "Big", **choices})).closed
    home = await acme.ada.home(containing="Big")
    assert "Only Expansion and Churn · gains from 1,000 · losses from 250" in home.words
    await acme.move(webhook, "Small", amount_minor=999_99)
    await acme.move(webhook, "Unwanted", kind="contraction", amount_minor=-999_999)
    await acme.move(webhook, "Large", amount_minor=1_000_00)
    message = await acme.ada.message(REVENUE, containing="Large")
    assert await acme.called("chat.postMessage") == 1
    assert "+$1,000 MRR" in message.words
    assert ("skipped", "below threshold") in [(one.state, one.reason) for one in await deliveries(acme)]
    counted = await acme.ada.run("/mrr deliveries", channel=REVENUE)
    assert "1 not sent (1 below the threshold)" in counted.words
    assert len(await deliveries(acme)) == 2

    form = (await acme.ada.run("/mrr edit Big", channel=REVENUE)).modal
    assert form is not None
    assert (form.filled["Minimum gain"], form.filled["Minimum loss"]) == ("1,000", "250")
    assert [one["value"] for one in form.filled["Movements"]] == ["expansion", "churn"]


async def test_the_form_says_what_the_filter_would_have_let_through(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form()
    assert "In the last 30 days" not in form.words
    for minor in (100_00, 200_00, 300_00):
        await acme.move(webhook, amount_minor=minor)

    async def are_applied() -> bool:
        async with acme.database.read() as session:
            return await movement.count(session, ACME) == 3

    await acme.until(are_applied)
    form = await acme.destination_form(more=True)
    assert "In the last 30 days this would have been *3 messages*." in form.words
    await form.fill({"Minimum gain": "200"})
    assert "In the last 30 days this would have been *2 messages*, of 3 movements." in form.words
    await form.fill({"Minimum gain": "2,0"})
    assert "In the last 30 days" not in form.words
    assert form.filled["Minimum gain"] == "2,0"
    await form.fill({"Minimum gain": "", "Movements": ["● New business"]})
    assert "In the last 30 days this would have been *0 messages*, of 3 movements." in form.words
    await form.fill({"Frequency": "Daily: a recap of the day before"})
    assert "A recap counts every movement, whatever its kind and size" in form.words


async def test_a_minimum_that_is_no_whole_amount_is_refused_under_its_field(acme: Stage) -> None:
    form = await acme.destination_form(more=True)
    sentence = (
        "Write a whole amount without a currency, such as 500 or 1,000, or a share such as 0.5 %; or leave it empty."
    )
    for label in ("Minimum gain", "Minimum loss"):
        result = await form.submit({"Name": "Big", label: "1,000.50"})
        assert result.errors == {label: sentence}
        assert form.filled[label] == "1,000.50"
        await form.fill({label: "1,000"})
    nothing = filled_in("None", [WINS])
    nothing["blocks"].append({"type": "input", "block_id": "destination_kinds"})
    answer = await acme.submit(nothing)
    assert answer.json["errors"] == {"destination_kinds": "Choose at least one kind of movement."}
    assert (await form.submit()).closed


@both_engines
async def test_a_destination_of_some_accounts_is_made_copied_and_told_of_these_alone(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    for name in ("Northwind", "Contoso"):
        await acme.move(webhook, name, plan="Scale" if name == "Northwind" else "Solo")
    form = await acme.destination_form(more=True)
    await form.fill({"Only accounts where": "Plan"})
    refused = await form.submit({"Name": "Scale", "Channels": [REVENUE]})
    assert refused.errors == {"Only accounts where": "Choose values for Plan, or “Any account” in its place."}
    await form.fill({"Plan is": ["Scale"]})
    assert "*1 message*, of 2 movements." in form.words
    assert (await form.submit()).closed

    home = await acme.ada.home(containing="Plan is Scale")
    details = await home.click("Details", near="Plan is Scale")
    assert details is not None
    copy = await details.click("Duplicate")
    assert copy is not None
    assert (copy.title, copy.filled["Name"]) == ("New destination", "Copy of Scale")
    assert [one["value"] for one in copy.filled["Plan is"]] == ["Scale"]
    assert (await copy.submit({"Minimum gain": "500 and 100 %"})).closed
    await acme.ada.home(containing="Gains from 500 and 100 % of MRR · Plan is Scale")
    for name in ("Northwind", "Contoso"):
        await acme.move(webhook, name, plan="Scale" if name == "Northwind" else "Solo")
    await acme.dana.message(REVENUE, containing="Northwind")
    assert len(await deliveries(acme)) == len(await destinations(acme)) == 2
