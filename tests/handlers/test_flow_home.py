"""The Home tab for a manager, a member and a guest, and naming managers."""

from bot.sandbox.people import ACME, ADA, BOARD, DANA, DEALS, GENERAL, GUS, OLGA, REVENUE
from models import person
from tests.stage import Stage

OWN_BUTTONS = ["Send me a daily recap by DM", "Quiet hours"]
MANAGER_BUTTONS = {
    "Add source",
    "New destination",
    "New workflow",
    "Fallback channel",
    "Match e-mails",
    "Name managers",
    "Export or erase a person",
    "Switch previews off",
    *OWN_BUTTONS,
}


async def test_a_manager_sees_the_workspace_and_one_main_thing_to_press(acme: Stage) -> None:
    home = await acme.home()
    assert "Runrate in Acme" in home.words
    assert f"Installed by <@{ADA}>" in home.words
    assert "No source yet" in home.words
    assert "No destination yet" in home.words
    assert set(home.buttons) == MANAGER_BUTTONS
    styles = [one.element.get("style") for one in home.placed]
    assert styles.count("primary") == 1

    await acme.add_source()
    await acme.add_destination()
    home = await acme.home()
    assert "*All well*: nothing to tell yet today." in home.words


async def test_a_member_sees_what_is_posted_in_public_and_whom_to_ask_and_nothing_secret(acme: Stage) -> None:
    for channel in (DEALS, BOARD):
        await acme.ada.invite(channel, acme.bot())
    await acme.sandbox.outbound.settled()
    _, webhook = await acme.add_source(name="Billing of the board")
    await acme.add_destination("Every movement", [REVENUE, DEALS])
    await acme.add_destination("Only for the board", [BOARD])

    assert "*Every movement*" not in (await acme.home(acme.person(GUS))).words
    for user in (DANA, "U0PAT"):
        home = await acme.home(acme.person(user))
        assert f"*Every movement* · Real-time to <#{REVENUE}>" in home.words
        assert f"To change what is posted, ask <@{ADA}> or a Slack admin." in home.words
        assert home.buttons == [*OWN_BUTTONS, "Details"]
        drawn = str(home)
        for hidden in (DEALS, BOARD, "deals-private", "board", "Billing", "/in/", webhook.rpartition("/")[2]):
            assert hidden not in drawn, hidden

    listed = await acme.person("U0PAT").run("/mrr list", channel=REVENUE)
    assert listed.words == f"*1 destination* *Every movement* · Real-time to <#{REVENUE}>\nNothing sent yet Details"


async def test_a_member_is_told_that_there_is_nothing_and_gets_no_button_to_change_it(acme: Stage) -> None:
    home = await acme.home(acme.dana)
    assert "No MRR movement is posted where you can read it yet." in home.words
    listed = await acme.dana.run("/mrr list", channel=REVENUE)
    assert listed.words == "No destination yet. A Slack admin can make one."
    assert listed.message is not None
    assert listed.message.buttons == []


async def test_a_named_manager_may_change_things_and_one_who_is_named_no_more_may_not(acme: Stage) -> None:
    form = await (await acme.home()).click("Name managers")
    assert form is not None
    assert (await form.submit({"Managers beside them": [DANA]})).closed
    assert f"Slack admins and owners, and <@{DANA}>." in (await acme.home()).words

    assert set((await acme.home(acme.dana)).buttons) == MANAGER_BUTTONS
    await acme.add_destination(person=acme.dana)
    refused = await acme.person("U0LIAM").run("/mrr new", channel=REVENUE)
    assert refused.words == f"Only managers can change this. Ask <@{DANA}>, <@{ADA}> or a Slack admin."
    assert f"<@{DANA}>" in (await acme.home(acme.person("U0LIAM"))).words

    form = await (await acme.home()).click("Name managers")
    assert form is not None
    assert form.filled == {"Managers beside them": [DANA]}
    assert (await form.submit({"Managers beside them": []})).closed
    assert "Only managers" in (await acme.dana.run("/mrr new", channel=REVENUE)).words


