"""`/mrr`, `/mrr recap`, `/mrr why` and `/mrr mute`, from what is typed to what is posted, or isn't."""

import json

from bot.sandbox.people import DANA, DEALS, GENERAL, GUS, PAT, REVENUE
from bot.sandbox.person import Message
from models import delivery
from models.delivery import DeliveryState, FactKind
from tests.stage import ACME, Stage, both_engines


async def test_from_today_at_a_glance_to_a_shared_one(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind")
    pat = acme.person(PAT)

    async def glance() -> str:
        answered = (await pat.run("/mrr", channel=REVENUE)).message
        return answered.words if answered is not None and "*MRR now*  at least" in answered.words else ""

    words = await acme.until(glance)
    assert "Only you see this" in words
    assert "this day isn't over" in words
    answered = (await pat.run("/mrr recap this month", channel=REVENUE)).message
    assert answered is not None
    assert answered.is_ephemeral
    assert answered.buttons == ["Share here"], "what nobody was sent has no menu"
    await answered.click("Share here")
    await answered.click("Share here")
    await pat.message(REVENUE, containing="You shared this with this channel already.")
    shared = await acme.dana.message(REVENUE, containing="Pat Singh shared this")
    assert "this month isn't over" in shared.words
    why = await shared.click("Why did I get this?")
    assert why is not None
    assert "Pat Singh shared this, from the answer to `/mrr`." in why.words
    async with acme.database.read() as session:
        rows = await delivery.of_workspace(session, ACME)
    assert [one.state for one in rows if one.fact_kind == FactKind.GLANCE] == [DeliveryState.DELIVERED]


async def test_a_recap_is_shared_in_the_channel_that_was_typed(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind")
    pat = acme.person(PAT)
    for typed, where in (("week #revenue", REVENUE), ("this month in #revenue", REVENUE)):
        answered = await pat.run(f"/mrr recap {typed}", channel=GENERAL)
        assert answered.words == f"It is on its way to <#{where}>, with your name under it."
    await acme.dana.message(REVENUE, containing="this month isn't over")
    assert "Pat Singh shared this" in (await acme.dana.message(REVENUE, containing="in the week of")).words

    await acme.ada.invite(DEALS, acme.bot())
    for typed, refused in (
        (f"<#{DEALS}|>", "I can't post in that channel"),
        ("#nowhere", "I don't know a channel of that name."),
        ("#old-news", "I can't post in that channel"),
        ("#ext-partners", "People of other companies read along in the channel"),
    ):
        answer = await acme.command(f"recap week {typed}", user_id=PAT) if typed[0] == "<" else None
        words = answer.text if answer else (await pat.run(f"/mrr recap week {typed}", channel=GENERAL)).words
        assert refused in words, typed
    assert "It is on its way" in (await acme.ada.run("/mrr recap week #deals-private", channel=GENERAL)).words
    await acme.ada.message(DEALS, containing="Ada Okafor shared this")
    async with acme.database.read() as session:
        rows = await delivery.of_workspace(session, ACME)
    assert [one.target for one in rows if one.fact_kind == FactKind.GLANCE] == [DEALS, REVENUE, REVENUE]


async def test_what_is_asked_of_recaps_is_answered_or_advised(acme: Stage) -> None:
    whole = (await acme.ada.run("/mrr recap week", channel=REVENUE)).words
    assert "No MRR movements in the week of" in whole
    assert "MRR now" not in whole
    assert "Say which: `/mrr recap day`" in (await acme.ada.run("/mrr recap fortnight", channel=REVENUE)).words
    for asked in ("/mrr", "/mrr recap day", "/mrr why Northwind", "/mrr mute Northwind"):
        told = (await acme.person(GUS).run(asked, channel=GENERAL)).words
        assert "for members of this workspace, not for guests" in told, asked


@both_engines
async def test_an_account_is_muted_for_oneself_and_only_there(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    owner = {"type": "role", "account_external_id": "contoso", "role": "owner", "email": "dana@acme.com"}
    account = {"type": "account", "external_id": "contoso", "name": "Contoso <!here>"}

    async def tell(*records: object) -> None:
        answer = await acme.post(webhook, json.dumps(records).encode(), kind="application/json")
        assert (answer.status, answer.json["refused"]) == (200, []), answer.text

    async def signals() -> list[tuple[str, str | None]]:
        async with acme.database.read() as session:
            rows = await delivery.of_workspace(session, ACME)
        return [(one.state, one.reason) for one in rows if one.fact_kind == FactKind.SIGNAL and one.target == DANA]

    def hire(number: int) -> dict[str, object]:
        at = acme.clock.now().isoformat()
        named = {"id": f"h{number}", "kind": "new_hire", "person": "Sofia", "occurred_at": at}
        return {"type": "signal", "account": {"external_id": "contoso"}, **named}

    await tell(account, owner)

    async def muted() -> str:
        words = (await acme.dana.run("/mrr mute contoso week", channel=REVENUE)).words
        return words if "You get no direct messages about" in words else ""

    assert "<!here>" not in await acme.until(muted)
    await tell(hire(1))

    async def skipped() -> bool:
        return await signals() == [("skipped", "muted")]

    await acme.until(skipped)
    home = await acme.home(acme.dana)
    assert "You are the owner of 1 account" in home.words
    assert "until" in home.words
    assert "you muted it for yourself" in (await acme.dana.run("/mrr why contoso", channel=REVENUE)).words
    await home.click("Undo")
    assert "What you muted" not in (await acme.home(acme.dana)).words
    await tell(hire(2))

    async def told() -> bool:
        return ("delivered", None) in await signals()

    await acme.until(told)
    assert "You have muted nothing" in (await acme.dana.run("/mrr unmute", channel=REVENUE)).words


async def test_why_names_no_private_channel_to_whoever_is_not_in_it(acme: Stage) -> None:
    await acme.add_destination("Every movement", [REVENUE])
    await acme.ada.invite(DEALS, acme.bot())
    await acme.add_destination("Quiet deals", [DEALS])
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind")
    await acme.ada.message(REVENUE, containing="Northwind")
    words = (await acme.person(PAT).run("/mrr why northwind", channel=REVENUE)).words
    assert f"✓ *“Every movement”* to <#{REVENUE}>: tells of one like it as it happens" in words
    assert "Northwind: expansion" in words.partition("Last told here")[2]
    assert "delivered" in words.partition("Last told here")[2]
    assert "Quiet deals" not in words
    assert DEALS not in words
    assert f"to <#{DEALS}>" in (await acme.ada.run("/mrr why northwind", channel=REVENUE)).words


async def test_of_several_accounts_one_is_muted_by_its_button_for_as_long_as_was_typed(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    for name in ("Smith & Sons <EU>", "Smith & Sons <US>"):
        await acme.move(webhook, name)

    async def question() -> Message | None:
        asked = (await acme.dana.run("/mrr mute smith week", channel=REVENUE)).message
        return asked if asked is not None and asked.buttons == ["Mute", "Mute"] else None

    asked = await acme.until(question)
    assert asked is not None
    await asked.click("Mute", near="US")
    muted = await acme.dana.message(
        REVENUE, containing="You get no direct messages about *Smith &amp; Sons &lt;US&gt;*"
    )
    assert "until <!date^" in muted.words
