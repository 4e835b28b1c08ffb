"""Lists that lie elsewhere, brought here whole: http(s)://, s3://, and folders of lists.

They go through the gate that every picture goes through, into a temporary file (Parquet is read from its end), under a
bound. A connection that breaks is taken up where it broke. robots.txt is not asked: a curator named this very file.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import aiohttp

from collector.addresses import AllowList
from collector.connections import Gate, RefusedAddress, open_session
from collector.errors import CollectError, FetchFailed
from collector.loops import run_to_end
from collector.options import user_agent
from collector.tables import file_format, is_list
from collector.web_url import web_url
from label_store import Settings, UsageError

MAX_LIST_BYTES = 64 * 2**30
_CHUNK = 1 << 20
_TRIES = 5
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class ListFile:
    """A list on disk, and what the curator calls it."""

    path: Path
    name: str = ""

    def __str__(self) -> str:
        return self.name or str(self.path)


@contextmanager
def lists_at_hand(
    given: Sequence[str], settings: Settings, *, max_bytes: int = MAX_LIST_BYTES
) -> Iterator[tuple[ListFile, ...]]:
    """The lists of paths, folders, `http(s)://` and `s3://` addresses, as files that are there inside the `with`.

    A folder (`s3://bucket/folder/` too) stands for the lists in it, which are all of one format. Raises UsageError for
    what is not there or no list, CollectError for what cannot be brought here whole.
    """
    with tempfile.TemporaryDirectory(prefix="cairn-lists-") as temporary:
        found: list[ListFile] = []
        for number, one in enumerate(given):
            folder = Path(temporary, str(number))
            if one.startswith("s3://"):
                found += _from_bucket(one, folder, max_bytes)
            elif one.startswith(("http://", "https://")):
                found.append(_from_web(one, folder, settings, max_bytes))
            elif "://" in one and not Path(one).exists():
                raise UsageError(f"a list is not read from {one}", hint="give a path, http(s):// or s3://")
            else:
                found += local_lists(Path(one))
        yield tuple(found)


def local_lists(path: Path) -> list[ListFile]:
    """The file itself, or the lists of a folder in the order of their names."""
    if path.is_dir():
        inside = sorted(one for one in path.iterdir() if one.is_file() and one.name[0] not in "._" and is_list(one))
        _refuse_mixed(str(path), inside)
        return [ListFile(one) for one in inside]
    if not path.is_file():
        raise UsageError(f"there is no file {path}", hint="give a CSV, TSV, JSONL, JSON, TXT or Parquet file")
    return [ListFile(path)]


def _refuse_mixed(where: str, lists: Sequence[Path]) -> None:
    formats = sorted({file_format(one) for one in lists})
    if not formats:
        raise UsageError(f"{where} holds no list", hint="a list's name ends in .csv, .tsv, .jsonl, .json, .parquet, …")
    if len(formats) > 1:
        raise UsageError(
            f"{where} holds lists of several formats: {', '.join(formats)}", hint=f"say which: {where}/*{formats[0]}"
        )


# ---- the web -------------------------------------------------------------------------------------------------


def _from_web(address: str, folder: Path, settings: Settings, max_bytes: int) -> ListFile:
    target = _place(folder, urlsplit(address).path)
    run_to_end(_Download(address, target, settings, max_bytes).run())
    return ListFile(target, address)


@dataclass
class _Download:
    address: str
    target: Path
    settings: Settings
    max_bytes: int
    done: int = 0
    validator: str = ""

    async def run(self) -> None:
        gate = Gate(AllowList.parse(self.settings.allow_hosts))
        async with open_session(gate, user_agent(self.settings)) as session:
            with self.target.open("wb") as file:
                for tried in range(1, _TRIES + 1):
                    try:
                        await self._go_on(session, gate, file)
                        return
                    except FetchFailed as failure:
                        raise self._error(failure.detail) from failure
                    except (TimeoutError, aiohttp.ClientError, OSError) as error:
                        cause = getattr(error, "os_error", None) or error.__cause__
                        refused = [one for one in (error, cause) if isinstance(one, RefusedAddress)]
                        if refused:
                            raise self._error(str(refused[0]), "allow_hosts in cairn.toml names it") from error
                        if tried == _TRIES:
                            words = "nothing came for too long" if isinstance(error, TimeoutError) else str(error)
                            raise self._error(
                                f"broke off after {self.done:,} bytes ({words}), {_TRIES} times", "try again later"
                            ) from error
                    await asyncio.sleep(0.1 * 3 ** (tried - 1))

    async def _go_on(self, session: aiohttp.ClientSession, gate: Gate, file: IO[bytes]) -> None:
        """What is still missing, or all of it where the server does not go on where it broke off."""
        headers = {"Accept-Encoding": "identity"}
        if self.done and self.validator:
            headers |= {"Range": f"bytes={self.done}-", "If-Range": self.validator}
        url = web_url(self.address).with_user(None).with_fragment(None)
        for _hop in range(_MAX_REDIRECTS + 1):
            gate.check_url(url)
            async with (
                asyncio.timeout(self.settings.fetch_timeout) as silence,
                session.get(url, headers=headers, allow_redirects=False) as response,
            ):
                if response.status in _REDIRECTS:
                    url = url.join(web_url(response.headers.get("Location", "")))
                    continue
                if response.status >= 500 or response.status in (408, 429):
                    raise aiohttp.ClientError(f"the server answered {response.status}")
                if response.status not in (200, 206):
                    raise FetchFailed("http_4xx", f"the server answered {response.status}")
                self._begin(response, file)
                async for chunk in response.content.iter_chunked(_CHUNK):
                    silence.reschedule(asyncio.get_running_loop().time() + self.settings.fetch_timeout)
                    self.done += len(chunk)
                    if self.done > self.max_bytes:
                        raise FetchFailed("too_large", f"it is larger than {self.max_bytes:,} bytes")
                    await asyncio.to_thread(file.write, chunk)
                return
        raise FetchFailed("http_4xx", f"it is redirected more than {_MAX_REDIRECTS} times")

    def _begin(self, response: aiohttp.ClientResponse, file: IO[bytes]) -> None:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {self.done}-")
        if response.status == 206 and not goes_on:
            raise FetchFailed("http_4xx", "the server sent another part than it was asked for")
        if not goes_on:
            self.done = 0
            file.seek(0)
            file.truncate()
        tag = response.headers.get("ETag", "")
        self.validator = "" if tag.startswith("W/") else tag or response.headers.get("Last-Modified", "")
        _refuse_size(str(self.address), self.done + (response.content_length or 0), self.max_bytes, self.target)

    def _error(self, why: str, hint: str = "check the address") -> CollectError:
        return CollectError(f"the list {self.address} cannot be read: {why}", hint=hint)


# ---- buckets -------------------------------------------------------------------------------------------------


def _from_bucket(address: str, folder: Path, max_bytes: int) -> list[ListFile]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    store = _open_bucket(bucket)
    keys = [key]
    try:
        if not key or key.endswith("/"):
            import obstore

            listed = obstore.list_with_delimiter(store, prefix=key or None)["objects"]
            keys = sorted(entry["path"] for entry in listed if is_list(Path(entry["path"])))
            _refuse_mixed(address, [Path(one) for one in keys])
        found = []
        for number, one in enumerate(keys):
            target = _place(folder / str(number), one)
            _copy_object(store, one, target, max_bytes)
            found.append(ListFile(target, f"s3://{bucket}/{one}"))
        return found
    except (UsageError, CollectError):
        raise
    except FileNotFoundError as error:
        raise UsageError(f"there is no {address}", hint="check the bucket and the key") from error
    except Exception as error:  # obstore raises many kinds of its own: keys, signature, network, bucket
        words = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CollectError(f"the list {address} cannot be read: {words}", hint="check AWS_*") from error


def _open_bucket(bucket: str) -> Any:
    from obstore.store import S3Store

    if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        return S3Store(bucket, client_options={"allow_http": True})
    return S3Store(bucket)


def _copy_object(store: Any, key: str, target: Path, max_bytes: int) -> None:
    """One object in pieces; a stream that breaks is taken up where it broke, if the object is still the same."""
    import obstore

    meta = obstore.head(store, key)
    size, tag = int(meta["size"]), meta["e_tag"]
    _refuse_size(key, size, max_bytes, target)
    with target.open("wb") as file:
        while (done := file.tell()) < size:
            end = min(done + 64 * _CHUNK, size)
            piece = obstore.get(store, key, options={"range": (done, end), **({"if_match": tag} if tag else {})})
            file.write(piece.bytes())


def _refuse_size(name: str, size: int, max_bytes: int, target: Path) -> None:
    if size > max_bytes:
        raise CollectError(f"the list {name} has {size:,} bytes, more than {max_bytes:,}", hint="split the list")
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise CollectError(
            f"the list {name} has {size:,} bytes and only {free:,} are free in {target.parent.parent}",
            hint="free some space, or name another folder for temporary files with TMPDIR",
        )


def _place(folder: Path, path: str) -> Path:
    """Where a list is put: under its own name, which says its format."""
    name = unquote(path).rstrip("/").rpartition("/")[2]
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[-100:].lstrip(".") or "list.txt"
    folder.mkdir(parents=True, exist_ok=True)
    file_format(Path(safe))
    return folder / safe
