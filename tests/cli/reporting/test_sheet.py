import csv
import io

from audio_enhance.cli.reporting import sheet

from .support import failed, row, side


def table(*rows: dict[str, object]) -> list[dict[str, str]]:
    file = io.StringIO()
    sheet.write(file, rows)
    text = file.getvalue()
    assert text.startswith("\ufeff")  # by which spreadsheets know the encoding
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_figures_are_numbers_and_failures_have_what_to_do() -> None:
    good, bad = table(
        row("a.wav", note="2 tracks"),
        failed("b.wav", "b.wav: Refused. Ask.", hint="Ask."),
    )
    assert (good["source"], good["strength"], good["status"]) == ("a.wav", "93", "succeeded")
    assert (good["noise_dbfs_before"], good["noise_dbfs_after"]) == ("-40.0", "-70.0")
    assert (good["noise_removed_db"], good["seconds_after"]) == ("30.0", "60.0")
    assert (good["speech_above_noise_db_after"], good["note"]) == ("50.0", "2 tracks")
    assert good["noise_removed_note"] == ""
    assert (bad["reason"], bad["hint"], bad["noise_removed_db"]) == ("Refused.", "Ask.", "")


def test_where_there_is_no_figure_it_says_why() -> None:
    [cells] = table(row("a.wav", before=side(-120.0), after=side(-89.0)))
    assert [cells[name] for name in ("noise_dbfs_before", "noise_removed_db")] == ["", ""]
    assert cells["noise_removed_note"] == "There was no noise in the pauses."


def test_no_text_is_taken_for_a_formula() -> None:
    for start in "=+-@":
        [cells] = table(row(f"{start}HYPERLINK(1).wav"))
        assert cells["source"] == f"'{start}HYPERLINK(1).wav"
    [cells] = table(row('a,"b\n\udcff.wav'))
    assert cells["source"] == r'a,"b\x0a\xff.wav'
