"""What several tests of common need."""

from __future__ import annotations

import pytest

from tests.common.numbered_video import render


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Sixty frames of H.264 with B-frames and key frames, the index in front."""
    return render(tmp_path_factory.mktemp("clip") / "clip.mp4", noise=90, movflags="+faststart")
