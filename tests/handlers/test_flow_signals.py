"""A signal reaches the account's owner by direct message, or the fallback channel, or the ledger says that it can't."""

import json
from datetime import timedelta
from typing import Any

from bot.sandbox.people import ADA, DANA, OLGA, REVENUE, WINS
from models import delivery
from models.delivery import Delivery
from tests.stage import ACME, Stage


async def send(acme: Stage, webhook: str, *records: dict[str, Any]) -> None:
    answer = await acme.post(webhook, json.dumps(list(records)).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text


def owner(email: str | None, account: str = "contoso") -> dict[str, Any]:
    return {"type": "role", "account_external_id": account, "role": "owner", "email": email}


def hire(acme: Stage, number: int = 1, **changes: Any) -> dict[str, Any]:
    told = {
        "type": "signal",
        "id": f"hire-{number}",
        "kind": "new_hire",
        "person": "Sofia Marín",
        "title": "VP Finance",
        "occurred_at": acme.clock.now().isoformat(),
        "account": {"external_id": "contoso", "name": "Contoso", "sales_stage": "Closed Lost"},
    }
    return told | changes


async def ledger(acme: Stage) -> list[Delivery]:
    async with acme.database.read() as session:
        return list(reversed(await delivery.of_workspace(session, ACME)))


async def settled(acme: Stage, number: int) -> list[Delivery]:
    async def look() -> list[Delivery]:
        found = [one for one in await ledger(acme) if one.settled_at is not None]
        return found if len(found) == number else []

    return await acme.until(look)


async def test_the_owner_gets_a_direct_message_that_says_why(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, owner("Dana@Acme.com"), hire(acme))
    message = await acme.dana.message("@Runrate", containing="Sofia Marín")
    assert message["text"] == "Sofia Marín joined Contoso as VP Finance"
    assert "Contoso is a lead · stage Closed Lost" in message.words
    assert "Sent to you because dana@acme.com is named as owner of Contoso." in message.words
    assert "Stop signals" in message.buttons


async def test_who_stops_signals_gets_no_more_until_they_undo_it(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, owner("dana@acme.com"), hire(acme))
    await (await acme.dana.message("@Runrate", containing="Sofia Marín")).click("Stop signals")
    answer = await acme.dana.message("@Runrate", containing="You get no more signals")
    await send(acme, webhook, hire(acme, 2, person="Noor Haddad"))
    told = await settled(acme, 2)
    assert [(one.state, one.reason) for one in told] == [("delivered", None), ("skipped", "muted")]

    await answer.click("Undo")
    await send(acme, webhook, hire(acme, 3, person="Lena Fischer"))
    await acme.dana.message("@Runrate", containing="Lena Fischer")


async def test_slack_is_asked_about_an_address_once_a_day_and_a_changed_person_anew(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, owner("dana@acme.com"), hire(acme, 1), hire(acme, 2))
    await settled(acme, 2)
    assert await acme.called("users.lookupByEmail") == 1
    acme.clock.ahead += timedelta(hours=25)
    await send(acme, webhook, hire(acme, 3))
    await settled(acme, 3)
    assert await acme.called("users.lookupByEmail") == 2
    changed = acme.slack.people[DANA]
    user = {"id": DANA, "name": "dana", "profile": {"email": changed.email}}
    assert (await acme.event({"type": "user_change", "user": user})).status == 200
    await send(acme, webhook, hire(acme, 4))
    await settled(acme, 4)
    assert await acme.called("users.lookupByEmail") == 3


async def test_without_an_owner_the_fallback_channel_hears_it_and_why(acme: Stage) -> None:
    modal = await (await acme.home()).click("Fallback channel")
    assert modal is not None
    assert (await modal.submit({"Fallback channel": WINS})).closed
    assert f"without an owner it is told in <#{WINS}>" in (await acme.home()).words

    _, webhook = await acme.add_source()
    await send(acme, webhook, hire(acme))
    message = await acme.ada.message(WINS, containing="Sofia Marín")
    assert "Told here because nobody is named as owner of Contoso." in message.words
    assert "Stop signals" not in message.buttons

    await send(acme, webhook, owner("olga@acme.com"), hire(acme, 2, person="Noor Haddad"))
    message = await acme.ada.message(WINS, containing="Noor Haddad")
    assert "olga@acme.com, the owner of Contoso, is nobody in this Slack workspace" in message.words
    assert acme.slack.people[OLGA].deleted


async def test_with_nobody_and_no_fallback_the_ledger_says_so_and_managers_hear_it_once_a_day(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, hire(acme, 1), hire(acme, 2))
    told = await settled(acme, 3)
    assert sorted((one.fact_kind, one.state, one.reason) for one in told) == [
        ("signal", "skipped", "no recipient"),
        ("signal", "skipped", "no recipient"),
        ("unheard", "delivered", None),
    ]
    notice = await acme.ada.message("@Runrate", containing="reached nobody")
    assert "A signal about Contoso reached nobody: nobody is named as owner of Contoso." in notice.words
    acme.clock.ahead += timedelta(hours=25)
    await send(acme, webhook, hire(acme, 3))
    assert [one.target for one in await settled(acme, 5) if one.fact_kind == "unheard"] == [ADA, ADA]


async def test_a_signal_waits_while_slack_can_not_say_who_that_is(acme: Stage) -> None:
    await acme.browser.fault("http_500", method="users.lookupByEmail", times=1)
    _, webhook = await acme.add_source()
    await send(acme, webhook, owner("dana@acme.com"), hire(acme))
    await acme.until(lambda: _asked(acme))
    assert await ledger(acme) == []
    await send(acme, webhook, hire(acme, 2, person="Noor Haddad"))
    await acme.dana.message("@Runrate", containing="Sofia Marín")
    await acme.dana.message("@Runrate", containing="Noor Haddad")


async def _asked(acme: Stage) -> bool:
    return await acme.called("users.lookupByEmail") > 0


async def test_only_managers_choose_the_fallback_and_a_hidden_channel_is_refused_under_the_field(acme: Stage) -> None:
    assert (await acme.press({"action_id": "signal_fallback"}, user="U0PAT")).status == 200
    modal = await (await acme.home()).click("Fallback channel")
    assert modal is not None
    result = await modal.submit({"Fallback channel": "C0DEALS"})
    assert "I'm not in the private channel that you chose yet." in result.errors["Fallback channel"]
    assert (await modal.submit({"Fallback channel": REVENUE})).closed
