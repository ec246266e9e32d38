"""Stage paddleocr.postprocess_and_finalize: crops and what was read in them in, cues out. Needs no frame.

Writing the files is left to subtitles.formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from yivideo_ray.config import PostprocessorSettings
from yivideo_ray.errors import ConfigError
from yivideo_ray.geometry import Box, in_rows, to_frame
from yivideo_ray.stages.likeness import NEARLY_ALL
from yivideo_ray.stages.postprocess_and_finalize.cues import CueRules, build_cues, join_simultaneous
from yivideo_ray.stages.postprocess_and_finalize.layer_decision import DOUBT, decide, shipped_weights
from yivideo_ray.stages.postprocess_and_finalize.layer_features import OF_READING, features_of
from yivideo_ray.stages.postprocess_and_finalize.layers import TrackLayer, layers_of
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import track_lines
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine, one_line
from yivideo_ray.stages.postprocess_and_finalize.review import in_order, showing_reasons
from yivideo_ray.stages.postprocess_and_finalize.single_characters import (
    as_lone_i,
    is_lone,
    is_sure_alone,
    lone_i_place,
    may_be_lone_i,
)
from yivideo_ray.stages.postprocess_and_finalize.unreadable import parted_by_script, unreadable_texts
from yivideo_ray.text.han_variants import settle_variants
from yivideo_ray.text.line_classes import is_unreadable
from yivideo_ray.text.spaces import space_out
from yivideo_ray.types import (
    Band,
    CropMeta,
    CropText,
    Cue,
    Layer,
    RejectedRegion,
    SubtitleArea,
    TextLine,
    VideoInfo,
)

__all__ = ["FoundLayer", "find_layers", "postprocess_and_finalize"]

# Words that appear one by one follow each other this fast.
_STEP_S = 0.6


def postprocess_and_finalize(
    info: VideoInfo,
    area: SubtitleArea,
    crops: Sequence[CropMeta],
    texts: Sequence[CropText],
    settings: PostprocessorSettings,
) -> tuple[Layer, ...]:
    """Returns the layers of text in the video, the most probable subtitles first, each with its cues.

    crops and texts belong together by crop_id, in any order; crops without a text hold none. Which layers are taken is
    what settings.layers says. Errors: ConfigError LAYER_UNKNOWN if that names one that there isn't.
    """
    layers = [_as_layer(found, settings) for found in find_layers(info, area, crops, texts, settings)]
    layers.sort(key=lambda layer: -layer.probability)
    if not isinstance(settings.layers, str) and (unknown := [one for one in settings.layers if one > len(layers)]):
        raise ConfigError(f"There is no layer {unknown[0]}: {len(layers)} were found.", code="LAYER_UNKNOWN")
    return tuple(
        replace(layer, number=number, taken=_is_taken(number, layer, settings))
        for number, layer in enumerate(layers, 1)
    )


@dataclass(frozen=True, slots=True, eq=False)
class FoundLayer:
    """A layer that nothing is decided of: its tracks, its cues, and what can be said of it."""

    layer: TrackLayer
    cues: tuple[Cue, ...]
    features: Mapping[str, float]


def find_layers(
    info: VideoInfo,
    area: SubtitleArea,
    crops: Sequence[CropMeta],
    texts: Sequence[CropText],
    settings: PostprocessorSettings,
) -> list[FoundLayer]:
    """Returns all layers of text in the video; arguments as postprocess_and_finalize."""
    texts, variant = settle_variants(texts)
    by_id = {text.crop_id: text for text in texts}
    rules = CueRules(
        merge_gap_ticks=int(settings.merge_gap_ms / 1000 / info.time_base),
        step_ticks=int(_STEP_S / info.time_base),
        space_probability=settings.space_probability,
        sure_character=settings.review_confidence,
        variant=variant,
    )
    regions = [_observations(index, crops, by_id, area, settings) for index in range(len(area.bands))]
    end_pts = max((crop.end_pts for crop in crops), default=info.first_pts + 1)
    tracks = track_lines(regions, [band.line_height_px for band in area.bands], rules.merge_gap_ticks)
    layers = parted_by_script(layers_of(tracks))
    makes_cues = _CueMaker(info, area.bands, regions, rules, settings)
    features = features_of(layers, info, end_pts)
    return [FoundLayer(layer, makes_cues(layer), own) for layer, own in zip(layers, features, strict=True)]


def _as_layer(found: FoundLayer, settings: PostprocessorSettings) -> Layer:
    probability, reasons = decide(found.features, shipped_weights())
    unreadable = unreadable_texts(found.layer)
    if unreadable:
        seen = {name: value for name, value in found.features.items() if name not in OF_READING}
        may_be_subtitles = decide(seen, shipped_weights())
        # Specks look like any script.
        if may_be_subtitles[0] < DOUBT:
            unreadable = ()
        else:
            probability, reasons = may_be_subtitles
    # What was read of them is nonsense, and only who names the layer wants to see it.
    cues = () if unreadable and settings.layers == "auto" else found.cues
    return Layer(0, round(probability, 4), False, reasons, found.layer.box, found.layer.height, cues, unreadable)


def _is_taken(number: int, layer: Layer, settings: PostprocessorSettings) -> bool:
    if settings.layers == "auto":
        more_probable_than_not = layer.probability >= 1 - layer.probability
        return more_probable_than_not and not layer.unreadable
    return settings.layers == "all" or number in settings.layers


def _observations(
    index: int,
    crops: Sequence[CropMeta],
    texts: Mapping[str, CropText],
    area: SubtitleArea,
    settings: PostprocessorSettings,
) -> list[Observation]:
    """Returns what the crops of a region show, in order of time."""
    band = area.bands[index]
    own = [(crop, texts.get(crop.crop_id, CropText(crop.crop_id, ()))) for crop in crops if crop.band == index]
    own.sort(key=lambda one: (one[0].start_pts, one[0].end_pts))
    observations = [
        _observe(crop, text, band, area.rejected, settings, sure=settings.review_confidence) for crop, text in own
    ]
    lone = _lone_letters(own, observations, settings.min_confidence)
    for number, shown in lone.items():
        observations[number] = _observe(*shown, band, area.rejected, settings, sure=settings.min_confidence)
    return observations


@dataclass(frozen=True, slots=True, eq=False)
class _CueMaker:
    info: VideoInfo
    bands: Sequence[Band]
    regions: Sequence[Sequence[Observation]]
    rules: CueRules
    settings: PostprocessorSettings

    def __call__(self, layer: TrackLayer) -> tuple[Cue, ...]:
        """Returns the cues of a layer in the order of their start, then from the top of the frame."""
        pieces: dict[tuple[int, int], set[int]] = {}
        for sighting in (sighting for track in layer.tracks for sighting in track.sightings):
            pieces.setdefault((sighting.region, sighting.observation), set()).update(sighting.pieces)
        cues: list[Cue] = []
        for index in sorted({region for region, _ in pieces}):
            own = [
                _of_layer(observation, pieces.get((index, number), set()), self.settings)
                for number, observation in enumerate(self.regions[index])
            ]
            cues += self._cues_in(self.bands[index], own)
        return join_simultaneous(cues)

    def _cues_in(self, band: Band, observations: Sequence[Observation]) -> Iterator[Cue]:
        found = [
            cue
            for cue in build_cues(observations, band.name, self.rules)
            if _is_worth_showing(cue, self.info, self.settings)
        ]
        for number, cue in enumerate(found):
            neighbours = [*found[max(0, number - 1) : number], *found[number + 1 : number + 2]]
            reasons = in_order([*cue.needs_review, *showing_reasons(cue, neighbours, band, self.info)])
            yield replace(cue, needs_review=reasons)


def _of_layer(observation: Observation, pieces: set[int], settings: PostprocessorSettings) -> Observation:
    """Returns the observation with those of its lines that are read well enough and of a layer, each row as one."""
    lines = [observation.lines[at] for at in sorted(pieces)]
    sure = [line for line in lines if line.text and line.confidence >= settings.min_confidence]
    return replace(observation, lines=tuple(one_line(row) for row in in_rows(sure, lambda line: line.box)))


def _observe(
    crop: CropMeta,
    text: CropText,
    band: Band,
    rejected: Sequence[RejectedRegion],
    settings: PostprocessorSettings,
    *,
    sure: float,
) -> Observation:
    """Returns what a crop shows; sure is the confidence of a character that stands alone."""
    lines: list[ReadLine] = []
    for line in text.lines:
        if not _may_be_text(line, sure):
            continue
        box = to_frame(line.box, crop.box, crop.scale)
        if any(_shows(box, region) for region in rejected):
            continue
        read = ReadLine(
            text=space_out(line.text, line.chars, settings.space_probability),
            confidence=line.confidence,
            box=box,
            chars=line.chars,
            fill=line.fill,
            ground=line.ground,
            scores=line.scores,
        )
        lines.append(read)
    return Observation(
        crop.start_pts,
        crop.end_pts,
        tuple(lines),
        crop.frames,
        crop.averaged_frames,
        crop.stable_end_pts,
        crop.joined_to_pts,
        crop.stroke_px,
        crop.box,
        crop.begins_before,
        crop.ends_after,
    )


def _may_be_text(line: TextLine, sure: float) -> bool:
    return not is_lone(line) or is_sure_alone(line, sure) or is_unreadable(line.scores)


def _lone_letters(
    crops: Sequence[tuple[CropMeta, CropText]], observations: Sequence[Observation], least: float
) -> dict[int, tuple[CropMeta, CropText]]:
    """Returns those of a band's crops that show the word I and nothing else, by their numbers, with that text and
    at least that confidence."""
    may_be = [
        number
        for number, (crop, text) in enumerate(crops)
        if len(text.lines) == 1 and may_be_lone_i(text.lines[0], crop)
    ]
    place = lone_i_place(observations) if may_be else None
    if place is None:
        return {}
    found: dict[int, tuple[CropMeta, CropText]] = {}
    for number in may_be:
        crop, text = crops[number]
        line = as_lone_i(text.lines[0], to_frame(text.lines[0].box, crop.box, crop.scale), place, least)
        if line is not None:
            found[number] = crop, replace(text, lines=(line,))
    return found


def _shows(line: Box, region: RejectedRegion) -> bool:
    """Returns whether a line is the text of a region that was rejected: as good as all of it is inside the region, and
    both its ends are within a line's height of the region's, as those of subtitles hardly ever are."""
    shared = line.intersect(region.box)
    inside = shared is not None and shared.area >= NEARLY_ALL * line.area
    return inside and line.width >= region.box.width - 2 * line.height


def _is_worth_showing(cue: Cue, info: VideoInfo, settings: PostprocessorSettings) -> bool:
    return float((cue.end_pts - cue.start_pts) * info.time_base) * 1000 >= settings.min_duration_ms
