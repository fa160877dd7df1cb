"""The independent judge of textures and styles: a network that no contender optimises, from beside the checkout."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

__all__ = ["SHARED", "judge"]

SHARED = Path(__file__).parents[3] / "shared"


@cache
def judge() -> ModuleType:
    """Return the module of ``../shared/tools/judge.py``: ``texture``, ``copy`` and ``style`` take paths of pictures."""
    spec = importlib.util.spec_from_file_location("judge", SHARED / "tools" / "judge.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
