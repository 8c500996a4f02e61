"""Runs every benchmark here, one after another: `python -m benchmarks [--quick]`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

if __name__ == "__main__":
    # How it sounds is measured by itself: it needs packages of its own.
    statuses = [
        subprocess.run([sys.executable, str(script), *sys.argv[1:]], check=False).returncode
        for script in sorted(HERE.glob("[a-z]*.py"))
        if script.stem != "quality"
    ]
    sys.exit(max(statuses))
