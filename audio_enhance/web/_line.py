"""The order in which recordings have their turn."""

from collections.abc import Callable

from ._recording import Recording


class Line:
    """Recordings before their end: what the server has first, then in order of arrival.

    Args:
        on_moved: Told of every recording that has another place.
    """

    def __init__(self, on_moved: Callable[[Recording], None]) -> None:
        self._on_moved = on_moved
        # The server works from oldest to newest (the Enhance Speech guide, step 4).
        self._submitted: dict[Recording, None] = {}
        self._waiting: dict[Recording, None] = {}

    def ahead(self, recording: Recording) -> int:
        """Return how many have their turn before this one."""
        order = self._order()
        return order.index(recording) if recording in order else 0

    def settle(self, recording: Recording) -> None:
        """Give a recording its place, if it is another one than it has."""
        row = self._submitted if recording.submitted else self._waiting
        if recording not in row:
            self._change(recording, row)

    def leave(self, recording: Recording) -> None:
        """Let a recording out, if it is there."""
        self._change(recording, None)

    def _change(self, recording: Recording, row: dict[Recording, None] | None) -> None:
        before = self._order()
        self._submitted.pop(recording, None)
        self._waiting.pop(recording, None)
        if row is not None:
            row[recording] = None
        for place, other in enumerate(self._order()):
            if other is not recording and before[place] is not other:
                self._on_moved(other)

    def _order(self) -> list[Recording]:
        return [*self._submitted, *self._waiting]
