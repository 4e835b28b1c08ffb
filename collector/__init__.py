"""The collector: from lists, folders and sites to pictures in the label store, with where they came from."""

from collector.errors import CollectError, FetchFailed
from collector.found import BadRow, Candidate, Categories, Context, PageSeen, Source
from collector.options import OVERRIDES, CollectOptions
from collector.queries import Query
from collector.report import CollectReport
from collector.run import collect, collect_async
from collector.sources import Commons, Crawl, First, Folder, Openverse, UrlList
from collector.sources.urls import Columns
from collector.status import CollectStatus, collect_status

__all__ = [
    "OVERRIDES",
    "BadRow",
    "Candidate",
    "Categories",
    "CollectError",
    "CollectOptions",
    "CollectReport",
    "CollectStatus",
    "Columns",
    "Commons",
    "Context",
    "Crawl",
    "FetchFailed",
    "First",
    "Folder",
    "Openverse",
    "PageSeen",
    "Query",
    "Source",
    "UrlList",
    "collect",
    "collect_async",
    "collect_status",
]
