import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import audio_enhance
from audio_enhance._core import errors, events

PACKAGE = Path(audio_enhance.__file__).parent
NAMES: list[str] = vars(audio_enhance)["__all__"]  # for programs; checkers see the imports
# Modules with names of their own: an entry point, a plugin, and packages with contents of theirs.
PUBLIC = {"__main__", "cli", "dask", "integrations", "local", "otel", "pytest_plugin", "web"}
CORE = sorted(
    module.name for module in pkgutil.iter_modules([str(PACKAGE)]) if module.name not in PUBLIC
)
OPTIONAL = {"av", "botocore", "click", "distributed", "numpy", "opentelemetry", "pytest", "rich"}


def test_all_is_what_there_is() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for name in NAMES:
        assert hasattr(audio_enhance, name)
    public = {
        name
        for name, value in vars(audio_enhance).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    } - {"TYPE_CHECKING"}
    assert public == {name for name in NAMES if not name.startswith("_")}


def test_type_checkers_find_the_names_where_programs_do() -> None:
    body = ast.parse(Path(audio_enhance.__file__).read_text()).body
    (checking,) = (node for node in body if isinstance(node, ast.If))
    imports = [node for node in checking.body if isinstance(node, ast.ImportFrom)]
    found = [(name.name, f".{node.module}") for node in imports for name in node.names]
    assert found == list(vars(audio_enhance)["_MODULES"].items())


def test_an_error_is_imported_without_a_client() -> None:
    code = (
        "import sys; from audio_enhance import ApiError;"
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in {'audio_enhance', 'aiohttp'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    core = ("errors", "installation", "phase", "redaction")
    expected = ["audio_enhance", "audio_enhance._core"]
    assert done.stdout.split() == [*expected, *(f"audio_enhance._core.{name}" for name in core)]


def test_it_says_nothing_by_itself() -> None:
    # Without a handler of its own, warnings would go to standard error.
    code = (
        "import logging; from audio_enhance import Source;"
        "logging.getLogger('audio_enhance.x').warning('talk')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (said.stdout, said.stderr) == (b"", b"")


def test_the_public_contract() -> None:
    contract = [
        "EnhanceClient",
        "ClientCredentials",
        "AccessToken",
        "TokenProvider",
        "Source",
        "Asset",
        "SpeechEnhancement",
        "AudioEnhanceError",
        "Job",
        "Outcome",
        "BatchReport",
        "EnhanceResult",
    ]
    assert set(contract) <= set(NAMES)


def test_every_error_is_exported() -> None:
    kinds = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.AudioEnhanceError)
    }
    assert kinds <= set(NAMES)


def test_every_event_is_exported() -> None:
    kinds = {
        name
        for name, value in vars(events).items()
        if inspect.isclass(value) and issubclass(value, events.Event)
    }
    assert kinds <= set(NAMES)


@pytest.mark.parametrize("name", CORE)
def test_modules_are_private(name: str) -> None:
    assert name.startswith("_")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_everything_public_says_what_it_is(name: str) -> None:
    value = getattr(audio_enhance, name)
    if not inspect.isclass(value):
        return
    for what, member in [(name, value), *vars(value).items()]:
        if what.startswith("_") or not (
            inspect.isclass(member) or inspect.isfunction(member) or isinstance(member, property)
        ):
            continue
        document = inspect.getdoc(member)
        assert document, f"{name}.{what} has no docstring"
        assert document.split("\n\n")[0].rstrip().endswith((".", ":", "…")), f"{name}.{what}"


def test_importing_the_package_imports_nothing_optional() -> None:
    code = (
        "import sys, audio_enhance\n"
        "print([m for m in sys.modules if m.split('.')[0] in"
        f" {OPTIONAL} or m.startswith('audio_enhance.') and not m.startswith('audio_enhance._')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_in_one_place() -> None:
    version = importlib.import_module("audio_enhance._version").__version__
    assert audio_enhance.__version__ == version


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
