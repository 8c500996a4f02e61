"""What stands at the head of a report."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Head:
    """What a report says before its rows.

    Attributes:
        began: When the run began, or the first recording was written into the journal.
        ended: When it ended, or something happened last.
        totals: How many outcomes there are of each status, and enhancements made in vain.
        journal: The journal, if there is one.
        unmeasured: Why nothing was measured; empty if it was.
    """

    began: datetime
    ended: datetime
    totals: Mapping[str, Any]
    journal: Path | None = None
    unmeasured: str = ""
