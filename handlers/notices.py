"""What people press under a notice about what can't be delivered; its other buttons open forms of their own."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import answers
from models import lane
from scheduler.messages import notice

TRYING = "Trying now. You hear when it works again."
NOTHING_WAITS = "Nothing is waiting any more; `/mrr deliveries` says what became of it."


def register(app: AsyncApp) -> None:
    """Listen to the button."""
    app.action(notice.ACTIONS.try_now)(limited(pressed_try_now))


async def pressed_try_now(
    ack: AsyncAck,
    respond: AsyncRespond,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Try at once what waits for whoever asked, such as a destination."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        waits = await lane.hurry_all(session, visitor.workspace_id, str(action.get("value")), now=desk.now())
    await ack()
    if body.get("response_url"):
        await respond(**answers.sentence(TRYING if waits else NOTHING_WAITS), replace_original=False)
    await home.refresh(desk, client, visitor)
