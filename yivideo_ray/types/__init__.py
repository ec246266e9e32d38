"""The values that cross process boundaries: frozen, slotted, picklable. No behaviour beyond small derivations.

Time is an integer pts with the stream's time_base; seconds appear only where something is written.
Frame coordinates are those of the picture as a player shows it: rotated upright, with square pixels.
"""

from yivideo_ray.types.crops import ChunkReport, Crop, CropMeta, Placement, Sheet
from yivideo_ray.types.regions import Band, BandEvidence, RejectedRegion, RejectionReason, SubtitleArea, TextBox
from yivideo_ray.types.texts import (
    CharReading,
    CropText,
    Cue,
    Layer,
    LayerReason,
    Reading,
    ReviewReason,
    TextLine,
    UnreadableText,
    cues_of,
)
from yivideo_ray.types.video import STAGES, ChunkSpan, EngineFacts, Luma, SampledFrame, Samples, Stage, VideoInfo

__all__ = [
    "STAGES",
    "Band",
    "BandEvidence",
    "CharReading",
    "ChunkReport",
    "ChunkSpan",
    "Crop",
    "CropMeta",
    "CropText",
    "Cue",
    "EngineFacts",
    "Layer",
    "LayerReason",
    "Luma",
    "Placement",
    "Reading",
    "RejectedRegion",
    "RejectionReason",
    "ReviewReason",
    "SampledFrame",
    "Samples",
    "Sheet",
    "Stage",
    "SubtitleArea",
    "TextBox",
    "TextLine",
    "UnreadableText",
    "VideoInfo",
    "cues_of",
]
