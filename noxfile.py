"""Everything that is checked, as sessions: `nox` runs them all, `nox -s tests` one of them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2"
# uv shares what it has installed between the sessions' environments.
nox.options.default_venv_backend = "uv|virtualenv"
# A Python that is not on this machine is not an error, here or in CI.
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["checks"]

# Every command that a test starts would compile what it imports once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PROJECT = nox.project.load_toml("pyproject.toml")
COVERAGE_FLOOR = 96
GIB = 1 << 30
# Two more than there are processors: tests wait for commands that they start. On two, four
# workers took a fifth less time than three.
WORKERS = str((os.cpu_count() or 1) + 2)
# Of many short tests, whoever is done takes over from others. A few hundred that take long are
# begun as `tests/conftest.py` orders them.
STEALING, IN_ORDER = ["worksteal"], ["loadfile", "--no-loadscope-reorder"]
# What decides whether a change lands: tests, and beside each session what takes one core, since
# tests take one, too, until everything is installed, compiled and collected.
TOGETHER = [["tests", "lint", "docs", "wheel"], ["lowest", "types"]]
# Without debug mode, which the sessions `tests` and `lowest` have: it takes a tenth of the time.
AS_PROGRAMS_RUN = "-o", "asyncio_debug=false"
# The everyday tests, without those that see the same with every Python and library.
QUICK = "-m", "not slow and not once", "-q"


def _installed(version: str) -> str | None:
    """Return a Python of a version that can be started: on the path, or one of pyenv's."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}") or ""]
    found += map(str, versions.glob(f"{version}.*/bin/python{version}"))
    for command in filter(None, found):
        # pyenv's stand-in on the path says no for a version that is not switched on.
        if subprocess.run([command, "-c", ""], check=False, capture_output=True).returncode == 0:  # noqa: S603
            return command
    return None


OTHERS = {
    python: minor
    for minor in range(11, 16)
    if minor != sys.version_info.minor and (python := _installed(f"3.{minor}"))
}
NEWEST = list(OTHERS)[-1] if OTHERS else None
if NEWEST:
    # What works there and on the oldest works in between, or `nox -s others` tells.
    TOGETHER.append([f"others-{NEWEST}"])
TOGETHER[-1].append("foreign_s3")
# Where coverage is measured: CPython 3.11 needs twice the time for that, 3.13 half as much again.
MEASURING = NEWEST if NEWEST and OTHERS[NEWEST] > sys.version_info.minor else None


def _group(*names: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, *names)


def _install(session: nox.Session, *groups: str) -> None:
    session.install("-e", ".[cli,dask,local,otel,redis,remote,video,web]", *_group(*groups))


def _environment(session: nox.Session, name: str) -> str:
    """Make another environment, with nothing in it; return its Python."""
    folder = Path(session.create_tmp()).resolve() / name
    session.run("uv", "venv", "-q", "--clear", str(folder))
    return str(folder / "bin" / "python")


def _install_into(session: nox.Session, python: str, *requirements: str) -> None:
    session.run("uv", "pip", "install", "-q", "--python", python, *requirements)


def _scratch() -> TemporaryDirectory[str]:
    """Make a folder for what tests write: in memory where there is plenty, a tenth faster.

    A run of the slow ones needs 7 GiB there.
    """
    memory = Path("/dev/shm")  # noqa: S108  (what is made in it has a name of its own)
    most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if memory.is_dir() else 0
    plenty = most >= 16 * GIB and shutil.disk_usage(memory).free >= 10 * GIB
    # Short names: sockets are in it, too.
    return TemporaryDirectory(prefix="", dir=memory if plenty else None)


def _pytest(
    session: nox.Session, runner: list[str], *arguments: str, by: Sequence[str] = STEALING
) -> None:
    """Run tests side by side, each once; those on a foreign S3 have a session of their own."""
    workers = ("-n", WORKERS, "--dist", *by)
    with _scratch() as folder:
        command = (*runner, *workers, "--ignore=tests/foreign_s3", *arguments)
        session.run(*command, env={"TMPDIR": folder})


