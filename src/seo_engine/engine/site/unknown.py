"""A fact that the source of a page does not have, which is not the same as an empty one."""

from __future__ import annotations

from typing import Any, NoReturn


class UnknownFactError(LookupError):
    """Raised when somebody uses a fact that is not known; who needs the fact cannot give an answer, either."""


class Unknown:
    """Stands in the place of a fact. Whatever is done with it raises `UnknownFactError`.

    Example:
        >>> UNKNOWN
        UNKNOWN
        >>> len(UNKNOWN)
        Traceback (most recent call last):
            ...
        seo_engine.engine.site.unknown.UnknownFactError: the source of this page does not have this fact
    """

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        return "UNKNOWN"

    def __hash__(self) -> int:
        return id(self)

    def _refuse(self, *_: object) -> NoReturn:
        raise UnknownFactError("the source of this page does not have this fact")

    def __eq__(self, other: object) -> bool:
        return self is other or self._refuse()

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            # What copies and prints values asks for these.
            raise AttributeError(name)
        self._refuse()

    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __call__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __int__ = __float__ = __str__ = _refuse


# `Any`, because it takes the place of facts of every type.
UNKNOWN: Any = Unknown()
