"""api.test, auth.test, auth.revoke and apps.uninstall."""

from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import Ask, Method, OpenAsk, OpenMethod
from bot.sandbox.methods.paging import metadata, page
from bot.sandbox.records import Json

MOST_LISTED = 1_000


async def _api_test(ask: OpenAsk) -> Json:
    args = ask.args.witnessed
    answer: Json = {"args": args} if args else {}
    error = ask.args.text("error")
    return answer | {"ok": False, "error": error} if error else answer


async def _auth_test(ask: Ask) -> Json:
    caller, org = ask.caller, ask.slack.organisations.get(ask.caller.workspace.id)
    return {
        # Slack answers the workspace's own domain; ours has its page here, for whoever follows the address.
        "url": f"{ask.slack.url}/",
        "team": caller.workspace.name,
        "user": caller.bot.name,
        "team_id": caller.workspace.id,
        "user_id": caller.bot.id,
        "bot_id": caller.bot.bot_id,
        "is_enterprise_install": org is not None,
    } | ({"enterprise_id": org.id} if org else {})


async def _teams(ask: Ask) -> Json:
    """List the workspaces to which an organisation added the app."""
    here = [one for one in ask.slack.workspaces.values() if one.id in ask.caller.bot.workspace_ids]
    shown, cursor = page(ask.args, here, lambda one: one.id, most=MOST_LISTED)
    return {"teams": [{"id": one.id, "name": one.name} for one in shown], **metadata(cursor)}


async def _revoke(ask: Ask) -> Json:
    if ask.args.flag("test"):
        return {"revoked": False}
    await ask.slack.revoke(ask.caller.app, ask.caller.workspace.id)
    return {"revoked": True}


async def _uninstall(ask: Ask) -> Json:
    app = ask.slack.app_by_client_id(ask.required("client_id"))
    if app is None:
        raise SlackError("invalid_client_id")
    if app.client_secret != ask.args.text("client_secret"):
        raise SlackError("bad_client_secret")
    if app.id != ask.caller.app.id:
        raise SlackError("client_id_token_mismatch")
    await ask.slack.uninstall(app, ask.caller.workspace.id)
    return {}


OPEN_METHODS = [OpenMethod("api.test", _api_test)]
METHODS = [
    Method("auth.test", _auth_test, tier=None),
    Method("auth.teams.list", _teams, tier=2, errors=frozenset({"invalid_cursor", "invalid_limit"})),
    Method("auth.revoke", _revoke, tier=3),
    Method(
        "apps.uninstall",
        _uninstall,
        tier=1,
        required=("client_id", "client_secret"),
        errors=frozenset({"invalid_client_id", "bad_client_secret", "client_id_token_mismatch"}),
    ),
]
