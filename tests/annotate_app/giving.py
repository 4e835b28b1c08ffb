"""Pictures as a phone makes them, with the place in their EXIF, and givers that send them over HTTP."""

import io
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from PIL import ExifTags, Image

from annotate_app.consent import CONSENT_VERSION
from tests.annotate_app.material import draw

CAMERA = "Wanderer 7 of K. Example"
SECRET = "a-secret-of-the-giver-that-is-long-enough-1"


def photo(number: int, category: str = "boat") -> bytes:
    """A JPEG with EXIF: camera, time, and GPS (Lake Tana, 11.5 N 37.3 E), also as XMP.

    Clouds of its own make it another scene than the next one, which no search for duplicates may take for one shot.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = CAMERA
    exif[ExifTags.Base.Orientation] = 1
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:05:04 10:11:12"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (11.0, 30.0, 0.0),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (37.0, 18.0, 0.0),
        }
    )
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- {CAMERA} exif:GPSLatitude="11,30N" --></x:xmpmeta>'.encode()
    out = io.BytesIO()
    scene = Image.open(io.BytesIO(draw(category, number))).convert("RGB")
    clouds = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    scene = Image.blend(scene, Image.fromarray(clouds).resize(scene.size, Image.Resampling.BICUBIC), 0.5)
    scene.save(out, "JPEG", quality=92, exif=exif, xmp=xmp)
    return out.getvalue()


def carries_metadata(data: bytes) -> bool:
    """Whether bytes hold what `photo` wrote beside its pixels."""
    return any(mark in data for mark in (b"Exif\0", CAMERA.encode(), b"GPSLatitude", b"adobe:ns:meta"))


def form(category: str = "boat", **changes: str) -> dict[str, str]:
    return {"category": category, "license": "CC-BY-4.0", "consent": CONSENT_VERSION, **changes}


def give(client: httpx.Client, pictures: Sequence[bytes], category: str = "boat", **changes: str) -> httpx.Response:
    files = [("pictures", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(pictures)]
    return client.post("/api/v1/contributions", data=form(category, **changes), files=files)


def given(client: httpx.Client, pictures: Sequence[bytes], category: str = "boat", **changes: str) -> dict[str, Any]:
    """What came back for pictures of which some are taken."""
    answer = give(client, pictures, category, **changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def decide(client: httpx.Client, *decisions: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/contributions/decisions", json=list(decisions))
    assert answer.status_code == 200, answer.text
    return answer.json()


def approve(number: int) -> dict[str, Any]:
    return {"id": number, "decision": "approve"}


def decline(number: int, reason: str = "not_shown", comment: str = "") -> dict[str, Any]:
    return {"id": number, "decision": "decline", "reason": reason, "comment": comment}
