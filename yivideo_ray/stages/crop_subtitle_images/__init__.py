"""Stage ffmpeg.crop_subtitle_images: a chunk of video and the area in, one crop per distinct picture of a band out."""

from yivideo_ray.stages.crop_subtitle_images.stage import (
    CROP_LINE_PX,
    CROPS_PER_PART,
    HIGHEST_LINE,
    ChunkCrops,
    CropGroups,
    GroupedCrop,
    crop_subtitle_images,
    keep_uncovered,
)

__all__ = [
    "CROPS_PER_PART",
    "CROP_LINE_PX",
    "HIGHEST_LINE",
    "ChunkCrops",
    "CropGroups",
    "GroupedCrop",
    "crop_subtitle_images",
    "keep_uncovered",
]