def _measured(session: nox.Session, *arguments: str) -> None:
    """Run tests with branch coverage, and hold it against its floor."""
    session.run("coverage", "erase")
    _pytest(session, ["coverage", "run", "-m", "pytest"], *arguments)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", f"--fail-under={COVERAGE_FLOOR}")


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.install(*_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(venv_backend="none")
def checks(session: nox.Session) -> None:
    """Everything that decides whether a change lands."""
    failed: list[str] = []

    def run(name: str) -> None:
        command = sys.executable, "-m", "nox", "-s", name
        try:
            # What one says is of use in one piece. If it fails, nox itself shows that.
            print(session.run(*command, external=True, silent=True))  # noqa: T201
        except CommandFailed:
            failed.append(name)

    with ThreadPoolExecutor(2) as pool:
        for names in TOGETHER:
            list(pool.map(run, names))
    if failed:
        session.error(f"Failed: {', '.join(failed)}")


@nox.session
def types(session: nox.Session) -> None:
    """Types, as two checkers see them."""
    _install(session, "tests", "types")
    # Each is at work on one core.
    both = 'pyright & mypy; found=$?; wait $! && exit "$found"'
    session.run("sh", "-c", both, external=True)


@nox.session
def everyday(session: nox.Session) -> None:
    """The tests that are quick enough to run at every change."""
    _install(session, "tests", "quality")
    _pytest(session, ["pytest"], *AS_PROGRAMS_RUN, "-m", "not slow", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site of the documents, below `build/docs`; what Sphinx warns of is an error."""
    _install(session, "docs")
    out = "build/docs"
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-c", "docs", "-b", "html", ".", out)
    session.log("Open %s/docs/index.html in a browser.", out)


@nox.session
def links(session: nox.Session) -> None:
    """The links that lead out of the documents; needs a network, which is why nothing else asks."""
    _install(session, "docs")
    out = "build/links"
    session.run("sphinx-build", "-q", "-c", "docs", "-b", "linkcheck", ".", out)


@nox.session
def pictures(session: nox.Session) -> None:
    """The pictures of the documents, made anew from the programs; needs Chromium."""
    _install(session, "pictures")
    session.run("python", "-m", "docs.pictures")


@nox.session
def tests(session: nox.Session) -> None:
    """The slow tests, and what is tested once; all tests where only one Python is installed."""
    _install(session, "tests", "quality", "contract")
    if MEASURING is None:
        _measured(session, *AS_PROGRAMS_RUN, *QUICK, *session.posargs)
    # Measuring would change the memory and the times that the slow ones look at.
    _pytest(session, ["pytest"], "-m", "slow or once", *session.posargs, by=IN_ORDER)


@nox.session(python=list(OTHERS))
def others(session: nox.Session) -> None:
    """The everyday tests on every other installed Python, with coverage on the newest."""
    # Without "quality", for which another Python's headers may be missing: `lowest` listens.
    _install(session, "tests")
    quick = *AS_PROGRAMS_RUN, *QUICK, *session.posargs
    if session.python == MEASURING:
        _measured(session, *quick)
    else:
        _pytest(session, ["pytest"], *quick)


@nox.session(venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """The everyday tests in debug mode, on the lowest allowed versions of everything we name."""
    extras = "-e", ".[cli,dask,local,otel,redis,remote,video,web]"
    session.install("--resolution", "lowest-direct", *extras, *_group("tests", "quality"))
    _pytest(session, ["pytest"], *QUICK, *session.posargs)


@nox.session(venv_backend="uv")
def foreign_s3(session: nox.Session) -> None:
    """The client and the local service over OpenStack Swift's S3 interface."""
    python = _environment(session, "swift")
    _install_into(session, python, *_group("swift"))
    _install(session, "tests")
    session.run("pytest", "tests/foreign_s3", env={"AUDIO_ENHANCE_TEST_SWIFT_PYTHON": python})


@nox.session(venv_backend="uv")
def wheel(session: nox.Session) -> None:
    """The wheel, in a clean environment, does the main job from the command line."""
    folder = Path(session.create_tmp()).resolve()
    dist = folder / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.install("build[uv]", "twine")
    session.run("python", "-m", "build", "--installer", "uv", "--outdir", str(dist), silent=True)
    session.run("twine", "check", "--strict", *map(str, dist.iterdir()))
    [built] = dist.glob("*.whl")
    python = _environment(session, "clean")
    command = str(Path(python).with_name("audio-enhance"))
    _install_into(session, python, str(built))
    # Without the extras the library works and the command says what to install.
    session.run(python, "-c", "import audio_enhance", external=True)
    session.run(command, "--version", external=True, success_codes=[2])
    _install_into(session, python, f"{built}[cli,local]")
    with session.chdir(folder):
        shutil.rmtree("enhanced", ignore_errors=True)
        session.run(command, "demo", "--output-dir", "enhanced", external=True)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on a bundled recording, start to finish, without credentials."""
    session.install("-e", ".[cli,local]")
    session.run("audio-enhance", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks, beside what one would write or use instead."""
    session.install("-e", ".[cli,local]", *_group("bench"))
    session.run("python", "-m", "benchmarks", *session.posargs)
