"""What is done at once ends together."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from handlers.together import together
from models.wish import FieldError

Work = Coroutine[Any, Any, None]


async def both_together(one: Work, other: Work) -> None:
    async with together() as group:
        group.create_task(one)
        group.create_task(other)


async def both_gathered(one: Work, other: Work) -> None:
    """The broken variant."""
    await asyncio.gather(one, other)


@pytest.mark.parametrize(("both", "is_left"), [(both_together, False), (both_gathered, True)])
async def test_what_goes_on_beside_something_refused_ends_before_the_refusal_is_told(
    both: Callable[[Work, Work], Work], is_left: bool
) -> None:
    under_way = set()

    async def remember() -> None:
        under_way.add("remember")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)  # As a session that is given back.
            under_way.clear()

    async def refuse() -> None:
        await asyncio.sleep(0)
        raise FieldError("recipients", "Nobody is there.")

    with pytest.raises(FieldError, match="Nobody is there"):
        await both(remember(), refuse())
    assert bool(under_way) is is_left
