"""Context parameters: the published table, files of one's own, whole frames."""

import json

import numpy as np
import pytest

from common.calf.k_parameters import SECONDS, k_frames, read_k_seconds
from common.data.events import V2_NAMES
from common.errors import UserError


def test_every_class_of_soccernet_v2_has_published_parameters():
    assert set(SECONDS) == set(V2_NAMES)
    table = np.array([SECONDS[name] for name in V2_NAMES])
    assert (np.diff(table, axis=1) > 0).all()
    assert (table[:, 1] < 0).all()
    assert (table[:, 2] > 0).all()


@pytest.mark.parametrize(("recorded", "classes"), [("all", V2_NAMES), ("fps1", V2_NAMES)])
def test_recorded_tables(golden, recorded, classes):
    expected = golden("context_aware_loss.npz")[f"{recorded}_K"]
    framerate = 1 if recorded == "fps1" else 2
    assert np.array_equal(k_frames(classes, framerate), expected)


def test_classes_come_in_the_order_asked_for():
    found = k_frames(["Corner", "Goal"], 2)
    assert found.tolist() == [[-150, -40], [-76, -20], [76, 120], [150, 180]]


def test_a_file_replaces_the_table(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"pass": [-4.2, -2, 1.5, 3], "shot": [-8, -4, 4, 8]}))
    assert k_frames(["shot", "pass"], 5, path).T.tolist() == [[-40, -20, 20, 40], [-21, -10, 8, 15]]


def test_times_below_a_frame_keep_their_regions_apart(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"pass": [-0.2, -0.1, 0.1, 0.2]}))
    assert k_frames(["pass"], 1, path).T.tolist() == [[-2, -1, 1, 2]]


def test_a_class_without_parameters_is_named(tmp_path):
    with pytest.raises(UserError, match=r"for pass, shot in the published table.*--k_params"):
        k_frames(["Goal", "pass", "shot"], 2)
    path = tmp_path / "k.json"
    path.write_text('{"pass": [-4, -2, 2, 4]}')
    with pytest.raises(UserError, match=rf"for Goal in {path}"):
        k_frames(["Goal"], 2, path)


@pytest.mark.parametrize(
    "row",
    ["[-4, -2, 2]", "[-2, -4, 2, 4]", "[-4, -2, 4, 2]", "[-4, 0, 2, 4]", '["-4", -2, 2, 4]',
     "[-4, -2, null, 4]", "[true, -2, 2, 4]", "7"],
)  # fmt: skip
def test_malformed_rows_are_shown(tmp_path, row):
    path = tmp_path / "k.json"
    path.write_text(f'{{"Goal": {row}}}')
    with pytest.raises(UserError, match=r"k.json: expected four numbers .* for 'Goal', found"):
        read_k_seconds(path)


@pytest.mark.parametrize("text", ["[]", "{}", "3", '"Goal"'])
def test_other_content_is_refused(tmp_path, text):
    path = tmp_path / "k.json"
    path.write_text(text)
    with pytest.raises(UserError, match="must look like"):
        read_k_seconds(path)
