"""An organisation installs us once, and each workspace into which it lets us is a tenant of its own."""

import json
from typing import Any

import pytest

from bot.sandbox.people import ACME, ADA, GLOBEX, REVENUE, SALES, UMBRELLA, WES
from models import channel, delivery, destination, installation, organisation, person, workspace
from models.delivery import Delivery
from models.installation import Installation
from tests.stage import Stage


@pytest.fixture
async def umbrella(stage: Stage) -> Stage:
    """Give Acme and Globex as workspaces of one organisation, which let us into Acme."""
    await stage.browser.control("found_organisation")
    page = await stage.person(WES).install(stage.url, organisation=UMBRELLA)
    assert page.status == 200, page.text
    assert "Slack lets it into no workspace yet." in page.text
    await happen(stage, "grant_access")
    return stage


async def happen(stage: Stage, do: str, workspace: str = ACME) -> None:
    await stage.browser.control(do, workspace=workspace, organisation=UMBRELLA)
    await stage.sandbox.outbound.settled()


async def grants(stage: Stage) -> dict[str, Installation]:
    async with stage.database.read() as session:
        return {one.workspace_id: one for one in await installation.every(session)}


async def calls(stage: Stage, method: str) -> list[dict[str, Any]]:
    return [call for call in await stage.browser.calls(method) if call["answer"]["ok"]]


async def test_everything_works_in_a_workspace_of_an_organisation(umbrella: Stage) -> None:
    """Commands, forms, the Home tab and messages: Slack names the workspace in another place for each."""
    await umbrella.add_destination()
    _, webhook = await umbrella.add_source()
    await umbrella.move(webhook)
    message = await umbrella.ada.message(REVENUE, containing="Northwind")
    assert "Why did I get this?" in message.buttons
    home = await umbrella.home()
    assert "Runrate in Acme" in home.words
    form = await home.click("Edit", near="Every movement")
    assert form is not None
    assert (await form.submit({"Name": "All of it"})).closed
    assert "All of it" in (await umbrella.home()).words
    assert not [one for one in await umbrella.browser.calls() if not one["answer"]["ok"]]


async def test_a_channel_that_is_shared_within_the_organisation_asks_for_no_confirmation(umbrella: Stage) -> None:
    """No other company reads along there; where one does, the form asks."""
    await umbrella.browser.control("share", channel=REVENUE, **{"with": GLOBEX})
    await umbrella.add_destination()
    _, webhook = await umbrella.add_source()
    await umbrella.move(webhook)
    assert await umbrella.ada.message(REVENUE, containing="Northwind")
    async with umbrella.database.read() as session:
        known = await channel.get(session, ACME, REVENUE)
    assert known is not None
    assert not known.is_shared_outside


async def test_both_workspaces_are_tenants_who_see_nothing_of_each_other(umbrella: Stage) -> None:
    await happen(umbrella, "grant_access", GLOBEX)
    both = await grants(umbrella)
    opened = {umbrella.keyring.open(one.token_sealed) for one in both.values()}
    assert (set(both), opened) == ({ACME, GLOBEX}, {umbrella.token(ACME)})
    async with umbrella.database.read() as session:
        names = [(one.name, one.enterprise_id) for one in await workspace.every(session)]
    assert sorted(names) == [("Acme", UMBRELLA), ("Globex", UMBRELLA)]

    await umbrella.add_destination("Acme's", [REVENUE])
    await umbrella.add_destination("Globex's", [SALES], person=umbrella.gina)
    _, acmes = await umbrella.add_source(ACME)
    _, globexs = await umbrella.add_source(GLOBEX)
    await umbrella.move(acmes, "Northwind")
    await umbrella.move(globexs, "Initech")
    await umbrella.ada.message(REVENUE, containing="Northwind")
    await umbrella.gina.message(SALES, containing="Initech")
    for who, own, other in ((umbrella.ada, "Acme's", "Globex's"), (umbrella.gina, "Globex's", "Acme's")):
        home = await umbrella.home(who)
        assert own in home.words
        assert other not in str(home)
    listed = (await umbrella.gina.run("/mrr account Northwind", channel=SALES)).words
    assert "Northwind" not in listed.replace("“Northwind”", "")
    assert {call["args"]["team_id"] for call in await calls(umbrella, "users.list")} == {ACME, GLOBEX}


async def test_somebody_of_another_workspace_of_the_organisation_is_a_stranger_here(umbrella: Stage) -> None:
    """The button is Acme's, the person Globex's; and Wes, who is in both and an admin of the organisation, isn't."""
    _, webhook = await umbrella.add_source()
    action = {"action_id": "source_add", "value": "x"}
    for user, title in (("U1GINA", "Not possible"), (WES, "Add source")):
        payload = {
            "type": "block_actions",
            "trigger_id": umbrella.trigger(user),
            "actions": [{"type": "button", "block_id": "b", "action_ts": "1.1", **action}],
            "view": {"id": "V1", "type": "home", "team_id": ACME, "blocks": [], "state": {"values": {}}},
            "enterprise": {"id": UMBRELLA, "name": "Umbrella"},
        }
        assert (await umbrella.interaction(payload, user=user, team=GLOBEX)).status == 200
        assert (await umbrella.person(user, GLOBEX if user == "U1GINA" else ACME).modal()).title == title
    async with umbrella.database.read() as session:
        gina, wes = [await person.get(session, ACME, one) for one in ("U1GINA", WES)]
    assert gina is not None
    assert wes is not None
    assert (gina.is_guest, gina.is_admin, wes.is_guest, wes.is_admin) == (True, False, False, True)
    assert webhook


