"""The documentation says what the program does."""

import asyncio
import inspect
import logging
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    AudioEnhanceError,
    ClientCredentials,
    EnhanceClient,
    Source,
)
from audio_enhance._core import errors
from audio_enhance.cli.commands.demo import compare
from audio_enhance.local import Behaviour, Fault, LocalService
from audio_enhance.local.conditions import routes
from audio_enhance.local.enhancer import Figures, Rehearsal, demo_recording
from audio_enhance.local.object_store import errors as s3_errors
from tests.support import buckets
from tests.support.tools import needs

pytestmark = pytest.mark.once

s3 = buckets.s3

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text()
ERRORS = (ROOT / "docs" / "errors.md").read_text()
LOCAL_SERVICE = (ROOT / "docs" / "local-service.md").read_text()


def client() -> EnhanceClient:
    return EnhanceClient(ClientCredentials("id", "secret"), base_url="http://127.0.0.1:9")


async def enhance(source: object, strength: object = 93, output_dir: str = ".") -> None:
    async with client() as opened:
        await opened.enhance(source, strength=strength, output_dir=output_dir)  # type: ignore[arg-type]


def prepare(folder: Path) -> None:
    (folder / "empty.mp3").touch()
    (folder / "recordings").mkdir()
    (folder / "talk.mp3").write_bytes(b"ID3")
    (folder / "talk-enhanced-93p.mp3").write_bytes(b"kept")
    (folder / "notes.txt").write_bytes(b"text")
    (folder / "talk").write_bytes(b"ID3")


