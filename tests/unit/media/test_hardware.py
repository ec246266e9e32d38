"""Whose fault it is when a GPU was to decode and does not, with errors as FFmpeg and PyAV give them; and which decoder
the frames are said to come from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from tests.support.gpu_decoder import DAMAGE, EXTERNAL, NO_MEMORY, PERMISSION, GpuStandIn, gpu_stand_in
from tests.support.videos import make_video
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import DeviceError, InputError
from yivideo_ray.media import ChunkReader, cuda_decodes, gpu_refusal, hardware, probe, read_chunk
from yivideo_ray.types import ChunkSpan, VideoInfo

WHOLE = ChunkSpan(0, None, None)
AUTO, CUDA = DecoderSettings(backend="auto"), DecoderSettings(backend="cuda")
CPU = DecoderSettings(backend="cpu")
FRAMES = 60
# Named one by one: PyAV has no decoder for GPUs that would open without a driver.
no_gpu = pytest.mark.skipif(cuda_decodes(), reason="a GPU decodes here")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> GpuStandIn:
    return gpu_stand_in(monkeypatch)


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return probe(make_video(tmp_path_factory.mktemp("v") / "film.mp4", frames=FRAMES), CPU)


def seen(info: VideoInfo, settings: DecoderSettings) -> tuple[list[tuple[int, bytes]], ChunkReader]:
    with read_chunk(info, WHOLE, settings) as reader:
        return [(frame.pts, frame.luma().tobytes()) for frame in reader], reader


def code(error: pytest.ExceptionInfo[Any]) -> str:
    found: str = error.value.code.name
    return found


@no_gpu
def test_without_a_driver_cuda_is_an_error_that_names_what_is_missing_and_auto_says_it(info: VideoInfo) -> None:
    with pytest.raises(DeviceError, match=r"libcuda\.so\.1.* can't be loaded") as caught:
        read_chunk(info, WHOLE, CUDA)
    assert code(caught) == "DECODER_UNAVAILABLE"
    frames, reader = seen(info, AUTO)
    assert (len(frames), reader.decoder) == (FRAMES, "cpu")
    assert "libcuda.so.1" in reader.gpu_fault
    assert seen(info, CPU)[1].gpu_fault == ""


@pytest.mark.parametrize(
    "error", [PERMISSION, EXTERNAL, av.error.ArgumentError(22, "Invalid argument")], ids=lambda e: type(e).__name__
)
def test_a_gpu_that_fails_to_open_is_never_the_video_s_fault(
    gpu: GpuStandIn, info: VideoInfo, error: Exception
) -> None:
    gpu.opening = error
    with pytest.raises(DeviceError, match="can't be opened") as caught:
        read_chunk(info, WHOLE, CUDA)
    assert code(caught) == "DEVICE_FAILED"
    frames, reader = seen(info, AUTO)
    assert (len(frames), reader.decoder) == (FRAMES, "cpu")
    assert "can't be opened" in reader.gpu_fault


def test_a_damaged_file_is_the_video_s_fault_also_where_a_gpu_was_to_decode_it(
    gpu: GpuStandIn, info: VideoInfo, tmp_path: Path
) -> None:
    gpu.opening = EXTERNAL
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(Path(info.path).read_bytes()[:2000])
    facts = cut.stat()
    broken = _replaced(info, path=str(cut), size_bytes=facts.st_size, mtime_ns=facts.st_mtime_ns)
    for settings in (AUTO, CUDA):
        with pytest.raises(InputError) as caught:
            read_chunk(broken, WHOLE, settings)
        assert code(caught) == "INPUT_CORRUPT"


@pytest.mark.parametrize("opening", [RuntimeError("no stream is compatible with the hardware"), None])
def test_a_codec_that_ffmpeg_decodes_on_no_gpu_is_said_so(
    gpu: GpuStandIn, info: VideoInfo, opening: Exception | None
) -> None:
    gpu.opening, gpu.knows = opening, False
    with pytest.raises(DeviceError, match="no h264 on a GPU") as caught:
        read_chunk(info, WHOLE, CUDA)
    assert code(caught) == "DECODER_UNAVAILABLE"
    assert "no h264 on a GPU" in gpu_refusal(info, AUTO)
    frames, reader = seen(info, AUTO)
    assert (len(frames), reader.decoder) == (FRAMES, "cpu")


def test_the_gpu_is_asked_by_the_video_itself_whether_it_decodes_it(gpu: GpuStandIn, info: VideoInfo) -> None:
    assert gpu_refusal(info, AUTO) == ""
    assert 0 < gpu.packets < FRAMES
    gpu.on_gpu = False
    refusal = gpu_refusal(info, AUTO)
    assert "no picture of h264 as yuv420p, 320 x 180" in refusal
    # As of H.264 with 10 bits: it opens, and every packet fails.
    gpu.fails, gpu.on_gpu = lambda _: DAMAGE, True
    assert "Invalid data" in gpu_refusal(info, CUDA)


@pytest.mark.parametrize("settings", [AUTO, CUDA])
@pytest.mark.parametrize("error", [EXTERNAL, NO_MEMORY, DAMAGE], ids=lambda e: type(e).__name__)
def test_what_the_gpu_fails_at_the_cpu_decodes_and_every_frame_comes_once(
    gpu: GpuStandIn, info: VideoInfo, settings: DecoderSettings, error: Exception
) -> None:
    gpu.fails = lambda _: error if gpu.packets == 40 else None
    frames, reader = seen(info, settings)
    assert frames == seen(info, CPU)[0]
    assert (reader.frames, reader.corrupt_packets) == (FRAMES, 0)
    assert (reader.decoder, reader.gpu_fault) == ("cpu+cuda", "")
    assert gpu.asked == (error is not DAMAGE)


def test_damage_looks_the_same_whichever_decoder_met_it(gpu: GpuStandIn, info: VideoInfo, tmp_path: Path) -> None:
    data = bytearray(Path(info.path).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(byte ^ 0x5A for byte in data[middle : middle + 400])
    (tmp_path / "hurt.mp4").write_bytes(data)
    hurt = probe(tmp_path / "hurt.mp4", CPU)
    by_cpu, cpu = seen(hurt, CPU)
    gpu.fails = lambda _: EXTERNAL if gpu.packets == 25 else None
    by_gpu, mixed = seen(hurt, CUDA)
    assert cpu.corrupt_packets > 0
    assert (by_gpu, mixed.corrupt_packets) == (by_cpu, cpu.corrupt_packets)


@pytest.mark.parametrize(("error", "said"), [(EXTERNAL, "DEVICE_FAILED"), (NO_MEMORY, "DEVICE_OUT_OF_MEMORY")])
def test_a_gpu_that_decodes_nothing_any_more_is_to_blame(
    gpu: GpuStandIn, info: VideoInfo, error: Exception, said: str
) -> None:
    gpu.fails, gpu.works = lambda _: error if gpu.packets % 40 == 0 else None, False
    with pytest.raises(DeviceError) as caught:
        seen(info, CUDA)
    assert code(caught) == said
    gpu.packets = 0
    frames, reader = seen(info, AUTO)
    assert frames == seen(info, CPU)[0]
    assert reader.decoder == "cpu+cuda"
    assert "The GPU's decoder failed" in reader.gpu_fault


def test_frames_count_by_the_decoder_and_not_by_how_they_lie_in_memory(tmp_path: Path) -> None:
    # The CPU decodes raw video to what NVDEC gives as well.
    raw = make_video(tmp_path / "raw.nut", frames=4, codec="rawvideo", pix_fmt="nv12")
    found = probe(raw, CPU)
    assert found.pixel_format == "nv12"
    assert seen(found, CPU)[1].decoder == "cpu"


@pytest.mark.parametrize("name", ["yuv444p", "yuv444p16le", "nv12"])
def test_hevc_with_full_chroma_counts_as_the_gpu_s(
    gpu: GpuStandIn, info: VideoInfo, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("yivideo_ray.media.source.decodes_on_gpu", lambda _: hardware.decodes_on_gpu(context))
    context: Any = SimpleNamespace(pix_fmt="cuda", sw_pix_fmt=name)
    assert seen(info, CUDA)[1].decoder == "cuda"
    context.pix_fmt = name
    assert seen(info, CUDA)[1].decoder == "cpu"


class Driver:
    """What av's HWAccel does with a driver, of contexts by their options."""

    def __init__(self, refused: tuple[dict[str, str], ...] = ()) -> None:
        self.refused = refused
        self.opened: list[dict[str, str]] = []

    def __call__(self, _: str, allow_software_fallback: bool = True, options: dict[str, str] | None = None) -> Any:
        return SimpleNamespace(create=lambda codec: self._create(options or {}), options=options)

    def _create(self, options: dict[str, str]) -> object:
        if options in self.refused:
            raise EXTERNAL
        self.opened.append(options)
        return object()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    monkeypatch.setattr(hardware, "HWAccel", made)
    monkeypatch.setattr(hardware._Context, "opened", None)
    monkeypatch.setattr(hardware._Context, "worked", False)
    return made


