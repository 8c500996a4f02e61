"""Memory that transfers free and need again at once, kept from going back and forth."""

from functools import cache

_BYTES = 16 << 20


@cache
def keep_freed_memory() -> None:
    """Let the C library keep what is freed at the end of its heap, up to 32 MiB.

    Every piece that a socket hands over is allocated, used once and freed. With glibc's initial
    settings such memory goes back to the system each time and comes again page by page, which
    costs more than everything else about a download. glibc learns from the largest block that
    was ever mapped and freed (mallopt(3), `M_MMAP_THRESHOLD`): so one is, without being touched.
    Other C libraries are not bothered.
    """
    bytes(_BYTES)
