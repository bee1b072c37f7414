"""All five programs on files of one's own: halves of features, and videos (whose decoding is made
up here: it is tested with its own modules)."""

import importlib
import json
import shutil
import sys
import types

import numpy as np
import pytest
from shell import games_of

from common.errors import log, run_cli
from common.synthetic.data_set import FEATURE_FILE, write_data_set
from common.training.checkpoints import BEST_FILE, read_checkpoint, save_checkpoint

DIMENSION = 1280  # that the second backbone gives
CLASSES = ["Ball out of play", "Foul", "Corner"]
SMALL = ["--chunk_size", "30", "--receptive_field", "10", "--chunks_per_epoch", "8",
         "--dim_capsule", "4", "--num_detections", "5", "--evaluation_frequency", "1"]  # fmt: skip
PROGRAMS = {
    "CALF": SMALL,
    "CALF_Calibration": [*SMALL, "--backbone_feature", "2DConv"],
    "CALF_Calibration_GCN": [*SMALL, "--backbone_feature", "2DConv"],
    "Pooling": ["--chunk_size", "20", "--NMS_threshold", "0", "--NMS_window", "14"],
    "TemporallyAwarePooling": ["--vocab_size", "8", "--NMS_window", "14"],
}
CALF_FAMILY = ("CALF", "CALF_Calibration", "CALF_Calibration_GCN")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("own") / "data"
    write_data_set(root, games=(1, 1, 1, 0), minutes=2, dim=DIMENSION)
    (root / "classes.json").write_text(json.dumps(CLASSES))
    return root


@pytest.fixture
def start(monkeypatch, capsys, repo_root):
    """Runs a program in this process, in a folder: (code, standard output, standard error)."""

    def run(cwd, baseline, *words):
        program = importlib.import_module(f"{baseline}.main")
        monkeypatch.chdir(cwd)
        words = [str(repo_root / baseline / "main.py"), *map(str, words)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            run_cli(program.main)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return end.value.code, told.out, told.err

    return run


@pytest.fixture(scope="module", params=PROGRAMS)
def trained(request, data, tmp_path_factory):
    """A baseline, and the folder in which it was trained as models/m and tested."""
    cwd = tmp_path_factory.mktemp("trained")
    words = ["--SoccerNet_path", data, "--features", FEATURE_FILE, "--model_name", "m",
             "--max_epochs", "1", "--batch_size", "8", "--device", "cpu",
             *PROGRAMS[request.param]]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, "argv", [f"{request.param}/main.py", *map(str, words)])
        importlib.import_module(f"{request.param}.main").main()
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    return request.param, cwd


@pytest.fixture
def videos(monkeypatch, tmp_path):
    """Makes videos of so many rows; all that is extracted is in `videos.extracted`."""

    def extract(video, out, backbone, *, sampling, transform, reduction=None):
        count, seed = map(int, video.read_text().split())
        assert (backbone.name, sampling.framerate, transform) == ("efficientnet-lite0", 2, "crop")
        assert reduction is None
        rows = np.random.default_rng(seed).random((count, DIMENSION), np.float32)
        out.parent.mkdir(parents=True, exist_ok=True)
        np.save(out, rows)
        make.extracted.append(video.name)
        return count

    def open_backbone(name, device, *, weights, download, precision):
        assert (weights, download, precision) == (None, False, "fp32")
        return types.SimpleNamespace(name=name, dimension=DIMENSION)

    def make(name, rows, seed=0):
        path = tmp_path / "films" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{rows} {seed}")
        return path

    class Sampling:
        def __init__(self, framerate):
            self.framerate = framerate

    for module, members in {
        "extraction": {"extract": extract},
        "backbones": {"open_backbone": open_backbone},
        "frames": {"Sampling": Sampling},
    }.items():
        fake = types.ModuleType(module)
        vars(fake).update(members)
        monkeypatch.setitem(sys.modules, f"common.video.{module}", fake)
    make.extracted = []
    return make


def predictions(path):
    return json.loads(path.read_text())["predictions"]


