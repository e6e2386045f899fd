"""Pictures: SVG made into PNG, in a process of its own, since the renderer lets nothing else run meanwhile."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import vl_convert

SHARPNESS = 2
"""Pixels for each unit of a drawing."""

KEPT = 64
"""How many of the newest pictures are kept: the Home tab's is asked for by everybody who opens it."""


class Pictures:
    """Renders, one picture at a time; the process starts with the first."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._pool: ProcessPoolExecutor | None = None
        self._kept: dict[str, bytes] = {}

    async def png(self, svg: str) -> bytes:
        """Render a drawing, or give what was rendered of it before."""
        if svg not in self._kept:
            rendered = await self._surely_render(svg)
            self._kept = {**dict(list(self._kept.items())[1 - KEPT :]), svg: rendered}
        return self._kept[svg]

    async def _surely_render(self, svg: str) -> bytes:
        """Render a drawing. A renderer that died is started anew, once."""
        try:
            return await self._render(svg)
        except BrokenProcessPool:
            self.stop()
            return await self._render(svg)

    async def _render(self, svg: str) -> bytes:
        if self._pool is None:
            # Forked, it would inherit our sockets and locks.
            spawning = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(max_workers=1, mp_context=spawning)
        return await asyncio.get_running_loop().run_in_executor(self._pool, render, svg)

    def stop(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def render(svg: str) -> bytes:
    """Make a PNG of a drawing."""
    return vl_convert.svg_to_png(svg, scale=SHARPNESS)
