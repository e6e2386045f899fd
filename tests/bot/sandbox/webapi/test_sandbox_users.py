"""People, their e-mail addresses, user groups, the workspace and bots."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox
from bot.sandbox.people import ADA, DANA, GUS, OLGA


async def test_a_person_is_described(client: AsyncWebClient) -> None:
    ada = (await client.users_info(user=ADA, include_locale=True))["user"]
    assert (ada["is_owner"], ada["is_admin"], ada["tz"], ada["locale"]) == (True, True, "Europe/London", "en-US")
    assert ada["profile"]["email"] == "ada@acme.com"
    assert (await client.users_info(user=GUS))["user"]["is_restricted"]
    assert (await client.users_info(user=OLGA))["user"]["deleted"]


async def test_e_mail_addresses_show_only_with_their_scope(client_for: Any, refused: Any) -> None:
    client = client_for(scopes=["users:read"])
    assert "email" not in (await client.users_info(user=DANA))["user"]["profile"]
    assert (await refused(client.users_lookupByEmail(email="dana@acme.com")))["needed"] == "users:read.email"


@pytest.mark.parametrize(("email", "found"), [("dana@acme.com", True), ("DANA@Acme.com", True), ("x@acme.com", False)])
async def test_a_person_is_found_by_e_mail(client: AsyncWebClient, refused: Any, email: str, found: bool) -> None:
    call = client.users_lookupByEmail(email=email)
    if found:
        assert (await call)["user"]["id"] == DANA
    else:
        assert (await refused(call))["error"] == "users_not_found"


async def test_a_deactivated_person_is_not_found_by_e_mail(client: AsyncWebClient, sandbox: Sandbox, told: Any) -> None:
    await sandbox.state.deactivate(sandbox.state.people[DANA])
    answer = await client.api_call("users.lookupByEmail", params={"email": "ada@acme.com"})
    assert answer["user"]["id"] == ADA
    assert told.types() == ["user_change"]
    assert told.events[-1][1]["user"]["deleted"]
    await sandbox.state.reactivate(sandbox.state.people[DANA])
    assert (await client.users_lookupByEmail(email="dana@acme.com"))["user"]["id"] == DANA


async def test_the_deactivated_are_listed_but_not_found_by_e_mail(client: AsyncWebClient, refused: Any) -> None:
    assert (await refused(client.users_lookupByEmail(email="olga@acme.com")))["error"] == "users_not_found"
    listed = {one["id"]: one for one in (await client.users_list())["members"]}
    assert listed[OLGA]["deleted"]
    assert "USLACKBOT" in listed
    assert "U1GINA" not in listed


async def test_people_come_in_pages(client: AsyncWebClient) -> None:
    first = await client.users_list(limit=4)
    rest = await client.users_list(limit=100, cursor=first["response_metadata"]["next_cursor"])
    everybody = [one["id"] for one in [*first["members"], *rest["members"]]]
    assert everybody == [one["id"] for one in (await client.users_list())["members"]]


async def test_somebody_met_in_a_shared_channel_is_known(client: AsyncWebClient, refused: Any) -> None:
    assert (await client.users_info(user="U1GINA"))["user"]["team_id"] == "T0GLOBEX"
    assert (await refused(client.users_info(user="U1HUGO")))["error"] == "user_not_found"


async def test_the_profile_the_workspace_and_the_bot_are_described(client: AsyncWebClient, refused: Any) -> None:
    assert (await client.users_profile_get(user=DANA))["profile"]["title"] == "Sales"
    assert (await client.team_info())["team"]["domain"] == "acme"
    assert (await refused(client.team_info(team="T0GLOBEX")))["error"] == "team_not_found"
    bot_id = (await client.auth_test())["bot_id"]
    assert (await client.bots_info(bot=bot_id))["bot"]["name"] == "Sample"
    assert (await refused(client.bots_info(bot="B404")))["error"] == "bot_not_found"


async def test_user_groups_are_listed_with_their_members_when_asked(client: AsyncWebClient) -> None:
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert {group["handle"]: group["users"] for group in groups} == {
        "sellers": ["U0DANA", "U0LIAM"],
        "success": ["U0MEI"],
    }
    assert "users" not in (await client.usergroups_list())["usergroups"][0]
