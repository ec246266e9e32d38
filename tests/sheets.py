"""Sheets that the scripted engine can read."""

from __future__ import annotations

from yivideo_ray.geometry import Box
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.types import Crop, CropMeta, Sheet

__all__ = ["sheets"]


def sheets(*texts: str) -> tuple[Sheet, ...]:
    """Returns sheets with a crop for each text, one after the other in time."""
    crops = []
    for number, text in enumerate(texts):
        image = draw_pattern(text, margin_px=12)
        height, width = image.shape
        meta = CropMeta(
            crop_id=f"c{number}",
            band=0,
            box=Box(0, 0, width, height),
            scale=1.0,
            start_pts=number * 10,
            stable_pts=number * 10,
            end_pts=number * 10 + 10,
            frames=10,
            averaged_frames=10,
            stroke_px=500,
        )
        crops.append(Crop(meta, image))
    return create_stitched_images(crops)
