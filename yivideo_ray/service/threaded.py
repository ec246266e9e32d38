"""Calls that block, made from an event loop in one thread, and so in one order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["Threaded"]

Result = TypeVar("Result")


class Threaded:
    """A thread, which ends with close."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._closed = False

    async def call(self, call: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *arguments)

    async def close(self, last: Callable[[], None]) -> None:
        """Makes one last call there, and ends it. The second time, nothing happens."""
        if not self._closed:
            self._closed = True
            await self.call(last)
            self._executor.shutdown()
