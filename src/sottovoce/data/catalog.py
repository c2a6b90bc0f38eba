"""The datasets that are stored in files: the exact files, their license, and the servers of copies."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sottovoce.errors import not_among


@dataclass(frozen=True)
class File:
    """One gzip-compressed IDX file, specified to the byte."""

    role: str  # train_images, train_labels, test_images or test_labels
    name: str  # on disk and on every mirror
    size: int  # bytes, compressed
    sha256: str  # of the compressed bytes, in hexadecimal
    shape: tuple[int, ...]  # of the uint8 array inside


@dataclass(frozen=True)
class Collection:
    """A dataset of four files."""

    name: str
    source: str
    license: str
    mirrors: tuple[str, ...]  # tried in this order; plain http is as safe as https, by the checksums
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """How many bytes all files have together."""
        return sum(file.size for file in self.files)

    @property
    def fix(self) -> str:
        """Words for error messages: the command that puts a verified copy into the user's cache."""
        return f"fix: sottovoce data fetch {self.name}"


# Fashion-MNIST has the names and shapes of MNIST's files, and differs in their bytes alone.
_MNIST_SHAPED = (
    ("train_images", "train-images-idx3-ubyte.gz", (60_000, 28, 28)),
    ("train_labels", "train-labels-idx1-ubyte.gz", (60_000,)),
    ("test_images", "t10k-images-idx3-ubyte.gz", (10_000, 28, 28)),
    ("test_labels", "t10k-labels-idx1-ubyte.gz", (10_000,)),
)


def _four_files(*sizes_and_checksums: tuple[int, str]) -> tuple[File, ...]:
    return tuple(
        File(role, name, *exact, shape)
        for (role, name, shape), exact in zip(_MNIST_SHAPED, sizes_and_checksums, strict=True)
    )


_MNIST = Collection(
    name="mnist",
    source="Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits",
    license="CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    files=_four_files(
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
)

_FASHION_MNIST = Collection(
    name="fashion-mnist",
    source="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, arXiv:1708.07747",
    license="MIT, Copyright (c) 2017 Zalando SE",
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    files=_four_files(
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
)

CATALOG: Mapping[str, Collection] = MappingProxyType({c.name: c for c in (_MNIST, _FASHION_MNIST)})


def collection(name: str) -> Collection:
    """Look up a dataset that is stored in files.

    Raises:
        UsageError: the catalog has no such name.
    """
    if name not in CATALOG:
        raise not_among("dataset", name, CATALOG)
    return CATALOG[name]
