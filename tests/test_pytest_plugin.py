"""The fixtures that the package ships, in test suites of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SUITE = """
    import pytest
    from audio_enhance.local import Behaviour, Fault, Faults, LocalService

    class Louder:
        async def enhance(self, source, destination, *, content_type, strength):
            destination.write_bytes(source.read_bytes().upper())
        async def close(self):
            pass

    {mark}
    async def test_a_service_and_a_client(enhance_service, enhance_client, tmp_path):
        assert isinstance(enhance_service, LocalService)
        source = tmp_path / "talk.mp3"
        source.write_bytes(b"some speech")
        result = await enhance_client.enhance(source, strength=93, output_dir=tmp_path)
        assert result.path.name == "talk-enhanced-93p.mp3"
        assert result.path.read_bytes().endswith(b"some speech")
        assert enhance_service.count("POST /assets", 201) == 1

    {mark}
    @pytest.mark.enhance_service(
        behaviour=Behaviour(creations_per_minute=7),
        faults=Faults(ready_lag=0.01),
        enhancer=Louder(),
    )
    async def test_the_marker_sets_it_up(enhance_service, enhance_client, tmp_path):
        assert enhance_service.behaviour.creations_per_minute == 7
        source = tmp_path / "talk.wav"
        source.write_bytes(b"some speech")
        result = await enhance_client.enhance(source, strength=5, output_dir=tmp_path)
        assert result.path.read_bytes() == b"SOME SPEECH"
        assert enhance_service.faults.injected[Fault.READY_LAG] == 1

    {mark}
    async def test_each_test_has_its_own(enhance_service):
        assert enhance_service.count() == 0
"""


INI = """\
[pytest]
filterwarnings = error
"""


def run(folder: Path, mark: str, *arguments: str) -> str:
    """Run the suite in a fresh interpreter with no plugins but those named."""
    (folder / "test_suite.py").write_text(_dedent(SUITE.replace("{mark}", mark)))
    (folder / "pytest.ini").write_text(INI)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "audio_enhance.pytest_plugin", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def _dedent(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())


@pytest.mark.parametrize("mode", [pytest.param("auto", marks=pytest.mark.slow), "strict"])
def test_with_pytest_asyncio(tmp_path: Path, mode: str) -> None:
    mark = "@pytest.mark.asyncio" if mode == "strict" else ""
    scope = ("-o", "asyncio_default_fixture_loop_scope=function")
    output = run(tmp_path, mark, "-p", "pytest_asyncio.plugin", f"--asyncio-mode={mode}", *scope)
    assert "3 passed" in output, output


def test_with_anyio(tmp_path: Path) -> None:
    backend = "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    (tmp_path / "conftest.py").write_text(backend)
    output = run(tmp_path, "@pytest.mark.anyio", "-p", "anyio.pytest_plugin")
    assert "3 passed" in output, output


def test_the_marker_is_documented(tmp_path: Path) -> None:
    assert "@pytest.mark.enhance_service(**arguments)" in run(tmp_path, "", "--markers")


def test_nothing_is_imported_until_it_is_used() -> None:
    program = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import audio_enhance.pytest_plugin\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "['audio_enhance', 'audio_enhance.pytest_plugin']\n"
