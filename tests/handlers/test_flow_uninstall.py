"""Uninstalling stops all sending and keeps the settings; installing again resumes."""

from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.people import ACME, ADA, GLOBEX, REVENUE
from models import delivery, destination, installation, source
from models.installation import Installation
from tests.stage import Stage


async def grant(stage: Stage, workspace: str = ACME) -> Installation:
    async with stage.database.read() as session:
        found = await installation.get(session, workspace)
    assert found is not None
    return found


async def end(stage: Stage, how: str) -> None:
    await stage.browser.control(how, workspace=ACME)
    await stage.sandbox.outbound.settled()


async def is_owed(stage: Stage) -> bool:
    async with stage.database.read() as session:
        return bool(await delivery.of_workspace(session, ACME))


@pytest.mark.parametrize("how", ["uninstall", "revoke"])
async def test_nothing_is_sent_until_it_is_installed_again_and_then_all_of_it(stage: Stage, how: str) -> None:
    await stage.install(ACME, GLOBEX)
    await stage.add_destination()
    _, webhook = await stage.add_source()
    await stage.move(webhook, "Contoso")
    await stage.ada.message(REVENUE, containing="Contoso")

    await end(stage, how)
    assert (await grant(stage)).revoked_at is not None
    lost = {"uninstall": "it was uninstalled", "revoke": "Slack no longer accepts its token"}
    assert (await grant(stage)).why_lost == lost[how], "in whichever order Slack tells of both"
    assert (await grant(stage, GLOBEX)).revoked_at is None
    calls = len(await stage.browser.calls())
    await stage.move(webhook)
    await stage.until(lambda: is_owed(stage))
    assert len(await stage.browser.calls()) == calls
    async with stage.database.read() as session:
        assert [one.name for one in await destination.of_workspace(session, ACME)] == ["Every movement"]
        assert [one.name for one in await source.of_workspace(session, ACME)] == ["Billing"]
    if how == "revoke":
        # Slack still takes the command to us, and its answer needs no token.
        told = (await stage.ada.run("/mrr deliveries", channel=REVENUE)).words
        assert "*Runrate can't post anything*: Slack no longer accepts its token." in told
        opened = {"type": "app_home_opened", "user": ADA, "tab": "home", "channel": "D1"}
        assert (await stage.event(opened)).status == 200
        logged = [one["log_level"] for one in stage.logs if one.get("event_type") == "app_home_opened"]
        assert logged == ["warning"], "who opens the tab meanwhile finds no fault of ours"

    await stage.install()
    assert (await grant(stage)).revoked_at is None
    await stage.ada.message(REVENUE, containing="Northwind")
    assert len([one for one in await stage.ada.messages(REVENUE) if "Contoso" in one.words]) == 1
    assert "Every movement" in (await stage.home()).words


@pytest.mark.parametrize(
    "event", [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT"]}}]
)
async def test_an_uninstall_that_comes_late_does_not_end_the_installation_that_followed(
    acme: Stage, event: dict[str, Any]
) -> None:
    happened_at = int(acme.clock.seconds())
    acme.clock.ahead = timedelta(minutes=1)
    await acme.install()
    assert (await acme.event(event, event_time=happened_at)).status == 200
    assert (await grant(acme)).revoked_at is None

    acme.clock.ahead = timedelta(minutes=2)
    assert (await acme.event(event)).status == 200
    assert (await grant(acme)).revoked_because == event["type"]


async def test_the_loss_of_a_persons_own_token_is_none_of_ours(acme: Stage) -> None:
    event = {"type": "tokens_revoked", "tokens": {"oauth": [ADA], "bot": []}}
    assert (await acme.event(event)).status == 200
    assert (await grant(acme)).revoked_at is None


async def test_a_token_that_slack_no_longer_takes_ends_the_installation_even_if_no_event_says_so(acme: Stage) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await acme.browser.fault("error", method="chat.postMessage", code="account_inactive")
    await acme.move(webhook)

    async def is_revoked() -> bool:
        return (await grant(acme)).revoked_at is not None

    await acme.until(is_revoked)
    assert (await grant(acme)).revoked_because == "account_inactive"
    await acme.browser.clear_faults()
    await acme.install()
    await acme.ada.message(REVENUE, containing="Northwind")


async def test_events_of_a_workspace_that_never_installed_us_end_nothing(acme: Stage) -> None:
    assert (await acme.event({"type": "app_uninstalled"}, team_id=GLOBEX)).status == 200
    assert (await grant(acme)).revoked_at is None
