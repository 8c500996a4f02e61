"""The enhancer behind the local service: it really removes noise from speech.

`SpeechEnhancer` is for event loops, `enhance_file` for everyone else. What they need beyond this
package comes with the extra ``local``, and is imported on first use.
"""

from typing import TYPE_CHECKING

from .demo import demo_recording
from .engines import ENGINES, Engine, choose_engine
from .errors import EngineError, EnhancerError, NotAudioError, TooLongError, WorkerDiedError
from .extra import check_installed
from .pool import SpeechEnhancer
from .protocol import Enhancer
from .rehearsal import Rehearsal

if TYPE_CHECKING:
    from .figures import Figures, measure
    from .pipeline import enhance_file

__all__ = [
    "ENGINES",
    "Engine",
    "EngineError",
    "Enhancer",
    "EnhancerError",
    "Figures",
    "NotAudioError",
    "Rehearsal",
    "SpeechEnhancer",
    "TooLongError",
    "WorkerDiedError",
    "choose_engine",
    "demo_recording",
    "enhance_file",
    "measure",
]


def __getattr__(name: str) -> object:
    """Import what needs PyAV and numpy when it is asked for (PEP 562)."""
    if name == "enhance_file":
        check_installed()
        from .pipeline import enhance_file

        return enhance_file
    if name in ("Figures", "measure"):
        check_installed()
        from . import figures

        return getattr(figures, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
