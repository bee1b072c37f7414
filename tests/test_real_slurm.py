"""The short form of `tests/long/real_slurm.py`, where Slurm is installed."""

import threading

import pytest
from fake_baseline import Fake
from slurm_cluster import CannotStart, started

from common.reproduce.__main__ import main
from common.reproduce.runs import RECORD, read_record


@pytest.fixture
def cluster(tmp_path_factory):
    pytest.importorskip("submitit", reason="needs the optional package submitit")
    with pytest.MonkeyPatch.context() as surroundings:
        try:
            with started(tmp_path_factory.mktemp("slurm"), kill_wait=2) as slurm:
                for name in ("SLURM_CONF", "PATH"):
                    surroundings.setenv(name, slurm.environment[name])
                yield slurm
        except CannotStart as reason:
            pytest.skip(f"needs Slurm: {reason}")


def test_a_job_that_is_put_back_goes_on(tmp_path, cluster, capsys):
    fake = Fake(tmp_path)
    fake.set("hold")
    seen = []

    def disturb():
        try:
            cluster.until(lambda: list(fake.out.rglob("last.pth.tar")), "the first start")
            seen.extend(cluster.jobs())
            cluster.run("scontrol", "requeue", *seen)
            cluster.until(lambda: cluster.jobs("%T") == ["PENDING"], "the way back")
            cluster.let_wait_no_longer()
            cluster.until(lambda: len(fake.history()) == 2, "the second start")
        finally:
            fake.set("hold", False)

    disturber = threading.Thread(target=disturb)
    disturber.start()
    words = ["Fake", "--SoccerNet_path", fake.data, "--out", fake.out, "--launcher", "slurm"]
    code = main([*map(str, words), "--rows", "A", "--seeds", "0"], fake.root)
    disturber.join()
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "50.00" in printed
    assert fake.history() == ["A 0 overwrite None", "A 0 resume None"]
    (record,) = fake.out.rglob(RECORD)
    assert read_record(record.parent)["state"] == "done"
