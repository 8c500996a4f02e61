"""The optional packages that the enhancer needs: the extra ``local``."""

import importlib.util

from audio_enhance import MissingExtraError


def check_installed() -> None:
    """Make sure that PyAV and numpy can be found, without importing them.

    Raises:
        MissingExtraError: One of them is not installed; the message says how to install it.
    """
    for module in ("av", "numpy"):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("local", module)
