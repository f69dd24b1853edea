"""What was worked out from an array, kept as long as the array is there.

Several tools look at one film and its outlines, and ask the same of them: the film on a network's
tile, the box of a lung.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from numpy.typing import NDArray

_Array = TypeVar("_Array", bound=NDArray[Any])
_Rest = ParamSpec("_Rest")
_Result = TypeVar("_Result")


class _Results(Generic[_Result]):
    """Of one array, by the further arguments."""

    def __init__(self, array: NDArray[Any], forget: Callable[[], object]) -> None:
        self.lock: Final = threading.Lock()
        self.found: Final[dict[tuple[Any, ...], _Result]] = {}
        self._array = weakref.ref(array, lambda _: forget())


def kept_with_array(
    function: Callable[Concatenate[_Array, _Rest], _Result],
) -> Callable[Concatenate[_Array, _Rest], _Result]:
    """Call ``function(array, *rest)`` once for an array that cannot be written, else every time.

    Threads that ask for the same at the same time wait for the first of them. The result is shared:
    make it read-only. It must not hold the array itself or a view of it, which would then never
    go away.

    Parameters
    ----------
    function
        Its further arguments are hashable and given by position.
    """
    known: dict[int, _Results[_Result]] = {}
    lock = threading.Lock()

    @functools.wraps(function)
    def once(array: _Array, /, *rest: _Rest.args, **named: _Rest.kwargs) -> _Result:
        if named or array.flags.writeable:
            return function(array, *rest, **named)
        key = id(array)
        with lock:
            results = known.get(key)
            if results is None:
                # Told before another array can get the same id.
                results = known[key] = _Results(array, lambda: known.pop(key, None))
        with results.lock:
            if rest not in results.found:
                results.found[rest] = function(array, *rest, **named)
            return results.found[rest]

    return once
