"""Every error that leaves this package, and every warning.

YivideoError                      code, exit/HTTP status, retryable, remedy, facts
├── InputError                    the video is at fault: a retry with the same file never helps
├── ConfigError                   config.yml, an environment variable or the chain of stages is at fault
├── OutputError                   the result can't be written
├── ModelError                    a model can't be had or can't be loaded
├── DeviceError                   the GPU asked for is not there, or failed
├── CallError                     a call to the GPU actor failed; whether a retry helps is in `retryable`
├── ServiceError                  the service turns a request down, or can't reach what it keeps
└── InternalError                 a fault of ours: please report it

The stable part is `code`. Foreign errors (Ray, PaddleOCR, PyAV) become one of these at the edge where they arise,
with the original as __cause__. All survive pickling: they are rebuilt from code, message and facts.

A ResultWarning goes with a result: what a person should know of it. Its stable part is its code, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

__all__ = [
    "CODES",
    "CallError",
    "Code",
    "ConfigError",
    "DeviceError",
    "InputError",
    "InternalError",
    "ModelError",
    "OutputError",
    "ResultWarning",
    "ServiceError",
    "WarningCode",
    "YivideoError",
    "warning_of",
]


@dataclass(frozen=True, slots=True)
class Code:
    """A stable error code with what a caller may do about it."""

    name: str
    http_status: int
    retryable: bool
    remedy: str


def _code(name: str, http_status: int, remedy: str, *, retryable: bool = False) -> tuple[str, Code]:
    return name, Code(name, http_status, retryable, remedy)


CODES: dict[str, Code] = dict(
    [
        # input
        _code("INPUT_NOT_FOUND", 404, "Check the path."),
        _code("INPUT_UNREADABLE", 403, "Give the user that runs yivideo permission to read the file."),
        _code("INPUT_NOT_REGULAR_FILE", 422, "Pass the path of a video file."),
        _code("INPUT_EMPTY", 422, "Fetch the file again; this one has no bytes."),
        _code("INPUT_UNRECOGNIZED", 422, "Pass a video file; this one holds none that can be recognised."),
        _code("INPUT_FORMAT_FORBIDDEN", 422, "Download the video that the playlist names and pass that file."),
        _code(
            "INPUT_SCHEME_FORBIDDEN",
            422,
            "Download the video and pass the path of the file, or have its address allowed by storage.allowed_urls.",
        ),
        _code("PATH_OUTSIDE_ROOT", 403, "Move the file into a directory that the service may read."),
        _code("INPUT_CORRUPT", 422, "Is the upload complete? Fetch the file again."),
        _code("NO_VIDEO_STREAM", 422, "Pass a file with a moving picture; this one has none."),
        _code("CODEC_UNSUPPORTED", 422, "Convert the video, for example to H.264, and pass the result."),
        _code("RESOLUTION_TOO_LARGE", 422, "Scale the video down, or raise the limit that the message names."),
        _code("DURATION_TOO_LONG", 422, "Cut the video, or raise decoder.max_duration_s."),
        _code("TIMESTAMPS_UNUSABLE", 422, "Remux the video so that its frames carry timestamps."),
        _code("INPUT_CHANGED", 409, "Wait until the file is written to its end and run again.", retryable=True),
        _code("INPUT_UNREACHABLE", 503, "Try again; what was done is kept. Else look at the server.", retryable=True),
        _code("INPUT_SET_ASIDE", 422, "This input ended its process three times or more; check the file."),
        # configuration
        _code("CONFIG_INVALID", 422, "Correct the setting; config.yml in the project explains every key."),
        _code("CHAIN_INVALID", 422, "Name stages so that each finds its input from an earlier one."),
        _code("RECORD_MISSING", 409, "Run the earlier stages first: leave out --from."),
        _code("RECORD_OUTDATED", 409, "Have the video read again: leave out --from."),
        _code("LAYER_UNKNOWN", 422, "Choose among the numbers that the JSON result has in layers, auto or all."),
        _code(
            "LANGUAGE_UNREADABLE", 422, "Leave the language out, or set ocr.recognition_model to a model that reads it."
        ),
        # output
        _code("OUTPUT_NOT_WRITABLE", 422, "Choose another directory with -o, or give permission to write there."),
        _code(
            "OUTPUT_EXISTS", 409, "Move it away, choose another directory with -o, or let --overwrite replace the file."
        ),
        _code("STORAGE_FULL", 507, "Free some disk space and run again.", retryable=True),
        # models and device
        _code("MODEL_UNAVAILABLE", 503, "Use the embedded models, or set ocr.detection_model to a directory."),
        _code("DEPENDENCY_MISSING", 503, "Install what the message names."),
        _code("PACKAGES_CONFLICT", 503, "Uninstall both, then install one of them; yivideo doctor has the commands."),
        _code("DEVICE_UNAVAILABLE", 503, "Set device: auto or device: cpu, or run where a GPU is."),
        _code("ENGINE_NOT_STARTING", 503, "Mend what the message names; yivideo doctor tries the engine out."),
        _code("DEVICE_OUT_OF_MEMORY", 503, "Lower ocr.batch_size, or free GPU memory.", retryable=True),
        _code("DEVICE_FAILED", 503, "Look at the driver's log; the actor starts afresh.", retryable=True),
        _code("DECODER_UNAVAILABLE", 503, "Set decoder.backend: auto or cpu, or run where a GPU decodes this codec."),
        # calls to the actor
        _code("MAILBOX_FULL", 429, "Try again later, or raise gpu_lock.max_retries.", retryable=True),
        _code("WAIT_EXCEEDED", 504, "Run again when less is going on, or raise gpu_lock.max_wait.", retryable=True),
        _code("CALL_TIMED_OUT", 504, "Raise gpu_lock.lock_timeout if the device is only slow.", retryable=True),
        _code("ACTOR_LOST", 503, "The GPU actor is restarting; try again.", retryable=True),
        _code("WORKER_LOST", 503, "Run again; if memory is short, lower pipeline.chunks_in_flight.", retryable=True),
        _code("CANCELLED", 409, "Submit the video again if this was not meant."),
        _code("CLUSTER_UNAVAILABLE", 503, "Check RAY_ADDRESS, or unset it to start a local Ray."),
        # the service
        _code("WORKFLOW_NOT_FOUND", 404, "Check the workflow's id; GET /v1/workflows lists those that are kept."),
        _code(
            "WORKFLOW_SWEPT",
            410,
            "Submit the video again; storage.keep_days and storage.keep_bytes say how long workflows are kept.",
        ),
        _code("VIDEO_SWEPT", 410, "Upload the video again; storage.keep_uploads_days says how long uploads are kept."),
        _code("WORKFLOW_STATE_CONFLICT", 409, "Look at the workflow's state; what may be asked depends on it."),
        _code("IDEMPOTENCY_KEY_REUSED", 422, "Send another Idempotency-Key with another request."),
        _code("QUEUE_FULL", 429, "Try again later, or raise serve.max_queued.", retryable=True),
        _code(
            "TOO_MANY_REQUESTS",
            429,
            "Wait as long as Retry-After says and ask again, with fewer requests open at the same time.",
            retryable=True,
        ),
        _code("SERVICE_UNAVAILABLE", 503, "The service is starting or stopping; try again.", retryable=True),
        _code("SERVICE_RUNNING", 409, "Stop the service that works with the same storage.url, or set another one."),
        _code("STORAGE_UNAVAILABLE", 503, "Check storage.url, and that the database answers.", retryable=True),
        _code(
            "STORAGE_NEWER",
            503,
            "Run the version of yivideo that used the database last, or set storage.work_dir or storage.url to another "
            "place.",
        ),
        _code("SERVICE_UNREACHABLE", 503, "Start it with yivideo serve, or name another with --url.", retryable=True),
        _code("SERVICE_NOT_STARTING", 503, "Mend what the message names; the log of Ray Serve says more."),
        _code("ADDRESS_IN_USE", 503, "Stop what listens there, or set serve.port to another one."),
        _code("SERVICE_EXPOSED", 422, "Set serve.keys, or serve.host: 127.0.0.1."),
        # requests to the service
        _code("UNAUTHORIZED", 401, "Send the header Authorization: Bearer KEY with one of serve.keys."),
        _code("HOST_FORBIDDEN", 421, "Call the service by a name that it is served under."),
        _code("ORIGIN_FORBIDDEN", 403, "Set serve.keys, and send one of them with the request."),
        _code("REQUEST_INVALID", 422, "Correct the request; /docs shows an example of every call."),
        _code("REQUEST_MALFORMED", 400, "Send what the Content-Type promises; /docs shows an example of every call."),
        _code("REQUEST_TIMEOUT", 408, "Send the request without pauses; its bytes came too slowly.", retryable=True),
        _code("REQUEST_TOO_LARGE", 413, "Send a smaller request; a video goes into a form, as a file."),
        _code("MEDIA_TYPE_UNSUPPORTED", 415, "Send application/json, or multipart/form-data with the video."),
        _code("UPLOAD_NOT_FOUND", 404, "Begin the upload anew; one that nobody has added to for a day is removed."),
        _code(
            "UPLOAD_CONFLICT", 409, "Ask with HEAD how much has come, and go on with what is behind.", retryable=True
        ),
        _code("UPLOAD_TOO_LARGE", 413, "Send a smaller file, or raise serve.max_upload_bytes."),
        _code("CALLBACK_FORBIDDEN", 422, "Name a public address, or set serve.allow_private_callbacks."),
        _code("NOT_FOUND", 404, "Check the address; /docs lists every call."),
        _code("METHOD_NOT_ALLOWED", 405, "Use one of the methods that the header Allow names."),
        _code("RESULT_NOT_READY", 409, "Wait until the workflow's state is SUCCESS."),
        _code("RESULT_NOT_WRITTEN", 404, "Ask for a format that the workflow wrote, or run it with that format."),
        _code("INTERNAL", 500, "This is a fault of yivideo: report it with the log."),
    ]
)


class YivideoError(Exception):
    """An error with a stable code, one plain sentence and the remedy.

    facts are typed values for programs (sizes, seconds, names); they never hold anything that can't be pickled.
    """

    default_code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, code: str | None = None, remedy: str | None = None, **facts: Any) -> None:
        self.code = CODES[code or self.default_code]
        self.message = message
        self.remedy = remedy or self.code.remedy
        self.facts: dict[str, Any] = facts
        super().__init__(message)

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.code.retryable

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message} {self.remedy}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.code.name, self.remedy, self.facts)

    def as_dict(self) -> dict[str, Any]:
        """Returns the error as documents have it: code, message, remedy, retryable, and facts where it has some."""
        return {
            "code": self.code.name,
            "message": self.message,
            "remedy": self.remedy,
            "retryable": self.retryable,
            **({"facts": self.facts} if self.facts else {}),
        }


def _rebuild(kind: type[YivideoError], message: str, code: str, remedy: str, facts: dict[str, Any]) -> YivideoError:
    return kind(message, code=code, remedy=remedy, **facts)


class InputError(YivideoError):
    """The video is at fault: it is missing, unreadable, damaged, or none."""

    default_code = "INPUT_UNRECOGNIZED"


class ConfigError(YivideoError):
    """Settings, arguments or the chain of stages are at fault; told before any work where that can be known."""

    default_code = "CONFIG_INVALID"


class OutputError(YivideoError):
    """The result can't be written, or would replace a file of somebody else."""

    default_code = "OUTPUT_NOT_WRITABLE"


