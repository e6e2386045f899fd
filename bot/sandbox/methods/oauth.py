"""oauth.v2.access: a code from the authorise page becomes a token."""

from bot.sandbox.app import SlackApp
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import OpenAsk, OpenMethod
from bot.sandbox.records import Json, OAuthCode, SignInCode


async def _access(ask: OpenAsk) -> Json:
    app = client(ask)
    grant_type = ask.args.text("grant_type") or "authorization_code"
    if grant_type != "authorization_code":
        raise SlackError("invalid_grant_type")
    code = take_code(ask, app)
    if isinstance(code, SignInCode):
        raise SlackError("invalid_code")
    org, workspace = ask.slack.organisations.get(code.enterprise_id or ""), ask.slack.workspaces[code.workspace_id]
    if org:
        installation = ask.slack.install_organisation(app, org.id, code.user_id, code.scopes)
    else:
        installation = ask.slack.install(app, workspace.id, code.user_id, code.scopes)
    return {
        "app_id": app.id,
        "authed_user": {"id": code.user_id},
        "scope": ",".join(installation.scopes),
        "token_type": "bot",
        "access_token": installation.token,
        "bot_user_id": installation.bot_user_id,
        "team": None if org else {"id": workspace.id, "name": workspace.name},
        "enterprise": {"id": org.id, "name": org.name} if org else None,
        "is_enterprise_install": org is not None,
    }


def client(ask: OpenAsk) -> SlackApp:
    """Check who asks: by HTTP Basic, or by the same two among the arguments."""
    client_id, secret = ask.args.basic or (ask.args.text("client_id") or "", ask.args.text("client_secret") or "")
    app = ask.slack.app_by_client_id(client_id)
    if app is None:
        raise SlackError("invalid_client_id")
    if app.client_secret != secret:
        raise SlackError("bad_client_secret")
    return app


def take_code(ask: OpenAsk, app: SlackApp) -> OAuthCode:
    """Use up the code from the authorise page."""
    code = ask.slack.codes.get(ask.args.text("code") or "")
    if code is None or code.app_id != app.id or code.used or code.expires_at < ask.slack.now():
        raise SlackError("invalid_code")
    if (ask.args.text("redirect_uri") or None) != code.redirect_uri:
        raise SlackError("bad_redirect_uri")
    code.used = True
    return code


OPEN_METHODS = [
    OpenMethod(
        "oauth.v2.access",
        _access,
        errors=frozenset(
            {"invalid_client_id", "bad_client_secret", "invalid_grant_type", "invalid_code", "bad_redirect_uri"}
        ),
    )
]
