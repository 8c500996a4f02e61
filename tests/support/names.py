"""What a name must be, to be a file's on every system."""

import ntpath
import sys
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath


def is_reserved(name: str) -> bool:
    """Whether Windows keeps a name for a device."""
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(name)
    return PureWindowsPath(name).is_reserved()


def is_one_safe_component(name: str) -> bool:
    """Whether a name can be created on Linux, macOS and Windows, inside any folder."""
    return (
        0 < len(name.encode()) <= 255
        and name not in (".", "..")
        and not set(name) & set('/\\<>:"|?*')
        and not any(
            unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\u200c\u200d"
            for c in name
        )
        and not name.endswith((".", " "))
        and not is_reserved(name)
        and PurePosixPath("out", name).parent == PurePosixPath("out")
        and PureWindowsPath("out", name).parent == PureWindowsPath("out")
    )
