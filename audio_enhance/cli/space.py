"""How much room there is for results."""

import os
import shutil
from pathlib import Path, PurePath


def free_in(folder: PurePath) -> int | None:
    """Return how many bytes are free where a folder is, or will be; blocks.

    `None` means that nothing on the way to it can be looked at, or that it is in a bucket.
    """
    if not isinstance(folder, Path):
        return None
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(os.path.realpath(place)).free
        except OSError:
            continue
    return None
