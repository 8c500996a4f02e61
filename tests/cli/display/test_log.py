import io
import logging

from rich.console import Console
from rich.text import Text

from audio_enhance.cli.display.log import log_to, logged, quieten

LOG = logging.getLogger("audio_enhance.something")


def lines(*, verbose: bool) -> list[str]:
    said: list[str] = []
    with logged(lambda text: said.append(text.plain), verbose=verbose):
        LOG.debug("asked")
        try:
            raise ValueError("two\nlines")
        except ValueError:
            LOG.exception("went \x1b[31mwrong")
    LOG.warning("nobody shows this")
    return [line[9:] if ":" in line[:3] else line for text in said for line in text.split("\n")]


def test_warnings_are_shown_in_one_line() -> None:
    assert lines(verbose=False) == [r"went \x1b[31mwrong"]


def test_everything_is_shown_on_demand() -> None:
    shown = lines(verbose=True)
    assert shown[:3] == ["asked", r"went \x1b[31mwrong", "Traceback (most recent call last):"]
    assert shown[-2:] == ["ValueError: two", "lines"]


def test_a_line_in_a_file_is_not_wrapped() -> None:
    file = io.StringIO()
    log_to(Console(file=file, width=20))(Text("a warning that is longer than a row"))
    assert file.getvalue() == "a warning that is longer than a row\n"


def test_what_becomes_of_recordings_is_not_told_twice() -> None:
    said: list[str] = []
    for verbose in (False, True):
        with logged(lambda text: said.append(text.plain), verbose=verbose, outcomes=True):
            LOG.warning("a.wav failed", extra={"failed_enhancement": "1"})
    assert len(said) == 1


def test_what_reads_buckets_logs_nothing_beside_its_errors() -> None:
    quieten()
    for name in ("azure", "gcsfs"):
        assert any(isinstance(one, logging.NullHandler) for one in logging.getLogger(name).handlers)
