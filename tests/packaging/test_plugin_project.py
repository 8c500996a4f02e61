"""The fixtures in a project that is not this one: the wheel, and nothing of this tree."""

from pathlib import Path

import pytest

from tests.support.wheel import Environment, build

PYPROJECT = """\
[project]
name = "podcast"
version = "1.0"
dependencies = ["audio-enhance"]

[dependency-groups]
tests = ["audio-enhance[local]", "pytest", "pytest-asyncio"]

[tool.pytest.ini_options]
addopts = "--strict-markers --strict-config"
asyncio_default_fixture_loop_scope = "function"
filterwarnings = ["error"]
"""

APPLICATION = """\
from collections.abc import Sequence
from pathlib import Path

from audio_enhance import AudioEnhanceError, EnhanceClient


async def publish(client: EnhanceClient, episodes: Sequence[Path], folder: Path) -> list[Path]:
    report = await client.enhance_batch(episodes, strength=93, output_dir=folder)
    for outcome in report.failed:
        print(f"{outcome.name}: {outcome.error}")
    return [outcome.path for outcome in report if outcome.path]


async def listen(client: EnhanceClient, episode: Path) -> str:
    try:
        result = await (await client.submit(episode, strength=50))
    except AudioEnhanceError as error:
        return f"/sorry?again={error.retryable}"
    return await client.presigned_download_url(result.enhancement)
"""

WITHOUT_EXTRA = """\
import pytest


def test_others_are_left_alone():
    pass


MARK
async def test_it_says_what_is_missing(enhance_service):
    pass
"""

SUITE = """\
import aiohttp
import pytest
from yarl import URL

import audio_enhance
from audio_enhance.local import Behaviour, Fault, Faults
from audio_enhance.local.enhancer import Rehearsal
from podcast import listen, publish


@pytest.fixture
def episodes(tmp_path):
    paths = [tmp_path / f"episode-{number}.mp3" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(b"talk and talk" * (number + 1))
    return paths


def test_it_is_the_installed_package():
    assert "site-packages" in audio_enhance.__file__


MARK
async def test_episodes_are_published(enhance_service, enhance_client, episodes, tmp_path):
    published = await publish(enhance_client, episodes, tmp_path / "public")
    for path, episode in zip(published, episodes, strict=True):
        assert path.read_bytes() == Rehearsal.expected(episode.read_bytes(), 93)
    assert enhance_service.count("PUT /object", 200) == 5


MARK
async def test_a_listener_is_sent_to_the_object_store(enhance_service, enhance_client, episodes):
    url = await listen(enhance_client, episodes[0])
    assert url.startswith(enhance_service.s3_url)
    async with aiohttp.ClientSession() as browser:
        async with browser.get(URL(url, encoded=True)) as answer:
            assert await answer.read() == Rehearsal.expected(episodes[0].read_bytes(), 50)


@pytest.mark.parametrize(
    "fault", [Fault.RESET_BEFORE, Fault.EXPIRED_URL, Fault.CUT_UPLOAD, Fault.TRUNCATED_DOWNLOAD]
)
MARK
async def test_faults_go_unnoticed(enhance_service, enhance_client, episodes, tmp_path, fault):
    enhance_service.faults.script(fault)
    assert len(await publish(enhance_client, episodes, tmp_path / "public")) == 5
    assert enhance_service.faults.injected == {fault: 1}


@pytest.mark.enhance_service(
    faults=Faults(failed_enhancement=1.0), behaviour=Behaviour(revision="later")
)
class TestABadDay:
    MARK
    async def test_nothing_is_published(self, enhance_client, episodes, tmp_path, capsys):
        assert await publish(enhance_client, episodes, tmp_path / "public") == []
        assert "episode-4.mp3" in capsys.readouterr().out

    MARK
    async def test_a_listener_is_told(self, enhance_client, episodes):
        assert (await listen(enhance_client, episodes[0])).startswith("/sorry?")
"""


def marked(suite: str, mode: str) -> str:
    """The suite as it is written for that mode of pytest-asyncio."""
    return suite.replace("MARK", "@pytest.mark.asyncio" if mode == "strict" else "# no mark")


@pytest.mark.slow
def test_a_project_of_somebody_elses(tmp_path: Path) -> None:
    wheel = build(tmp_path / "dist")
    environment = Environment.create(tmp_path / "environment")
    project = tmp_path / "project"
    tests = project / "tests"
    tests.mkdir(parents=True)
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "podcast.py").write_text(APPLICATION)

    def pytest_in(mode: str, suite: str) -> tuple[int, str]:
        (tests / "test_podcast.py").write_text(marked(suite, mode))
        done = environment.run(
            "-m", "pytest", "-o", f"asyncio_mode={mode}", "-p", "no:cacheprovider", folder=project
        )
        return done.returncode, done.stdout

    environment.install(str(wheel), "pytest", "pytest-asyncio")
    status, output = pytest_in("auto", WITHOUT_EXTRA)
    assert status == 1, output
    assert "1 passed, 1 error" in output
    assert "pip install 'audio-enhance[local] @ file:" in output

    environment.install(f"{wheel}[local]")
    for mode in ("auto", "strict"):
        status, output = pytest_in(mode, SUITE)
        assert status == 0, output
        assert "9 passed" in output
