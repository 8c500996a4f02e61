"""A recording and its enhancement as pictures and figures, measured off the event loop.

`survey` looks through one file, at constant memory, and leaves beside it what is to be drawn:
peaks and a spectrogram, each at several resolutions. `Measurer` has processes of its own do it, and
copy what browsers would not jump in exactly.
It comes with the extra ``local``.
"""

from typing import TYPE_CHECKING

from .measurer import Measurer, write_sound
from .pyramid import Pyramid

if TYPE_CHECKING:
    from .surveying import Survey, survey

__all__ = ["Measurer", "Pyramid", "Survey", "survey", "write_sound"]


def __getattr__(name: str) -> object:
    """Import what needs PyAV and numpy when it is asked for (PEP 562)."""
    if name in ("Survey", "survey"):
        from . import surveying

        return getattr(surveying, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
