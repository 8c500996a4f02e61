"""What the package exports, and what it costs to import it."""

import subprocess
import sys

import pytest

import audio_enhance.local.enhancer as package
from audio_enhance import MissingExtraError
from audio_enhance.local.enhancer import EnhancerError, NotAudioError


def output_of(program: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return run.stdout + run.stderr


def test_every_exported_name_is_there() -> None:
    for name in package.__all__:
        assert getattr(package, name).__module__.startswith("audio_enhance.local.enhancer.")


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'enhance'"):
        getattr(package, "enhance")  # noqa: B009 - the type checkers know it, too


def test_importing_it_imports_nothing_heavy() -> None:
    program = (
        "import audio_enhance.local.enhancer, sys;"
        "print([m for m in ('av', 'numpy', 'scipy', 'pyrnnoise') if m in sys.modules])"
    )
    assert output_of(program).strip() == "[]"


@pytest.mark.parametrize("missing", ["av", "numpy"])
@pytest.mark.parametrize(
    "use",
    [
        "from audio_enhance.local.enhancer import enhance_file",
        "from audio_enhance.local.enhancer import measure",
        "import audio_enhance.local.enhancer as e; e.SpeechEnhancer()",
    ],
)
def test_without_the_extra_it_says_what_to_install(missing: str, use: str) -> None:
    hide = (
        "import importlib.util as u; find = u.find_spec;"
        f"u.find_spec = lambda name, *a: None if name == {missing!r} else find(name, *a);"
    )
    said = output_of(hide + use)
    assert "MissingExtraError" in said
    assert missing in said
    assert "pip install 'audio-enhance[local]'" in said


def test_the_rehearsal_needs_no_extra_of_the_enhancer() -> None:
    hide = "import sys; sys.modules['av'] = sys.modules['numpy'] = None;"
    assert output_of(hide + "from audio_enhance.local.enhancer import Rehearsal") == ""


def test_the_errors_are_the_librarys() -> None:
    assert issubclass(NotAudioError, EnhancerError)
    assert not issubclass(EnhancerError, MissingExtraError)
