"""What a user gets: wheel and source archive, each installed into an environment that has no more
than it asks for, and used from another folder."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ("numpy", "openpyxl", "et_xmlfile")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of the tree: building writes beside what it builds."""
    copy = tmp_path_factory.mktemp("packaging") / "source"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "normviz" / "__pycache__").mkdir()
    (copy / "normviz" / "__pycache__" / "files.cpython-311.pyc").touch()
    return copy


def tracked() -> list[str]:
    """The files of the working tree that are in git, or would be."""
    listed = run(["git", "ls-files", "-co", "--exclude-standard"], ROOT).splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def archives(source: Path) -> tuple[Path, Path]:
    """The wheel of the tree, and the source archive."""
    dist = source.parent / "dist"
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(dist)!r})"
    run([sys.executable, "-c", build], source)
    return build_wheel(source, dist), next(dist.glob("*.tar.gz"))


def build_wheel(source: Path, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run([*pip, "--wheel-dir", folder, source], folder.parent)
    return next(folder.glob("*.whl"))


def run(words: Sequence[str | Path], folder: Path, status: int = 0) -> str:
    """What a command prints; its status must be as expected."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "GIT_DIR", "GIT_INDEX_FILE")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def install(wheel: Path, folder: Path, libraries: Sequence[str] | None) -> Path:
    """A new environment with the wheel; of installed libraries those named, or all of them."""
    run([sys.executable, "-m", "venv", "--without-pip", folder], folder.parent)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = Path(run([python, "-c", where], folder).strip())
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    run([*pip, wheel], folder)
    if libraries is None:
        here = {str(metadata.distribution(name).locate_file("")) for name in CORE}
        (place / "libraries.pth").write_text("\n".join(sorted(here)))
        return folder / "bin"
    for library in libraries:
        for file in metadata.files(library) or ():
            top = place / file.parts[0]
            if ".." not in file.parts and not top.exists():
                top.symlink_to(Path(str(file.locate())).parents[len(file.parts) - 2])
    return folder / "bin"


def test_everything_in_the_packages_travels(archives: tuple[Path, Path]) -> None:
    wheel, sdist = archives
    wanted = {name for name in tracked() if name.startswith(("normviz/", "training/"))}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == wanted
    with tarfile.open(sdist) as archive:
        inside = {
            name.partition("/")[2]
            for name in archive.getnames()
            if archive.getmember(name).isfile()
        }
    assert wanted <= inside
    assert {"pyproject.toml", "README.md", "LICENSE"} <= inside


@pytest.fixture(scope="module")
def core(archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of the wheel, where there is nothing but NumPy and openpyxl."""
    return install(archives[0], tmp_path_factory.mktemp("core") / "env", CORE)


def test_the_wheel_has_no_more_than_it_asks_for(core: Path, tmp_path: Path) -> None:
    code = "import normviz, torch"
    done = subprocess.run(
        [core / "python", "-c", code], cwd=tmp_path, capture_output=True, check=False
    )
    assert b"No module named 'torch'" in done.stderr


def test_the_wheel_makes_the_committed_workbook(core: Path, tmp_path: Path) -> None:
    assert run([core / "normviz", "workbook"], tmp_path) == "normalization.xlsx\n"
    committed = (ROOT / "workbooks" / "normalization.xlsx").read_bytes()
    assert (tmp_path / "normalization.xlsx").read_bytes() == committed


def test_the_wheel_makes_a_page(core: Path, tmp_path: Path) -> None:
    run([core / "normviz", "workbook", "-o", "page.html"], tmp_path)
    assert "window.normviz" in (tmp_path / "page.html").read_text()


def test_the_wheel_explains_a_tensor(core: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2,3,4\n5,6,7,9\n")
    words = ["explain", "x.csv", "--op", "group_norm", "--groups", "2"]
    assert run([core / "normviz", *words], tmp_path) == "explained.xlsx\n"
    assert zipfile.is_zipfile(tmp_path / "explained.xlsx")
    metadata_version = run([core / "normviz", "--version"], tmp_path)
    assert metadata_version == f"normviz {metadata.version('normviz')}\n"


def test_the_source_archive_trains_and_reports(
    archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("whole")
    wheel = build_wheel(archives[1], place / "dist")
    commands = install(wheel, place / "env", None)
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "training.py").write_text("raise SystemExit('a file of the user')")
    words = ["run", "bn", "--data", "sample", "--epochs", "1", "--out", "mine"]
    run([commands / "normviz-train", *words], folder)
    (folder / "mine" / "report.html").unlink()
    run([commands / "normviz-train", "report", "mine"], folder)
    assert "report.css" not in (page := (folder / "mine" / "report.html").read_text())
    assert "<style" in page
    assert zipfile.is_zipfile(folder / "mine" / "results.xlsx")