def test_both_halves_are_spotted_in_as_in_their_split(trained, data, start):
    """With the settings of the training; none is given."""
    baseline, cwd = trained
    game = games_of(data, "test")[0]
    files = [data / game / f"{half}_{FEATURE_FILE}" for half in (2, 1)]
    code, out, err = start(cwd, baseline, "--model_name", "m", "--features_path", *files)
    assert (code, err) == (0, "")
    name = f"outputs_{files[0].parent.name}_{files[0].stem[2:]}"
    found = predictions(cwd / "models/m" / name / "results_spotting.json")
    assert found == predictions(cwd / f"models/m/outputs_test/{game}/results_spotting.json")
    assert {each["half"] for each in found} == {"1", "2"}
    lengths = [len(np.load(file, mmap_mode="r")) for file in reversed(files)]
    assert f"{lengths[0]} frames of half 1, {lengths[1]} frames of half 2:" in out
    assert "at or above 0.5, for no thresholds were chosen" in out


def test_a_run_in_half_precision_spots_in_it(trained, data, start, tmp_path):
    baseline, cwd = trained
    game = games_of(data, "test")[0]
    shutil.copytree(cwd / "models/m", tmp_path / "models/m")
    single = predictions(tmp_path / f"models/m/outputs_test/{game}/results_spotting.json")
    record = tmp_path / "models/m/settings_train.json"
    content = json.loads(record.read_text())
    content["settings"]["precision"] = "bf16"
    record.write_text(json.dumps(content))
    words = ["--test_only", "--split_test", "test", "--device", "cpu"]
    assert start(tmp_path, baseline, "--model_name", "m", *words)[0] == 0
    file = data / game / f"1_{FEATURE_FILE}"
    words = ["--features_path", file, "--device", "cpu"]
    assert start(tmp_path, baseline, "--model_name", "m", *words)[0] == 0
    tested = predictions(tmp_path / f"models/m/outputs_test/{game}/results_spotting.json")
    (found,) = (tmp_path / "models/m").glob("outputs_*_1_*/results_spotting.json")
    assert predictions(found) == [each for each in tested if each["half"] == "1"]
    assert tested != single


def test_results_of_other_weights_do_not_take_the_place_of_a_runs(
    trained, data, start, tmp_path, caplog
):
    baseline, cwd = trained
    run, other = cwd / "models/m", tmp_path / "other.pth.tar"
    save_checkpoint(other, {**read_checkpoint(run / BEST_FILE), "epoch": 7})
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    file = data / games_of(data, "test")[0] / f"1_{FEATURE_FILE}"
    flags = ["--SoccerNet_path", data, "--features", FEATURE_FILE, "--split_test", "test",
             "--device", "cpu", *PROGRAMS[baseline]]  # fmt: skip
    for words in (["--test_only", *flags], ["--features_path", file, "--LR", 1]):
        words = [*words, "--load_weights", other, "--model_name", "m"]
        code, _, err = start(cwd, baseline, *words)
        assert code == 2
        assert "holds other weights than its own" in err
        assert caplog.text.count("nothing looks at --LR") == ("--LR" in words)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_of_another_program_is_told_by_its_name(trained, data, start):
    baseline, cwd = trained
    other = {"Pooling": "TemporallyAwarePooling", "TemporallyAwarePooling": "CALF"}
    file = data / games_of(data, "test")[0] / f"1_{FEATURE_FILE}"
    code, _, err = start(
        cwd, other.get(baseline, "Pooling"), "--model_name", "m", "--features_path", file
    )
    assert code == 2 and f"models/m is a run of {baseline}/main.py, and this is" in err


def test_videos_are_extracted_once_and_spotted_in(trained, start, videos):
    baseline, cwd = trained
    words = ["--model_name", "m", "--legacy_names", "--video_path"]
    both = [videos("1_224p.mkv", 90), videos("2_224p.mkv", 75, seed=1)]
    folder = cwd / "models/m/outputs_films_224p"
    assert start(cwd, baseline, *words, *both)[::2] == (0, "")
    assert videos.extracted == ["1_224p.mkv", "2_224p.mkv"]
    text = (folder / "results_spotting.json").read_bytes()
    assert (folder / "Predictions-v2.json").read_bytes() == text
    found = predictions(folder / "results_spotting.json")
    assert "UrlLocal" not in json.loads(text)
    for half, rows in (("1", 90), ("2", 75)):
        times = [int(each["position"]) for each in found if each["half"] == half]
        assert times and max(times) < 500 * rows
    assert start(cwd, baseline, *words, both[1])[0] == 0
    assert len(videos.extracted) == 2
    alone = predictions(cwd / "models/m/outputs_films_2_224p/results_spotting.json")
    assert alone == [each for each in found if each["half"] == "2"]
    assert len(list((cwd / "models/m/videos").iterdir())) == 2
    again = videos("2_224p.mkv", 60, seed=2)  # another film of this name
    assert start(cwd, baseline, *words, both[0], again)[0] == 0
    assert videos.extracted[2:] == ["2_224p.mkv"]
    drawn = sorted(folder.rglob("*.png"))
    if baseline in CALF_FAMILY:
        by_class = [folder / f"classes_{half}/{c}.png" for half in (1, 2) for c in range(3)]
        assert drawn == sorted([*by_class, *(folder / f"{n}_segmentation.png" for n in (1, 2))])
    else:
        assert not drawn


