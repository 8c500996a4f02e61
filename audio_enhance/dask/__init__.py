"""The local service's enhancements on a Dask cluster, where one machine is too small.

It comes with the extra ``dask``. Recordings and results go between the workers and the object
store by presigned URLs; the scheduler sees neither.
"""

try:
    import distributed as _distributed  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError as error:
    from audio_enhance import MissingExtraError

    raise MissingExtraError("dask", error.name or "distributed") from error

from ._enhancer import DaskEnhancer
from ._errors import ClusterError, ClusterLostError, WorkersDiedError
from ._hostname import store_for
from ._order import EnhancerFactory, SpeechFactory

__all__ = [
    "ClusterError",
    "ClusterLostError",
    "DaskEnhancer",
    "EnhancerFactory",
    "SpeechFactory",
    "WorkersDiedError",
    "store_for",
]
