"""Answers that end when nobody listens any more."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive


async def while_connected(receive: Receive, answering: Coroutine[Any, Any, None]) -> None:
    """Run what answers a request, and cancel it when whoever asked has gone.

    An ASGI server swallows what is sent to a closed connection, so an answer that is passed
    through would be fetched to its end for nobody.
    """

    async def hang_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    answer = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(hang_up())
    try:
        await asyncio.wait([answer, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.wait([answer, gone])
    if not answer.cancelled():
        answer.result()
