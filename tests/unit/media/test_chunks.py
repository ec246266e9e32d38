"""Chunks: whatever their length, their own frames together are the plain decode, frame for frame."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.videos import frame_number, make_video, plain_decode
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.media import plan_chunks, plan_even_chunks, probe, read_chunk
from yivideo_ray.media.source import Source
from yivideo_ray.types import ChunkSpan, VideoInfo

SETTINGS = DecoderSettings()
WHOLE = ChunkSpan(0, None, None)
OPEN_GOP = {"x264-params": "open-gop=1:bframes=4:b-pyramid=normal:scenecut=0"}
X265 = {"preset": "ultrafast", "x265-params": "log-level=none:open-gop=1:bframes=3:scenecut=0"}
FAST_VP9 = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "8", "auto-alt-ref": "1"}

CASES: dict[str, dict[str, Any]] = {
    "b-frames.mp4": {"b_frames": 3, "audio": True},
    "open-gop.mp4": {"options": OPEN_GOP},
    "open-gop.mkv": {"options": OPEN_GOP},
    "open-gop.ts": {"options": OPEN_GOP, "start_s": 5, "audio": True},
    "open-gop.avi": {"options": OPEN_GOP},
    "intra-refresh.ts": {"options": {"x264-params": "intra-refresh=1:bframes=0"}},
    "intra-refresh.mkv": {"options": {"x264-params": "intra-refresh=1:bframes=0"}},
    "one-gop.mp4": {"gop": 10_000, "options": {"x264-params": "scenecut=0"}},
    "one-gop.mkv": {"gop": 10_000, "options": {"x264-params": "scenecut=0"}},
    "all-intra.mp4": {"gop": 1},
    "fragments.mp4": {"mux_options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}},
    "no-index.mkv": {"mux_options": {"live": "1"}},
    "start.mp4": {"start_s": 3},
    "vfr.mkv": {"time_base": Fraction(1, 1000), "pts_of": lambda n: n * 40 + n % 7 * 5 + n // 50 * 1500},
    "pauses.mp4": {"time_base": Fraction(1, 1000), "pts_of": lambda n: n * 40 + n // 20 * 20_000},
    "same-pts.mkv": {"time_base": Fraction(1, 1000), "rate": 2000, "b_frames": 0, "options": {"preset": "ultrafast"}},
    "hevc.mp4": {"codec": "libx265", "options": X265},
    "hevc.ts": {"codec": "libx265", "options": X265},
    "vp9.webm": {"codec": "libvpx-vp9", "options": FAST_VP9},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12"}, "frames": 60},
    "mpeg2.ts": {"codec": "mpeg2video", "b_frames": 2},
    "mpeg2.mpg": {"codec": "mpeg2video", "b_frames": 2},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4-b-frames.avi": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4-b-frames.mkv": {"codec": "mpeg4", "b_frames": 2},
    "h264.flv": {},
    "wmv2.wmv": {"codec": "wmv2"},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "single.mp4": {"frames": 1},
    "single.avi": {"frames": 1, "codec": "mpeg4"},
}
Shown = list[tuple[int, bool, bytes]]


def own_frames(info: VideoInfo, span: ChunkSpan, decoder: DecoderSettings = SETTINGS) -> Shown:
    shown = []
    with read_chunk(info, span, decoder) as reader:
        for frame in reader:
            if reader.is_end(frame):
                break
            shown.append((frame.pts, frame.key, frame.luma().tobytes()))
    return shown


class Made:
    """One video with its whole decode, made once for all tests."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, tuple[VideoInfo, Shown]] = {}

    def __call__(self, name: str) -> tuple[VideoInfo, Shown]:
        if name not in self._known:
            recipe = {"frames": 150, "gop": 20, "size": (64, 48), **CASES[name]}
            info = probe(make_video(self._directory / name, **recipe), SETTINGS)
            self._known[name] = info, own_frames(info, WHOLE)
        return self._known[name]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("chunks"))


@pytest.mark.parametrize("name", CASES)
def test_one_chunk_is_the_plain_decode(made: Made, name: str) -> None:
    info, whole = made(name)
    plain = list(plain_decode(Path(info.path), skip_loop_filter="bidir" if info.codec == "h264" else "noref"))
    assert [picture for _, _, picture in whole] == [picture.tobytes() for _, picture in plain]
    times = [pts for pts, _, _ in whole]
    assert times[0] == info.first_pts
    if name != "same-pts.mkv":
        assert all(earlier < later for earlier, later in pairwise(times))
    if not info.pts_from_dts and name != "same-pts.mkv":
        assert times == [pts for pts, _ in plain]


@pytest.mark.parametrize("name", CASES)
def test_what_keeps_the_edges_of_its_blocks_hardly_differs_from_what_a_player_shows(made: Made, name: str) -> None:
    info, whole = made(name)
    for (_, key, picture), (_, shown) in zip(whole, plain_decode(Path(info.path)), strict=True):
        differs = np.abs(np.frombuffer(picture, np.uint8).reshape(shown.shape).astype(int) - shown)
        assert not key or not differs.any()
        assert differs.mean() < 1.0


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_chunks_join_to_the_whole(made: Made, name: str, threads: int) -> None:
    info, whole = made(name)
    for chunk_s in (0.5, 1.9):
        spans = plan_chunks(info, chunk_s)
        joined = [shown for span in spans for shown in own_frames(info, span, DecoderSettings(threads=threads))]
        assert joined == whole, chunk_s


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_spans_cut_anywhere_join_to_the_whole(made: Made, data: st.DataObject) -> None:
    name = data.draw(
        st.sampled_from(["open-gop.ts", "open-gop.mp4", "open-gop.avi", "vfr.mkv", "mpeg2.mpg", "hevc.mp4"])
    )
    info, whole = made(name)
    last = whole[-1][0]
    cuts = sorted(data.draw(st.sets(st.integers(info.first_pts - 5, last + 5), max_size=6)))
    spans = [ChunkSpan(n, a, b) for n, (a, b) in enumerate(zip([None, *cuts], [*cuts, None], strict=True))]
    assert [shown for span in spans for shown in own_frames(info, span)] == whole


def test_long_gops_are_found_wherever_a_chunk_starts(tmp_path: Path) -> None:
    for name, options in {"a.mp4": {"scenecut": 0}, "a.ts": {"scenecut": 0}}.items():
        parameters = ":".join(f"{key}={value}" for key, value in options.items())
        path = make_video(
            tmp_path / name, frames=400, rate=1, gop=170, size=(32, 32), options={"x264-params": parameters}
        )
        info = probe(path, SETTINGS)
        whole = own_frames(info, WHOLE)
        assert sum(key for _, key, _ in whole) == 3
        assert [shown for span in plan_chunks(info, 25) for shown in own_frames(info, span)] == whole


@pytest.mark.parametrize("name", ["long.ts", "long.mpg"])
def test_streams_without_an_index_are_cut_right_far_from_their_start(tmp_path: Path, name: str) -> None:
    recipe: dict[str, Any] = {"codec": "mpeg2video"} if name == "long.mpg" else {"options": OPEN_GOP, "audio": True}
    path = make_video(tmp_path / name, frames=2500, gop=40, b_frames=2, size=(32, 32), **recipe)
    info = probe(path, SETTINGS)
    whole = own_frames(info, WHOLE)
    assert len(whole) == 2500
    # Tiny frames share PES packets, so that most of them carry no timestamp of their own.
    for chunk_s in (6.3, 15.0):
        assert [shown for span in plan_chunks(info, chunk_s) for shown in own_frames(info, span)] == whole


def test_a_reader_goes_on_behind_its_end(made: Made) -> None:
    info, whole = made("open-gop.mp4")
    middle = plan_chunks(info, 2.0)[1]
    own = own_frames(info, middle)
    with read_chunk(info, middle, SETTINGS) as reader:
        frames = list(reader)
        marks = [reader.is_end(frame) for frame in frames]
        assert reader.reached_end
        assert reader.frames == len(frames)
        assert reader.end_pts == frames[-1].pts + (frames[-1].duration or 0)
    assert marks == [False] * len(own) + [True] * (len(frames) - len(own))
    first = [pts for pts, _, _ in whole].index(frames[0].pts)
    assert [(frame.pts, frame.key, frame.luma().tobytes()) for frame in frames] == whole[first:]


def test_a_chunk_in_which_no_key_frame_begins_is_empty(made: Made) -> None:
    info, whole = made("one-gop.mp4")
    spans = plan_chunks(info, 1.0)
    assert [len(own_frames(info, span)) for span in spans] == [len(whole), *[0] * (len(spans) - 1)]


def test_the_plan_covers_the_video_without_a_stub_at_its_end(made: Made) -> None:
    info, _ = made("start.mp4")
    spans = plan_chunks(info, 1.4)
    assert (spans[0].start_pts, spans[-1].end_pts) == (None, None)
    assert [span.index for span in spans] == list(range(4))
    assert all(before.end_pts == after.start_pts for before, after in pairwise(spans))
    starts = [info.seconds(span.start_pts) for span in spans[1:] if span.start_pts is not None]
    assert starts == pytest.approx([1.4, 2.8, 4.2], abs=0.001)
    assert len(plan_chunks(info, 100)) == 1


