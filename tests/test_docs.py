"""The documentation says what the program does."""

import asyncio
import re
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import (
    AudioEnhanceError,
    ClientCredentials,
    EnhanceClient,
    Source,
)
from audio_enhance import _errors as errors
from audio_enhance.local import LocalService

ROOT = Path(__file__).parent.parent
ERRORS = (ROOT / "docs" / "errors.md").read_text()


def client() -> EnhanceClient:
    return EnhanceClient(ClientCredentials("id", "secret"), base_url="http://127.0.0.1:9")


async def enhance(source: object, strength: object = 93) -> None:
    async with client() as opened:
        await opened.enhance(source, strength=strength)  # type: ignore[arg-type]


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
    "a strength that is no whole number": lambda: enhance("talk.mp3", 0.5),
    "a result that is there already": lambda: enhance("talk.mp3"),
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
        if hasattr(result, "__await__"):
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
        if isinstance(value, type) and issubclass(value, AudioEnhanceError)
    }
    assert named - {"ImportError", "ValueError"} == defined


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("page", "number"),
    [(page, n) for page in ("README.md", "docs/library.md") for n in range(len(blocks(page)))],
)
async def test_every_program_in_the_documentation_works(
    page: str,
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    enhance_service: LocalService,
) -> None:
    program = blocks(page)[number]
    monkeypatch.chdir(tmp_path)
    recording = b"ID3" + bytes(range(256))
    (tmp_path / "talk.mp3").write_bytes(recording)
    for name, value in enhance_service.environment.items():
        monkeypatch.setenv(name, value)
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
            Source=Source,
        )
        exec("async def run():\n" + textwrap.indent(program, "    "), names)
        await names["run"]()
