"""Names of private channels: whoever isn't in one reads its name nowhere; Slack itself shows it to those who are."""

from bot.sandbox.people import ADA, BOARD, DEALS, GUS, LIAM, PAT, REVENUE
from models import channel, report
from tests.stage import ACME, Stage

NAME, OTHER = "deals-private", "board-private"
ASKED = ("", "recap week", "account Northwind", "why Northwind", "list", "deliveries", "unmute", "help")


async def furnished(acme: Stage) -> Stage:
    """Give a workspace in which every movement goes to a public and to a private channel, which doesn't take it."""
    for place in (DEALS, BOARD):
        await acme.ada.invite(place, acme.bot())
    await acme.sandbox.outbound.settled()
    await acme.add_destination("Every movement", [REVENUE, DEALS])
    await acme.browser.control("archive", workspace=ACME, channel=DEALS)
    await acme.sandbox.outbound.settled()
    _, webhook = await acme.add_source()
    await acme.move(webhook)
    await acme.ada.message("@Runrate", containing="the channel is archived")
    await acme.ada.message(REVENUE, containing="Northwind")
    managers = await (await acme.home()).click("Name managers")
    assert managers is not None
    assert (await managers.submit({"Managers beside them": [LIAM]})).closed
    return acme


async def forms_refused(acme: Stage) -> str:
    """Let a manager who isn't in the private channels save them, archived, and not entered by us any more."""
    liam = acme.person(LIAM)
    said = []
    for _ in range(2):
        edit = await (await acme.home(liam)).click("Edit", near="Every movement")
        assert edit is not None
        said.append((await edit.submit()).errors["Channels"])
        await edit.close()
        await acme.browser.control("unarchive", workspace=ACME, channel=DEALS)
        await acme.browser.control("remove_bot", workspace=ACME, channel=DEALS)
        await acme.sandbox.outbound.settled()
    assert said[0] == "A private channel that you chose is archived. Unarchive it, or choose another channel."
    assert said[1].startswith("I'm not in the private channel that you chose yet.")
    return "".join(said)


async def test_a_private_channel_is_named_to_nobody(acme: Stage) -> None:
    """Test 37: private channel names not shown to members without access."""
    await furnished(acme)
    async with acme.database.read() as session:
        known = await channel.known(session, ACME)
        built_in = await report.built_in(session, ACME)
    assert known[DEALS].name == NAME, "we do know its name, so that we could tell it"
    assert built_in is not None

    read = [await forms_refused(acme)]
    for user in (ADA, LIAM, PAT, GUS):
        person = acme.person(user)
        read.append(str(await acme.home(person)))
        for typed in ASKED:
            answered = await person.run(f"/mrr {typed}".strip(), channel="C0GENERAL")
            read.append(f"{answered.words} {answered.error} {answered.message} {answered.modal}")
        read.append(str(await person.messages("@Runrate")))
    paths = ("/", "/setup/checklist.json", "/metrics", f"/reports/{built_in.id}")
    read.extend([(await acme.get(path)).text for path in paths])
    # All that left for Slack: messages with their notification texts, views with their options, unfurls.
    read.append(str([call["args"] for call in await acme.browser.calls()]))
    whole = "".join(read)
    assert f"<#{DEALS}>" in whole, "its id is told, of which Slack makes a name for those who may read it"
    assert NAME not in whole
    assert OTHER not in whole
    assert NAME not in str(acme.logs)


async def test_a_public_channel_is_named_where_only_words_can_be_read(acme: Stage) -> None:
    """The proof that the test above reads where a name would stand."""
    await acme.add_destination("Every movement", [REVENUE])
    await acme.browser.control("archive", workspace=ACME, channel=REVENUE)
    await acme.sandbox.outbound.settled()
    edit = await (await acme.home()).click("Edit", near="Every movement")
    assert edit is not None
    assert (await edit.submit()).errors["Channels"].startswith("#revenue is archived.")
