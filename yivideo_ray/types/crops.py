"""Crops: what a region shows over a stretch of time, and the sheets that they are stitched into."""

from __future__ import annotations

from dataclasses import dataclass

from yivideo_ray.geometry import Box
from yivideo_ray.types.video import Luma

__all__ = [
    "ChunkReport",
    "Crop",
    "CropMeta",
    "Placement",
    "Sheet",
]


@dataclass(frozen=True, slots=True)
class CropMeta:
    """What is known of a crop without its pixels.

    A crop stands for the frames with start_pts <= pts < end_pts, in all of which the band showed the same strokes;
    for stable_pts <= pts < stable_end_pts they stood still (beside that: fades). stable_pts also tells the crops of
    overlapping chunks apart.
    frames counts them, averaged_frames those that its picture rests on. box is in frame coordinates; one frame pixel
    is `scale` crop pixels. stroke_px counts the strokes that stayed put, in pixels of a 32-pixel line.
    joined_to_pts is the stable_end_pts of the picture before, if what both show was there in all frames between them.
    begins_before, ends_after: flashes or noise hide where what it shows really begins or ends.
    crop_id is unique within the workflow.
    """

    crop_id: str
    band: int
    box: Box
    scale: float
    start_pts: int
    stable_pts: int
    end_pts: int
    frames: int
    averaged_frames: int
    stroke_px: int
    stable_end_pts: int = -1
    joined_to_pts: int | None = None
    begins_before: bool = False
    ends_after: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A crop with its pixels: the band's luma averaged over the frames it stands for, which keeps the
    subtitle sharp while a moving background fades. image has shape (round(box.height * scale), ...)."""

    meta: CropMeta
    image: Luma


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """What became of one chunk, without pixels.

    The chunk decoded frames with first_pts <= pts < end_pts, where end_pts lies behind the chunk's own end by as much
    as its last crops needed. covered holds, for each band, the stable_pts of the first crop that is not in this report
    but in a later chunk's; a later chunk's crop with a smaller stable_pts has been seen already.
    crops are in the order of (stable_pts, band). decoder: cuda, cpu, or cpu+cuda where it changed on the way; gpu_fault
    what is wrong with a GPU that was to decode and did not ("": nothing).
    """

    index: int
    first_pts: int | None
    end_pts: int | None
    covered: tuple[int, ...]
    crops: tuple[CropMeta, ...]
    frames: int
    corrupt_packets: int
    reached_end: bool
    decoder: str
    decode_s: float
    analyse_s: float
    gpu_fault: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one crop lies on a sheet: box in sheet coordinates; one crop pixel is `scale` sheet pixels."""

    crop: CropMeta
    box: Box
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Several crops stitched into one picture, shape (H, W), dtype uint8, with the map back to each of them."""

    image: Luma
    placements: tuple[Placement, ...]
