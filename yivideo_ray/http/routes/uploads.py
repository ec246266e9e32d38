"""Uploads that go on after a break, by the tus protocol 1.0: creation, termination, expiration (https://tus.io)."""

from __future__ import annotations

import base64
import binascii
from email.utils import formatdate
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from yivideo_ray.errors import ServiceError
from yivideo_ray.http import openapi
from yivideo_ray.http.resumable import ID_PATTERN, Resumable, Upload
from yivideo_ray.http.routes import ServiceDep, SettingsDep

__all__ = ["router"]

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])

VERSION = "1.0.0"
MEDIA_TYPE = "application/offset+octet-stream"
UploadId = Annotated[str, Path(pattern=ID_PATTERN, description="The upload's id.")]
Bytes = Annotated[int, Header(ge=0, le=2**53)]


def _answer(status: int, upload: Upload | None = None, **headers: str) -> Response:
    told = {"Tus-Resumable": VERSION, "Cache-Control": "no-store", **headers}
    if upload is not None:
        told |= {
            "Upload-Offset": str(upload.offset),
            "Upload-Length": str(upload.length),
            "Upload-Expires": formatdate(upload.expires, usegmt=True),
        }
    return Response(status_code=status, headers=told)


@router.options("", include_in_schema=False)
async def tell_protocol(settings: SettingsDep) -> Response:
    """What tus clients ask first."""
    return _answer(
        204,
        None,
        **{
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,termination,expiration",
            "Tus-Max-Size": str(settings.serve.max_upload_bytes),
        },
    )


@router.post(
    "",
    operation_id="create_upload",
    summary="Begins an upload that may be broken off (tus)",
    status_code=201,
    response_class=Response,
    responses={
        201: {"description": "The header Location says where it goes on."},
        **openapi.problems("UPLOAD_TOO_LARGE", "REQUEST_INVALID", "QUEUE_FULL", "STORAGE_FULL", "TOO_MANY_REQUESTS"),
    },
)
async def create(
    request: Request,
    service: ServiceDep,
    upload_length: Bytes,
    upload_metadata: Annotated[str, Header(max_length=4096, description="filename and its name in base64.")] = "",
) -> Response:
    """Any tus 1.0 client can do it. Whole, its id is the `upload_id` of a workflow; one that nobody has added to for a
    day is removed."""
    await service.require_room(None, upload_length)
    resumable: Resumable = request.app.state.resumable
    upload = await request.app.state.incoming.threads.run(resumable.create, upload_length, _name(upload_metadata))
    return _answer(201, upload, Location=f"/v1/uploads/{upload.upload_id}")


def _name(metadata: str) -> bytes:
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True)
            except binascii.Error as error:
                raise ServiceError(
                    "Upload-Metadata has a filename that is not base64.", code="REQUEST_INVALID"
                ) from error
    return b""


@router.head(
    "/{upload_id}",
    operation_id="get_upload",
    summary="Tells how much of an upload has come (tus)",
    response_class=Response,
    responses={
        200: {"description": "The headers Upload-Offset and Upload-Length say it."},
        **openapi.problems("UPLOAD_NOT_FOUND", "REQUEST_INVALID"),
    },
)
async def tell(request: Request, upload_id: UploadId) -> Response:
    """In bytes."""
    upload = await request.app.state.incoming.threads.run(request.app.state.resumable.find, upload_id)
    return _answer(200, upload)


@router.patch(
    "/{upload_id}",
    operation_id="continue_upload",
    summary="Adds to an upload (tus)",
    status_code=204,
    response_class=Response,
    openapi_extra={
        "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
    },
    responses={
        204: {"description": "It is kept; the header Upload-Offset says how much there is now."},
        **openapi.problems(
            "UPLOAD_NOT_FOUND",
            "UPLOAD_CONFLICT",
            "UPLOAD_TOO_LARGE",
            "MEDIA_TYPE_UNSUPPORTED",
            "REQUEST_INVALID",
            "STORAGE_FULL",
            "TOO_MANY_REQUESTS",
        ),
    },
)
async def add(
    request: Request,
    upload_id: UploadId,
    upload_offset: Bytes,
) -> Response:
    """Upload-Offset is how much has come before. What came of a request that broke off is kept."""
    if request.headers.get("content-type", "").strip().lower() != MEDIA_TYPE:
        raise ServiceError(
            "This body can't be added.", code="MEDIA_TYPE_UNSUPPORTED", remedy=f"Send it as {MEDIA_TYPE}."
        )
    upload = await request.app.state.resumable.append(upload_id, upload_offset, request.stream())
    return _answer(204, upload)


@router.delete(
    "/{upload_id}",
    operation_id="delete_upload",
    summary="Removes an upload (tus)",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is gone."}, **openapi.problems("UPLOAD_NOT_FOUND", "REQUEST_INVALID")},
)
async def delete(request: Request, upload_id: UploadId) -> Response:
    """One that a workflow has goes with the workflow."""
    await request.app.state.incoming.threads.run(request.app.state.resumable.remove, upload_id)
    return _answer(204)
