"""Records of workflows as a long video leaves them, made up without reading a picture."""

from __future__ import annotations

from pathlib import Path

from yivideo_ray.config import DecoderSettings
from yivideo_ray.geometry import Box
from yivideo_ray.media import probe
from yivideo_ray.runtime.workflow.record import Record
from yivideo_ray.types import Band, BandEvidence, CharReading, CropMeta, CropText, EngineFacts, SubtitleArea, TextLine

__all__ = ["recorded"]

SENTENCES = (
    ("你昨天晚上到底去了哪里？", "Where on earth were you last night?"),
    ("别担心，", "Don't worry, nobody saw us there."),
    ("他说他明天早上会打电话", "He said he would call tomorrow morning."),
)


def recorded(video: Path, work_dir: Path, crops: int) -> Record:
    """Returns the record of a video of its own length, in which `crops` pictures of two lines were read, one after the
    other; each text is seen in two of them."""
    info = probe(video, DecoderSettings())
    assert info.duration_s is not None
    step = info.pts_at(info.duration_s) // crops
    assert step > 0, "the video has too few ticks"
    record = Record(work_dir, info)
    band = Box(0, info.height * 3 // 4, info.width, info.height)
    record.area = record.crops_area = SubtitleArea(
        (Band("bottom", band, 20.0, BandEvidence(24, 20, 19, 0.95, "made up")),)
    )
    record.engine = EngineFacts("scripted", "cpu", "none", "none", "none")
    record.crops = tuple(_crop(number, number * step, (number + 1) * step, band) for number in range(crops))
    record.texts = tuple(_text(number, crop.crop_id) for number, crop in enumerate(record.crops))
    record.decoded_s = info.duration_s
    record.save()
    record.save_readings()
    return record


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
