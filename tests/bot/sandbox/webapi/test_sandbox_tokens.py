"""Tokens, scopes and installations: who is answered, and what the others hear."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SlackApp
from bot.sandbox.people import ACME, GLOBEX, GLOBEX_GENERAL, REVENUE


async def test_auth_test_says_whom_the_token_speaks_for(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["team_id"], answer["team"], answer["user"]) == (ACME, "Acme", "sample")
    assert answer["url"] == client.base_url.removesuffix("api/")
    assert answer["bot_id"].startswith("B")


@pytest.mark.parametrize(("token", "code"), [("", "not_authed"), ("xoxb-nobody", "invalid_auth")])
async def test_a_call_without_a_known_token_is_refused(
    client: AsyncWebClient, refused: Any, token: str, code: str
) -> None:
    client.token = token
    assert (await refused(client.auth_test()))["error"] == code


async def test_a_revoked_token_is_refused_and_the_app_is_told(client: AsyncWebClient, told: Any, refused: Any) -> None:
    assert (await client.auth_revoke())["revoked"]
    assert (await refused(client.auth_test()))["error"] == "token_revoked"
    assert told.types() == ["tokens_revoked"]


async def test_a_trial_revocation_revokes_nothing(client: AsyncWebClient) -> None:
    assert not (await client.auth_revoke(test=True))["revoked"]
    assert (await client.auth_test())["ok"]


async def test_an_uninstalled_app_hears_of_it_and_its_token_is_dead(
    client: AsyncWebClient, sandbox: Sandbox, slack_app: SlackApp, told: Any, refused: Any
) -> None:
    await client.conversations_join(channel=REVENUE)
    bot_user_id = (await client.auth_test())["user_id"]
    answer = await client.apps_uninstall(client_id=slack_app.client_id, client_secret=slack_app.client_secret)
    assert answer["ok"]
    assert (await refused(client.auth_test()))["error"] == "account_inactive"
    assert told.types()[-2:] == ["tokens_revoked", "app_uninstalled"]
    assert bot_user_id not in sandbox.state.channels[REVENUE].members


@pytest.mark.parametrize(
    ("credentials", "code"),
    [(("9.9", "client-secret"), "invalid_client_id"), (("111.222", "wrong"), "bad_client_secret")],
)
async def test_uninstalling_needs_the_apps_own_credentials(
    client: AsyncWebClient, refused: Any, credentials: tuple[str, str], code: str
) -> None:
    call = client.apps_uninstall(client_id=credentials[0], client_secret=credentials[1])
    assert (await refused(call))["error"] == code


async def test_reinstalling_keeps_the_bot_user_and_a_working_token(client_for: Any, sandbox: Sandbox) -> None:
    first = client_for(scopes=["chat:write"])
    before = await first.auth_test()
    again = client_for(scopes=["channels:read"])
    assert again.token == first.token
    after = await again.auth_test()
    assert (after["user_id"], after["bot_id"]) == (before["user_id"], before["bot_id"])
    assert sandbox.state.installation("A0SAMPLE", ACME).scopes == ["chat:write", "channels:read"]  # type: ignore[union-attr]


async def test_reinstalling_after_an_uninstall_gives_a_new_token_and_the_same_bot(
    client_for: Any, sandbox: Sandbox, slack_app: SlackApp
) -> None:
    first = client_for(scopes=["chat:write"])
    before = await first.auth_test()
    await sandbox.state.uninstall(slack_app, ACME)
    again = client_for(scopes=["channels:read"])
    assert again.token != first.token
    assert (await again.auth_test())["user_id"] == before["user_id"]
    assert sandbox.state.installation(slack_app.id, ACME).scopes == ["channels:read"]  # type: ignore[union-attr]


async def test_a_missing_scope_is_named_with_what_was_provided(client_for: Any, refused: Any) -> None:
    client = client_for(scopes=["channels:read", "users:read"])
    answer = await refused(client.chat_postMessage(channel=REVENUE, text="Hi"))
    assert answer.data == {
        "ok": False,
        "error": "missing_scope",
        "needed": "chat:write",
        "provided": "channels:read,users:read",
    }
    assert answer.headers["x-oauth-scopes"] == "channels:read,users:read"
    assert answer.headers["x-accepted-oauth-scopes"] == "chat:write"


async def test_each_workspace_is_a_world_of_its_own(client_for: Any, refused: Any) -> None:
    acme, globex = client_for(ACME), client_for(GLOBEX, by="U1GINA")
    assert acme.token != globex.token
    assert (await refused(globex.conversations_info(channel=REVENUE)))["error"] == "channel_not_found"
    assert (await refused(globex.users_info(user="U0DANA")))["error"] == "user_not_found"
    assert (await refused(globex.users_lookupByEmail(email="dana@acme.com")))["error"] == "users_not_found"
    assert (await globex.conversations_info(channel=GLOBEX_GENERAL))["channel"]["name"] == "general"
    assert REVENUE not in [one["id"] for one in (await globex.conversations_list())["channels"]]
