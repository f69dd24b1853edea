"""Which files may be named from outside: films below the folders that the user offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cxr_agent.errors import UsageError


class Folders:
    """The folders that are offered.

    Raises
    ------
    UsageError
        ``no_films_folder`` when one of them is no folder, or there is none.
    """

    def __init__(self, folders: Iterable[Path | str]) -> None:
        self._folders = tuple(Path(folder).resolve() for folder in folders)
        if not self._folders or not all(folder.is_dir() for folder in self._folders):
            raise UsageError(
                "no_films_folder",
                "there is no such folder of films",
                hint="Name a folder that is there.",
            )

    def film(self, named: str) -> Path:
        """The file that a path means: absolute, or below one of the folders.

        Whether there is such a file is not told of paths that lead out of the folders.

        Raises
        ------
        UsageError
            ``outside_films`` when it leads out of them, be it by a link.
        """
        inside = [path for folder in self._folders if (path := _below(folder, named)) is not None]
        for path in inside:
            if path.exists():
                return path
        if inside:
            return inside[0]
        raise UsageError(
            "outside_films",
            "the path leads out of the folders of films that are offered",
            hint="Name a film by its path below such a folder.",
        )

    def films(self, named: Sequence[str]) -> list[Path]:
        """The files of several paths; raises as :meth:`film`."""
        return [self.film(one) for one in named]


def _below(folder: Path, named: str) -> Path | None:
    try:
        path = (folder / named).resolve()
    except (OSError, RuntimeError, ValueError):
        return None
    return path if folder in path.parents else None
