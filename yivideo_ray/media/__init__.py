"""Videos in, facts and frames out. The only part that knows PyAV."""

from yivideo_ray.media.chunks import ChunkReader, plan_chunks, plan_even_chunks, read_chunk
from yivideo_ray.media.ending import reaches_end, tolerance_s
from yivideo_ray.media.frames import VideoFrame
from yivideo_ray.media.hardware import cuda_decodes, missing_libraries
from yivideo_ray.media.opening import admitted, check_unchanged
from yivideo_ray.media.probing import probe
from yivideo_ray.media.sampling import SamplePlan, SampleReader, plan_samples, sample_frames
from yivideo_ray.media.source import gpu_refusal

__all__ = [
    "ChunkReader",
    "SamplePlan",
    "SampleReader",
    "VideoFrame",
    "admitted",
    "check_unchanged",
    "cuda_decodes",
    "gpu_refusal",
    "missing_libraries",
    "plan_chunks",
    "plan_even_chunks",
    "plan_samples",
    "probe",
    "reaches_end",
    "read_chunk",
    "sample_frames",
    "tolerance_s",
]
