"""The original's pickles: read by following their instructions, and nothing of them is run."""

import collections
import os
import pickle
import pickletools
import struct
import sys
import types

import numpy as np
import pytest

from common.errors import UserError
from common.video.old_pickles import read_pickle, read_published

RNG = np.random.default_rng(0)
AVERAGE = RNG.random(32).astype(np.float32)
MEAN = RNG.random(32).astype(np.float32)
COMPONENTS = RNG.standard_normal((8, 32)).astype(np.float32)
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture(params=["sklearn.decomposition._pca", "sklearn.decomposition.pca"])
def pca(request, monkeypatch):
    """A stand-in for the library's class: pickles name it as they name that."""
    kind = type("PCA", (), {"__module__": request.param})
    parents = ("sklearn", "sklearn.decomposition", request.param)
    for name in parents:
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys.modules[request.param], "PCA", kind, raising=False)
    found = kind()
    found.__dict__ |= {
        "n_components": 8, "copy": True, "whiten": False, "svd_solver": "full", "tol": 0.0,
        "random_state": None, "mean_": MEAN, "components_": COMPONENTS, "n_samples_": 10**12,
        "noise_variance_": np.float32(0.25), "explained_variance_": np.arange(8.0),
        "feature_names": ["a", "b"], "_sklearn_version": "0.23.2", "more": {"x": (1, 2, 3, 4)},
    }  # fmt: skip
    return found


def written(folder, average, pca, protocol=4):
    paths = folder / "average.pkl", folder / "pca.pkl"
    for path, value in zip(paths, (average, pca), strict=True):
        path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol))
    return paths


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_protocols_give_the_arrays(tmp_path, pca, protocol):
    found = read_published(*written(tmp_path, AVERAGE, pca, protocol))
    assert np.array_equal(found.average, AVERAGE)
    assert np.array_equal(found.mean, MEAN)
    assert np.array_equal(found.components, COMPONENTS)


def test_it_is_the_map_of_the_library(tmp_path):
    """Where scikit-learn is installed, its own PCA."""
    decomposition = pytest.importorskip("sklearn.decomposition", reason="needs scikit-learn")
    rows = RNG.random((60, 32)).astype(np.float32)
    theirs = decomposition.PCA(n_components=8, svd_solver="full").fit(rows - AVERAGE)
    found = read_published(*written(tmp_path, AVERAGE, theirs))
    assert np.allclose(found(rows), theirs.transform(rows - AVERAGE), atol=1e-5)
    whitening = decomposition.PCA(n_components=8, whiten=True).fit(rows)
    with pytest.raises(UserError, match="holds a PCA that whitens"):
        read_published(*written(tmp_path, AVERAGE, whitening))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [COMPONENTS, np.asfortranarray(COMPONENTS), COMPONENTS.astype(">f8"), np.arange(5, dtype="u1"),
     np.array([True, False]), np.zeros((0, 3)), np.array(2.5)],
)  # fmt: skip
def test_arrays_of_all_numbers(tmp_path, protocol, array):
    path = tmp_path / "array.pkl"
    path.write_bytes(pickle.dumps(array, protocol))
    found = read_pickle(path).values
    assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert np.array_equal(found, array)


def test_a_pickle_of_python_2(tmp_path):
    """Its texts are bytes there, and so are the bytes of an array."""
    path = tmp_path / "array.pkl"
    data = AVERAGE.tobytes()
    path.write_bytes(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b"
        b"\x87Rq\x03(K\x01K \x85cnumpy\ndtype\nq\x04U\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff"
        b"\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(data)]) + data + b"tb."
    )
    assert np.array_equal(read_pickle(path).values, AVERAGE)


ran = []


