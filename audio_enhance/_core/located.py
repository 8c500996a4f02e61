"""An error told once more, with what the layer that raised it could not know."""

from copy import copy
from types import TracebackType
from typing import TypeVar, Unpack

from .errors import AudioEnhanceError
from .phase import Where

_Error = TypeVar("_Error", bound=AudioEnhanceError)


class locating:  # noqa: N801  used like a function
    """Raises an error of ours that comes up meanwhile as a copy that says what it was about."""

    __slots__ = ("_where",)

    def __init__(self, **where: Unpack[Where]) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, AudioEnhanceError):
            raise located(error, **self._where) from error.__cause__


def located(
    error: _Error, *, outcome_unknown: bool | None = None, attempts: int = 0, **where: Unpack[Where]
) -> _Error:
    """Return an error with what the raising layer could not know; what it knew stays.

    A copy: whoever else was told the error has it as it was. It is raised in the error's
    stead, `raise located(error, …) from error.__cause__`.
    """
    told = copy(error)
    for name, value in where.items():
        if getattr(told, name, value) is None:  # not every kind of error knows the API client
            setattr(told, name, value)
    if outcome_unknown is not None:
        told.outcome_unknown = outcome_unknown
    told.attempts = attempts or error.attempts
    return told
