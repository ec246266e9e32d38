"""Crops gathered into groups of a fixed size across the borders of chunks: what is read together does not depend on how
long chunks are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from yivideo_ray.stages.crop_subtitle_images.stage import keep_uncovered, uncovered
from yivideo_ray.types import ChunkReport, CropMeta

__all__ = ["CropGroups", "GroupedCrop"]

Source = TypeVar("Source")


@dataclass(frozen=True, slots=True, eq=False)
class GroupedCrop(Generic[Source]):
    """A crop: its picture is number `index` of those that the source of its chunk's pictures has."""

    meta: CropMeta
    source: Source
    index: int


class CropGroups(Generic[Source]):
    """Takes the crops of chunks in order, leaves out those that a chunk before has shown, and gives out groups of size.

    metas are the crops of the chunks that have ended.
    """

    def __init__(self, size: int) -> None:
        self.metas: list[CropMeta] = []
        self._size = size
        self._covered: tuple[int, ...] = ()
        self._taken = 0
        self._waiting: list[GroupedCrop[Source]] = []

    def take(self, crops: Sequence[CropMeta], source: Source) -> None:
        """Takes the next crops of the chunk at hand."""
        for index in uncovered(crops, self._covered):
            self._waiting.append(GroupedCrop(crops[index], source, self._taken + index))
        self._taken += len(crops)

    def end_chunk(self, report: ChunkReport) -> tuple[CropMeta, ...]:
        """Ends the chunk at hand, all of whose crops were taken, and returns those of them that count."""
        _, metas, self._covered = keep_uncovered(report, self._covered)
        self.metas.extend(metas)
        self._taken = 0
        return metas

    def full(self, *, rest: bool = False) -> Iterator[list[GroupedCrop[Source]]]:
        """Yields the groups that are full, and with rest what remains."""
        while len(self._waiting) >= self._size or (rest and self._waiting):
            group, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            yield group
