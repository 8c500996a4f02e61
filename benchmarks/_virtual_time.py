"""Virtual time as the tests have it: `tests/support/virtual_time.py` says what it is.

Whatever waits for a timer wakes at exactly that time, and everything else takes none: a batch of
hours runs in minutes, and gives the same figures on every machine.
"""

import sys
from pathlib import Path

# A benchmark is run as a script, which finds its own folder only.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.support.virtual_time import LoopClock, in_virtual_time

__all__ = ["LoopClock", "in_virtual_time"]
