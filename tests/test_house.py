"""The plan of the house, held: what a reader may rely on when opening a folder."""

import ast
import importlib
import traceback

import pytest

from common.errors import run_cli
from common.reproduce.sources import sources
from common.synthetic.data_set import FEATURE_FILE, write_data_set

BASELINES = (
    "CALF", "CALF_Calibration", "CALF_Calibration_GCN", "DenseAnchors", "Pooling",
    "TemporallyAwarePooling",
)  # fmt: skip
SEVEN = {"README.md", "main.py", "dataset.py", "model.py", "loss.py", "train.py", "test.py"}
SMALL = ["--chunk_size", "30", "--receptive_field", "10", "--chunks_per_epoch", "4"]
PROGRAMS = {
    "CALF": SMALL,
    "CALF_Calibration": [*SMALL, "--backbone_feature", "2DConv"],
    "CALF_Calibration_GCN": [*SMALL, "--backbone_feature", "2DConv"],
    "DenseAnchors": ["--chunk_size", "32", "--border", "4", "--chunks_per_epoch", "4"],
    "Pooling": ["--chunk_size", "20"],
    "TemporallyAwarePooling": [],
}


def is_program(path):
    """Whether a file can be started by itself."""
    return 'if __name__ == "__main__":' in path.read_text()


def modules(root, *folders):
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


@pytest.mark.parametrize("baseline", BASELINES)
def test_each_baseline_has_the_seven_files(repo_root, baseline):
    assert {path.name for path in (repo_root / baseline).iterdir()} >= SEVEN


def test_these_are_all_baselines(repo_root):
    assert sorted(path.parent.name for path in repo_root.glob("*/main.py")) == sorted(BASELINES)


@pytest.mark.parametrize("baseline", BASELINES)
def test_each_file_is_reached_from_main_or_is_a_program(repo_root, baseline):
    reached = sources(repo_root / baseline / "main.py", repo_root)
    others = [path for path in modules(repo_root, baseline) if path not in reached]
    assert [path.name for path in others if not is_program(path)] == []


def only_hands_on(tree):
    """Whether a module holds nothing but a docstring, imports and __all__."""

    def hands_on(node):
        names = [getattr(target, "id", "") for target in getattr(node, "targets", ())]
        return isinstance(node, ast.Import | ast.ImportFrom) or names == ["__all__"]

    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    return bool(body) and all(map(hands_on, body))


def test_no_file_only_hands_on_what_others_hold(repo_root):
    found = modules(repo_root, "common", *BASELINES)
    assert [path for path in found if only_hands_on(ast.parse(path.read_text()))] == []
    assert only_hands_on(ast.parse('"""Doc."""\nfrom a import b\n\n__all__ = ["b"]\n'))


def test_the_namespace_of_flags_stops_in_the_programs(repo_root):
    for path in modules(repo_root, "common", *BASELINES):
        if is_program(path):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                notes = [ast.unparse(each.annotation) for each in parameters if each.annotation]
                assert not any("Namespace" in note for note in notes), (path, node.name)


@pytest.mark.parametrize("baseline", BASELINES)
def test_main_reads_like_a_table_of_contents(repo_root, baseline):
    tree = ast.parse((repo_root / baseline / "main.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name
    sizes = {n.name: n.end_lineno - n.lineno for n in tree.body if isinstance(n, ast.FunctionDef)}
    assert sizes["main"] <= 50


def test_no_class_name_stands_for_two_things(repo_root):
    names = {}
    for path in modules(repo_root, "common", *BASELINES):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                names.setdefault(node.name, []).append(path)
    twice = {name for name, paths in names.items() if len(paths) > 1}
    # The same thing in another baseline: an example to learn from, a criterion, a layer.
    repeated = {"Clips", "Chunks", "DrawnChunks", "Criterion", "NetVLAD"}
    assert twice <= repeated


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("house") / "data"
    write_data_set(root, [1, 1, 1, 0], minutes=2, dim=16)
    return root


@pytest.mark.parametrize("baseline", BASELINES)
def test_few_steps_lead_from_the_shell_to_the_loss(baseline, data, tmp_path, monkeypatch):
    """At most six frames in five files, the module of main.py counted, and no way back."""

    class Reached(Exception):  # noqa: N818 - an event
        pass

    stack = []

    def note(*_):
        stack.extend(traceback.extract_stack()[:-1])
        raise Reached

    program = importlib.import_module(f"{baseline}.main")
    train = importlib.import_module(f"{baseline}.train")
    if hasattr(train, "clip_loss"):
        monkeypatch.setattr(train, "clip_loss", note)
    else:
        monkeypatch.setattr(train.Criterion, "__call__", note)
    words = ["--SoccerNet_path", str(data), "--features", FEATURE_FILE, "--split_test", "test",
             "--device", "cpu", "--batch_size", "2", *PROGRAMS[baseline]]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Reached):
        run_cli(lambda: program.main(words))
    files = [frame.filename for frame in stack]
    begin = next(n for n, frame in enumerate(stack) if frame.name == "run_cli")
    way = [files[begin]] + [name for name in files[begin + 1 :] if name != __file__]
    assert len(way) + 2 <= 6  # the module of main.py before, the loss behind
    assert len({*way, program.__file__, f"{baseline}/loss.py"}) <= 5
    turns = [
        name for name, following in zip(way, [*way[1:], None], strict=True) if name != following
    ]
    assert len(turns) == len(set(turns))
