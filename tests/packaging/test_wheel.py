"""What is in the wheel, and what it says of itself."""

import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email import message_from_bytes
from email.message import Message
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from audio_enhance import __version__
from tests.support.wheel import ROOT, build

pytestmark = pytest.mark.slow

INFO = f"audio_enhance-{__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(build(tmp_path_factory.mktemp("dist"))) as wheel:
        yield wheel


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"{INFO}/METADATA"))


def test_it_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "audio_enhance").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel.namelist() if not name.startswith(INFO)} == package
    assert {
        "audio_enhance/py.typed",
        "audio_enhance/local/api/openapi.json",
        "audio_enhance/local/enhancer/data/noisy-speech.mp3",
    } <= package


def test_it_is_for_every_system_and_small(wheel: zipfile.ZipFile) -> None:
    assert wheel.filename is not None
    path = Path(wheel.filename)
    assert path.name == f"audio_enhance-{__version__}-py3-none-any.whl"
    assert path.stat().st_size < 1 << 20


def test_its_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "audio-enhance"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# audio-enhance\n")


def test_the_license_goes_along(wheel: zipfile.ZipFile, metadata: Message) -> None:
    text = wheel.read(f"{INFO}/licenses/{metadata['License-File']}").decode()
    assert text == (ROOT / "LICENSE").read_text()


def test_only_the_core_is_installed_without_extras(metadata: Message) -> None:
    requirements: list[str] = metadata.get_all("Requires-Dist", [])
    core = {line.partition(">")[0] for line in requirements if "extra ==" not in line}
    assert core == {"aiofiles", "aiohttp", "attrs", "python-backoff"}
    extras = {"cli", "dask", "local", "otel", "redis", "remote", "video", "web"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras


def test_its_entry_points_lead_somewhere(wheel: zipfile.ZipFile) -> None:
    parser = ConfigParser(delimiters="=")
    parser.read_string(wheel.read(f"{INFO}/entry_points.txt").decode())
    points = {group: dict(parser[group]) for group in parser.sections()}
    assert points == {
        "console_scripts": {"audio-enhance": "audio_enhance.__main__:main"},
        "pytest11": {"audio_enhance": "audio_enhance.pytest_plugin"},
    }
    for group, named in points.items():
        for name, value in named.items():
            assert EntryPoint(name, value, group).load()
