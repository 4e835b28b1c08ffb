"""The sources, one module each."""

from collector.sources.commons import Commons
from collector.sources.crawl import Crawl
from collector.sources.first import First
from collector.sources.folder import Folder
from collector.sources.openverse import Openverse
from collector.sources.urls import UrlList

__all__ = ["Commons", "Crawl", "First", "Folder", "Openverse", "UrlList"]
