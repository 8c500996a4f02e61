"""The places that results under way are going to have, so that no two go to one."""

import os
from pathlib import Path

from audio_enhance._core.errors import OutputExistsError

from .output_folder import OutputFolder, same_name


class Reservations:
    """Which call's results have which places, for as long as their jobs are under way.

    The results of one call get out of each other's way by their names; those of another call
    cannot, since what they are called must not depend on what else goes on.
    """

    def __init__(self) -> None:
        self._owners: dict[str, list[OutputFolder]] = {}

    def reserve(self, path: Path, owner: OutputFolder) -> str:
        """Keep a place for a result of a call, and return what it is released with later.

        Raises:
            OutputExistsError: A result of another call goes there.
        """
        key = _key(path)
        owners = self._owners.setdefault(key, [])
        if owners and owners[0] is not owner:
            raise OutputExistsError(
                f"Another job writes its result to {path}.",
                hint="Choose another output folder, or wait until that job is done.",
            )
        owners.append(owner)
        return key

    def release(self, key: str) -> None:
        """Give a place back."""
        owners = self._owners[key]
        owners.pop()
        if not owners:
            del self._owners[key]


def _key(path: Path) -> str:
    return same_name(os.path.abspath(path))  # noqa: PTH100  pathlib keeps ".."
