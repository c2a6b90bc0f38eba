import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_experiment import Config, Fake, hold_claim, start
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.runs.identity import run_header
from sottovoce.runs.locking import claim
from sottovoce.runs.store import RunFolder

HEADER = run_header("fake", 1, Config())


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder.of(tmp_path, HEADER)
    folder.prepare(HEADER)
    return folder


def locks(folder):
    return sorted(file.name for file in (folder.path / "claims").glob("*.lock"))


def test_claims_are_disjoint_whatever_their_sizes_and_end_with_the_block(folder):
    with claim(folder, range(6), 2) as a, claim(folder, range(8), 3) as b, claim(folder, range(6), 9) as c:
        assert (a, b, c) == (range(2), range(2, 5), range(5, 6))
        with claim(folder, range(6), 1) as nothing:
            assert nothing is None
        assert locks(folder) == ["0-1.lock", "2-4.lock", "5-5.lock"]
    assert locks(folder) == []
    with claim(folder, range(6), 6) as everything:
        assert everything == range(6)


@settings(deadline=None, max_examples=25)
@given(st.sets(st.integers(0, 12), max_size=8), st.integers(1, 5))
def test_claims_cover_what_is_missing_in_contiguous_pieces(tmp_path_factory, held, size):
    folder = RunFolder.of(tmp_path_factory.mktemp("root"), HEADER)
    folder.chunks.mkdir(parents=True)
    touch = [folder.chunks / f"members-{member:06d}-{member:06d}.h5" for member in held]
    for file in touch:
        file.touch()
    claimed = []
    while True:
        with claim(folder, range(13), size) as span:
            if span is None:
                break
            assert 0 < len(span) <= size
            claimed += span
            for member in span:
                (folder.chunks / f"members-{member:06d}-{member:06d}.h5").touch()
    assert claimed == sorted(set(range(13)) - held)


def test_an_exception_drops_the_claim(folder):
    with pytest.raises(KeyboardInterrupt), claim(folder, range(2), 2):
        raise KeyboardInterrupt
    assert locks(folder) == []


@pytest.mark.parametrize("moment", ["claiming", "dropping"])
def test_an_interrupt_while_claiming_or_dropping_leaves_no_claim(folder, monkeypatch, moment):
    release = FileLock.release

    def interrupted(lock, *arguments, **options):
        if os.path.basename(lock.lock_file) == {"claiming": ".mutex", "dropping": "0-1.lock"}[moment]:
            signal.raise_signal(signal.SIGINT)
        release(lock, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "release", interrupted)
        # The exception is kept, as a notebook keeps it, and with it every frame and lock it passed.
        with pytest.raises(KeyboardInterrupt) as kept, claim(folder, range(2), 2):
            assert moment == "dropping"
    assert locks(folder) == []
    with claim(folder, range(2), 2) as span:
        assert span == range(2)
    assert kept.value


def test_threads_claim_too(folder):
    def first():
        with claim(folder, range(4), 2) as span:
            return span

    with ThreadPoolExecutor(1) as threads, claim(folder, range(4), 2) as mine:
        assert (mine, threads.submit(first).result()) == (range(2), range(2, 4))


def test_a_dead_owner_holds_nothing_and_its_litter_goes_once_nobody_writes(folder):
    owner = start(hold_claim, folder, range(6), 2)
    folder.chunks.mkdir()
    litter = folder.chunks / ".members-000000-000001.h5.0.tmp"
    litter.touch()
    with claim(folder, range(6), 2) as span:
        assert span == range(2, 4)
    assert litter.exists()  # its owner lives
    owner.kill()
    owner.join()
    assert locks(folder) == ["0-1.lock"]
    with claim(folder, range(6), 4) as span:
        assert span == range(4)
        assert locks(folder) == ["0-3.lock"]
    assert os.listdir(folder.chunks) == []


def test_saved_members_are_not_claimed(folder):
    folder.save(range(1, 3), Fake().simulate(Config(), range(1, 3)), {})
    with claim(folder, range(4), 4) as a, claim(folder, range(4), 4) as b:
        assert (a, b) == (range(1), range(3, 4))