async def test_a_signal_goes_to_no_colleague_of_another_workspace(umbrella: Stage) -> None:
    """With the organisation's token Slack finds Gina by her address, and would take a message to her."""
    _, webhook = await umbrella.add_source()
    about = {"external_id": "contoso", "name": "Contoso"}
    hired = {"type": "signal", "kind": "new_hire", "account": about, "occurred_at": umbrella.clock.now().isoformat()}
    role = {"type": "role", "account_external_id": "contoso", "role": "owner"}
    for number, email in enumerate(("gina@globex.com", "dana@acme.com")):
        told = [{**role, "email": email}, {**hired, "id": f"hire-{number}", "person": f"Ida {number}"}]
        answer = await umbrella.post(webhook, json.dumps(told).encode(), kind="application/json")
        assert (answer.status, answer.json["refused"]) == (200, []), answer.text

        async def is_settled(count: int = number + 1) -> list[Delivery]:
            async with umbrella.database.read() as session:
                owed = await delivery.of_workspace(session, ACME)
            signals = [one for one in owed if one.fact_kind == "signal"]
            return signals if len(signals) == count else []

        owed = await umbrella.until(is_settled)
    assert await umbrella.dana.message("@Runrate", containing="Ida 1")
    assert {(one.target, one.reason) for one in owed if one.state == "skipped"} == {("nobody", "no recipient")}
    assert not [
        call for call in await umbrella.browser.calls("chat.postMessage") if call["args"]["channel"] == "U1GINA"
    ]


async def test_a_workspace_that_is_taken_out_keeps_its_settings_and_the_others_go_on(umbrella: Stage) -> None:
    await happen(umbrella, "grant_access", GLOBEX)
    await umbrella.add_destination("Acme's", [REVENUE])
    await umbrella.add_destination("Globex's", [SALES], person=umbrella.gina)
    _, acmes = await umbrella.add_source(ACME)
    _, globexs = await umbrella.add_source(GLOBEX)
    await happen(umbrella, "revoke_access", ACME)
    both = await grants(umbrella)
    assert (both[ACME].revoked_because, both[GLOBEX].revoked_at) == ("team_access_revoked", None)
    await umbrella.move(acmes, "Northwind")
    await umbrella.move(globexs, "Initech")
    await umbrella.gina.message(SALES, containing="Initech")
    assert not [one for one in await umbrella.ada.messages(REVENUE) if "Northwind" in one.words]

    await happen(umbrella, "grant_access", ACME)
    await umbrella.ada.message(REVENUE, containing="Northwind")
    async with umbrella.database.read() as session:
        assert [one.name for one in await destination.of_workspace(session, ACME)] == ["Acme's"]
        assert {one.workspace_id for one in (await channel.known(session, GLOBEX)).values()} == {GLOBEX}


@pytest.mark.parametrize("event", ["app_uninstalled", "tokens_revoked"])
async def test_an_organisation_that_uninstalls_ends_it_in_all_its_workspaces(umbrella: Stage, event: str) -> None:
    await happen(umbrella, "grant_access", GLOBEX)
    authorization = {"enterprise_id": UMBRELLA, "team_id": None, "user_id": "U0BOT", "is_enterprise_install": True}
    told = {"type": event, "tokens": {"oauth": [], "bot": ["U0BOT"]}}
    envelope: dict[str, Any] = {"team_id": None, "enterprise_id": UMBRELLA, "authorizations": [authorization]}
    earlier = int(umbrella.clock.seconds()) - 60
    assert (await umbrella.event(told, **envelope, event_time=earlier)).status == 200
    assert {one.revoked_at for one in (await grants(umbrella)).values()} == {None}
    assert (await umbrella.event(told, **envelope)).status == 200
    assert [one.revoked_because for one in (await grants(umbrella)).values()] == [event, event]
    async with umbrella.database.read() as session:
        assert await organisation.active(session) == []

    page = await umbrella.person(WES).install(umbrella.url, organisation=UMBRELLA)
    assert "It works in Acme, Globex." in page.text
    assert {one.revoked_at for one in (await grants(umbrella)).values()} == {None}


async def test_what_names_no_workspace_is_taken_and_changes_nothing(umbrella: Stage) -> None:
    changed = {"type": "user_change", "user": {"id": "U0NEW", "name": "new"}}
    assert (await umbrella.event(changed, team_id=None, enterprise_id=UMBRELLA, authorizations=[])).status == 200
    async with umbrella.database.read() as session:
        assert await person.get(session, UMBRELLA, "U0NEW") is None
    payload = {"type": "block_actions", "trigger_id": "1", "actions": [{"action_id": "source_add", "block_id": "b"}]}
    pressed = payload | {"team": None, "enterprise": {"id": UMBRELLA}, "is_enterprise_install": True}
    assert (await umbrella.interaction(pressed, user=ADA, team=UMBRELLA)).status == 200
    assert await umbrella.called("views.open") == 0


async def test_only_admins_of_the_organisation_install_for_all_of_it(stage: Stage) -> None:
    await stage.browser.control("found_organisation")
    refused = await stage.person(ADA).install(stage.url, organisation=UMBRELLA)
    assert "Only an admin of the organisation" in refused.text
    assert (await stage.ada.install(stage.url)).status == 200
    grant = (await grants(stage))[ACME]
    assert (grant.is_org_wide, grant.revoked_at) == (False, None)
