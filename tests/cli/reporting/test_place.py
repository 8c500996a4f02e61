import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from audio_enhance import InvalidInputError, Journal
from audio_enhance.cli.input.options import telling_options
from audio_enhance.cli.reporting.place import ReportPlace

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="has no such files")


def write(path: Path, text: str = "new") -> None:
    place = ReportPlace(path)
    place.check(())
    asyncio.run(place.wait_for_reader())
    with place.opened() as file:
        file.write(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@posix_only
def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "r.json").write_text("old")
    (tmp_path / "far" / "r.json").chmod(0o600)
    for name, target in (("link", "far/r.json"), ("dangling", "far/new.json")):
        (tmp_path / name).symlink_to(target)
        write(tmp_path / name)
        assert (tmp_path / name).readlink() == Path(target)
        assert (tmp_path / target).read_text() == "new"
    assert stat.S_IMODE((tmp_path / "far" / "r.json").stat().st_mode) == 0o600
    assert names(tmp_path / "far") == ["new.json", "r.json"]


def test_it_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), ReportPlace(path).opened() as file:
        file.write("half")
        assert path.read_text() == "old"
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["r.json"]


@posix_only
def test_a_link_that_leads_nowhere_stays(tmp_path: Path) -> None:
    for name, target in (("a", "b"), ("b", "a")):
        (tmp_path / name).symlink_to(target)
    with pytest.raises(InvalidInputError, match="the link leads back to itself"):
        ReportPlace(tmp_path / "a").check(())
    assert (tmp_path / "a").readlink() == Path("b")


@posix_only
def test_disks_and_sockets_are_no_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("s")
        with pytest.raises(InvalidInputError, match="it is a disk or a socket"):
            ReportPlace(place).check(())
    disk = os.stat_result((stat.S_IFBLK | 0o666, *range(9)))

    def looked_at(_: Path) -> os.stat_result:
        return disk

    monkeypatch.setattr(os, "stat", looked_at)
    with pytest.raises(InvalidInputError, match="it is a disk or a socket"):
        ReportPlace(place).check(())


def test_a_file_may_be_called_as_standard_output_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    @telling_options
    def command(report: Path, **_: object) -> None:
        with ReportPlace(report).opened() as file:
            file.write("new")

    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(command, ["--report", "./-"]).exit_code == 0
    assert (tmp_path / "-").read_text() == "new"


@posix_only
def test_what_lies_at_a_name_like_ours_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / ".r.json.part").symlink_to("mine")
    write(tmp_path / "r.json")
    assert (tmp_path / "mine").read_text() == "mine"


@posix_only
def test_a_pipe_and_a_device_stay_what_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        write(pipe)
        assert reader.communicate()[0] == b"new"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "link").symlink_to(os.devnull)
    write(tmp_path / "link")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    assert names(tmp_path) == ["link", "pipe"]


@posix_only
@pytest.mark.parametrize("quiet", [False, True])
async def test_a_pipe_that_nobody_reads_holds_nobody_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    place = ReportPlace(pipe)
    place.check(())
    waiting = asyncio.create_task(place.wait_for_reader(quiet=quiet))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ("Waiting until somebody reads" in capsys.readouterr().err) is not quiet
    with pytest.raises(OSError, match="nobody reads it"), place.opened():
        pass
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    await place.wait_for_reader()
    with place.opened() as file:
        file.write("new")
    assert os.read(reader, 99) == b"new"
    os.close(reader)


@posix_only
@pytest.mark.parametrize("path", ["-", "/dev/stdout", "/dev/fd/1", "out"])
def test_standard_output_by_any_name(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "from pathlib import Path; from audio_enhance.cli.reporting.place import ReportPlace\n"
        "print('before')\n"
        f"place = ReportPlace(Path({path!r})); place.check(()); assert place.is_standard_output\n"
        "with place.opened() as file: file.write('the report\\n')\n"
        "print('after')\n"
    )
    with Path("out").open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert Path("out").read_text() == "before\nthe report\nafter\n"


def test_what_is_dear_is_not_replaced(tmp_path: Path) -> None:
    recording, journal = tmp_path / "talk.bin", tmp_path / "j.sqlite"
    recording.write_bytes(b"RIFF")
    (tmp_path / "link").symlink_to(recording)
    os.link(recording, tmp_path / "twin")
    for name in ("talk.bin", "link", "twin", "j.sqlite", "new.wav", "a-enhanced-93p.bin"):
        with pytest.raises(InvalidInputError):
            ReportPlace(tmp_path / name).check([recording, journal])
    ReportPlace(tmp_path / "r.json").check([recording, journal])


async def test_the_journal_of_another_run_is_not_replaced(tmp_path: Path) -> None:
    async with await Journal.open(tmp_path / "other.sqlite"):
        with pytest.raises(InvalidInputError, match="the journal of another run"):
            ReportPlace(tmp_path / "other.sqlite").check([])