def test_a_process_opens_its_gpu_once_and_shares_that_with_all_its_files(driver: Driver) -> None:
    for _ in range(3):
        assert hardware.accelerator(fallback=True).options == {"primary_ctx": "1"}
    assert driver.opened == [{"primary_ctx": "1"}]


def test_beside_models_that_hold_the_primary_context_otherwise_each_file_has_its_own(driver: Driver) -> None:
    driver.refused = ({"primary_ctx": "1"},)
    assert hardware.accelerator(fallback=True).options == {}


def test_a_gpu_that_was_lost_is_told_from_one_that_never_was_and_is_tried_again(driver: Driver) -> None:
    driver.refused = ({"primary_ctx": "1"}, {})
    with pytest.raises(DeviceError) as caught:
        hardware.accelerator(fallback=True)
    assert code(caught) == "DECODER_UNAVAILABLE"
    driver.refused = ()
    hardware.accelerator(fallback=True)
    hardware.release_gpu()
    driver.refused = ({"primary_ctx": "1"}, {})
    with pytest.raises(DeviceError) as caught:
        hardware.accelerator(fallback=True)
    assert code(caught) == "DEVICE_FAILED"


def _replaced(info: VideoInfo, **facts: Any) -> VideoInfo:
    from dataclasses import replace

    return replace(info, **facts)
