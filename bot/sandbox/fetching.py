"""Pictures that a message names by their address: Slack fetches each when it is posted, and refuses what it can't get.

This one asks only addresses on this machine; what lies elsewhere is taken to be there.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from bot.sandbox.addresses import at_home
from bot.sandbox.state import Slack

HERE = {"127.0.0.1", "localhost", "::1"}
LONGEST = aiohttp.ClientTimeout(total=10)


async def can_fetch(slack: Slack, url: str) -> bool:
    """Say whether a picture is at an address."""
    address = at_home(slack, url)
    if urlsplit(address).hostname not in HERE:
        return True
    try:
        async with aiohttp.ClientSession(timeout=LONGEST) as session, session.get(address) as answer:
            return answer.status == HTTPStatus.OK and answer.content_type.startswith("image/")
    except (TimeoutError, aiohttp.ClientError, ValueError):
        return False
