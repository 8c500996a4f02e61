import subprocess
import sys
from pathlib import Path

import pytest

from audio_enhance import __version__
from audio_enhance._core.installation import install_command
from audio_enhance.cli.main import cli, run
from audio_enhance.local.enhancer import demo_recording

from .support import Command, blocking


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("FIREFLY_SERVICES_CLIENT_ID", "FIREFLY_SERVICES_CLIENT_SECRET"):
        monkeypatch.setenv(name, "some")


def audio_enhance(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command in this process, for what ends before anything is sent."""
    monkeypatch.setattr(sys, "argv", ["audio-enhance", *arguments])
    return run()


@pytest.mark.parametrize(
    "arguments",
    [["-h"], ["--help"], *([name, "-h"] for name in cli.commands)],
)
def test_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert audio_enhance(monkeypatch, *arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: audio-enhance ")
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert audio_enhance(monkeypatch, "--version") == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["enhance"], "Missing argument 'FILES...'"),
        (["watch", "in", "-o", "s3://b/c"], "s3://b/c is a URL. Give a path on this machine."),
        (["enhance", "a.wav", "--strength", "101"], "101 is not in the range 0<=x<=100"),
        (["enhance", "a.wav", "--strength", "much"], "'much' is not a valid integer"),
        (["enhance", "a.wav", "--content-type", "text/plain"], "'text/plain' is not one of"),
        (["enhance", "a.wav", "--journal", "j", "--no-journal"], "not both"),
        (["enhance", "."], "no recording that the API takes"),
        (["enhance", "a.wav", "--journal", "text.txt"], "text.txt is not a journal"),
        (["enhance", "a.wav", "--journal", "text.txt/x"], "cannot be opened"),
        (["status", "nowhere"], "There is no journal"),
        (["resume", "nowhere"], "There is no journal"),
        (["resume", "text.txt"], "text.txt is not a journal"),
        (["serve", "--fault", "nonsense=0.1"], "nonsense=0.1: give a kind"),
        (["serve", "--fault", "cut_upload=2"], "from 0 to 1"),
        (["serve", "--fault", "cut_upload"], "cut_upload: give a kind"),
        (["serve", "--s3-bucket", "audio"], "together"),
        (["serve", "--directory", "text.txt/x"], "The service cannot be started"),
        (["nonsense"], "No such command 'nonsense'"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_usage(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    Path("text.txt").write_text("no journal at all\n" * 100)
    assert audio_enhance(monkeypatch, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert not Path("nowhere").exists()


def test_the_demo_spares_another_file_of_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Path("audio-enhance-demo", demo_recording().name)
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    assert audio_enhance(monkeypatch, "demo") == 1
    assert "There is already another file" in capsys.readouterr().err
    assert mine.read_bytes() == b"mine"


def test_a_report_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audio_enhance(monkeypatch, "enhance", "a.wav", "--report", "no/such/r.json") == 2
    assert "The report cannot be written" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("click", ["--help"], "cli"),
        ("rich", ["enhance", "a.wav"], "cli"),
        ("botocore", ["serve"], "local"),
        ("av", ["demo"], "local"),
        ("numpy", ["enhance", "a.wav", "--local"], "local"),
    ],
)
async def test_a_missing_extra_is_named(
    alone: Command, tmp_path: Path, missing: str, arguments: list[str], extra: str
) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    ended = await alone(*arguments, **blocking(tmp_path / "site", [missing]))
    assert (ended.status, ended.out) == (2, "")
    assert missing in ended.err
    assert install_command(extra) in ended.err


async def test_help_needs_no_local_service(alone: Command, tmp_path: Path) -> None:
    modules = ["botocore", "av", "numpy", "pyrnnoise"]
    ended = await alone("serve", "--help", **blocking(tmp_path / "site", modules))
    assert ended.status == 0


@pytest.mark.parametrize("module", ["aiohttp", "rich.console"])
async def test_ctrl_c_while_it_is_being_imported(
    alone: Command, tmp_path: Path, module: str
) -> None:
    site = blocking(tmp_path / "site", [])
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys\n"
        "class CtrlC:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, CtrlC())\n"
    )
    ended = await alone("--help", **site)
    assert (ended.status, ended.out, ended.err) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT to send")
@pytest.mark.parametrize("module", ["audio_enhance.cli.display.streams", "rich.console"])
async def test_ctrl_c_while_others_make_another_error_of_it(
    alone: Command, tmp_path: Path, module: str
) -> None:
    site = blocking(tmp_path / "site", [])
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class CtrlC:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            try:\n"
        "                os.kill(os.getpid(), signal.SIGINT)\n"
        "            except BaseException:\n"
        "                raise ImportError(name)\n"
        "sys.meta_path.insert(0, CtrlC())\n"
    )
    ended = await alone("--help", **site)
    assert (ended.status, ended.out, ended.err) == (130, "", "")


def test_nothing_is_imported_before_ctrl_c_can_be_met() -> None:
    script = (
        "import sys; before = set(sys.modules); import audio_enhance.__main__;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["audio_enhance", "audio_enhance.__main__"]


@pytest.mark.parametrize("option", [("--workers", "2"), ("--engine", "rnnoise")])
def test_some_options_are_about_the_local_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    assert audio_enhance(monkeypatch, "enhance", "talk.wav", *option) == 2
    assert f"Error: {option[0]} is for the local service: add --local." in capsys.readouterr().err
    assert list(Path().iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no signals")
async def test_a_recording_that_ends_its_worker_is_tried_once_and_told_by_its_name(
    alone: Command, tmp_path: Path
) -> None:
    site = blocking(tmp_path / "site", [])
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "def end(event, arguments):\n"
        "    if event == 'shutil.copyfile' and 'audio_enhance.local.enhancer' in sys.orig_argv:\n"
        f"        open({str(tmp_path / 'deaths')!r}, 'a').write('one more\\n')\n"
        "        os.kill(os.getpid(), signal.SIGSEGV)\n"
        "sys.addaudithook(end)\n"
    )
    for name in ("deadly.mp3", "again.mp3"):
        (tmp_path / name).write_bytes(demo_recording().read_bytes())
    options = ("--local", "-s", "0", "--workers", "1", "--json", "--no-journal")
    run = await alone("enhance", "deadly.mp3", "again.mp3", *options, **site)
    assert run.status == 1
    assert (tmp_path / "deaths").read_text() == "one more\n"
    for line in run.lines:
        assert line["error"].startswith(f"{line['source']}: The process that enhances ended in the")
        assert "(killed by SIGSEGV)" in line["error"]
        assert "convert it to WAV" in line["error"]
