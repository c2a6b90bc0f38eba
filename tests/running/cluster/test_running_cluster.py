"""Workers that run somewhere fill a store: what is saved is what a run without workers saves, whatever workers do."""

import logging
import shutil
import subprocess

import dask
import pytest
from left_behind import chunks, computed
from mischief import GARBAGE, Config
from processes import SOURCE, environment, meanwhile, scheduler, until, workers

import sottovoce as sv
from sottovoce.errors import ClusterError, StoreError, UsageError
from sottovoce.running.cluster import dispatch, engine
from sottovoce.running.cluster.dispatch import DaskExecutor, fill
from sottovoce.running.run import Execution
from sottovoce.runs.progress import Silent


def test_chunks_are_those_of_a_run_without_workers_and_computed_once(filled, serial, mischief):
    config = Config(members=11)
    done = filled(config, size=2)
    assert chunks(done.folder) == serial(config, size=2)
    assert computed(mischief) == list(range(11))
    assert len(done.folder.provenance()) == 6
    assert list((done.folder.path / "claims").glob("*.lock")) == []


def test_only_what_is_missing_is_computed(filled, mischief):
    filled(Config(members=4))
    filled(Config(members=6))
    assert computed(mischief) == list(range(6))


def test_workers_that_save_themselves_leave_the_same_chunks(filled, serial):
    assert chunks(filled(workers_save=True).folder) == serial()


def test_a_folder_that_workers_do_not_see_is_named(running, job):
    made = job()
    there = made.folder.path / "run.json"
    kept = there.read_bytes()
    dispatched = []

    def hide(*arguments):
        there.unlink()
        dispatched.append(arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Silent, "phase", lambda self, text: there.exists() and "chunks" in text and hide(text))
        with pytest.raises((ClusterError, StoreError), match=r"run\.json does not describe a run"):
            fill([made], DaskExecutor(running, workers_save=True), Silent())
    there.write_bytes(kept)
    assert dispatched


@pytest.mark.parametrize("kind", GARBAGE)
def test_an_answer_that_is_no_chunk_is_asked_for_again(filled, serial, mischief, kind):
    (mischief / "garbage-2").write_text(kind)
    done = filled()
    assert chunks(done.folder) == serial()
    assert computed(mischief) == [0, 1, 2, 2, 3, 4, 5]


def test_a_chunk_that_fails_on_every_worker_stops_the_run_and_the_rest_is_safe(filled, job, serial, mischief):
    (mischief / "fail-2").write_text("x\nx\nx\nx")
    with pytest.raises(ClusterError) as caught:
        filled()
    said = str(caught.value)
    assert "members-000002-000002 failed 3 times: worker tcp://127.0.0.1:" in said
    assert said.count("ArithmeticError: the sum is off") == 3
    saved = chunks(job().folder)
    assert f"{len(saved)} of 6 members are safe in {job().folder.path.parent}; run the same command again" in said
    assert saved.items() <= serial().items()
    (mischief / "fail-2").unlink()
    assert chunks(filled().folder) == serial()


def test_a_worker_killed_in_the_middle_of_a_chunk_loses_nothing(filled, serial, mischief):
    (mischief / "die-2").write_text("x")
    assert chunks(filled().folder) == serial()


def test_a_chunk_that_kills_every_worker_stops_the_run(filled, mischief):
    (mischief / "die-0").write_text("x\nx\nx\nx\nx\nx")
    with pytest.raises(ClusterError, match=r"000000 failed 3 times: .* on 1 different workers, but all .* died"):
        filled(Config(members=1))


def test_a_stalled_worker_is_not_waited_for(filled, serial, mischief, monkeypatch):
    monkeypatch.setattr(dispatch, "TIMES_THE_LONGEST", 2)
    (mischief / "stalled").touch()
    (mischief / "stall-1").write_text("x")
    done = filled(patience=1.0)
    assert computed(mischief).count(1) == 2
    assert chunks(done.folder) == serial()


def test_workers_that_all_stall_stop_the_run(filled, mischief, monkeypatch):
    monkeypatch.setattr(dispatch, "TICK_SECONDS", 0.1)
    (mischief / "stalled").touch()
    (mischief / "stall-0").write_text("x\nx\nx")
    with pytest.raises(ClusterError, match=r"failed 3 times: no answer within 0\.5 s from tcp:.* raise --patience"):
        filled(Config(members=1), patience=0.5)


