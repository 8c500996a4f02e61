"""What the jobs of one call have in common."""

from collections.abc import Callable, Iterable
from os import PathLike
from typing import TypedDict

import attrs

from audio_enhance._core.errors import ConfigurationError, InvalidInputError
from audio_enhance._core.events import Event
from audio_enhance._journal.journal import Journal
from audio_enhance._session.wire import ApiVersion
from audio_enhance._transfer.output_folder import OutputFolder, PlaceRule

Listener = Callable[[Event], None]


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
    on_event: Listener | None = None

    def listeners(self, to_all: Listener | None) -> tuple[Listener, ...]:
        """Return who is told what happens to its jobs.

        Args:
            to_all: Who is told what happens to every job.
        """
        return tuple(each for each in (to_all, self.on_event) if each is not None)


def check_deleting(wanted: bool, version: ApiVersion, *, kept: bool) -> None:
    """Raise where uploads are to be deleted and cannot be, or with them the only result.

    Args:
        wanted: Whether they are to be deleted.
        version: Of the API.
        kept: Whether results are saved.
    """
    if wanted and version == "v1":
        raise ConfigurationError(
            "v1 of the API cannot delete assets.",
            hint='Use v2: EnhanceClient(…, api_version="v2"), or --api-version v2.',
        )
    if wanted and not kept:
        raise InvalidInputError(
            "delete_assets needs a folder for the result.", hint="Give output_dir."
        )


class BatchOptions(TypedDict, total=False):
    """The options of a batch beside strength and folder, for signatures that pass them on."""

    journal: str | PathLike[str] | Journal | None
    overwrite: bool
    redo: bool
    delete_assets: bool
    protected: Iterable[str | PathLike[str]]
    root: str | PathLike[str] | None
    place: PlaceRule | None
    priority: int
    on_event: Listener | None
