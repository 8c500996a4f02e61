import click
import pytest

from audio_enhance.cli.display.help_text import HelpContext


@click.command()
@click.option("-o", "--output-dir", metavar="DIR", help="A place such as s3://bucket/clean.")
def enhance(output_dir: str) -> None:
    """Remove noise and echo from recordings of speech, however many there are of them."""


def help_text(columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    return HelpContext(enhance, info_name="audio-enhance enhance").get_help().splitlines()


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_it_fits_the_terminal_and_keeps_words_whole(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = help_text(columns, monkeypatch)
    assert max(map(len, lines)) < min(columns, 81)
    assert any(line.endswith(" s3://bucket/clean.") for line in lines)


def test_an_option_has_a_line_of_its_own_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "  -o, --output-dir DIR" in help_text(40, monkeypatch)
    assert any("--output-dir DIR  A place" in line for line in help_text(80, monkeypatch))
