"""Where journals are kept, and what people call them."""

import hashlib
import re
from pathlib import Path, PurePath

JOURNAL_NAME = ".audio-enhance.sqlite"
#: What a journal's name has to end in for its folder to be known by it.
JOURNAL_SUFFIX = ".sqlite"


def journal_for(output_dir: PurePath) -> Path:
    """Return where the journal is kept where nothing else is said: with the results.

    If those go to a bucket, it is in the current folder, by a name that tells which bucket's.
    """
    if isinstance(output_dir, Path):
        return output_dir / JOURNAL_NAME
    url = str(output_dir)
    told = re.sub(r"[^A-Za-z0-9.]+", "-", url.partition("://")[2]).strip("-.")[:80]
    mark = hashlib.sha256(url.encode()).hexdigest()[:6]
    return Path.cwd() / f"audio-enhance-{told}-{mark}{JOURNAL_SUFFIX}"


def journal_in(path: Path) -> Path:
    """Return the journal that a path means: the file itself, or the one in an output folder."""
    return path / JOURNAL_NAME if path.is_dir() else path


def meant_by(journal: Path) -> Path:
    """Return the shortest path that means a journal: its folder, if it has the usual name."""
    return journal.parent if journal.name == JOURNAL_NAME else journal
