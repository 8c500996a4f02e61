"""Runs every benchmark here, one after another: `python -m benchmarks [--quick]`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

if __name__ == "__main__":
    statuses = [
        subprocess.run([sys.executable, str(script), *sys.argv[1:]], check=False).returncode
        for script in sorted(HERE.glob("[a-z]*.py"))
    ]
    sys.exit(max(statuses))
