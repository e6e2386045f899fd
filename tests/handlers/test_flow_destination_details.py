"""A destination in detail, as managers and others may know it; and how it is handed over when somebody leaves."""

from bot.sandbox.people import ACME, ADA, DANA, DEALS, GUS, PAT, REVENUE, WINS
from models import destination, person
from models.destination import Destination
from models.wakeup import Topic
from tests.stage import NOT_FOR_GUESTS, Stage, both_engines


async def only(stage: Stage) -> Destination:
    async with stage.database.read() as session:
        [found] = await destination.of_workspace(session, ACME)
    return found


async def name_manager(stage: Stage, *user_ids: str) -> None:
    async with stage.database.write() as session:
        await person.name_managers(session, ACME, user_ids, by=ADA, now=stage.clock.now())


@both_engines
async def test_details_say_who_changed_what_and_lead_to_every_change_and_back(acme: Stage) -> None:
    await acme.add_destination()
    details = await (await acme.home()).click("Details", near="Every movement")
    assert details is not None
    assert f"*Every movement* · Real-time to <#{REVENUE}>" in details.words
    assert f"*Answers for it*\n<@{ADA}>" in details.words
    assert f"<@{ADA}> made it" in details.words
    form = await details.click("Edit")
    assert form is not None
    assert form.title == "Edit destination"
    form = await form.click("More options") or form
    await form.submit({"Name": "Wins", "Channels": [WINS], "Minimum gain": "500"})
    details = await acme.ada.modal(containing="changed the name")
    assert f"*Wins* · Real-time to <#{WINS}>" in details.words
    told_in = f"who hears of it (<#{REVENUE}> → <#{WINS}>)"
    changed = f"changed the name (Every movement → Wins), {told_in} and the minimum gain (none → 500)"
    assert f"<@{ADA}> {changed}" in details.words

    question = await details.click("Pause")
    assert question is not None
    await question.submit()
    details = await acme.ada.modal(containing="Paused until")
    await details.click("Resume")
    details = await acme.ada.modal(containing="resumed it")
    tested = await details.click("Send a test")
    assert tested is not None
    assert f"A test of “Wins” is on its way to <#{WINS}>" in tested.words
    await tested.close()
    details = await acme.ada.modal(containing="sent a test")
    question = await details.click("Delete")
    assert question is not None
    await question.submit()
    assert (await acme.ada.sees())["modals"] == []
    assert "*Wins*" not in (await acme.home()).words


async def test_a_member_sees_the_public_part_and_can_change_nothing(acme: Stage) -> None:
    await acme.ada.invite(DEALS, acme.bot())
    await acme.sandbox.outbound.settled()
    await acme.add_destination("Every movement", [REVENUE, DEALS])
    home = await acme.home(acme.dana)
    details = await home.click("Details", near="Every movement")
    assert details is not None
    assert f"to <#{REVENUE}>" in details.words
    assert DEALS not in str(details)
    assert details.buttons == []
    assert "made it" not in details.words
    found = await only(acme)
    for choice in ("edit", "pause", "resume", "test", "duplicate", "hand_over", "delete"):
        pressed = {"action_id": f"destination_details_{choice}", "value": f"{choice} {found.id}"}
        assert (await acme.press(pressed, user=DANA)).status == 200
        refused = await acme.dana.modal()
        assert refused.title == "Only managers"
        await refused.close(all_of_them=True)


async def test_what_somebody_may_know_nothing_of_is_unknown_to_them(acme: Stage) -> None:
    await acme.ada.invite(DEALS, acme.bot())
    await acme.sandbox.outbound.settled()
    await acme.add_destination("Only for the deals", [DEALS])
    hidden = (await only(acme)).id
    unknown = "There is no such destination"
    for user, destination_id, told in ((DANA, hidden, unknown), (GUS, hidden, NOT_FOR_GUESTS), (ADA, "dst_1", unknown)):
        await acme.press({"action_id": "destination_details", "value": destination_id}, user=user)
        refused = await acme.person(user).modal()
        assert told in refused.words
        await refused.close(all_of_them=True)


async def test_what_fails_stands_there_with_what_to_do(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination("Old", [REVENUE])
    acme.slack.channels[REVENUE].is_archived = True
    await acme.move(webhook)

    async def trouble() -> bool:
        return "Can't post" in (await acme.home()).words

    await acme.until(trouble)
    details = await (await acme.home()).click("Details", near="*Old*")
    assert details is not None
    assert f"I can't post to <#{REVENUE}>: the channel is archived. 1 update is waiting" in details.words
    assert "*State*\nCan't post" in details.words
    assert "everywhere" not in details.words
    acme.slack.channels[REVENUE].is_archived = False
    await details.click("Try now")
    await acme.ada.message(REVENUE, containing="Northwind")
    assert (await acme.ada.modal()).title == "Destination"


async def test_any_manager_hands_a_destination_over_to_another_and_to_nobody_else(acme: Stage) -> None:
    await acme.add_destination()
    await name_manager(acme, DANA)
    details = await (await acme.home(acme.dana)).click("Details", near="Every movement")
    assert details is not None
    question = await details.click("Hand over")
    assert question is not None
    assert question.filled["Who answers"] == DANA
    refused = await question.submit({"Who answers": PAT})
    assert "is no manager of Runrate. Name them one" in refused.errors["Who answers"]
    await question.submit({"Who answers": DANA})
    details = await acme.dana.modal(containing="took it over")
    assert f"*Answers for it*\n<@{DANA}>" in details.words
    assert f"<@{DANA}> took it over" in details.words
    assert (await only(acme)).kept_by == DANA


async def leave(acme: Stage) -> None:
    """Let Dana, who made a destination, be deactivated, and wait until Ada was told."""
    await name_manager(acme, DANA)
    await acme.add_destination("Board", person=acme.dana)
    await acme.slack.deactivate(acme.slack.people[DANA])
    await acme.sandbox.outbound.settled()
    await acme.database.wakeups.notify(Topic.RECAPS)


@both_engines
async def test_a_manager_takes_over_from_who_left_and_another_comes_too_late(acme: Stage) -> None:
    await leave(acme)
    told = await acme.ada.message("@Runrate", containing="has left")
    assert "“Board” goes on as before, but nobody answers for it now" in told.words
    details = await (await acme.home()).click("Details", near="*Board*")
    assert details is not None
    assert f"*nobody*: <@{DANA}> has left" in details.words
    await details.close(all_of_them=True)
    await told.click("Take over")
    await acme.ada.message("@Runrate", containing="answers for “Board” now.")
    found = await only(acme)
    assert (found.kept_by, found.unkept_at) == (ADA, None)
    await told.click("Choose somebody else")
    assert "nothing left to take over" in str(await acme.ada.sees())


async def test_a_manager_chooses_who_answers_for_all_of_it(acme: Stage) -> None:
    await leave(acme)
    told = await acme.ada.message("@Runrate", containing="has left")
    question = await told.click("Choose somebody else")
    assert question is not None
    assert "Who answers for “Board”?" in question.words
    assert (await question.submit({"Who answers": PAT})).errors != {}
    done = (await question.submit({"Who answers": ADA})).modal
    assert done is not None
    assert done.words == f"<@{ADA}> answers for “Board” now."
    assert (await only(acme)).kept_by == ADA
