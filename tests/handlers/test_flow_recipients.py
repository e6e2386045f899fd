"""People as recipients, from the form to their own conversations, and what others may know of that."""

from functools import partial

import pytest

from bot.sandbox.people import ACME, ADA, DANA, DEALS, GINA, GUS, LIAM, MEI, OLGA, PAT, REVENUE, SLACKBOT
from models import destination, person, recipient
from models.recipient import RecipientKind, To, together
from models.wish import Wish
from tests.handlers.test_flow_destinations import filled_in
from tests.stage import Stage

"""What the engines do differently is asked of models and scheduler; here is what people read and press."""


async def recipients(stage: Stage, name: str) -> list[To]:
    async with stage.database.read() as session:
        found = await destination.named(session, ACME, name)
        return [one.to for one in (await recipient.of_destinations(session, [found.id]))[found.id]]


async def said(stage: Stage, user_id: str, *others: str) -> list[str]:
    place = stage.slack.direct(ACME, [stage.bot(), user_id, *others])
    return [one.text for one in place.messages.values()] if place else []


async def test_people_are_chosen_alone_and_together_and_the_form_keeps_that(acme: Stage) -> None:
    form = await acme.destination_form()
    await form.fill({"People": [MEI, DANA]})
    await form.fill({"Tell them": "all"})
    assert (await form.submit({"Name": "Both", "Channels": []})).closed
    assert await recipients(acme, "Both") == [together([DANA, MEI])]

    edited = (await acme.ada.run("/mrr edit Both", channel=REVENUE)).modal
    assert edited is not None
    await edited.fill({"People": [DANA, MEI, PAT]})
    assert (await edited.submit({})).closed
    assert await recipients(acme, "Both") == [together([DANA, MEI, PAT])]
    again = (await acme.ada.run("/mrr edit Both", channel=REVENUE)).modal
    assert again is not None
    assert (await again.submit({"Tell them": "each", "Channels": [REVENUE]})).closed
    people = [To(RecipientKind.PERSON, one) for one in (DANA, MEI, PAT)]
    assert await recipients(acme, "Both") == [To(RecipientKind.CHANNEL, REVENUE), *people]


@pytest.mark.parametrize(
    ("people", "refused"),
    [
        ([OLGA, DANA], "Olga Petrov has left this workspace. Choose somebody else."),
        ([GUS], "Gus Vale is a guest here. MRR is told to full members only."),
        ([GINA], "Gina Hart isn't in this workspace. MRR is told to its own people."),
        ([SLACKBOT], "Slackbot is an app. Choose people."),
        (["U0NOBODY", MEI], "Slack doesn't let me see one of these people. Choose full members of this workspace."),
        ([f"U0NOBODY{number}" for number in range(20)], "Choose at most 20 channels and people."),
    ],
    ids=["left", "guest", "elsewhere", "app", "nobody", "too many"],
)
async def test_who_may_not_hear_of_mrr_is_refused(acme: Stage, people: list[str], refused: str) -> None:
    form = filled_in("Both", [REVENUE])
    form["state"]["values"]["destination_people"] = {"people": {"type": "multi_users_select", "selected_users": people}}
    answer = await acme.submit(form)
    assert (answer.json["response_action"], list(answer.json["errors"].values())) == ("errors", [refused])
    async with acme.database.read() as session:
        assert await destination.of_workspace(session, ACME) == []


async def test_a_refusal_stands_under_the_people_and_keeps_what_was_typed(acme: Stage) -> None:
    form = await acme.destination_form()
    refused = await form.submit({"Name": "Both", "People": [GUS, DANA]})
    assert refused.errors == {"People": "Gus Vale is a guest here. MRR is told to full members only."}
    assert (form.filled["Name"], form.filled["People"]) == ("Both", [GUS, DANA])
    assert (await form.submit({"People": [DANA]})).closed
    assert await recipients(acme, "Both") == [To(RecipientKind.CHANNEL, REVENUE), To(RecipientKind.PERSON, DANA)]


async def test_a_member_is_shown_what_comes_to_themself_and_to_no_other_person(acme: Stage) -> None:
    told = {
        "To Dana": [together([DANA])],
        "To Dana and Mei": [together([DANA, MEI]), To(RecipientKind.CHANNEL, DEALS), together([LIAM])],
        "To Liam": [together([LIAM]), together([PAT, ADA])],
    }
    async with acme.database.write() as session:
        for name, to in told.items():
            await destination.create(session, ACME, Wish(name=name, recipients=tuple(to)), by=ADA, now=acme.clock.now())
    home = await acme.home(acme.dana)
    listed = await acme.dana.run("/mrr list", channel=REVENUE)
    for words in (home.words, listed.words):
        assert f"*To Dana* · Real-time to <@{DANA}>" in words
        assert f"*To Dana and Mei* · Real-time to the group DM of <@{DANA}> and <@{MEI}>" in words
        assert not {name for name in ("To Liam", LIAM, PAT, DEALS) if name in words}
    of_manager = (await acme.ada.run("/mrr list", channel=REVENUE)).words
    assert all(name in of_manager for name in ("To Liam", LIAM, PAT, DEALS))


async def test_a_movement_is_read_and_asked_about_in_the_group_s_own_conversation(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    async with acme.database.write() as session:
        wish = Wish(name="Both", recipients=(together([DANA, MEI]),))
        await destination.create(session, ACME, wish, by=ADA, now=acme.clock.now())
    await acme.move(webhook, "Northwind Traders")

    async def is_told() -> bool:
        return bool(await said(acme, DANA, MEI))

    await acme.until(is_told)
    place = acme.slack.direct(ACME, [acme.bot(), DANA, MEI])
    assert place is not None
    why = await acme.dana.run("/mrr why Northwind Traders", channel=place.id)
    assert f"✓ *“Both”* to the group DM of <@{DANA}> and <@{MEI}>: tells of one like it as it happens" in why.words
    assert "Nothing of it was told here lately" not in why.words
    other = await acme.person(PAT).run("/mrr why Northwind Traders", channel=REVENUE)
    assert "Both" not in other.words
    tested = await acme.ada.run("/mrr test Both", channel=REVENUE)
    assert f"is on its way to the group DM of <@{DANA}> and <@{MEI}>" in tested.words


async def test_who_leaves_is_shown_as_gone_and_what_waits_for_them_with_its_fix(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form()
    assert (await form.submit({"Name": "Both", "People": [DANA, MEI]})).closed
    await acme.browser.control("deactivate", workspace=ACME, user=DANA)
    await acme.until(partial(is_gone, acme, DANA))
    await acme.move(webhook, "Northwind Traders")
    await acme.ada.message(REVENUE, containing="Northwind Traders")

    async def waits() -> bool:
        return "they left this Slack workspace" in (await acme.home()).words

    await acme.until(waits)
    words = (await acme.home()).words
    assert f"*Both* · Real-time to <#{REVENUE}>, <@{DANA}> (left) and <@{MEI}>" in words
    assert f"I can't write to <@{DANA}>: they left this Slack workspace. 1 update is waiting" in words
    assert await said(acme, DANA) == []


async def is_gone(stage: Stage, user_id: str) -> bool:
    async with stage.database.read() as session:
        known = await person.get(session, ACME, user_id)
    return known is not None and known.is_deactivated
