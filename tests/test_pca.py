"""`python -m common.pca`: each task through its program."""

import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from common.errors import run_cli
from common.pca import main
from common.video.reduction import Reduction, read_reduction


@pytest.fixture
def game(tmp_path, monkeypatch):
    """A game's two halves as they were and reduced, another game, and what reduced them."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    truth = Reduction(rng.random(24), np.zeros(24), np.linalg.qr(rng.random((24, 6)))[0].T)
    mixed = rng.standard_normal((24, 24))
    for folder in ("game", "other"):
        (tmp_path / folder).mkdir()
        for half in (1, 2):
            rows = np.maximum(rng.standard_normal((80 + half, 24)) @ mixed, 0).astype(np.float32)
            np.save(f"{folder}/{half}_own.npy", rows)
            np.save(f"{folder}/{half}_own_PCA6.npy", truth(rows))
    return truth


def run(capsys, *words):
    """What a run prints and how it ends: its exit code, output and errors."""
    with pytest.raises(SystemExit) as end:
        run_cli(lambda: main(list(words)))
    return end.value.code, *capsys.readouterr()


FULL = ["--full", "game/1_own.npy", "game/2_own.npy"]
REDUCED = ["--reduced", "game/1_own_PCA6.npy", "game/2_own_PCA6.npy"]
CHECK = ["--check_full", "other/1_own.npy", "--check_reduced", "other/1_own_PCA6.npy"]


def test_recovered_and_checked_on_another_game(game, capsys):
    code, out, err = run(capsys, "recover", *FULL, *REDUCED, *CHECK, "-o", "new/pca6.npz")
    assert (code, err) == (0, "")
    assert "recovered from 147 rows" in out
    assert "on the other halves" in out
    assert out.endswith("new/pca6.npz: 24 values to 6\n")
    rows = np.load("other/2_own.npy")
    assert np.allclose(read_reduction(Path("new/pca6.npz"))(rows), game(rows), atol=1e-5)


def test_what_another_game_contradicts_is_not_written(game, capsys, tmp_path):
    np.save("other/1_own_PCA6.npy", np.load("other/1_own_PCA6.npy") + 1)
    code, _, err = run(capsys, "recover", *FULL, *REDUCED, *CHECK, "-o", "pca6.npz")
    assert code == 2
    assert err.startswith("error: the PCA does not hold for other/1_own.npy")
    code, _, err = run(capsys, "recover", *FULL, *REDUCED[:2], "-o", "pca6.npz")
    assert code == 2
    assert "--full has 2 files and --reduced has 1" in err
    code, _, err = run(capsys, "recover", *FULL, "--reduced", *REDUCED[:0:-1], "-o", "pca6.npz")
    assert code == 2
    assert "game/1_own.npy has 81 rows and game/2_own_PCA6.npy has 82" in err
    assert not (tmp_path / "pca6.npz").exists()


def test_fitted_and_applied(game, capsys, tmp_path):
    files = [str(path) for path in sorted(tmp_path.glob("*/*_own.npy"))]
    code, out, err = run(capsys, "fit", *files, "--dim", "24", "-o", "own24.npz")
    assert (code, err) == (0, "")
    assert "fitted on 326 rows of 4 files; it keeps 100.0% of their variance" in out
    code, out, err = run(capsys, "apply", "own24.npz", *files)
    assert (code, err) == (0, "")
    reduced = np.load("game/2_own_PCA24.npy")
    assert (reduced.dtype, reduced.shape) == (np.float32, (82, 24))
    rows = np.load("game/2_own.npy")
    assert np.array_equal(reduced, read_reduction(Path("own24.npz"))(rows))
    # All directions are kept, so distances are, too.
    assert np.allclose(np.linalg.norm(np.diff(reduced, axis=0), axis=1),
                       np.linalg.norm(np.diff(rows, axis=0), axis=1), rtol=1e-4)  # fmt: skip
    before = Path("game/2_own_PCA24.npy").stat().st_mtime_ns
    code, out, err = run(capsys, "apply", "own24.npz", *files)
    assert (code, out.count("is there\n"), err) == (0, 4, "")
    assert Path("game/2_own_PCA24.npy").stat().st_mtime_ns == before
    np.save("game/2_own_PCA24.npy", reduced[:1])
    code, out, err = run(capsys, "apply", "own24.npz", *files)
    assert (code, out.count("is there\n")) == (2, 3)
    assert "1 file of 4 (the first: " in err
    assert "--overwrite" in err
    assert len(np.load("game/2_own_PCA24.npy")) == 1
    assert run(capsys, "apply", "own24.npz", *files, "--overwrite")[0] == 0
    assert np.array_equal(np.load("game/2_own_PCA24.npy"), reduced)


def test_rows_of_another_pca_are_not_taken_for_this_ones(game, capsys):
    for name, half in (("one.npz", "1"), ("two.npz", "2")):
        run(capsys, "fit", f"game/{half}_own.npy", "--dim", "5", "-o", name)
    assert run(capsys, "apply", "one.npz", "game/1_own.npy")[0] == 0
    code, out, err = run(capsys, "apply", "two.npz", "game/1_own.npy", "game/2_own.npy")
    assert code == 2
    assert out.splitlines() == [
        "game/1_own_PCA5.npy: is there, and holds something else",
        "game/2_own_PCA5.npy: 82 rows",
    ]
    assert "1 file of 2 (the first: game/1_own_PCA5.npy) held other rows" in err
    rows = np.load("game/1_own.npy")
    assert np.array_equal(np.load("game/1_own_PCA5.npy"), read_reduction(Path("one.npz"))(rows))


def test_features_of_another_width_are_not_reduced(game, capsys):
    run(capsys, "fit", "game/1_own.npy", "--dim", "3", "-o", "own3.npz")
    code, _, err = run(capsys, "apply", "own3.npz", "game/1_own_PCA6.npy")
    assert code == 2
    assert "has 6 features per frame, expected 24" in err


def test_converted(game, capsys, monkeypatch):
    module = types.ModuleType("sklearn.decomposition._pca")
    module.PCA = type("PCA", (), {"__module__": module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "sklearn", types.ModuleType("sklearn"))
    pca = module.PCA()
    pca.__dict__ |= {"mean_": game.mean, "components_": game.components, "whiten": False}
    for name, value in (("average.pkl", game.average), ("pca.pkl", pca)):
        Path(name).write_bytes(pickle.dumps(value))
    code, out, err = run(capsys, "convert", "average.pkl", "pca.pkl", "-o", "pca6.npz")
    assert (code, out, err) == (0, "pca6.npz: 24 values to 6\n", "")
    assert np.array_equal(read_reduction(Path("pca6.npz")).components, game.components)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "TASK"),
        (["guess"], "invalid choice: 'guess'"),
        (["fit", "-o", "x.npz"], "FILE"),
        (["fit", "a.npy", "-o", "x.npy"], "expected a name that ends in .npz, found x.npy"),
        (["fit", "a.npy", "--dim", "0", "-o", "x.npz"], "expected a whole number"),
        (["convert", "a.pkl", "-o", "x.npz"], "PCA"),
        (["fit", "a.npy", "-o", "x.npz"], "expected features at a.npy, found no such file"),
    ],
)
def test_words_that_make_no_task(capsys, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *words)
    assert code == 2
    assert said in err
