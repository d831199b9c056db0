"""The data sets that can be trained on, each four IDX files as torchvision lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.errors import TrainingError

MEAN, STD = 0.1307, 0.3081  # of MNIST, and of its sample


@dataclass(frozen=True)
class Dataset:
    """One data set of 28 by 28 pictures in ten classes.

    ``files`` gives the digest of each file: of the unpacked IDX files, or of the archives (.gz)
    where only their digests are published; torchvision leaves both in the folder.
    """

    name: str  # of --dataset
    title: str
    folder: str  # torchvision's, inside of --data
    files: Mapping[str, str]  # training images and labels, then test images and labels
    algorithm: str = "sha256"
    noun: str = "images"
    mean: float | None = None  # of the training pixels in [0, 1]; None: counted when it is loaded
    std: float | None = None

    @property
    def digest_name(self) -> str:
        """What people call the algorithm of its digests."""
        return {"sha256": "SHA-256", "md5": "MD5"}[self.algorithm]


MNIST = Dataset(
    "mnist",
    "MNIST",
    "MNIST",
    {
        "train-images-idx3-ubyte": (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        "train-labels-idx1-ubyte": (
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        "t10k-images-idx3-ubyte": (
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        "t10k-labels-idx1-ubyte": (
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
    },
    noun="digits",
    mean=MEAN,
    std=STD,
)
# The digests are those of the files in Debian's package dataset-fashion-mnist (2020-05-23).
FASHION_MNIST = Dataset(
    "fashion-mnist",
    "Fashion-MNIST",
    "FashionMNIST",
    {
        "train-images-idx3-ubyte": (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        "train-labels-idx1-ubyte": (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        "t10k-images-idx3-ubyte": (
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        "t10k-labels-idx1-ubyte": (
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
    },
)
# No copy could be reached to count a SHA-256 of, so the archives are held to the MD5 that
# torchvision publishes with its downloader.
KMNIST = Dataset(
    "kmnist",
    "KMNIST",
    "KMNIST",
    {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    },
    algorithm="md5",
)
DIVIDED = ", divided by the seed"  # behind a title, see load.drawn
DATASETS = {dataset.name: dataset for dataset in (MNIST, FASHION_MNIST, KMNIST)}


def named(title: str) -> tuple[str, bool]:
    """Return the name of the data set with that title, and whether it is a sample of it.

    Divided by the seed it is the same data set.

    >>> named("Fashion-MNIST, divided by the seed"), named("sample of MNIST")
    (('fashion-mnist', False), ('mnist', True))
    """
    title = title.removesuffix(DIVIDED)
    by_title = {dataset.title: dataset.name for dataset in DATASETS.values()}
    return by_title.get(title, MNIST.name), title not in by_title


def find_dataset(name: str) -> Dataset:
    """Return the data set of that name.

    Raises:
        TrainingError: when there is none, naming those there are.
    """
    try:
        return DATASETS[name]
    except KeyError:
        raise TrainingError(f"unknown data set {name!r}; there are {', '.join(DATASETS)}") from None
