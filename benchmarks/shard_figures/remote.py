"""A cold epoch from an S3 server on loopback whose answers come 50 ms late: Cairn beside webdataset's curl."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

DELAY = 0.05


def measure_remote(bench: Any) -> dict[str, Any]:
    """Images and MiB a second by the wall, each with an empty cache; same tars of 8 MiB."""
    import boto3

    command = [sys.executable, "-m", "benchmarks.shard_figures.bucket", str(DELAY)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        endpoint = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a", "AWS_REGION": "us-east-1"}
        environment = {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": "us-east-1", **keys}
        os.environ.update(environment)  # for the contenders
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket="data", ACL="public-read")
        folder = bench.prepared("cairn", "small")
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                client.upload_file(str(path), "data", f"b/{name}", ExtraArgs={"ACL": "public-read"})
        tars = [f"{endpoint}/data/b/train/{path.name}" for path in sorted((folder / "train").glob("*.tar"))]
        runs: dict[str, list[dict[str, float]]] = {"cairn": [], "webdataset": []}
        for _ in range(bench.given.rounds):
            for who in runs:
                shutil.rmtree(bench.work / "remote" / "cache", ignore_errors=True)
                url = "s3://data/b" if who == "cairn" else json.dumps(tars)
                runs[who].append(bench.run("remote", who, bench.work / "remote", bench.given.peers, url))
        return runs
    finally:
        server.kill()
        server.wait()