def test_from_the_first_frame_on_a_video_is_long_enough(trained, start, videos):
    baseline, cwd = trained
    words = ["--model_name", "m", "--video_path"]
    for rows in (1, 2):
        video = videos(f"of {rows}.mp4", rows)
        code, out, err = start(cwd, baseline, *words, video)
        assert (code, err) == (0, "")
        assert f"{rows} frames of half 1:" in out


def test_the_thresholds_of_the_run_choose_what_is_shown(trained, start, videos):
    baseline, cwd = trained
    video = videos("shown.mp4", 200)
    words = ["--model_name", "m", "--video_path", video]
    assert start(cwd, baseline, *words)[0] == 0
    found = predictions(cwd / "models/m/outputs_shown/results_spotting.json")
    chosen = float(np.median([float(each["confidence"]) for each in found]))
    names = json.loads((cwd / "models/m/settings_train.json").read_text())["classes"]
    content = {"tolerance_seconds": 5, "chosen_on": "valid",
               "classes": {name: {"threshold": chosen, "F1": 0.5} for name in names}}  # fmt: skip
    point = cwd / "models/m/operating_point.json"
    point.write_text(json.dumps(content))
    try:
        code, out, _ = start(cwd, baseline, *words)
    finally:
        point.unlink()
    kept = [each for each in found if float(each["confidence"]) >= chosen]
    assert code == 0 and f"{len(kept)} spots at or above the thresholds chosen on valid" in out
    rows = [line.strip("│ ").split("│") for line in out.splitlines() if line.startswith("│")]
    expected = sorted(
        (int(each["position"]) // 1000, each["label"], f"{float(each['confidence']):.3f}")
        for each in kept
    )
    shown = [[cell.strip() for cell in row] for row in rows]
    assert sorted((int(t[:2]) * 60 + int(t[3:]), name, c) for _, t, name, c in shown) == expected
    assert [row[1] for row in shown] == sorted(row[1] for row in shown)


def test_a_backbone_that_does_not_fit_is_told_before_anything_is_extracted(trained, start, videos):
    baseline, cwd = trained
    words = ["--model_name", "m", "--video_path", videos("other.mp4", 5)]
    code, _, err = start(cwd, baseline, *words, "--backbone", "resnet152")
    assert code == 2
    assert "was trained on 1280 features per frame, and --backbone resnet152 gives 2048" in err
    assert "--backbone efficientnet-lite0 gives 1280" in err and err.count("\n") == 1
    assert videos.extracted == []
    assert not (cwd / "models/m/outputs_other").exists()


@pytest.mark.parametrize("baseline", ["CALF_Calibration", "CALF_Calibration_GCN"])
def test_a_network_that_sees_players_names_their_files(tmp_path, baseline, start, videos):
    video = videos("1_224p.mkv", 9)
    words = ["--video_path", video, "--backbone_feature", "2DConv", "--backbone_player", "3DConv"]
    code, _, err = start(tmp_path, baseline, *words)
    assert code == 2 and err.count("\n") == 1
    assert "_player_boundingbox_maskrcnn.json and " in err
    assert "_field_calib_ccbv.json beside the features" in err
    _, _, err = start(tmp_path, baseline, *words, "--teacher")
    assert "teacher_calibration.json beside the features" in err


def test_features_and_videos_are_not_taken_together(tmp_path, start, capsys):
    for baseline in PROGRAMS:
        code, _, err = start(tmp_path, baseline, "--features_path", "a.npy", "--video_path", "b")
        assert code == 2 and "not allowed with argument" in err
