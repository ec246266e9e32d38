"""The long video of the benchmarks: turns follow each other without a gap, and are no round number of seconds long."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from benchmarks.instruments.videos import repeat
from tests.support.videos import frame_number, make_video, plain_decode


def test_turns_end_with_the_last_key_frame_and_follow_each_other(tmp_path: Path) -> None:
    no_cuts = {"x264-params": "scenecut=0"}
    once = make_video(tmp_path / "once.mp4", frames=250, size=(96, 64), gop=90, b_frames=3, options=no_cuts)
    path = repeat(once, 1, tmp_path / "minute.mp4")
    shown = list(plain_decode(path))
    assert [frame_number(picture) for _, picture in shown[:400]] == [*range(180), *range(180), *range(40)]
    times = [pts for pts, _ in shown if pts is not None]
    assert len({after - before for before, after in pairwise(times)}) == 1
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert 60 <= stream.duration * stream.time_base < 60 + 90 / 25


def test_a_video_that_is_there_is_taken_as_it_is(tmp_path: Path) -> None:
    once = make_video(tmp_path / "once.mp4", frames=60, size=(96, 64), gop=25)
    path = tmp_path / "minute.mp4"
    path.write_bytes(np.arange(10, dtype=np.uint8).tobytes())
    assert repeat(once, 1, path).read_bytes() == bytes(range(10))
