"""A table of named things: losses, networks, data sources, detectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from common.errors import UsageError, nearest

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things, filled by explicit imports.

    Args:
        kind: what one entry is, for messages: ``"loss"``.

    Example:
        >>> shapes = Registry[int]("shape")
        >>> _ = shapes.register("triangle", 3)
        >>> shapes.get("triangle")
        3
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> T:
        """Add ``entry`` under ``name``; a second entry of one name is a ``ValueError``."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    def named(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers a function or class under ``name``."""
        return lambda entry: self.register(name, entry)

    def get(self, name: str) -> T:
        """Return the entry, or raise ``UsageError`` that lists the names and the nearest."""
        if name not in self._entries:
            hint = f"known: {', '.join(self.names())}"
            raise UsageError(f"unknown {self.kind} {name!r}{nearest(name, self.names())}", hint)
        return self._entries[name]

    def names(self) -> list[str]:
        """Return the names in the order of registration."""
        return list(self._entries)

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    def __contains__(self, name: str) -> bool:
        return name in self._entries
