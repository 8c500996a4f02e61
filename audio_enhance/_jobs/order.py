"""What the jobs of one call have in common."""

from collections.abc import Callable

import attrs

from audio_enhance._core.events import Event
from audio_enhance._journal.journal import Journal
from audio_enhance._transfer.output_folder import OutputFolder


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Order:
    """What the jobs of one call have in common.

    Attributes:
        outputs: Where results go; `None` leaves them at the server.
        journal: Where every step is written down.
        redo: Make results once more that an earlier run made.
        spare: Do not pay once more for a result that was made, and is neither in its place nor
            at the server.
        delete_assets: Delete what was uploaded when its results are safe on disk.
        priority: Higher goes first among what the client has not submitted yet.
        on_event: Told what happens to them.
    """

    outputs: OutputFolder | None = None
    journal: Journal | None = None
    redo: bool = False
    spare: bool = False
    delete_assets: bool = False
    priority: int = 0
    on_event: Callable[[Event], None] | None = None