class Calls:
    """A value whose pickle calls a function with these arguments when Python reads it."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def note(*what):
    ran.append(what)


TRAPS = {
    "own function": Calls(note, 1),
    "system": Calls(os.system, "true"),
    "eval": Calls(eval, "1"),
    "getattr": Calls(getattr, "", "join"),
    "import": Calls(__import__, "os"),
    "opened file": Calls(open, "/dev/null"),
    "frombuffer": Calls(np.frombuffer, b"1234"),
    "load": Calls(np.load, "a.npy", None, True),
    "hidden in a list": [1, (2, {"x": Calls(note, 1)})],
    "as a key": {Calls(note, 1): 2},
    "an object of another class": collections.OrderedDict(a=1),
    "a class": note,
    "objects": np.array([{}, Calls(note, 1)]),
    "a table": np.zeros(3, [("x", "f4")]),
    "texts": np.array(["a"]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "complex numbers": np.zeros(3, complex),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", TRAPS)
def test_nothing_is_run(tmp_path, kind, protocol):
    paths = written(tmp_path, TRAPS[kind], AVERAGE, protocol)
    with pytest.raises(UserError, match=r"average\.pkl is not read: .*Nothing of it was run"):
        read_published(*paths)
    assert not ran


def test_a_trap_would_have_gone_off():
    pickle.loads(pickle.dumps(TRAPS["own function"]))
    assert [ran.pop()] == [(1,)]
    assert not ran


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "pickle exhausted"),
        (b"text", "pop from empty list"),
        (b"\x80\x04.", "pop from empty list"),
        (b"\x80\x04K\x01", "pickle exhausted"),
        (b"\x80\x04t.", "pop from empty list"),
        (b"\x80\x04h\x05.", "5"),
        (b"\x80\x04]]e.", "pop from empty"),
        (b"\x80\x04K\x01K\x02a.", "no container"),
        (b"\x80\x04K\x01K\x02b.", "state of what has none"),
        (b"\x80\x04K\x01)R.", "calls what is no name"),
        (b"\x80\x04}]K\x01s.", "unhashable"),
        (b"\x80\x04cnumpy\nndarray\n)R.", "calls numpy.ndarray"),
        (b"\x80\x04cnumpy\nndarray\n}b.", "state of what has none"),
        (b"\x80\x04cbuiltins\nobject\n)\x81.", "calls builtins.object"),
        (b"(cos\nsystem\nS'true'\no.", "names os.system"),
        (b"(S'true'\nios\nsystem\n.", "instruction INST"),
        (b"\x80\x04\x82\x01.", "instruction EXT1"),
        (b"P1\n.", "instruction PERSID"),
        (b"\x80\x05\x97.", "instruction NEXT_BUFFER"),
    ],
)
def test_instructions_that_lead_nowhere(tmp_path, content, said):
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"is not read: .*{said}"):
        read_pickle(path)


def test_shapes_that_promise_more_than_there_is(tmp_path):
    path = tmp_path / "x.pkl"
    whole = pickle.dumps(np.zeros(3, np.float32), 2)
    assert whole.count(b"K\x03\x85") == 1
    for size in (2, 4, 1 << 40, -3):
        path.write_bytes(
            whole.replace(b"K\x03\x85", b"\x8a\x08" + struct.pack("<q", size) + b"\x85")
        )
        with pytest.raises(UserError, match=r"more or fewer bytes|impossible shape"):
            read_pickle(path)


def test_files_that_hold_another_thing(tmp_path, pca):
    bare = type(pca)()
    for average, second, said in (
        (pca, pca, "average.pkl holds no array"),
        ([1, 2], pca, "average.pkl holds no array"),
        (AVERAGE, AVERAGE, "pca.pkl holds no PCA; give the average first"),
        (AVERAGE, bare, "expected mean_ and components_"),
        (AVERAGE.astype(int), pca, "arrays of real numbers"),
        (AVERAGE[:-1], pca, "found shapes"),
        (np.full(32, np.nan), pca, "holds NaN"),
    ):
        with pytest.raises(UserError, match=said):
            read_published(*written(tmp_path, average, second))
    with pytest.raises(UserError, match=r"expected a pickle at .*no such file"):
        read_pickle(tmp_path / "none.pkl")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_spoiled_files_are_read_or_refused(tmp_path, pca, protocol):
    """Bytes changed, cut out, doubled, or exchanged for other instructions."""
    whole, rng = pickle.dumps(pca, protocol), np.random.default_rng(protocol)
    codes = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
    path = tmp_path / "pca.pkl"
    refused = 0
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            begin = int(rng.integers(len(content)))
            what = rng.integers(4)
            if what == 0:
                content[begin] = rng.integers(256)
            elif what == 1:
                content[begin : begin + 1] = codes[rng.integers(len(codes))]
            elif what == 2:
                del content[begin : begin + int(rng.integers(1, 20))]
            else:
                content[begin:begin] = content[begin : begin + int(rng.integers(1, 20))]
        path.write_bytes(content)
        try:
            read_pickle(path)
        except UserError:
            refused += 1
    assert 100 < refused <= 400
