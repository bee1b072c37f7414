"""CALF_Calibration/main.py through the shell on a tiny data set with players."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from shell import assert_one_sentence, caller, games_of, succeeds

from CALF_Calibration import drawn_record, extract_top_view, frozen_features
from CALF_Calibration import main as program
from CALF_Calibration_GCN import main as graphs
from common.calibration.top_view import TopView
from common.data.events import CLASS_SPLITS, V2_NAMES
from common.data.games import official_splits
from common.errors import UserError
from common.files import locked
from common.synthetic.data_set import write_data_set
from common.training.checkpoints import BEST_FILE

FILE = "Synthetic.npy"
SMALL = ["--features", FILE, "--chunk_size", "30", "--receptive_field", "10", "--dim_capsule", "4",
         "--num_detections", "5", "--batch_size", "8", "--chunks_per_epoch", "16",
         "--max_epochs", "1", "--device", "cpu"]  # fmt: skip
PICTURE = ["--backbone_player", "3DConv", "--calibration", "--calibration_field",
           "--calibration_cone"]  # fmt: skip
BOTH = ["--backbone_feature", "2DConv", *PICTURE]
BOXES, CAMERA = "player_boundingbox_maskrcnn.json", "field_calib_ccbv.json"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("calibration") / "data"
    write_data_set(root, games=(2, 1, 1, 1), minutes=3, dim=24, players=True)
    return root


@pytest.fixture
def own_data(data, tmp_path):
    """A copy to be damaged, without cache files."""
    return shutil.copytree(data, tmp_path / "data", ignore=shutil.ignore_patterns(".*.cache"))


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs main() in this process, in a folder of its own: `here(*flags)` -> (code, stderr)."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    return caller(cwd, monkeypatch, capsys, program.main)


def flags(root, name, *more):
    return ["--SoccerNet_path", root, "--model_name", name, *SMALL, *more]


def scores(run, split="test"):
    return json.loads((run / f"results_{split}.json").read_text())["metrics"]["loose"]


@pytest.fixture(scope="module")
def pair(data, repo_root, tmp_path_factory):
    """Folder of the merged run of both class splits, started as a script."""
    cwd = tmp_path_factory.mktemp("pair")
    more = [*BOTH, "--class_split", "both", "--plots"]
    process = succeeds(cwd, repo_root / "CALF_Calibration/main.py", *flags(data, "pair", *more))
    (cwd / "stdout").write_text(process.stdout)
    return cwd / "models" / "pair"


def test_both_splits_are_trained_merged_and_scored(pair, data):
    merged = scores(pair)
    assert list(merged["per_class"]) == list(V2_NAMES)
    parts = {part: scores(pair / part) for part in CLASS_SPLITS}
    for part, names in CLASS_SPLITS.items():
        assert list(parts[part]["per_class"]) == list(names)
        for name in names:
            assert merged["per_class"][name]["AP"] == parts[part]["per_class"][name]["AP"]
    expected = (8 * parts["visual"]["a_mAP"] + 9 * parts["nonvisual"]["a_mAP"]) / 17
    assert merged["a_mAP"] == pytest.approx(expected, abs=1e-12)
    assert merged["parts"]["weighted_mean"] == pytest.approx(expected, abs=1e-15)
    printed = (pair.parents[1] / "stdout").read_text()
    assert "(8 x visual + 9 x nonvisual) / 17" in printed
    assert printed.count("epoch 1: train_loss") == 2  # each line once
    assert (pair / "results_spotting_challenge.zip").is_file()


def test_the_visual_part_has_players_and_the_other_has_not(pair):
    described = {
        part: json.loads((pair / part / "settings_train.json").read_text())["settings"]
        for part in CLASS_SPLITS
    }
    assert described["visual"]["backbone_player"] == "3DConv"
    assert described["nonvisual"]["backbone_player"] is None


def test_strips_of_top_views_are_drawn(pair, data):
    folder = pair / "visual" / "outputs_test" / games_of(data, "test")[0]
    assert sorted(path.name for path in folder.glob("*.png")) == [
        f"{half}_{what}.png" for half in (1, 2)
        for what in ("segmentation", "side_by_side", "top_view")
    ]  # fmt: skip
    assert not list((pair / "nonvisual").rglob("*top_view.png"))


def test_the_pair_is_tested_again(pair, data, here):
    here.cwd = pair.parents[1]
    before = (pair / "results_spotting_test.zip").read_bytes()
    words = [*BOTH, "--class_split", "both", "--test_only", "--split_test", "test"]
    assert here(*flags(data, "pair", *words)) == (0, "")
    assert (pair / "results_spotting_test.zip").read_bytes() == before


def test_a_pair_has_its_folder_alone(pair, data, here):
    here.cwd = pair.parents[1]
    words = [*BOTH, "--class_split", "both"]
    with locked(pair):
        for how in ("--test_only", "--overwrite", "--resume"):
            result = here(*flags(data, "pair", *words, how))
            assert_one_sentence(result, here.cwd, f"{Path('models/pair')} is in use by process")
    result = here(*flags(data, "new", *words, "--features", "absent.npy"))
    assert_one_sentence(result, here.cwd, "absent.npy")
    assert not (here.cwd / "models" / "new").exists()


def test_a_replaced_model_takes_the_merged_results_along(pair, data, here, tmp_path):
    shutil.copytree(pair, here.cwd / "models" / "pair")
    copied = here.cwd / "models" / "pair"
    (copied / "nonvisual" / "tensorboard").rename(tmp_path / "elsewhere")
    (copied / "nonvisual" / "tensorboard").write_text("in the way")
    result = here(*flags(data, "pair", *BOTH, "--class_split", "both", "--overwrite"))
    assert_one_sentence(result, here.cwd, "a file is where a folder should be")
    assert not list(copied.glob("results_*"))
    assert list((copied / "visual").glob("results_*"))
    assert (copied / "nonvisual" / "results_test.json").is_file()


def test_a_pair_is_not_trained_over(pair, data, here):
    here.cwd = pair.parents[1]
    for more in ((), ("--overwrite",)):
        result = here(*flags(data, "pair", *BOTH, *more))
        assert_one_sentence(
            result, here.cwd, "holds the runs of class splits", "--class_split both"
        )
    assert not (pair / BEST_FILE).exists()


def test_what_stops_the_second_of_a_pair_is_told_before_the_first_is_trained(data, here, tmp_path):
    words = flags(data, "pair", *BOTH, "--class_split", "both")
    visual = CLASS_SPLITS["visual"]
    (tmp_path / "k.json").write_text(json.dumps({name: [-4, -2, 2, 4] for name in visual}))
    result = here(*words, "--k_params", tmp_path / "k.json")
    assert_one_sentence(result, here.cwd, "no context parameters for Goal, ")
    assert not (here.cwd / "models").exists()
    taken = here.cwd / "models/pair/nonvisual"
    taken.mkdir(parents=True)
    (taken / BEST_FILE).write_bytes(b"weights")
    result = here(*words)
    assert_one_sentence(result, here.cwd, "pair/nonvisual already holds a trained run")
    assert not (here.cwd / "models/pair/visual").exists()


def test_a_feature_file_is_spotted_in_by_one_of_a_pair(pair, data, here):
    here.cwd = pair.parents[1]
    file = data / games_of(data, "test")[0] / f"1_{FILE}"
    result = here("--model_name", "pair", "--features_path", file, "--device", "cpu")
    told = "takes one model; give the part that sees no players, --model_name pair/nonvisual (to "
    assert_one_sentence(result, here.cwd, told)
    words = ["--model_name", "pair/nonvisual", "--features_path", file, "--device", "cpu"]
    assert here(*words) == (0, "")


def test_a_run_is_tested_on_what_it_was_trained_on(pair, data, here):
    here.cwd = pair.parents[1]
    before = (pair / "visual" / "results_test.json").read_bytes()
    words = flags(data, "pair/visual", "--test_only", "--feature_multiplier", 2)
    told = "was trained with --feature_multiplier 1, now 2"
    assert_one_sentence(here(*words), here.cwd, told)
    assert (pair / "visual" / "results_test.json").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        PICTURE,
        [*BOTH, "--protocol", "published", "--with_trail", "2", "--calibration_physic"],
        ["--backbone_feature", "2DConv", "--backbone_player", "3DConv", "--with_dropout", "0.5",
         "--protocol", "published"],
        ["--backbone_feature", "2DConv", "--class_split", "nonvisual", "--feature_multiplier", "2"],
        [*BOTH, "--tiny", "1", "--class_split", "visual", "--resident", "yes"],
    ],
    ids=["players only", "published", "uncalibrated", "nonvisual", "tiny"],
)  # fmt: skip
def test_configurations_run_through(data, here, words):
    assert here(*flags(data, "run", *words, "--split_test", "test")) == (0, "")
    assert 0 <= scores(here.cwd / "models/run")["a_mAP"] < 1


def test_the_model_without_players_needs_no_files_about_them(own_data, here):
    for name in (BOXES, CAMERA):
        for path in own_data.rglob(f"*_{name}"):
            path.unlink()
    words = ["--backbone_feature", "2DConv", "--class_split", "nonvisual"]
    assert here(*flags(own_data, "run", *words)) == (0, "")
    result = here(*flags(own_data, "run", *BOTH, "--overwrite"))
    assert_one_sentence(result, here.cwd, "files beside the features are missing", BOXES)


def test_vectors_of_a_frozen_network(here, tmp_path, monkeypatch):
    own_data = tmp_path / "short"  # the network takes a tenth of a second per picture
    write_data_set(own_data, games=(1, 1, 1, 0), minutes=0.1, dim=24, players=True)
    torch.manual_seed(0)
    weights = tmp_path / "resnet18.pth"
    torch.save(as_torchvision(frozen_features.resnet(18)), weights)
    drawn = ["--calibration", "--calibration_field", "--with_resnet", "18", "--resnet_weights",
             weights]  # fmt: skip
    words = [*flags(own_data, "run"), "--backbone_feature", "2DConv", "--backbone_player", "3DConv",
             *drawn, "--with_dense", "--split_test", "test"]  # fmt: skip
    assert_one_sentence(here(*words), here.cwd, "CALF_Calibration.extract_top_view")
    extract = ["--SoccerNet_path", own_data, "--features", FILE, *drawn, "--device", "cpu",
               "--splits", "train", "valid", "test"]  # fmt: skip
    reads = []
    read = type(weights).read_bytes
    monkeypatch.setattr(type(weights), "read_bytes", lambda p: reads.append(p) or read(p))
    assert here(*extract, main=extract_top_view.main)[0] == 0
    assert reads.count(weights) == 1  # tens of MB, hashed for the name: not once per half
    made = sorted(own_data.rglob("*_top_view_18_*.npy"))
    assert len(made) == 6
    for path in made:
        assert np.load(path).shape[1] == 512
        assert not list(path.parent.glob("*.tmp"))
    times = {path: path.stat().st_mtime_ns for path in made}
    made[3].write_bytes(made[3].read_bytes()[:-9])
    assert here(*extract, main=extract_top_view.main)[0] == 0  # only what is damaged
    assert [path for path in made if path.stat().st_mtime_ns != times[path]] == [made[3]]
    assert here(*words, "--overwrite") == (0, "")
    assert here(*words, "--overwrite", "--calibration_cone")[0] == 2  # nothing drawn with it


def test_published_names_do_not_hide_how_vectors_were_drawn(here, tmp_path, monkeypatch):
    class Seen(torch.nn.Module):
        """In place of the network: the mean colour of a picture, as often as there are values."""

        def forward(self, pictures):
            mean = pictures.mean(dim=(1, 2, 3))[:, None].expand(-1, 512)
            return type("Output", (), {"pooler_output": mean})

    monkeypatch.setattr(frozen_features.FrozenNetwork, "load", lambda *_: Seen())
    own_data = tmp_path / "short"
    write_data_set(own_data, games=(1, 0, 0, 0), minutes=0.1, dim=24, players=True)
    extract = ["--SoccerNet_path", own_data, "--features", FILE, "--calibration", "--device", "cpu",
               "--with_resnet", "18", "--protocol", "published", "--splits", "train"]  # fmt: skip
    assert here(*extract, main=extract_top_view.main)[0] == 0
    plain = {path: np.load(path) for path in sorted(own_data.rglob("?_radar_resnet_18_*.npy"))}
    assert len(plain) == 2
    for words, same in (([], True), (["--calibration_field"], False), ([], True)):
        assert here(*extract, *words, main=extract_top_view.main)[0] == 0
        assert all(np.array_equal(np.load(path), rows) == same for path, rows in plain.items())
    for path in plain:  # as from elsewhere
        drawn_record.note_of(path).unlink()
    assert here(*extract, "--calibration_field", main=extract_top_view.main)[0] == 0
    assert all(np.array_equal(np.load(path), rows) for path, rows in plain.items())


def test_what_extracting_needs_is_looked_for_before_it_begins(own_data, here, monkeypatch):
    def too_early(*_):
        raise AssertionError("the network was loaded")

    monkeypatch.setattr(frozen_features.FrozenNetwork, "load", too_early)
    words = ["--SoccerNet_path", own_data, "--features", FILE, "--with_resnet", "18"]
    splits = json.loads((own_data / "splits.json").read_text())
    for challenge in ([], None):  # which no training needs
        kept = {name: splits[name] for name in ("train", "valid", "test")}
        kept |= {} if challenge is None else {"challenge": challenge}
        (own_data / "splits.json").write_text(json.dumps(kept))
        assert extract_top_view.splits_at_hand(own_data) == ["train", "valid", "test"]
    last = own_data / splits["test"][0] / f"2_{BOXES}"
    last.unlink()
    result = here(*words, main=extract_top_view.main)
    assert_one_sentence(result, here.cwd, "1 file beside the features is missing", last)


def test_the_splits_of_soccernet_are_extracted_as_far_as_there(tmp_path):
    assert extract_top_view.splits_at_hand(tmp_path) == ["train", "valid", "test", "challenge"]
    (tmp_path / official_splits()["valid"][7]).mkdir(parents=True)
    assert extract_top_view.splits_at_hand(tmp_path) == ["valid"]


@pytest.mark.parametrize("batch", [0, -5])
def test_vectors_are_made_of_pictures(batch):
    with pytest.raises(UserError, match=f"--batch_size must be 1 picture or more, found {batch}"):
        extract_top_view.Extraction(
            view=TopView(), frozen=frozen_features.FrozenNetwork(18), network=torch.nn.Identity(),
            device=torch.device("cpu"), name="seen.npy", batch=batch,
        )  # fmt: skip


@pytest.mark.parametrize("words", [["--batch_size", "-5"], ["--with_trail", "-3"]])
def test_extracting_with_negative_numbers_is_refused(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        extract_top_view.parse_arguments([*words, "--with_resnet", "18"])
    assert f"argument {words[0]}: expected a whole number from" in capsys.readouterr().err


def as_torchvision(network):
    """The weights of a network of ours under torchvision's names."""
    ours = network.state_dict()
    names = frozen_features.from_torchvision(NamesThemselves(), 18)
    return {other: ours[mine].clone() for mine, other in names.items()}