CASES: dict[str, Callable[[], object]] = {
    "a missing file": lambda: enhance("nope.mp3"),
    "a folder": lambda: enhance("recordings"),
    "an empty file": lambda: enhance("empty.mp3"),
    "no bytes": lambda: enhance(b""),
    "an unsupported ending": lambda: enhance("notes.txt"),
    "no ending": lambda: enhance("talk"),
    "an unsupported content type": lambda: Source.from_path("talk.mp3", content_type="video/mp4"),
    "a strength out of range": lambda: enhance("talk.mp3", 101),
    "a strength that is not a whole number": lambda: enhance("talk.mp3", 0.5),
    "a result that is there already": lambda: enhance("talk.mp3"),
    "a folder for results that is a file": lambda: enhance("talk.mp3", 50, "notes.txt"),
    "no credentials": EnhanceClient.from_env,
    "an empty secret": lambda: ClientCredentials("id", " "),
    "an unusable address": lambda: EnhanceClient(
        ClientCredentials("id", "secret"), base_url="enhance.example"
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_message_for_bad_input_is_the_documented_one(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in (
        "FIREFLY_SERVICES_CLIENT_ID",
        "FIREFLY_SERVICES_CLIENT_SECRET",
        "FIREFLY_SERVICES_ACCESS_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AudioEnhanceError) as caught:
        result = CASES[case]()
        if isinstance(result, Awaitable):
            await result
    documented = re.search(rf"^\| {re.escape(case)} \| `(.*)` \|$", ERRORS, re.MULTILINE)
    assert documented, f"docs/errors.md lacks: | {case} | `{caught.value}` |"
    assert documented[1] == str(caught.value)
    assert (tmp_path / "talk-enhanced-93p.mp3").read_bytes() == b"kept"


def test_the_tree_of_errors_is_the_documented_one() -> None:
    tree = str(errors.__doc__).split("\n\n", 1)[1].strip()
    assert tree in ERRORS
    named = set(re.findall(r"[A-Z]\w+Error", tree))
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type)
        and issubclass(value, AudioEnhanceError)
        and value.__name__ == name  # and not what it was called before
    }
    assert named - {"ImportError", "ValueError"} == defined


def anchors(page: Path) -> set[str]:
    """What a link can name on a page: its headings, spelled as GitHub spells them in addresses."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_every_picture_is_there_is_shown_and_is_small() -> None:
    shown = {
        (page.parent / path).resolve()
        for page in PAGES
        for path in re.findall(r"(?:src|srcset)=\"([^\"]+)|!\[[^\]]*\]\(([^)]+)", page.read_text())
        for path in filter(None, path)
    }
    pictures = {*(ROOT / "docs" / "pictures").glob("*.*g")}
    assert shown == pictures
    assert all(picture.stat().st_size < 300_000 for picture in pictures)


def test_the_figures_of_the_demo_are_laid_out_as_it_prints_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"<!-- figures -->\n```\n(.*?)```", README, re.DOTALL)
    assert found
    rows = re.findall(r"(-?\d+\.\d) \w+ +(-?\d+\.\d) \w+$", found[1], re.MULTILINE)
    columns = ([float(value) for value in column] for column in zip(*rows, strict=True))
    before, after = (
        Figures(
            noise_floor=floor, speech_level=speech, loudness=loudness, true_peak=peak, duration=long
        )
        for floor, speech, _, loudness, peak, long in columns
    )
    monkeypatch.chdir(tmp_path)
    folder = Path("audio-enhance-demo")
    recording, result = folder / demo_recording().name, folder / "noisy-speech-enhanced-93p.mp3"
    assert compare(recording, result, before, after) == 0
    assert capsys.readouterr().out.strip() == found[1].strip()


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


# These have tests of their own, for what their programs are parts of.
ELSEWHERE = {"testing.md", "web-app.md", "web-backends.md"}
PROGRAMS = [
    pytest.param(program, id=f"{page.name}-{number}")
    for page in PAGES
    if page.name not in ELSEWHERE
    for number, program in enumerate(blocks(page))
]


@pytest.fixture
def log_as_it_was() -> Iterator[None]:
    log = logging.getLogger("audio_enhance")
    level = log.level
    yield
    log.setLevel(level)


@pytest.mark.usefixtures("log_as_it_was")
@pytest.mark.parametrize("program", PROGRAMS)
async def test_every_program_in_the_documentation_works(
    program: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    enhance_service: LocalService,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    # The local service's own page has programs that listen to what they are given: the first
    # two seconds will do.
    recording = demo_recording().read_bytes()[:40_000]
    (tmp_path / "talk.mp3").write_bytes(recording)
    (tmp_path / "talk.mp4").write_bytes(recording)  # no picture: it is sent as it is
    for name, value in enhance_service.environment.items():
        monkeypatch.setenv(name, value)
    if "s3://bucket" in program:
        s3 = request.getfixturevalue("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="raw/talk.mp3", Body=recording)
    if "asyncio.run" in program:
        (tmp_path / "program.py").write_text(program)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "program.py", stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        assert Path(said.decode().strip()).read_bytes()
        return
    names: dict[str, Any] = {}
    if "async def test_" in program:
        async with EnhanceClient.from_env() as opened:
            exec(program, names)
            await names["test_my_code"](opened, tmp_path)
        return

    async def chunks() -> AsyncIterator[bytes]:
        yield recording

    async with EnhanceClient.from_env() as opened:
        names.update(
            client=opened,
            paths=["talk.mp3"],
            data=recording,
            chunks=chunks(),
        )
        exec("async def run():\n" + textwrap.indent(program, "    "), names)
        await names["run"]()


@pytest.mark.slow
def test_the_tests_in_the_documentation_pass(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    files = dict(re.findall(r"```(?:python|toml)\n# (\S+)\n(.*?)```", page, re.DOTALL))
    assert len(files) == page.count("```python") + page.count("```toml")
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    def passed(*arguments: str) -> int:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:faker", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found = re.search(r"= (\d+) passed in", done.stdout)
        return int(found[1]) if found else 0

    assert passed() >= sum(text.count("def test_") for text in files.values())
    assert passed("-o", "asyncio_mode=strict", "test_marked.py") == 1


@needs("curl", "openssl")
async def test_the_curl_lines_work(tmp_path: Path, enhance_service: LocalService) -> None:
    found = re.search(r"<!-- curl -->\n```sh\n(.*?)```", LOCAL_SERVICE, re.DOTALL)
    assert found
    recording = bytes(range(256)) * 100
    (tmp_path / "earhart-aviation.mp3").write_bytes(recording)
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", found[1]),
        cwd=tmp_path,
        env=os.environ | enhance_service.environment | {"NO_PROXY": "*"},
    )
    assert await process.wait() == 0
    result = tmp_path / "earhart-aviation-enhanced-93p.mp3"
    assert result.read_bytes() == Rehearsal.expected(recording, 93)


def table(heading: str, page: str = LOCAL_SERVICE) -> list[list[str]]:
    """The rows of the first table under a heading, without backquotes."""
    rows = re.search(rf"^#+ {heading}\n(?:(?!#)[^|]*\n)*((?:\|.*\n)+)", page, re.MULTILINE)
    assert rows, heading
    cells = [line.replace("`", "").strip("| ").split(" | ") for line in rows[1].splitlines()]
    return cells[2:]


def test_the_tables_of_the_local_service_are_true() -> None:
    behaviour = {name: str(value) for name, value in attrs.asdict(Behaviour()).items()}
    assert {row[0]: row[1] for row in table("Limits and lifetimes")} == behaviour
    assert {row[0] for row in table("Faults on demand")} == {fault.value for fault in Fault}
    named = {route for row in table("Routes") for route in row[0].split(", ")}
    assert named == {
        value for name, value in vars(routes).items() if name.isupper() and isinstance(value, str)
    }


def test_the_codes_of_the_object_store_are_its_own() -> None:
    source = inspect.getsource(s3_errors)
    written = re.findall(r'(?:S3Error\(\s*(\d+),|(\d+): \()\s*"(\w+)"', source)
    codes = {f"{status or passing} {code}" for status, passing, code in written}
    named = set(re.findall(r"`(\d{3} [A-Z]\w+)`", LOCAL_SERVICE))
    assert "403 SignatureDoesNotMatch" in named
    assert named <= codes