async def test_guests_and_deactivated_people_cannot_be_named(acme: Stage) -> None:
    form = await (await acme.home()).click("Name managers")
    assert form is not None
    result = await form.submit({"Managers beside them": [DANA, GUS]})
    assert result.errors == {"Managers beside them": "Gus Vale is a guest, so can't be named."}
    assert form.filled == {"Managers beside them": [DANA, GUS]}

    values = {"managers_people": {"people": {"type": "multi_users_select", "selected_users": [OLGA]}}}
    block = {"type": "input", "block_id": "managers_people"}
    forged = {"callback_id": "managers_save", "blocks": [block], "state": {"values": values}}
    answer = await acme.submit(forged)
    assert "deactivated, so can't be named" in answer.json["errors"]["managers_people"]
    assert "Only managers" in str((await acme.submit(forged, user="U0DANA")).json)
    async with acme.database.read() as session:
        assert await person.named_managers(session, ACME) == []


async def test_a_guest_who_was_named_before_has_no_rights(acme: Stage) -> None:
    async with acme.database.write() as session:
        await person.name_managers(session, ACME, [GUS], by=ADA, now=acme.clock.now())
    assert (await acme.home(acme.person(GUS))).buttons == ["Quiet hours"]


async def test_scopes_that_were_left_out_stand_on_the_home_tab_with_what_they_would_bring(stage: Stage) -> None:
    await stage.ada.install(stage.url, without=["files:write", "channels:history"])
    home = await stage.home()
    assert "Not granted, and what it would bring" in home.words
    assert "`files:write`: Charts also show where Slack can't fetch pictures from your server." in home.words
    assert "`channels:history`: After a lost connection, no message is posted twice there." in home.words
    assert "groups:history" not in home.words
    grant = next(one for one in home.placed if one.label == "Grant")
    assert grant.element["url"] == f"{stage.url}/slack/install"
    await home.click("Grant")

    await stage.install()
    home = await stage.home()
    assert "Not granted" not in home.words
    assert "Not granted" not in (await stage.home(stage.dana)).words


async def test_long_lists_are_turned_page_by_page_and_a_change_leaves_the_page(acme: Stage) -> None:
    for number in range(13):
        await acme.add_source(name=f"Source {number:02}")
    home = await acme.home()
    assert "Source 00" in home.words
    assert "Source 12" not in home.words
    assert "1–12 of 13" in home.words
    await home.click("Next")
    home = await acme.ada.home(containing="13 of 13")
    assert "Source 12" in home.words
    assert "Source 00" not in home.words
    await home.click("Pause", near="Source 12")
    home = await acme.ada.home(containing="Paused")
    assert "13 of 13" in home.words
    question = await home.click("Remove", near="Source 12")
    assert question is not None
    await question.submit()
    home = await acme.ada.home(containing="Source 11")
    assert "This page is empty" not in home.words, "a page that is gone gives way to the last one"


async def test_the_home_tab_begins_at_its_first_page_whenever_it_is_opened(acme: Stage) -> None:
    for number in range(13):
        await acme.add_source(name=f"Source {number:02}")
    await (await acme.home()).click("Next")
    home = await acme.ada.home(containing="13 of 13")
    await home.click("Previous")
    home = await acme.ada.home(containing="1–12 of 13")
    await home.click("Next")
    await acme.ada.home(containing="13 of 13")
    home = await acme.home()
    assert "1–12 of 13" in home.words
    await home.click("Pause", near="Source 00")
    assert "1–12 of 13" in (await acme.ada.home(containing="Paused")).words


async def test_what_a_destination_fails_at_stands_on_top_with_its_fix(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.browser.control("archive", channel=REVENUE)
    await acme.move(webhook)
    await acme.until(lambda: is_tried(acme))
    home = await acme.home()
    assert f"I can't post to <#{REVENUE}>: the channel is archived." in home.words
    assert "1 update is waiting; nothing is lost." in home.words
    assert "All well" not in home.words
    assert "Edit" in home.buttons


async def is_tried(stage: Stage) -> bool:
    home = await stage.home()
    return "archived" in home.words


async def test_a_guest_is_told_that_they_cannot_in_the_home_tab_and_by_help(acme: Stage) -> None:
    gus = acme.person(GUS)
    refusal = "What Runrate tells is for members of this workspace, not for guests. Ask"
    home = await acme.home(gus)
    assert refusal in home.words
    assert "To change what is posted" not in home.words
    assert refusal in (await gus.run("/mrr help", channel=GENERAL)).words
    assert "`/mrr` — show how MRR stands today" in (await acme.dana.run("/mrr help", channel=GENERAL)).words