def test_two_clients_share_a_run_none_of_it_twice(filled, serial, mischief):
    config = Config(members=12, seconds=0.05)
    with meanwhile(lambda: filled(config, size=2)):
        done = filled(config, size=2)
    assert chunks(done.folder) == serial(config, size=2)
    assert computed(mischief) == list(range(12))


def test_a_worker_of_another_version_is_refused(job, tmp_path):
    shutil.copytree(SOURCE / "sottovoce", tmp_path / "src" / "sottovoce", ignore=shutil.ignore_patterns("__pycache__"))
    package = tmp_path / "src" / "sottovoce" / "__init__.py"
    package.write_text(package.read_text().replace('__version__ = "', '__version__ = "9.'))
    with (
        scheduler(tmp_path) as (_, address),
        workers(address, tmp_path, 1, environment(tmp_path / "src")),
        pytest.raises(ClusterError) as caught,
    ):
        fill([job()], DaskExecutor(address), Silent())
    said = str(caught.value)
    assert said.startswith("worker tcp://127.0.0.1:")
    assert "this worker has sottovoce 9." in said
    assert "the asker sottovoce 0." in said
    assert "0 of 6 members are safe" in said


def test_a_worker_with_damaged_data_is_refused(running, tmp_path):
    execution = Execution(out=tmp_path, executor="dask", scheduler=running, quiet=True)
    with pytest.raises(ClusterError, match=r"worker tcp:.* refused transfer-.*-images.*sottovoce data fetch"):
        sv.run("transfer", execution=execution, dataset="mnist", members=1)


def test_a_lost_scheduler_stops_the_run_and_the_chunks_are_safe(job, serial, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(dispatch, "LONELY_SECONDS", 0.0)
    monkeypatch.setattr(dispatch, "TICK_SECONDS", 0.1)
    config = Config(members=12, seconds=0.1)
    made = job(config)
    with scheduler(tmp_path) as (process, address):

        def join_and_kill():
            # Nobody works yet: that is said, once, and waited for.
            until(lambda: "no worker has joined" in caplog.text)
            with workers(address, tmp_path, 1, environment()):
                until(lambda: len(made.folder.spans()) >= 3)
                process.kill()

        with caplog.at_level(logging.WARNING), meanwhile(join_and_kill), pytest.raises(ClusterError) as caught:
            fill([made], DaskExecutor(address), Silent())
    assert caplog.text.count("no worker has joined") == 1
    safe = len(made.folder.spans())
    assert 3 <= safe < 12
    assert str(caught.value).startswith(f"the scheduler at {address} is lost")
    assert f"{safe} of 12 members are safe" in str(caught.value)
    assert chunks(made.folder).items() <= serial(config).items()


def test_no_scheduler_is_said_so(job, monkeypatch):
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 0.5)
    with pytest.raises(ClusterError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9 within .* dask scheduler"):
        fill([job()], DaskExecutor("tcp://127.0.0.1:9"), Silent())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing here makes a certificate")
def test_with_certificates_chunks_travel_and_without_none_do(job, serial, tmp_path, monkeypatch):
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=sottovoce"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    settings = {"distributed.comm.require-encryption": "True", "distributed.comm.tls.ca-file": cert}
    for who in ("client", "scheduler", "worker"):
        settings |= {f"distributed.comm.tls.{who}.cert": cert, f"distributed.comm.tls.{who}.key": key}
    for name, value in settings.items():
        monkeypatch.setenv("DASK_" + name.replace(".", "__").replace("-", "_").upper(), value)
    asked = job()
    with scheduler(tmp_path) as (_, address), workers(address, tmp_path, 1, environment()):
        assert address.startswith("tls://")
        plain = address.replace("tls", "tcp")
        monkeypatch.setattr(engine, "CONNECT_SECONDS", 0.5)
        with pytest.raises(ClusterError, match="no scheduler answers"):
            fill([asked], DaskExecutor(plain), Silent())
        with pytest.raises(UsageError, match="name no certificate"):
            DaskExecutor(address).check()
        assert not asked.folder.spans()
        with dask.config.set(settings):
            with pytest.raises(UsageError, match="demand encryption"):
                DaskExecutor(plain).check()
            fill([asked], DaskExecutor(address), Silent())
    assert chunks(asked.folder) == serial()
