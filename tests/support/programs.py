"""Small programs, each in a Python of its own."""

import os
import subprocess
import sys


def output_of(program: str) -> str:
    """Return what a program prints, on either stream."""
    # What measures the coverage of other processes would import what it needs itself.
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr
