"""What probing says about good files, and which code every bad one gets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.videos import make_audio, make_cover_art, make_video
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.media import probe

SETTINGS = DecoderSettings()


def code_of(path: str | Path, settings: DecoderSettings = SETTINGS) -> str:
    with pytest.raises(InputError) as caught:
        probe(path, settings)
    assert caught.value.message.count("\n") == 0
    assert caught.value.message.endswith(".")
    return caught.value.code.name


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("probe") / "plain.mp4", size=(320, 180), audio=True)


def test_a_plain_video_is_described(video: Path) -> None:
    info = probe(video, SETTINGS)
    assert (info.width, info.height, info.coded_width, info.coded_height) == (320, 180, 320, 180)
    assert (info.codec, info.pixel_format, info.rotation_deg, info.interlaced) == ("h264", "yuv420p", 0, False)
    assert (info.first_pts, info.duration_s, info.frame_rate) == (0, 2.0, Fraction(25))
    assert info.sample_aspect_ratio == 1
    assert info.size_bytes == video.stat().st_size
    assert info.warnings == ()
    assert info.path == str(video)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize(("turn", "size"), [(90, (90, 160)), (180, (160, 90)), (270, (90, 160))])
def test_a_rotated_video_is_shown_upright(tmp_path: Path, suffix: str, turn: int, size: tuple[int, int]) -> None:
    info = probe(make_video(tmp_path / f"r.{suffix}", size=(160, 90), frames=3, rotation_deg=turn), SETTINGS)
    assert (info.rotation_deg, (info.width, info.height)) == (turn, size)


def test_pixels_that_are_not_square_widen_the_picture(tmp_path: Path) -> None:
    made = make_video(tmp_path / "sar.mp4", size=(240, 180), frames=3, sample_aspect_ratio=Fraction(4, 3))
    info = probe(made, SETTINGS)
    assert (info.coded_width, info.width, info.height) == (240, 320, 180)


def test_a_start_other_than_zero_is_not_counted_as_duration(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv", "ts", "flv", "nut"):
        info = probe(make_video(tmp_path / f"s.{suffix}", size=(64, 48), frames=25, start_s=3), SETTINGS)
        assert info.first_pts * info.time_base == pytest.approx(3, abs=0.2)
        assert info.duration_s == pytest.approx(1, abs=0.09)


def test_interlacing_is_seen(tmp_path: Path) -> None:
    assert probe(make_video(tmp_path / "i.mp4", size=(64, 64), frames=5, interlaced=True), SETTINGS).interlaced


def test_of_several_video_streams_the_default_one_is_taken_with_a_warning(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "m.mkv", size=(64, 48), frames=5, video_streams=2, default_stream=1), SETTINGS)
    assert info.stream_index == 1
    (warning,) = info.warnings
    assert (warning.code, warning.facts) == ("SEVERAL_STREAMS", {"streams": 2, "used": 1})


@pytest.mark.parametrize(
    "name",
    ["-i.mp4", "a:b.mp4", "http:x.mp4", "p%03d.mp4", "two\nlines.mp4", "电影 😀.mp4", "x" * 251 + ".mp4", "a#b?c.mp4"],
)
def test_names_that_mean_something_to_ffmpeg_are_only_names(video: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).hardlink_to(video)
    assert probe(tmp_path / name, SETTINGS).width == 320
    there = Path.cwd()
    try:
        os.chdir(tmp_path)
        assert probe(name, SETTINGS).path == str(tmp_path / name)
    finally:
        os.chdir(there)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/a.mp4",
        "rtsp://x/y",
        "concat:a|b",
        "data:video/mp4;base64,AA",
        "file:/a",
        "file:///a",
        "pipe:0",
    ],
)
def test_an_address_is_refused(address: str) -> None:
    assert code_of(address) == "INPUT_SCHEME_FORBIDDEN"
    assert code_of(Path(address)) == "INPUT_SCHEME_FORBIDDEN"


def test_paths_that_are_no_video_file_get_their_codes(tmp_path: Path) -> None:
    assert code_of(tmp_path / "missing.mp4") == "INPUT_NOT_FOUND"
    assert code_of("nul\0byte.mp4") == "INPUT_NOT_FOUND"
    assert code_of("x" * 300) == "INPUT_NOT_FOUND"
    assert code_of(tmp_path) == "INPUT_NOT_REGULAR_FILE"
    os.mkfifo(tmp_path / "fifo.mp4")
    assert code_of(tmp_path / "fifo.mp4") == "INPUT_NOT_REGULAR_FILE"
    assert code_of("/dev/zero") == "INPUT_NOT_REGULAR_FILE"
    (tmp_path / "empty.mp4").touch()
    assert code_of(tmp_path / "empty.mp4") == "INPUT_EMPTY"
    (tmp_path / "text.mp4").write_text("Not a film.\n" * 100)
    assert code_of(tmp_path / "text.mp4") == "INPUT_UNRECOGNIZED"
    (tmp_path / "zeros.mp4").write_bytes(bytes(100_000))
    assert code_of(tmp_path / "zeros.mp4") == "INPUT_UNRECOGNIZED"
    for kind in ("png", "jpeg", "gif"):
        Image.new("RGB", (64, 64)).save(tmp_path / "picture.mp4", format=kind)
        if kind != "gif":
            assert code_of(tmp_path / "picture.mp4") == "INPUT_UNRECOGNIZED"


def test_an_unreadable_file_says_so(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert code_of(video) == "INPUT_UNREADABLE"


def playlists(target: str) -> dict[str, str]:
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
        "hls behind a byte order mark": f"\ufeff\n#EXTM3U\n#EXTINF:10,\n{target}\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n",
        "dash": f'<?xml version="1.0"?>\n<MPD><Period><BaseURL>{target}</BaseURL></Period></MPD>',
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    }


@pytest.mark.parametrize("kind", playlists(""))
@pytest.mark.parametrize("suffix", ["mp4", "m3u8"])
def test_a_playlist_is_refused_and_opens_nothing(video: Path, tmp_path: Path, kind: str, suffix: str) -> None:
    # A FIFO that is opened for reading lets its writer through; a connection reaches the listener.
    os.mkfifo(tmp_path / "canary.mp4")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        for target in ("canary.mp4", f"http://127.0.0.1:{listener.getsockname()[1]}/canary.mp4"):
            playlist = tmp_path / f"list.{suffix}"
            playlist.write_text(playlists(target)[kind], encoding="utf-8")
            assert code_of(playlist) == "INPUT_FORMAT_FORBIDDEN"
        with pytest.raises(BlockingIOError):
            listener.accept()
    with pytest.raises(OSError, match="No such device or address"):
        os.open(tmp_path / "canary.mp4", os.O_WRONLY | os.O_NONBLOCK)


def test_ffmpeg_itself_opens_nothing_that_a_playlist_names(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whitelist holds by itself, should a playlist ever get past the look at its first bytes."""
    monkeypatch.setattr("yivideo_ray.media.opening._PLAYLIST", _Never())
    os.mkfifo(tmp_path / "canary.mp4")
    opened = threading.Event()

    def wait_for_reader() -> None:
        with (tmp_path / "canary.mp4").open("wb"):
            opened.set()

    writer = threading.Thread(target=wait_for_reader, daemon=True)
    writer.start()
    for kind, text in playlists("canary.mp4").items():
        if kind != "sdp":
            (tmp_path / "list.mp4").write_text(text, encoding="utf-8")
            assert code_of(tmp_path / "list.mp4") == "INPUT_UNRECOGNIZED"
    assert not opened.is_set()
    os.close(os.open(tmp_path / "canary.mp4", os.O_RDONLY))
    writer.join(timeout=10)
    assert opened.is_set(), "the canary would have noticed"


class _Never:
    def match(self, _: bytes) -> None:
        return None


def test_sound_and_cover_art_are_no_video(tmp_path: Path) -> None:
    assert code_of(make_audio(tmp_path / "a.m4a")) == "NO_VIDEO_STREAM"
    assert code_of(make_audio(tmp_path / "a.flac", codec="flac")) == "NO_VIDEO_STREAM"
    assert code_of(make_cover_art(tmp_path / "c.mp4")) == "NO_VIDEO_STREAM"


def patched(source: Path, target: Path, change: Callable[[bytes], bytes]) -> Path:
    target.write_bytes(change(source.read_bytes()))
    return target


def test_a_video_without_moov_is_incomplete(video: Path, tmp_path: Path) -> None:
    cut = patched(video, tmp_path / "cut.mp4", lambda data: data[: data.index(b"moov") - 4])
    assert code_of(cut) == "INPUT_CORRUPT"
    assert code_of(patched(video, tmp_path / "start.mp4", lambda data: data[:30])) == "INPUT_CORRUPT"


def test_a_video_without_a_frame_that_decodes_is_corrupt(tmp_path: Path) -> None:
    made = make_video(tmp_path / "ok.mp4", size=(64, 48), mux_options={"movflags": "faststart"})
    broken = patched(made, tmp_path / "b.mp4", lambda data: data[: data.index(b"mdat") + 4] + bytes(len(data)))
    assert code_of(broken) == "INPUT_CORRUPT"


def test_unknown_and_encrypted_codecs_are_unsupported(tmp_path: Path) -> None:
    made = make_video(tmp_path / "ok.mp4", size=(64, 48))
    assert (
        code_of(patched(made, tmp_path / "u.mp4", lambda data: data.replace(b"avc1", b"zz9z"))) == "CODEC_UNSUPPORTED"
    )
    keys = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0" * 31 + "1", "encryption_kid": "0" * 31 + "2"}
    assert code_of(make_video(tmp_path / "e.mp4", size=(64, 48), mux_options=keys)) == "CODEC_UNSUPPORTED"


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_video(tmp_path / "wide.mkv", size=(512, 64), frames=3)
    monkeypatch.setattr("yivideo_ray.media.probing._decode_head", lambda *_: pytest.fail("decoded"))
    assert code_of(made, DecoderSettings(max_dimension_px=511)) == "RESOLUTION_TOO_LARGE"
    stretched = make_video(tmp_path / "s.mp4", size=(320, 64), frames=3, sample_aspect_ratio=Fraction(2))
    assert code_of(stretched, DecoderSettings(max_dimension_px=512)) == "RESOLUTION_TOO_LARGE"


def test_a_picture_of_too_many_pixels_is_refused_though_no_side_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_video(tmp_path / "square.mkv", size=(256, 256), frames=3)
    assert probe(made, DecoderSettings(max_pixels=256 * 256)).width == 256
    monkeypatch.setattr("yivideo_ray.media.probing._decode_head", lambda *_: pytest.fail("decoded"))
    assert code_of(made, DecoderSettings(max_pixels=256 * 256 - 1)) == "RESOLUTION_TOO_LARGE"


PEAK_OF_A_PROBE = """
import sys
from yivideo_ray.config import DecoderSettings
from yivideo_ray.media import probe
def peak_kib():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])
before = peak_kib()
probe(sys.argv[1], DecoderSettings())
print(peak_kib() - before)
"""


def test_a_probe_keeps_one_large_picture_at_a_time(tmp_path: Path) -> None:
    side = 3072
    made = make_video(
        tmp_path / "large.mov",
        size=(side, side),
        frames=13,
        codec="png",
        pix_fmt="rgb24",
        background=lambda _: np.zeros((side, side, 3), np.uint8),
    )
    command = [sys.executable, "-P", "-c", PEAK_OF_A_PROBE, str(made)]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, timeout=60, check=True
    )
    # The decoder has two, the one that it gives and the one before.
    assert int(done.stdout) * 1024 < 5 * side * side * 3


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "mp4"), ("png", "mov"), ("ffv1", "mkv")])
def test_headers_of_gigantic_pictures_allocate_none(tmp_path: Path, codec: str, suffix: str) -> None:
    resource = pytest.importorskip("resource")
    size = (8704, 4352) if codec == "libx264" else (9216, 4352)
    pixel_format = "yuv420p" if codec == "libx264" else {"png": "gray", "ffv1": "gray"}[codec]
    made = make_video(
        tmp_path / f"g.{suffix}",
        size=size,
        frames=1,
        codec=codec,
        pix_fmt=pixel_format,
        background=lambda _: np.zeros((size[1], size[0], 3), np.uint8),
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert code_of(made) == "RESOLUTION_TOO_LARGE"
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < size[0] * size[1]


def test_a_hundred_hours_are_too_long(tmp_path: Path) -> None:
    made = make_video(
        tmp_path / "long.mp4", size=(64, 48), frames=20, time_base=Fraction(1, 1000), pts_of=lambda n: n * 20_000_000
    )
    assert code_of(made) == "DURATION_TOO_LONG"
    assert (
        code_of(make_video(tmp_path / "s.mp4", size=(64, 48)), DecoderSettings(max_duration_s=1)) == "DURATION_TOO_LONG"
    )


def test_a_bare_stream_without_timestamps_is_refused(tmp_path: Path) -> None:
    assert code_of(make_video(tmp_path / "raw.h264", size=(64, 48))) == "TIMESTAMPS_UNUSABLE"
