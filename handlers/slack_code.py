"""Slack's name for a refusal, read safely from whatever the SDK raised."""

from slack_sdk.errors import SlackApiError

TOKEN_LOST = frozenset({"token_revoked", "token_expired", "account_inactive", "invalid_auth", "not_authed"})
"""What Slack answers where the workspace has taken our token back."""


def slack_code(error: SlackApiError) -> str | None:
    """Give Slack's error code; None where the answer was none of Slack's, such as a proxy's page."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return None if code is None else str(code)
