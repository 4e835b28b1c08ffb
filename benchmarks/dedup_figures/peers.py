"""Hashes of the peers, computed in an environment that has them: `python peers.py LIST.txt OUT.npz`.

imagededup's four hashes and its CNN (where its weights can be had), and PDQ with its eight positions. Standalone: it
imports nothing of this project. Each result is uint64 [N, W] (or [N, 8, W]); `cnn` float32 [N, D]. Seconds beside.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def main() -> None:
    """Read the names of files, write what each method makes of them."""
    files = Path(sys.argv[1]).read_text().splitlines()
    found: dict[str, Any] = {}
    for name, method in (*imagededup_methods(), ("PDQ", pdq)):
        start = time.process_time()
        found[name] = np.stack([method(file) for file in files])
        found[f"{name}.seconds"] = time.process_time() - start
        print(f"{name}: {len(files) / found[f'{name}.seconds']:.0f} pictures per CPU second", flush=True)
    found |= cnn(files)
    np.savez(sys.argv[2], **found)


def imagededup_methods() -> list[tuple[str, Any]]:
    """PHash, DHash, WHash, AHash of imagededup."""
    from imagededup import methods  # type: ignore[import-not-found]

    def hashed(method: Any) -> Any:
        def of(file: str) -> np.ndarray:
            pixels = np.asarray(Image.open(file).convert("RGB"))
            return np.array([int(method.encode_image(image_array=pixels), 16)], dtype=np.uint64)

        return of

    return [(f"imagededup {name}", hashed(getattr(methods, name)())) for name in ("PHash", "DHash", "WHash", "AHash")]


def pdq(file: str) -> np.ndarray:
    """PDQ's 256 bits in its eight positions."""
    import pdqhash  # type: ignore[import-not-found]

    vectors, _ = pdqhash.compute_dihedral(np.asarray(Image.open(file).convert("RGB")))
    return np.stack([np.packbits(np.asarray(vector).astype(bool)).view(np.uint64) for vector in vectors])


def cnn(files: list[str]) -> dict[str, Any]:
    """imagededup's CNN, or why not."""
    try:
        from imagededup.methods import CNN  # type: ignore[import-not-found]

        method = CNN()
    except Exception as error:  # its weights come from the network
        print(f"imagededup CNN left out: {type(error).__name__}: {error}", flush=True)
        return {}
    start = time.process_time()
    vectors = [method.encode_image(image_array=np.asarray(Image.open(file).convert("RGB")))[0] for file in files]
    return {"imagededup CNN": np.stack(vectors), "imagededup CNN.seconds": time.process_time() - start}


if __name__ == "__main__":
    main()
