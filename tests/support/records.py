"""Records of workflows as a long video leaves them, made up without reading a picture."""

from __future__ import annotations

from pathlib import Path

from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import StageRecord
from yivideo_ray.media import probe
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.workflow.checkpoint import Book, ChunkPlan, RunState, readings_basis
from yivideo_ray.storage.database import Database
from yivideo_ray.types import (
    Band,
    BandEvidence,
    CharReading,
    ChunkReport,
    ChunkSpan,
    CropMeta,
    CropText,
    EngineFacts,
    Stage,
    SubtitleArea,
    TextLine,
)

__all__ = ["recorded"]

SENTENCES = (
    ("你昨天晚上到底去了哪里？", "Where on earth were you last night?"),
    ("别担心，", "Don't worry, nobody saw us there."),
    ("他说他明天早上会打电话", "He said he would call tomorrow morning."),
)


def recorded(
    video: Path,
    work_dir: Path,
    crops: int,
    *,
    stages: dict[Stage, StageRecord] | None = None,
    corrupt_packets: int = 0,
    settings: Settings | None = None,
) -> None:
    """Keeps the book of a video of its own length, in which `crops` pictures of two lines were read, one after the
    other; each text is seen in two of them. settings: those that it was read with (None: nobody can tell)."""
    info = probe(video, DecoderSettings())
    assert info.duration_s is not None
    step = info.pts_at(info.duration_s) // crops
    assert step > 0, "the video has too few ticks"
    band = Box(0, info.height * 3 // 4, info.width, info.height)
    area = SubtitleArea((Band("bottom", band, 20.0, BandEvidence(24, 20, 19, 0.95, "made up")),))
    metas = tuple(_crop(number, number * step, (number + 1) * step, band) for number in range(crops))
    report = ChunkReport(0, 0, crops * step, (crops * step,), metas, 20 * crops, corrupt_packets, True, "cpu", 1.0, 1.0)
    texts = tuple(_text(number, crop.crop_id) for number, crop in enumerate(metas))
    database = Database(Settings(storage={"work_dir": work_dir}).storage)
    book = Book(database, workflow_id(info))
    book.keep_area("", area)
    book.begin_chunks("", ChunkPlan(area, (ChunkSpan(0, None, None),)))
    book.keep_report("", report)
    for number, start in enumerate(range(0, crops, 16)):
        book.keep_texts("", number, texts[start : start + 16])
    book.keep_state(
        RunState(
            stages or {},
            engine=EngineFacts("scripted", "cpu", "none", "none", "none"),
            finished=True,
            basis="" if settings is None else readings_basis(info, settings),
        )
    )
    database.close()


def _crop(number: int, start_pts: int, end_pts: int, band: Box) -> CropMeta:
    return CropMeta(f"0:{number}", 0, band, 1.0, start_pts, start_pts, end_pts, 20, 20, 500, end_pts)


def _text(number: int, crop_id: str) -> CropText:
    chinese, latin = SENTENCES[number // 2 % len(SENTENCES)]
    return CropText(crop_id, (_line(f"{chinese}{number // 2}", 2), _line(f"{latin} {number // 2}", 24)))


def _line(text: str, y0: int) -> TextLine:
    shown = [(place, char) for place, char in enumerate(text) if char != " "]
    step = 1 / len(text)
    chars = tuple(
        CharReading(char, 0.987654321, place * step, (place + 1) * step, 0.9 if text[place - 1] == " " else 0.00123)
        for place, char in shown
    )
    return TextLine("".join(char for _, char in shown), 0.987654321, Box(10, y0, 300, y0 + 20), chars)
