"""Opening modals: by themselves, or over the one in which somebody pressed something."""

from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from handlers.views.blocks import View


async def show(client: AsyncWebClient, drawn: View, *, trigger_id: str, over: bool = False) -> None:
    """Open a modal; `over` the one that is open, to which its end leads back."""
    await (client.views_push if over else client.views_open)(trigger_id=trigger_id, view=drawn)


def is_over(body: Mapping[str, Any]) -> bool:
    """Say whether something was pressed in a modal."""
    return (body.get("view") or {}).get("type") == "modal"


def below(view: Mapping[str, Any]) -> str | None:
    """Give the id of the modal to which the end of this one leads back."""
    return view.get("previous_view_id") or None