def lengths_s(info: VideoInfo, spans: Sequence[ChunkSpan]) -> list[float]:
    assert (spans[0].start_pts, spans[-1].end_pts) == (None, None)
    assert all(before.end_pts == after.start_pts for before, after in pairwise(spans))
    assert info.duration_s is not None
    ends = [info.duration_s if span.end_pts is None else info.seconds(span.end_pts) for span in spans]
    return [float(end - start) for start, end in pairwise([0.0, *ends])]


@pytest.mark.parametrize(
    ("duration_s", "at_once", "chunks"), [(60, 2, 2), (60, 4, 4), (45, 64, 4), (9, 4, 1), (125, 3, 6), (90, 2, 4)]
)
def test_a_short_video_is_cut_so_that_all_decoders_end_together(
    made: Made, duration_s: float, at_once: int, chunks: int
) -> None:
    # A stream of one key frame has no other place to be cut at.
    info = replace(made("one-gop.mp4")[0], duration_s=duration_s)
    found = lengths_s(info, plan_even_chunks(info, 30, at_once, SETTINGS))
    assert len(found) == chunks
    # Each but the last goes on behind its end, for what it shares with the next.
    assert found[:-1] == pytest.approx([found[0]] * (chunks - 1), abs=0.01)
    assert found[-1] - found[0] == pytest.approx(1.5 if chunks > 1 else 0, abs=0.01)


def test_a_long_video_is_cut_by_the_clock(made: Made) -> None:
    info = replace(made("one-gop.mp4")[0], duration_s=600)
    assert plan_even_chunks(info, 30, 2, SETTINGS) == plan_chunks(info, 30)
    assert len(plan_even_chunks(info, 30, 5, SETTINGS)) == 20


@pytest.mark.parametrize(
    ("name", "shown"), [("v.mp4", [500, 600]), ("v.mkv", [500, 600]), ("v.avi", [500, 600]), ("v.ts", [750, 350])]
)
def test_even_chunks_are_cut_at_the_nearest_key_frame_if_the_file_has_an_index(
    tmp_path: Path, name: str, shown: list[int]
) -> None:
    path = make_video(tmp_path / name, frames=1100, size=(64, 48), gop=250, options={"x264-params": "scenecut=0"})
    info = probe(path, SETTINGS)
    spans = plan_even_chunks(info, 30, 2, SETTINGS)
    # Cut at 21.25 s by the clock, the first goes on to the key frame at 30 s; one is at 20 s.
    assert [len(own_frames(info, span)) for span in spans] == shown


LEAVES_EARLY = """
import sys
from pathlib import Path
from yivideo_ray.config import DecoderSettings
from yivideo_ray.media import probe, read_chunk
from yivideo_ray.types import ChunkSpan
settings = DecoderSettings(threads=8)
info = probe(Path(sys.argv[1]), settings)
for turn in range(40):
    with read_chunk(info, ChunkSpan(0, None, None), settings) as reader:
        for count, frame in enumerate(reader):
            if count == turn:
                break
"""


def test_a_reader_with_several_threads_can_be_left_at_any_frame(tmp_path: Path) -> None:
    path = make_video(tmp_path / "t.webm", frames=45, size=(640, 360), codec="libvpx-vp9", options=FAST_VP9)
    # In a process of its own: the deadlock that this is about would keep the GIL, and no time limit would help.
    subprocess.run([sys.executable, "-c", LEAVES_EARLY, str(path)], check=True, timeout=60)


def test_unknown_duration_makes_one_chunk(made: Made) -> None:
    info, _ = made("no-index.mkv")
    assert info.duration_s is None
    assert plan_chunks(info, 1) == (WHOLE,)


def test_a_truncated_video_gives_what_decodes_and_says_how_far(tmp_path: Path) -> None:
    path = make_video(tmp_path / "t.mp4", frames=150, size=(64, 48), mux_options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2])
    info = probe(path, SETTINGS)
    with read_chunk(info, WHOLE, SETTINGS) as reader:
        numbers = [frame_number(frame.luma()) for frame in reader]
        assert reader.reached_end
        assert reader.end_pts is not None
        assert 1 < info.seconds(reader.end_pts) < 5
    assert info.duration_s == 6.0
    assert numbers[:30] == list(range(30))


