"""Pictures on their way through the decoders: none is left waiting, whatever ends; libraries say nothing."""

import asyncio
import io
import os
import struct
import subprocess
import sys
from pathlib import Path

from PIL import Image

import imaging
from collector.examining import Examiners
from label_store import Workspace
from tests.collector.site import jpeg


class _Held(Examiners):
    """Decoders whose batches all end in one turn of the event loop."""

    def __init__(self) -> None:
        super().__init__(0, 10**6)
        self.open = asyncio.Event()
        self.inside = 0

    async def _in(self, pool: object, batch: list) -> list:  # type: ignore[type-arg, override]  # as in the class itself
        self.inside += 1
        await self.open.wait()
        return imaging.describe_all([one.data for one in batch], 10**6)


def test_a_picture_that_comes_while_every_carrier_ends_is_carried_too() -> None:
    async def go() -> int:
        examiners = _Held()

        async def two(seed: int) -> int:
            first = await examiners.examine(jpeg(seed))
            second = await examiners.examine(jpeg(seed + 10))
            return len({first.facts.sha256, second.facts.sha256})

        tasks = []
        for seed in (1, 2):  # a carrier each: the second comes when the first is on its way
            tasks.append(asyncio.create_task(two(seed)))
            while examiners.inside < seed:
                await asyncio.sleep(0.01)
        tasks[1].cancel()  # only the first asks again, so nobody else brings its picture along
        examiners.open.set()
        try:
            return await asyncio.wait_for(tasks[0], 10)
        finally:
            examiners.close()

    assert asyncio.run(go()) == 2


def tiff_whose_pixels_are_elsewhere() -> bytes:
    """libtiff tells of it on the terminal by itself."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(buffer, "TIFF", compression="tiff_lzw")
    data = bytearray(buffer.getvalue())
    (directory,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, directory)
    for at in range(directory + 2, directory + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", data, at)[0] == 273:  # StripOffsets
            struct.pack_into("<I", data, at + 8, 10**6)
    return bytes(data)


def test_what_a_decoder_s_library_says_of_a_broken_picture_is_not_on_the_terminal(
    store: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "broken.tif").write_bytes(tiff_whose_pixels_are_elsewhere())
    command = [sys.executable, "-m", "cairn", "collect", "folder", str(folder), "-c", "car"]
    command += ["--processes", "1", "--workspace", str(store.folder)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "undecodable 1" in done.stdout
    assert "TIFF" not in done.stderr
