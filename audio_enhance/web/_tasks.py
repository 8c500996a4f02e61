"""Work in the background, one task for each thing that it is about."""

import asyncio
from typing import TypeVar

_Subject = TypeVar("_Subject")


class Tasks(dict[_Subject, "asyncio.Task[None]"]):
    """The tasks under way, by what they are about; whoever starts one takes it out at its end."""

    def stop(self, subject: _Subject) -> None:
        """Cancel the task about something, if there is one: nobody wants it any more."""
        if task := self.get(subject):
            task.cancel()

    async def close(self) -> None:
        """Cancel all of them, and wait for their ends."""
        tasks = list(self.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
