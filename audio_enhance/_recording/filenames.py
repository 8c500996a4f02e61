"""Names of files: made safe, told apart, and those that are ours."""

import os
import re
import unicodedata

# Device names of Windows, with any ending ("Naming Files, Paths, and Namespaces").
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE
)
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
# The joiners hold scripts and emoji together, and turn nothing around as others of Cf do.
_JOINERS = "\u200c\u200d"
# Elsewhere a backslash is a character like others, as in "side a\\b.mp3".
_WINDOWS_PATH = re.compile(r"(?:[A-Za-z]:|\.{1,2})?\\.*", re.DOTALL)
# Surrogates that do not stand for an undecodable byte (PEP 383).
_NOT_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# What a name that is too long keeps: its kind, and what tells the strengths of one recording apart.
_ENDING = re.compile(r"(?:-enhanced-\d{1,3}p)?(?:\.[^.]{1,20})?\Z")
_LONGEST_BYTES = 255  # of one name, on every common file system
PART_PREFIX = ".audio-enhance-"
_PART_SUFFIX = ".part"
SPOOLED_SUFFIX = ".spooled"


def split_ending(name: str) -> tuple[str, str]:
    """Return a bare name without its ending, and the ending: `.mp3`, or nothing."""
    stem, _, ending = name.rpartition(".")
    return (stem, f".{ending}") if stem and ending else (name, "")


def part_name(unique: str) -> str:
    """Return the name of a result that is still on its way."""
    return f"{PART_PREFIX}{unique}{_PART_SUFFIX}"


def spooled_name(unique: str) -> str:
    """Return the name of data that arrived, and is kept until its job is over."""
    return f"{PART_PREFIX}{unique}{SPOOLED_SUFFIX}"


def is_part_name(name: str) -> bool:
    """Whether a name is one that `part_name` gives."""
    return name.startswith(PART_PREFIX) and name.endswith(_PART_SUFFIX)


def result_name(filename: str, strength: int) -> str:
    """Return the name that the guide's step 5 shows: `<stem>-enhanced-<strength>p.<ext>`."""
    stem, ending = split_ending(filename)
    return on_disk(safe_name(f"{stem}-enhanced-{strength}p{ending}"))


def on_disk(name: str) -> str:
    """Return a name as this process can give it to a file.

    Where Python takes names of files for ASCII (`LC_ALL=C` without its UTF-8 mode), letters are
    bytes to it (PEP 383).
    """
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return os.fsdecode(name.encode())
    return name


def bare_name(name: str) -> str:
    """Return the last part of a name that may have come with folders of any system, as a text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        data = _NOT_BYTES.sub("", name).encode("utf-8", "surrogateescape")
        try:
            name = data.decode()
        except UnicodeDecodeError:  # bytes that are no UTF-8 (RFC 7230 §3.2.4: ISO-8859-1)
            name = data.decode("latin-1")
    if _WINDOWS_PATH.fullmatch(name):
        name = name.replace("\\", "/")
    return name.rpartition("/")[2].replace("\\", "_")


def safe_name(name: str) -> str:
    """Return the name without folders, control characters or anything a file system refuses.

    The result is one path component on every system, at most 255 bytes long with its ending
    kept, and empty only if nothing is left.
    """
    name = bare_name(name)
    if not name.isprintable():
        # Control and format characters: a line break, or a mark that turns "gpj.exe" around.
        name = "".join(c for c in name if c in _JOINERS or unicodedata.category(c) not in _UNSEEN)
    name = _FORBIDDEN.sub("_", name).strip(" ").rstrip(". ")
    if not name.strip("."):
        return ""
    name = _shortened(name)
    return _shortened(f"_{name}") if _RESERVED.fullmatch(name) else name


def same_name(name: str) -> str:
    """Return what is the same for all names that some file system takes for one."""
    # Some file systems make no difference between A and a, some none between the two ways in
    # which Unicode writes an é.
    return unicodedata.normalize("NFC", name.casefold())


def _shortened(name: str) -> str:
    if len(name.encode()) <= _LONGEST_BYTES:
        return name
    ending = _ENDING.search(name)
    assert ending is not None
    room = _LONGEST_BYTES - len(ending[0].encode())
    stem = name[: ending.start()].encode()[:room].decode("utf-8", "ignore")
    return stem.rstrip(". ") + ending[0]
