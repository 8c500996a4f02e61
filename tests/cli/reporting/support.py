"""Rows as they are once they have been measured, and pages made of them."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audio_enhance.cli.reporting import page
from audio_enhance.cli.reporting.head import Head
from audio_enhance.cli.reporting.spool import Row
from audio_enhance.cli.reporting.tally import Tally

BEGAN = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDED = datetime(2024, 1, 2, 3, 6, 5, tzinfo=UTC)
# One pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def side(noise: float, **changes: Any) -> dict[str, Any]:
    """What is measured of a file."""
    figures = {"duration": 60.0, "speech_level": -20.0, "loudness": -23.0, "true_peak": -3.0}
    pictures = {"highest": 0.5, "wave": "M0 -9 1 -9 1 9 0 9z", "spectrogram": PNG}
    return {"noise_floor": noise, **figures, **pictures, **changes}


def row(source: str, **changes: Any) -> Row:
    """A row with a result, unless it is changed."""
    return {
        "source": source,
        "strength": 93,
        "status": "succeeded",
        "path": f"/results/{Path(source).name}",
        "asset_id": "a1",
        "enhancement_id": "e1",
        "error": None,
        "before": side(-40.0),
        "after": side(-70.0),
        **changes,
    }


def failed(source: str, error: str | None, **changes: Any) -> Row:
    """A row without a result."""
    status = {"status": "failed", "path": None, "error": error, "before": None, "after": None}
    return row(source, **{**status, **changes})


def page_of(rows: Iterable[Row], folder: Path | None = None, **head: Any) -> str:
    """The page that is made of rows."""
    rows, tally, file = list(rows), Tally(), io.StringIO()
    for each in rows:
        tally.add(each)
    head = {"began": BEGAN, "ended": ENDED, "totals": {}, **head}
    page.write(file, Head(**head), tally, rows, folder)
    return file.getvalue()


def not_found(_name: str) -> None:
    """Find no module, as `importlib.util.find_spec` does where nothing is installed."""
