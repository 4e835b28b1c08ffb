"""The label store: models, sessions, settings, blobs, and the one door by which a picture enters."""

from label_store.answers import AnswerError, as_word, check_answer, is_flag
from label_store.assessment import Assessment
from label_store.blobs import BlobError, BlobStore, FolderBlobs, S3Blobs, open_blobs
from label_store.errors import (
    CairnError,
    NotAWorkspace,
    StoreBusy,
    StoreFull,
    StoreVersionError,
    TakenDown,
    UsageError,
)
from label_store.events import log_event
from label_store.ingest import examine, examined, ingest, refuse_taken_down
from label_store.origin import Examined, Origin, url_hash
from label_store.recording import Failure, Recorded, Result, record, record_all, record_failure
from label_store.rehash import Rehashed, rehash
from label_store.settings import Settings, load_settings
from label_store.settle import assess, find_campaign, settle
from label_store.settle_annotators import AnnotatorReport
from label_store.settle_items import ItemConsensus
from label_store.takedown import TakedownResult, take_down, tells_likeness
from label_store.taxonomy import find_category, put_attributes, put_categories, put_category, read_specs
from label_store.taxonomy_files import find_taxonomy, read_taxonomy, write_taxonomy
from label_store.taxonomy_specs import AttributeSpec, CategorySpec, slugify
from label_store.workspace import Workspace

__all__ = [
    "AnnotatorReport",
    "AnswerError",
    "Assessment",
    "AttributeSpec",
    "BlobError",
    "BlobStore",
    "CairnError",
    "CategorySpec",
    "Examined",
    "Failure",
    "FolderBlobs",
    "Rehashed",
    "rehash",
    "ItemConsensus",
    "NotAWorkspace",
    "Origin",
    "Recorded",
    "Result",
    "S3Blobs",
    "Settings",
    "StoreBusy",
    "StoreFull",
    "StoreVersionError",
    "TakedownResult",
    "TakenDown",
    "UsageError",
    "Workspace",
    "as_word",
    "assess",
    "check_answer",
    "examine",
    "examined",
    "find_campaign",
    "find_category",
    "find_taxonomy",
    "ingest",
    "is_flag",
    "load_settings",
    "log_event",
    "open_blobs",
    "put_attributes",
    "put_categories",
    "put_category",
    "read_specs",
    "read_taxonomy",
    "record",
    "record_all",
    "record_failure",
    "refuse_taken_down",
    "settle",
    "slugify",
    "take_down",
    "tells_likeness",
    "url_hash",
    "write_taxonomy",
]
