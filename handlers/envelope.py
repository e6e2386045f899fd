"""In which workspace it happened that Slack tells of. Where an organisation installed us, Slack says so in many places.

Bolt's own reading gives such an organisation's id for a form and nothing at all for an event, and so no workspace.
"""

from collections.abc import Mapping
from typing import Any

OF_ORGANISATION = {"app_uninstalled", "team_access_granted", "team_access_revoked", "tokens_revoked"}
"""The events that concern a whole organisation; any other that names no workspace is nobody's."""


def workspace_of(body: Mapping[str, Any], *, read: str | None, enterprise_id: str | None) -> str | None:
    """Give the id of the workspace; None for what concerns a whole organisation. `read` is what Bolt found."""
    team, user, view = (_part(body, name) for name in ("team", "user", "view"))
    told = (read, body.get("team_id"), team.get("id"), user.get("team_id"), view.get("team_id"))
    return next((one for one in told if one and one != enterprise_id), None)


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def is_of_organisation(body: Mapping[str, Any]) -> bool:
    """Say whether an event concerns a whole organisation."""
    return _part(body, "event").get("type") in OF_ORGANISATION