def test_flipped_bits_are_counted_and_passed_over(tmp_path: Path) -> None:
    path = make_video(tmp_path / "b.mp4", frames=150, size=(64, 48), mux_options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[start : start + 1500] = bytes(byte ^ 0xFF for byte in data[start : start + 1500])
    path.write_bytes(data)
    info = probe(path, SETTINGS)
    with read_chunk(info, WHOLE, SETTINGS) as reader:
        numbers = [frame_number(frame.luma()) for frame in reader]
        assert reader.corrupt_packets > 0
        assert reader.reached_end
    assert numbers[:20] == list(range(20))
    assert numbers[-1] == 149


def damage(info: VideoInfo, span: ChunkSpan) -> int:
    with read_chunk(info, span, SETTINGS) as reader:
        for frame in reader:
            if reader.is_end(frame):
                break
        return reader.corrupt_packets + reader.lost_keys()


@pytest.mark.parametrize("name", CASES)
def test_nothing_of_an_undamaged_video_counts_as_damaged_wherever_it_is_cut(made: Made, name: str) -> None:
    info, _ = made(name)
    for chunk_s in (0.7, 2, 60):
        assert [damage(info, span) for span in plan_chunks(info, chunk_s)] == [0] * len(plan_chunks(info, chunk_s))


def test_frames_that_lack_what_they_refer_to_are_counted(tmp_path: Path) -> None:
    path = make_video(tmp_path / "b.mkv", frames=150, gop=75, size=(320, 180), options={"x264-params": "scenecut=0"})
    data = path.read_bytes()
    # FFmpeg finds the next cluster, and says nothing.
    path.write_bytes(data[: len(data) // 4] + bytes(3000) + data[len(data) // 4 + 3000 :])
    info = probe(path, SETTINGS)
    with read_chunk(info, WHOLE, SETTINGS) as reader:
        assert sum(1 for _ in reader) < 150
        assert reader.corrupt_packets > 0


def test_key_frames_that_the_index_tells_of_are_missed(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "k.mkv", frames=200, gop=10, size=(320, 180), mux_options={"cluster_time_limit": "400"}
    )
    info = probe(path, SETTINGS)
    assert damage(info, WHOLE) == 0
    data = path.read_bytes()
    clusters = [at for at in range(len(data)) if data.startswith(b"\x1f\x43\xb6\x75", at)]
    begin, end = clusters[len(clusters) // 2 : len(clusters) // 2 + 2]
    # A whole cluster becomes a void element: nothing that remains refers to it.
    void = b"\xec\x01" + (end - begin - 9).to_bytes(7)
    path.write_bytes(data[:begin] + void + bytes(end - begin - 9) + data[end:])
    hollow = probe(path, SETTINGS)
    assert damage(hollow, WHOLE) > 0
    assert damage(hollow, ChunkSpan(0, None, info.ticks(1))) == 0


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "c.mp4", frames=10, size=(64, 48))
    info = probe(path, SETTINGS)
    with read_chunk(info, WHOLE, SETTINGS) as reader:
        frames = iter(reader)
        next(frames)
        os.utime(path, ns=(1, 1))
        with pytest.raises(InputError, match="INPUT_CHANGED") as caught:
            list(frames)
    assert caught.value.retryable
    with pytest.raises(InputError, match="INPUT_CHANGED"):
        read_chunk(info, WHOLE, SETTINGS)


def test_frames_outlive_the_reader(made: Made) -> None:
    info, whole = made("b-frames.mp4")
    with read_chunk(info, WHOLE, SETTINGS) as reader:
        frames = list(reader)
        views = [frame.luma() for frame in frames]
    assert [view.tobytes() for view in views] == [picture for _, _, picture in whole]
    del frames
    assert np.array_equal(views[0], np.frombuffer(whole[0][2], np.uint8).reshape(48, 64))


def test_a_picture_larger_than_allowed_on_the_way_is_not_decoded(made: Made) -> None:
    info, _ = made("b-frames.mp4")
    with read_chunk(info, WHOLE, DecoderSettings(max_dimension_px=16)) as reader:
        # 16 + 128 pixels squared still hold this picture: the limit is checked against the allocation.
        assert sum(1 for _ in reader) == 150


def test_frames_of_another_reader_that_are_let_go_take_no_key_frame_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = probe(make_video(tmp_path / "film.mp4", frames=40, gop=5), SETTINGS)
    with read_chunk(info, WHOLE, SETTINGS) as other:
        kept = list(other)
    expected = [frame.key for frame in kept]
    give = Source._give

    def given(self: Source, packet: Any) -> Any:
        found = give(self, packet)
        # While its like is in this reader's decoder.
        del kept[:1]
        return found

    monkeypatch.setattr(Source, "_give", given)
    with read_chunk(info, WHOLE, SETTINGS) as reader:
        assert [frame.key for frame in reader] == expected