class ModelError(YivideoError):
    """A model, or a package that runs it, can't be had or can't be loaded."""

    default_code = "MODEL_UNAVAILABLE"


class DeviceError(YivideoError):
    """The GPU that was asked for is not there, or the device failed at work."""

    default_code = "DEVICE_UNAVAILABLE"


class CallError(YivideoError):
    """A call to the GPU actor failed, or a task, or the cluster; or the work was cancelled."""

    default_code = "ACTOR_LOST"


class ServiceError(YivideoError):
    """The service turns a request down, can't be reached, or can't reach what it keeps. A Client raises every error of
    the service as this, also one whose code is another class's."""

    default_code = "SERVICE_UNAVAILABLE"


class InternalError(YivideoError):
    """A fault of ours; the log has the traceback."""

    default_code = "INTERNAL"


class WarningCode(StrEnum):
    """What a warning is about. The names are public; docs/use.md says what each means."""

    SEVERAL_STREAMS = "SEVERAL_STREAMS"
    VIDEO_INCOMPLETE = "VIDEO_INCOMPLETE"
    MODELS_ON_CPU = "MODELS_ON_CPU"
    DECODED_ON_CPU = "DECODED_ON_CPU"
    NONE_CHOSEN = "NONE_CHOSEN"
    LAYER_IN_DOUBT = "LAYER_IN_DOUBT"
    STILL_TEXT = "STILL_TEXT"
    UNREADABLE_SCRIPT = "UNREADABLE_SCRIPT"
    FILE_LEFT = "FILE_LEFT"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class ResultWarning:
    """A warning with a stable code and one plain sentence. code: a WarningCode, or one that a newer version knows.

    facts are values for programs, as codec.plain takes them; none of them is called code or message.
    """

    code: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)


def warning_of(told: str | Mapping[str, Any]) -> ResultWarning:
    """Returns the warning that a document or a row of the database tells; earlier versions told a sentence alone.

    Errors: ValueError if it is neither.
    """
    if isinstance(told, str):
        return ResultWarning(WarningCode.OTHER, told)
    try:
        facts = {name: value for name, value in told.items() if name not in ("code", "message")}
        return ResultWarning(str(told["code"]), str(told["message"]), facts)
    except (AttributeError, KeyError) as error:
        raise ValueError(f"a warning has a code and a message, unlike {told!r}") from error
