"""An average and a PCA: what they do to rows, and the file they are kept in."""

import io
import zipfile

import numpy as np
import pytest

from common.errors import UserError
from common.video.reduction import Reduction, read_reduction, write_reduction


@pytest.fixture
def reduction():
    rng = np.random.default_rng(0)
    return Reduction(rng.random(20), rng.random(20), rng.standard_normal((7, 20)))


def test_rows_are_reduced_as_published(reduction):
    rows = np.random.default_rng(1).random((5, 20)).astype(np.float32)
    average, mean, components = (
        getattr(reduction, name).astype(float) for name in ("average", "mean", "components")
    )
    expected = [
        [sum((x - a - m) * c for x, a, m, c in zip(row, average, mean, line, strict=True))
         for line in components]
        for row in rows
    ]  # fmt: skip
    found = reduction(rows)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)
    assert reduction(rows[:0]).shape == (0, 7)
    assert reduction.dimension == 7


def test_rows_of_another_width_are_refused(reduction):
    with pytest.raises(UserError, match=r"reduces rows of 20 values, found \(19,\)"):
        reduction(np.zeros((5, 19), np.float32))


@pytest.mark.parametrize(
    ("shapes", "bad", "said"),
    [
        (((20,), (19,), (7, 20)), 0, "found shapes"),
        (((20,), (20,), (20, 7)), 0, "found shapes"),
        (((20,), (20,), (20,)), 0, "found shapes"),
        (((), (), (0, 0)), 0, "found shapes"),
        (((20,), (20,), (0, 20)), 0, "found shapes"),
        (((20,), (20,), (7, 20)), np.nan, "average holds NaN"),
        (((20,), (20,), (7, 20)), 1e300, "average holds NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, bad, said):
    with pytest.raises(UserError, match=said):
        Reduction(*(np.full(shape, bad, float) for shape in shapes))


def test_what_is_written_is_read(reduction, tmp_path):
    path = tmp_path / "new" / "pca7.npz"
    write_reduction(path, reduction)
    found = read_reduction(path)
    for name in ("average", "mean", "components"):
        assert np.array_equal(getattr(found, name), getattr(reduction, name))
    np.savez_compressed(path, average=reduction.average, mean=reduction.mean.astype(float),
                        components=np.asfortranarray(reduction.components))  # fmt: skip
    assert np.array_equal(read_reduction(path).components, reduction.components)


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def changed(old, new, method=zipfile.ZIP_STORED):
    """An archive of which the headers of all arrays have other bytes of the same length."""
    file = io.BytesIO()
    whole = zipfile.ZipFile(io.BytesIO(npz(average=ONES, mean=ONES, components=np.ones((2, 3)))))
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in whole.namelist():
            archive.writestr(name, whole.read(name).replace(old, new.ljust(len(old))))
    return file.getvalue()


ONES = np.ones(3)
FILES = {
    "text": b"average",
    "empty": b"",
    "array": npz(average=ONES)[:20],
    "lacks components": npz(average=ONES, mean=ONES),
    "whole numbers": npz(average=ONES, mean=ONES, components=np.ones((2, 3), int)),
    "objects": npz(average=ONES, mean=ONES, components=np.array([{}, {}])),
    "promises what no machine has": changed(b"(3,), }         ", b"(9876543210,), }"),
    "goes on to the end": changed(b"(3,), } ", b"(-1,), }"),
    "no tokens": changed(b"{'descr", b"{[descr"),
    "bzip2": changed(b"3", b"3", zipfile.ZIP_BZIP2),
}


@pytest.mark.parametrize("kind", FILES)
def test_other_files_are_one_sentence(tmp_path, kind):
    path = tmp_path / "pca.npz"
    path.write_bytes(FILES[kind])
    with pytest.raises(UserError, match=r"does not hold an average and a PCA .*common.pca$"):
        read_reduction(path)


def test_features_in_the_place_of_a_pca_are_told(tmp_path):
    np.save(tmp_path / "1_own.npy", np.zeros((3, 3), "f4"))
    with pytest.raises(UserError, match=r"found an array .* features; .*apply takes that first"):
        read_reduction(tmp_path / "1_own.npy")


def test_arrays_that_do_not_fit_name_their_file(tmp_path):
    path = tmp_path / "pca.npz"
    path.write_bytes(npz(average=ONES, mean=ONES, components=np.ones((2, 4))))
    with pytest.raises(UserError, match=r"pca\.npz: expected a PCA's average \[D\]"):
        read_reduction(path)
    with pytest.raises(UserError, match="no such file"):
        read_reduction(tmp_path / "none.npz")


def test_a_damaged_file_is_refused_or_read_whole(reduction, tmp_path):
    path = tmp_path / "pca.npz"
    write_reduction(path, reduction)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        content = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            content[place] = rng.integers(256)
        path.write_bytes(
            content[: rng.integers(1, len(whole) + 1)] if rng.random() < 0.3 else content
        )
        try:
            found = read_reduction(path)
        except UserError:
            refused += 1
        else:  # the archive has checksums: only a name or a date was hit
            assert np.array_equal(found.components, reduction.components)
    assert refused > 100
