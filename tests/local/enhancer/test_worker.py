"""One worker process: what it is given, and what it says."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from audio_enhance.local.enhancer import TooLongError
from audio_enhance.local.enhancer.worker import NotBegunError, Worker, environment

from .support import RATE, noise, write

SECRETS = {
    "FIREFLY_SERVICES_CLIENT_SECRET": "secret",
    "FIREFLY_SERVICES_ACCESS_TOKEN": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "secret",
    "AUDIO_ENHANCE_TOKEN_URL": "secret",
    "GITHUB_TOKEN": "secret",
    "DATABASE_URL": "secret",
}
NEEDED = {"PATH": "/bin", "LC_ALL": "C", "TMPDIR": "/tmp", "OMP_NUM_THREADS": "1"}


def test_what_a_worker_needs_is_passed_on_and_nothing_else() -> None:
    assert environment(SECRETS | NEEDED) == NEEDED
    assert environment({"Path": "x", "SystemRoot": "y"}) == {"Path": "x", "SystemRoot": "y"}


@pytest.mark.skipif(sys.platform != "linux", reason="others hide a process's environment")
async def test_a_worker_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    # The tests' own helpers may be children as well.
    before = set(psutil.Process().children())
    worker = await Worker.start()
    try:
        (process,) = set(psutil.Process().children()) - before
        assert not set(process.environ()) & set(SECRETS)
        assert process.environ()["OPENBLAS_NUM_THREADS"] == "1"  # a core each, and no more
    finally:
        await worker.end()
    assert not worker.alive


async def test_a_refusal_says_what_to_do(tmp_path: Path) -> None:
    source = write(tmp_path / "long", noise("pink", RATE) / 10)
    worker = await Worker.start()
    try:
        refusal = await worker.run(source, tmp_path / "result", strength=93, max_seconds=0.6)
    finally:
        await worker.end()
    assert isinstance(refusal, TooLongError)
    assert refusal.message == "The recording lasts longer than the 0.01 minutes that are allowed."
    assert refusal.hint == "Cut it into shorter ones."


async def test_its_end_is_told_with_its_cause(tmp_path: Path) -> None:
    worker = await Worker.start()
    worker.kill()
    with pytest.raises(NotBegunError, match="killed by SIGKILL"):
        await worker.run(tmp_path / "a", tmp_path / "b", strength=93, max_seconds=1)
    await worker.end()


async def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    source = write(tmp_path / "talk", noise("pink", 12 * RATE) / 10)
    shares: list[float] = []
    worker = await Worker.start()
    try:
        job = worker.run(
            source,
            tmp_path / "result",
            strength=93,
            max_seconds=60,
            engine="afftdn",
            progress=shares.append,
        )
        assert await job == []
    finally:
        await worker.end()
    assert len(shares) > 1
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0


@pytest.mark.skipif(sys.platform == "win32", reason="has no such statuses")
async def test_a_process_that_ended_meanwhile_leaves_its_status_to_who_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked(_: object) -> None:
        raise AssertionError("the exit status is taken from whoever waits for it")

    worker = await Worker.start()
    process = psutil.Process(worker._process.pid)
    monkeypatch.setattr(subprocess.Popen, "poll", asked)
    worker.kill()
    await worker.end()
    assert not process.is_running()
    worker.kill()