class NamesThemselves(dict):
    """Answers each name with itself."""

    def __getitem__(self, name):
        return name

    def get(self, name, default=None):
        return name


# What can be wrong.


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "needs a branch"),
        (["--backbone_player", "GCN"], "--backbone_player must be 3DConv, found GCN"),
        ([*BOTH, "--dim_representation_player", "3"], "even number of pixels"),
        ([*BOTH, "--dim_representation_c", "1"], "--dim_representation_c must be 3"),
        ([*BOTH, "--with_dropout", "1.5"], "--with_dropout must be from 0 to 1"),
        ([*BOTH, "--class_split", "both", "--load_weights", "x"], "tests two models"),
        ([*BOTH, "--class_split", "both", "--features_path", "x.npy"], "takes one model"),
        ([*BOTH, "--teacher"], "HQ_25_teacher_calibration.json"),
    ],
)
def test_flags_that_cannot_go_together_are_one_sentence(data, here, words, told):
    assert_one_sentence(here(*flags(data, "run", *words)), here.cwd, told)


@pytest.mark.parametrize("main", [program, graphs])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--backbone_feature", "2DConv", "--calibration"],
         ["--calibration has no effect without --backbone_player"]),
        (["--backbone_player", "3DConv", "--calibration_field", "--calibration_cone"],
         ["--calibration_field has no effect without --calibration",
          "--calibration_cone has no effect without --calibration"]),
        (["--backbone_feature", "2DConv", "--with_dropout", "0.3"],
         ["--with_dropout has no effect on one branch alone"]),
        ([*BOTH, "--with_dropout", "0.3"], []),
    ],
)  # fmt: skip
def test_flags_that_change_nothing_are_told(main, words, told, caplog, monkeypatch, tmp_path):
    monkeypatch.setattr(main, "train_and_test", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    with caplog.at_level("WARNING", "spotting"):
        main.main(["--SoccerNet_path", str(tmp_path / "nowhere"), *words])
    assert caplog.messages == told


GRAPH = ["--backbone_player", "resGCN-2"]
SIZES = ["--dim_representation_w", "96", "--dim_representation_h", "48",
         "--dim_representation_player", "4"]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([*BOTH, "--dist_graph_player", "3", "--calibration_confidence", "--relative_positions"],
         [f"--{flag} has no effect with --backbone_player 3DConv"
          for flag in ("dist_graph_player", "calibration_confidence", "relative_positions")]),
        ([*BOTH, *SIZES, "--pitch_margin", "2"], []),
        ([*GRAPH, "--calibration", "--calibration_field", *SIZES],
         [f"--{flag} has no effect with --backbone_player resGCN-2"
          for flag in ("calibration_field", "dim_representation_w", "dim_representation_h",
                       "dim_representation_player")]),
        ([*GRAPH, "--calibration", "--calibration_cone", "--calibration_confidence",
          "--dist_graph_player", "3", "--pitch_margin", "2"], []),
        ([*GRAPH, "--relative_positions"], []),
        ([*GRAPH, "--calibration", "--relative_positions"],
         ["--relative_positions has no effect with --calibration"]),
    ],
)  # fmt: skip
def test_flags_of_the_other_branch_are_told(words, told, caplog, monkeypatch, tmp_path):
    monkeypatch.setattr(graphs, "train_and_test", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    with caplog.at_level("WARNING", "spotting"):
        graphs.main(["--SoccerNet_path", str(tmp_path / "nowhere"), *words])
    assert caplog.messages == told


def test_a_class_split_needs_the_classes_of_soccernet(own_data, here):
    (own_data / "classes.json").write_text('["Corner", "Save"]')
    result = here(*flags(own_data, "run", *BOTH, "--class_split", "visual"))
    assert_one_sentence(result, here.cwd, "this data set has no Penalty")


@pytest.mark.parametrize("what", ["cut", "empty", "no size"])
def test_damaged_player_files_are_named(own_data, here, what):
    path = own_data / games_of(own_data, "train")[0] / f"1_{BOXES}"
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-50], "empty": b"{}",
                      "no size": content.replace(b'"size"', b'"sizes"')}[what])  # fmt: skip
    assert_one_sentence(here(*flags(own_data, "run", *BOTH)), here.cwd, path)


def test_short_lists_and_empty_entries_are_frames_without_players(own_data, here):
    folder = own_data / games_of(own_data, "train")[0]
    for name in (BOXES, CAMERA):
        path = folder / f"1_{name}"
        content = json.loads(path.read_text())
        content["predictions"] = content["predictions"][:20]
        if name == CAMERA:
            content["predictions"][3] = []
            content["predictions"][4][0]["homography"] = [0] * 9
        path.write_text(json.dumps(content))
    assert here(*flags(own_data, "run", *BOTH)) == (0, "")
    assert (here.cwd / "models/run" / BEST_FILE).is_file()
