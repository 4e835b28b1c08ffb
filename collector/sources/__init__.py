"""The sources, one module each."""

from collector.sources.crawl import Crawl
from collector.sources.folder import Folder
from collector.sources.urls import UrlList

__all__ = ["Crawl", "Folder", "UrlList"]
