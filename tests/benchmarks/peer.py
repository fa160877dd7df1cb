"""A peer: another program that stays warm in its own interpreter and computes only when asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["TORCH_SCRIPT", "Peer", "torch_python"]

TORCH_SCRIPT = Path(__file__).with_name("torch_networks.py")


class Peer:
    """A script that answers JSON lines; use it as a context manager.

    Args:
        python: the interpreter that has what the script needs.
        script: see ``torch_networks.py`` for the protocol.
    """

    def __init__(self, python: Path, script: Path) -> None:
        self.command = [str(python), str(script)]

    def __enter__(self) -> Peer:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def ask(self, **request: object) -> dict:
        """Send a request and wait for its answer.

        Raises:
            RuntimeError: the peer ended or says that it failed.
        """
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.command)} ended")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply


def torch_python() -> Path:
    """Return the interpreter with PyTorch: ``TORCH_PYTHON``, else the Makefile's ``.venv-torch``."""
    python = Path(os.environ.get("TORCH_PYTHON", ".venv-torch/bin/python"))
    if not python.exists():
        sys.exit(f"no {python}: make bench-digits installs it, or set TORCH_PYTHON")
    return python
