"""Slack's name for a refusal, read safely from whatever the SDK raised."""

from slack_sdk.errors import SlackApiError


def slack_code(error: SlackApiError) -> str | None:
    """Give Slack's error code; None where the answer was none of Slack's, such as a proxy's page."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return None if code is None else str(code)
