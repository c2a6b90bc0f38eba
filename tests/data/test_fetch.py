"""Fetching from mirrors on the loopback interface: broken, lying, silent and sound ones."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from sottovoce.data import catalog
from sottovoce.data.datasets import choose_dataset, load_dataset
from sottovoce.data.fetch import _Bounded, attempt, fetch
from sottovoce.errors import DataError, UsageError

Put = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("small")


@dataclass
class Mirrors:
    """One server; a path starts with the mirror: good, lying (other bytes), cut, long, endless, silent or broken."""

    contents: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    base: str = ""

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        mirror, name = handler.path.strip("/").split("/")
        self.asked.append(f"{mirror}/{name}")
        if mirror == "silent":
            self.released.wait()
        if mirror not in {"good", "lying", "cut", "long", "endless"}:
            handler.send_error(404)
            return
        content = self.contents[name]
        sent = {"lying": content[::-1], "cut": content[: len(content) // 2], "long": content + b"?"}.get(
            mirror, content
        )
        handler.send_response(200)
        if mirror != "endless":
            handler.send_header("Content-Length", str(max(len(content), len(sent))))
        handler.end_headers()
        handler.wfile.write(sent)
        with contextlib.suppress(OSError):  # the client hangs up
            # An end after all, so that a fetch without its bound fails and does not fill the disk.
            for _ in range(1_000 if mirror == "endless" else 0):
                handler.wfile.write(bytes(1 << 16))

    def name(self, monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> None:
        entry = catalog.CATALOG["mnist"]
        urls = tuple(f"{self.base}/{mirror}/" for mirror in mirrors)
        monkeypatch.setitem(catalog.CATALOG, "mnist", replace(entry, mirrors=urls))


@pytest.fixture
def mirrors(small: dict[str, dict[str, bytes]]) -> Iterator[Mirrors]:
    served = Mirrors(small["mnist"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            served.reply(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield served
        finally:
            served.released.set()
            server.shutdown()
            thread.join()


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("first", ["broken", "lying", "cut", "long", "endless"])
def test_the_second_mirror_stands_in_for_the_first(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, bare_machine: Path, first: str
):
    mirrors.name(monkeypatch, first, "good")
    assert fetch("mnist") == bare_machine / "mnist"
    assert listing(bare_machine / "mnist") == mirrors.contents
    assert mirrors.asked == [f"{mirror}/{name}" for name in mirrors.contents for mirror in (first, "good")]
    assert len(load_dataset("mnist").train_images) == 12


@pytest.mark.parametrize(
    ("mirror", "reason"),
    [
        ("lying", "wrong checksum"),
        ("cut", "ChunkedEncodingError"),
        ("broken", "404"),
        ("long", "sent more than the "),
        ("endless", "sent more than the "),
    ],
)
def test_where_no_mirror_is_sound_nothing_is_left_behind(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, bare_machine: Path, mirror: str, reason: str
):
    mirrors.name(monkeypatch, mirror)
    with pytest.raises(DataError) as caught:
        fetch("mnist")
    text = str(caught.value)
    assert text.startswith("train-images-idx3-ubyte.gz of mnist could not be fetched: ")
    assert f"{mirrors.base}/{mirror}/" in text
    assert reason in text
    assert "\n" not in text
    assert listing(bare_machine / "mnist") == {}


def test_each_mirror_is_named_in_order_with_what_was_wrong_with_it(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch):
    mirrors.name(monkeypatch, "broken", "long", "lying")
    size = catalog.CATALOG["mnist"].files[0].size
    words = [r"404 Client Error.*", rf"sent more than the {size} bytes of the file", r"sent something else \(wrong.*"]
    told = "; ".join(f"{mirrors.base}/{m}/ {w}" for m, w in zip(("broken", "long", "lying"), words, strict=True))
    with pytest.raises(DataError, match=told):
        fetch("mnist")


def test_an_endless_download_is_stopped_after_its_first_piece(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch):
    written: list[int] = []
    write = _Bounded.write
    monkeypatch.setattr(_Bounded, "write", lambda output, piece: written.append(len(piece)) or write(output, piece))
    mirrors.name(monkeypatch, "endless")
    with pytest.raises(DataError, match="sent more than"):
        fetch("mnist")
    assert len(written) == 1
    assert written[0] <= 1 << 16


def test_a_port_where_nobody_listens(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, bare_machine: Path):
    mirrors.base = "http://127.0.0.1:1"
    mirrors.name(monkeypatch, "good")
    with pytest.raises(DataError, match=r"could not be fetched: http://127.0.0.1:1/good/ ConnectionError"):
        fetch("mnist")
    assert listing(bare_machine / "mnist") == {}


def test_a_silent_mirror_is_given_up(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, bare_machine: Path):
    allowed: list[float] = []
    downloader = pooch.HTTPDownloader
    record = lambda *, timeout, **options: allowed.append(timeout) or downloader(timeout=timeout, **options)  # noqa: E731
    monkeypatch.setattr(pooch, "HTTPDownloader", record)
    monkeypatch.setattr("sottovoce.data.fetch._SILENCE", 0.2)
    mirrors.name(monkeypatch, "silent", "good")
    fetch("mnist")
    assert listing(bare_machine / "mnist") == mirrors.contents
    assert set(allowed) == {0.2}


def test_only_what_is_missing_or_damaged_is_asked_for(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, put: Put, tmp_path: Path
):
    mirrors.name(monkeypatch, "good")
    put(tmp_path / "mnist", train_labels=b"damaged", test_images=None)
    fetch("mnist", tmp_path)
    assert mirrors.asked == ["good/train-labels-idx1-ubyte.gz", "good/t10k-images-idx3-ubyte.gz"]
    assert listing(tmp_path / "mnist") == mirrors.contents


def test_a_fetch_out_of_time_stops(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, bare_machine: Path):
    mirrors.name(monkeypatch, "good", "good")
    with pytest.raises(DataError, match="could not be fetched"):
        fetch("mnist", limit=0.0)
    assert listing(bare_machine / "mnist") == {}


def test_nothing_that_arrives_too_late_is_written(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch):
    mirrors.name(monkeypatch, "good")
    begin, write, written = _Bounded.__init__, _Bounded.write, []

    def late(output: _Bounded, path: str, file: catalog.File, _deadline: float) -> None:
        begin(output, path, file, 0.0)

    def noted(output: _Bounded, piece: bytes) -> int:
        try:
            return write(output, piece)
        finally:
            written.append(output.tell())

    monkeypatch.setattr(_Bounded, "__init__", late)
    monkeypatch.setattr(_Bounded, "write", noted)
    with pytest.raises(DataError, match=r"/good/ ran out of time"):
        fetch("mnist")
    assert written == [0], "some of it was written"


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"cannot be made .*name another with --data-dir"):
        fetch("mnist", tmp_path / "file")


@pytest.mark.parametrize("mirror", ["good", "broken"])
def test_pooch_says_as_much_after_a_fetch_as_before(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, mirror: str):
    mirrors.name(monkeypatch, mirror)
    logger = pooch.get_logger()
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    with contextlib.suppress(DataError):
        fetch("mnist")
    assert logger.level == logging.DEBUG


@pytest.mark.parametrize("name", ["digits", "mnits"])
def test_only_datasets_in_files_can_be_fetched(name: str):
    with pytest.raises(UsageError, match=f"dataset is '{name}'; allowed: mnist, fashion-mnist"):
        fetch(name)


def test_auto_fetches_mnist_when_it_can(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch):
    mirrors.name(monkeypatch, "good")
    assert choose_dataset("auto") == "digits"
    assert mirrors.asked == []
    monkeypatch.delenv("SOTTOVOCE_OFFLINE")
    assert choose_dataset("auto") == "mnist"


@pytest.mark.parametrize("mirror", ["broken", "lying", "silent"])
def test_an_attempt_that_fails_says_nothing_and_returns(
    mirrors: Mirrors,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    mirror: str,
):
    mirrors.name(monkeypatch, mirror)
    # pooch's own handler holds the standard error of the time it was imported.
    monkeypatch.setattr(pooch.get_logger(), "handlers", [logging.StreamHandler()])
    assert not attempt("mnist", limit=0.3)
    for thread in threading.enumerate():
        if thread.name == "fetch mnist":
            thread.join()
    assert capfd.readouterr() == ("", "")
