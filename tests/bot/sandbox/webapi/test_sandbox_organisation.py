"""The token of a whole organisation: the workspace has to be said, and has to be one into which the app was let."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SlackApp, people
from bot.sandbox.people import ACME, GINA, GLOBEX, REVENUE, SALES, UMBRELLA, WES


@pytest.fixture
async def org(client: AsyncWebClient, sandbox: Sandbox, slack_app: SlackApp) -> AsyncWebClient:
    """Give a client with the token of an organisation that let the app into Acme."""
    people.found_organisation(sandbox.state)
    installed = sandbox.state.install_organisation(slack_app, UMBRELLA, WES, slack_app.scopes)
    await sandbox.state.grant_access(slack_app, UMBRELLA, [ACME])
    client.token = installed.token
    return client


async def test_it_speaks_for_the_organisation_and_names_its_workspaces(org: AsyncWebClient) -> None:
    answer = await org.auth_test()
    assert (answer["team_id"], answer["enterprise_id"], answer["is_enterprise_install"]) == (UMBRELLA, UMBRELLA, True)
    assert (await org.auth_teams_list())["teams"] == [{"id": ACME, "name": "Acme"}]


@pytest.mark.parametrize(
    ("team_id", "code"),
    [(None, "missing_argument"), ("T0NOWHERE", "team_not_found"), (GLOBEX, "team_access_not_granted")],
)
@pytest.mark.parametrize("method", ["users.list", "conversations.list", "users.conversations", "usergroups.list"])
async def test_a_list_is_one_of_a_workspace(
    org: AsyncWebClient, refused: Any, method: str, team_id: str | None, code: str
) -> None:
    asked = {"team_id": team_id} if team_id else {}
    assert (await refused(org.api_call(method, params=asked)))["error"] == code
    assert (await org.api_call(method, params={"team_id": ACME}))["ok"]


async def test_a_conversation_says_by_itself_where_it_is(org: AsyncWebClient, refused: Any) -> None:
    assert (await org.conversations_join(channel=REVENUE))["channel"]["id"] == REVENUE
    assert (await org.chat_postMessage(channel=REVENUE, text="Here"))["ok"]
    assert (await refused(org.conversations_join(channel=SALES)))["error"] == "team_access_not_granted"
    gina = (await org.users_info(user=GINA))["user"]
    assert (gina["team_id"], gina["enterprise_user"]["teams"]) == (GLOBEX, [GLOBEX])


async def test_a_channel_shared_within_it_is_shared_with_no_company(org: AsyncWebClient, sandbox: Sandbox) -> None:
    await sandbox.state.share(sandbox.state.channels[REVENUE], GLOBEX)
    channel = (await org.conversations_info(channel=REVENUE))["channel"]
    assert (channel["is_shared"], channel["is_org_shared"], channel["is_ext_shared"]) == (True, True, False)
    await sandbox.state.unshare(sandbox.state.channels[REVENUE], GLOBEX)
    channel = (await org.conversations_info(channel=REVENUE))["channel"]
    assert (channel["is_shared"], channel["is_org_shared"], channel["is_ext_shared"]) == (False, False, False)


async def test_taken_out_of_a_workspace_the_bot_is_in_none_of_its_channels(
    org: AsyncWebClient, sandbox: Sandbox, slack_app: SlackApp, refused: Any
) -> None:
    await org.conversations_join(channel=REVENUE)
    await sandbox.state.revoke_access(slack_app, UMBRELLA, [ACME])
    bot = sandbox.state.installations[slack_app.id, UMBRELLA].bot_user_id
    assert bot not in sandbox.state.channels[REVENUE].members
    assert (await refused(org.conversations_info(channel=REVENUE)))["error"] == "team_access_not_granted"
    assert (await org.auth_teams_list())["teams"] == []
