"""What anybody decides for themselves in the Home tab: a recap of their own, and quiet hours."""

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.sandbox.people import ACME, DANA, GUS, PAT
from models import balance, delivery, trend, workspace
from models.delivery import FactKind
from tests.stage import Stage, both_engines

NEW_YORK = ZoneInfo("America/New_York")
"""Where Dana's clocks are."""


async def told(stage: Stage, user: str = DANA) -> list[tuple[str, str]]:
    async with stage.database.read() as session:
        rows = await delivery.of_workspace(session, ACME)
    return [(one.fact_kind, one.state) for one in rows if one.target == user]


@both_engines
async def test_a_member_has_a_recap_of_their_own_from_one_button_on_and_changes_and_stops_it(acme: Stage) -> None:
    home = await acme.home(acme.dana)
    assert "Nothing comes to you by direct message yet." in home.words
    await home.click("Send me a daily recap by DM")
    home = await acme.home(acme.dana)
    assert "Your daily recap comes at 09:00 America/New_York · next: " in home.words

    form = await home.click("Change my recap")
    assert form is not None
    assert (form.filled["How often?"]["value"], form.filled["Time"]) == ("daily", "09:00")
    weekly = "Weekly: a recap of the week before, from Monday to Sunday"
    assert (await form.submit({"How often?": weekly, "Time": "07:30"})).closed
    home = await acme.home(acme.dana)
    assert "Your weekly recap comes at 07:30 America/New_York" in home.words
    # Nobody else sees it, a manager neither.
    assert "weekly recap" not in (await acme.home()).words
    assert "No destination yet" in (await acme.ada.run("/mrr list", channel="C0REVENUE")).words

    await acme.browser.travel(to=(acme.clock.now() + timedelta(days=8)).isoformat())

    async def is_told() -> bool:
        return (FactKind.RECAP, "delivered") in await told(acme)

    await acme.until(is_told)
    recap = await acme.dana.message("@Runrate", containing="No MRR movements in the week of")
    assert "to you by “Your weekly recap”" in recap.words
    why = await recap.click("Why did I get this?")
    assert why is not None
    assert "You asked for it in Runrate's Home tab: a recap of the week before" in why.words
    assert "You: “Stop my recap” in Runrate's Home tab." in why.words
    await (await acme.home(acme.dana)).click("Stop my recap")
    assert "Nothing comes to you by direct message yet." in (await acme.home(acme.dana)).words


@both_engines
async def test_whoever_leaves_gets_no_recap_any_more_and_a_guest_none_at_all(acme: Stage) -> None:
    await (await acme.home(acme.person(PAT))).click("Send me a daily recap by DM")
    assert "Your daily recap" in (await acme.home(acme.person(PAT))).words
    user = {"id": PAT, "name": "pat", "deleted": True, "tz": "America/Chicago"}
    assert (await acme.event({"type": "user_change", "user": user})).status == 200
    assert (await acme.event({"type": "user_change", "user": {**user, "deleted": False}})).status == 200
    assert "Your daily recap" not in (await acme.home(acme.person(PAT))).words
    await acme.press({"action_id": "personal_recap_ask"}, user=GUS)
    assert "for members of this workspace, not for guests" in (await acme.person(GUS).modal()).words
    refused = await acme.submit({"callback_id": "personal_recap"}, user=GUS)
    assert "for members of this workspace, not for guests" in refused.text


async def test_quiet_hours_keep_direct_messages_until_they_end(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    now = acme.clock.now().astimezone(NEW_YORK)
    form = await (await acme.home(acme.dana)).click("Quiet hours")
    assert form is not None
    starts, ends = f"{now - timedelta(hours=2):%H:%M}", f"{now + timedelta(hours=3):%H:%M}"
    refused = await form.submit({"From": starts, "To": starts})
    assert refused.errors == {"To": "Choose an end that differs from the beginning."}
    assert (await form.submit({"From": starts, "To": ends})).closed
    home = await acme.home(acme.dana)
    assert f"*Quiet hours* from {starts} to {ends} every day, America/New_York" in home.words
    assert "It is quiet until" in home.words

    owner = {"type": "role", "account_external_id": "contoso", "role": "owner", "email": "dana@acme.com"}
    account = {"type": "account", "external_id": "contoso", "name": "Contoso"}
    hire = {"type": "signal", "id": "h1", "kind": "new_hire", "person": "Sofia", "occurred_at": now.isoformat()}
    await tell(acme, webhook, account, owner, {**hire, "account": {"external_id": "contoso"}})

    async def waits() -> str | None:
        async with acme.database.read() as session:
            rows = [one for one in await delivery.of_workspace(session, ACME) if one.target == DANA]
        return rows[0].reason if rows else None

    assert await acme.until(waits) == f"quiet hours until {ends} in America/New_York"
    assert "All well" in (await acme.ada.run("/mrr deliveries", channel="C0REVENUE")).words
    assert await told(acme) == [(FactKind.SIGNAL, "pending")]

    await (await acme.home(acme.dana)).click("End quiet hours")
    await acme.dana.message("@Runrate", containing="Sofia")

    async def is_settled() -> bool:
        return await told(acme) == [(FactKind.SIGNAL, "delivered")]

    await acme.until(is_settled)
    assert "Quiet hours*" not in (await acme.home(acme.dana)).words
    async with acme.database.read() as session:
        assert (await balance.deliveries(session)).is_balanced


async def tell(acme: Stage, webhook: str, *records: Any) -> None:
    answer = await acme.post(webhook, json.dumps(records).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text


@both_engines
@pytest.mark.parametrize("who", ["ada", "dana"])
async def test_mrr_now_stands_in_the_home_tab_with_its_picture(acme: Stage, who: str) -> None:
    _, webhook = await acme.add_source()
    await acme.move(webhook, mrr_before_minor=0, kind="new_business")

    async def known() -> bool:
        async with acme.database.read() as session:
            return bool(await trend.read(session, ACME, now=acme.clock.now()))

    await acme.until(known)
    home = await acme.home(getattr(acme, who))
    assert "*MRR now* *$420*" in " ".join(home.words.split())
    [picture] = [block for block in home.blocks if block["type"] == "image"]
    assert picture["alt_text"].startswith("MRR in USD, last 30 days: from $0 on ")
    assert picture["alt_text"].endswith(" to $420 now; lowest $0, highest $420.")
    async with acme.http.get(picture["image_url"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert (await answer.read()).startswith(b"\x89PNG")

    async with acme.database.write() as session:
        await workspace.switch_previews(session, ACME, on=False, by="U0ADA", now=acme.clock.now())
    assert "image" not in {block["type"] for block in (await acme.home(getattr(acme, who))).blocks}


async def test_where_slack_cannot_fetch_the_picture_the_tab_comes_without_it(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.move(webhook, mrr_before_minor=0)
    acme.slack.workspaces[ACME].shows = "words"

    async def shown() -> bool:
        return "MRR now" in (await acme.home()).words

    await acme.until(shown)
    assert "image" not in {block["type"] for block in (await acme.home()).blocks}
    assert "MRR now" not in (await acme.home(acme.person(GUS))).words
