"""croissant.json: the release in the vocabulary of ML dataset search (mlcommons.org/croissant, version 1.0)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dataset_builder.rows import SAMPLES_FILE
from shards import Manifest
from shards.atomic import file_sha256, write_whole

CROISSANT_FILE = "croissant.json"
_TYPES = {
    "label": "sc:Integer", "n_judgments": "sc:Integer", "width": "sc:Integer", "height": "sc:Integer",
    "posterior": "sc:Float", "scale_x": "sc:Float", "scale_y": "sc:Float", "offset_x": "sc:Float",
    "offset_y": "sc:Float", "fetched_at": "sc:DateTime",
}  # fmt: skip
_ABOUT = {
    "key": "Name of the sample's files in the tars.",
    "sha256": "SHA-256 of the picture as it was collected.",
    "split": "train, val or test.",
    "shard": "The tar that holds the sample.",
    "label": "Number of the category, -1 where there is none.",
    "category": "Slug of the category.",
    "posterior": "Probability of the label by the annotators' consensus.",
    "n_judgments": "How many judgments the label rests on.",
    "attributes": "Settled attributes, JSON.",
    "boxes": "Settled boxes in pixels of the full-size picture, JSON.",
    "shapes": "Settled polygons in pixels of the full-size picture, JSON.",
    "group": "Pictures of one group are never in different splits.",
    "width": "Width of the picture in the tar, pixels.",
    "height": "Height of the picture in the tar, pixels.",
    "scale_x": "From full-size to shard pixels: x * scale_x + offset_x.",
    "scale_y": "From full-size to shard pixels: y * scale_y + offset_y.",
    "offset_x": "From full-size to shard pixels: x * scale_x + offset_x.",
    "offset_y": "From full-size to shard pixels: y * scale_y + offset_y.",
    "phash": "Perceptual hash, 16 hex digits.",
    "url": "Where the picture was collected; of a file its name.",
    "page_url": "The page it was found on.",
    "source": "The collector's source.",
    "license": "SPDX identifier or the words found.",
    "author": "Its author, as found.",
    "fetched_at": "When it was collected.",
}
_MIME = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def write_croissant(folder: Path, manifest: Manifest, extension: str) -> None:
    """Write croissant.json of a release whose shards and tables are in `folder`."""
    sha256, size = file_sha256(folder / SAMPLES_FILE)
    licenses = pq.read_table(folder / SAMPLES_FILE, columns=["license"])["license"].unique().to_pylist()
    document = describe(manifest, extension, (sha256, size), sorted(filter(None, licenses)))
    write_whole(
        folder / CROISSANT_FILE, (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    )


def describe(manifest: Manifest, extension: str, samples: tuple[str, int], licenses: list[str]) -> dict[str, Any]:
    """The document; `samples` is (sha256, bytes) of samples.parquet."""
    total = sum(files.samples for files in manifest.splits.values())
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "version": f"{manifest.version}.0.0",
        "description": (
            f"{total:,} pictures in {len(manifest.categories)} categories, judged by people with measured"
            " quality, without near-duplicates, in splits that no group of pictures crosses."
        ),
        "datePublished": manifest.created,
        "license": licenses or ["unknown"],
        "url": f"urn:cairn:{manifest.name}:{manifest.version}",
        "citeAs": f"{manifest.name}, version {manifest.version} ({(manifest.created or '')[:4]})",
        "distribution": [_samples_file(samples), *_tars(manifest), _pictures(manifest, extension)],
        "recordSet": [_records()],
    }


def _samples_file(samples: tuple[str, int]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": SAMPLES_FILE,
        "name": SAMPLES_FILE,
        "description": "A row a sample.",
        "contentUrl": SAMPLES_FILE,
        "contentSize": f"{samples[1]} B",
        "encodingFormat": "application/x-parquet",
        "sha256": samples[0],
    }


def _tars(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": shard.file,
            "name": shard.file,
            "description": f"{shard.samples} samples of {split}, a WebDataset tar.",
            "contentUrl": shard.file,
            "contentSize": f"{shard.bytes} B",
            "encodingFormat": "application/x-tar",
            "sha256": shard.sha256,
        }
        for split, files in manifest.splits.items()
        for shard in files.shards
    ]


def _pictures(manifest: Manifest, extension: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "pictures",
        "name": "pictures",
        "description": "The pictures in all tars, named by their keys.",
        "containedIn": [{"@id": s.file} for files in manifest.splits.values() for s in files.shards],
        "encodingFormat": _MIME[extension],
        "includes": f"*.{extension}",
    }


def _records() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "Labels, probabilities and provenance of every sample.",
        "key": {"@id": "samples/key"},
        "field": [_field(name) for name in _ABOUT],
    }


def _field(name: str) -> Mapping[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"samples/{name}",
        "name": name,
        "description": _ABOUT[name],
        "dataType": _TYPES.get(name, "sc:Text"),
        "source": {"fileObject": {"@id": SAMPLES_FILE}, "extract": {"column": name}},
    }


_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
