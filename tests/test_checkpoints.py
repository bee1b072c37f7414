"""Checkpoints: the published format, and files that are none, each refused in one sentence."""

import io
import os
import pickle

import pytest
import torch
from torch import nn

from common.errors import UserError
from common.results.run_record import TRAINED, new_record, write_record
from common.training.checkpoints import load_weights, read_checkpoint, save_checkpoint


def content_of(model, **further):
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "state_dict": model.state_dict(),
        "best_loss": 0.25,
        "optimizer": optimizer.state_dict(),
        **further,
    }


def assert_one_sentence(error, *words):
    sentence = str(error.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    for word in words:
        assert word in sentence


class MaxPooled(nn.Module):
    """The small network behind the recorded checkpoint: maximum over frames, then linear."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 18)

    def forward(self, clips):
        return torch.sigmoid(self.fc(clips.amax(dim=1)))


def test_a_recorded_checkpoint_loads_and_its_network_answers_as_recorded(shared):
    model = MaxPooled().eval()
    content = load_weights(model, shared("golden/checkpoint_example.pth.tar"))
    recorded = torch.load(shared("golden/checkpoint_example_io.pt"), weights_only=True)
    output = model(recorded["input"])
    assert torch.allclose(output, recorded["output"], rtol=0, atol=1e-5)
    assert list(content) == ["epoch", "state_dict", "best_loss", "optimizer"]
    assert isinstance(content["epoch"], int)
    assert isinstance(content["best_loss"], float)
    torch.optim.Adam(model.parameters()).load_state_dict(content["optimizer"])


def test_weights_that_do_not_fit_name_the_program_that_trained_them(tmp_path):
    save_checkpoint(tmp_path / "model.pth.tar", content_of(nn.Linear(4, 2)))
    for record, advice in (
        ({}, "use the flags that it was trained with"),
        ({"command": ["CALF/main.py"]}, "they were trained by CALF/main.py: start that"),
    ):
        write_record(tmp_path / TRAINED, new_record({}) | record)
        with pytest.raises(UserError) as error:
            load_weights(nn.Linear(4, 3), tmp_path / "model.pth.tar")
        assert_one_sentence(error, "other settings", "weight is (2, 4), expected (3, 4)", advice)


def test_what_is_saved_comes_back(tmp_path):
    model, other = nn.Linear(4, 2), nn.Linear(4, 2)
    saved = content_of(model, progress={"history": [{"loss": 0.5}], "finished": False})
    save_checkpoint(tmp_path / "new" / "model.pth.tar", saved)
    content = load_weights(other, tmp_path / "new" / "model.pth.tar")
    assert list(content) == list(saved)
    assert content["progress"] == saved["progress"]
    assert torch.equal(other.weight, model.weight)
    assert torch.equal(other.bias, model.bias)
    state, expected = (c["optimizer"]["state"][0]["exp_avg"] for c in (content, saved))
    assert torch.equal(state, expected)


def test_the_same_content_makes_the_same_file_under_any_name(tmp_path):
    saved = content_of(nn.Linear(4, 2))
    for name in ("a.pth.tar", "b.pth.tar"):
        save_checkpoint(tmp_path / name, saved)
    assert (tmp_path / "a.pth.tar").read_bytes() == (tmp_path / "b.pth.tar").read_bytes()


def test_a_disk_that_fills_up_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "model.pth.tar"
    save_checkpoint(path, content_of(nn.Linear(4, 2)))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, content_of(nn.Linear(4, 2)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_weights_come_to_the_cpu_and_keep_the_models_type(tmp_path):
    saved = nn.Linear(4, 2).double()
    save_checkpoint(tmp_path / "x", {"state_dict": saved.state_dict()})
    model = nn.Linear(4, 2)
    load_weights(model, tmp_path / "x")
    assert model.weight.dtype == torch.float32
    assert torch.equal(model.weight, saved.weight.float())


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "model.pth.tar", tmp_path):
        with pytest.raises(UserError, match=f"expected a checkpoint at {path}") as error:
            read_checkpoint(path)
        assert_one_sentence(error)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip format", "format before torch 1.6"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, zipped):
    archive = io.BytesIO()
    saved = content_of(nn.Linear(4, 2))
    torch.save(saved, archive, _use_new_zipfile_serialization=zipped)
    whole, path = archive.getvalue(), tmp_path / "model.pth.tar"
    path.write_bytes(whole)
    assert read_checkpoint(path)["epoch"] == 3
    for length in [0, 1, 2, 3, *range(4, len(whole) - 1, len(whole) // 60)]:
        path.write_bytes(whole[:length])
        with pytest.raises(UserError) as error:
            read_checkpoint(path)
        assert_one_sentence(error, str(path), "is damaged")


@pytest.mark.parametrize(
    "content", [b"hello world", b'{"state_dict": {}}', b"PK\x03\x04 no archive", b"\x80\x02}q\x00."]
)
def test_files_of_other_kinds_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError) as error:
        read_checkpoint(tmp_path / "x")
    assert_one_sentence(error, str(tmp_path / "x"))


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(
    pickle.dumps(content)
)], ids=["torch", "pickle"])  # fmt: skip
def test_a_file_that_holds_code_is_refused_and_nothing_of_it_runs(tmp_path, save):
    trace = tmp_path / "it ran"

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(trace),)

    save({"state_dict": {"weight": Evil()}}, tmp_path / "model.pth.tar")
    with pytest.raises(UserError) as error:
        read_checkpoint(tmp_path / "model.pth.tar")
    assert_one_sentence(error, "code", "was not run")
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [[1, 2], {"epoch": 3}, {"state_dict": [1, 2]}, {"state_dict": {"weight": 3}}, None]
)
def test_a_file_without_weights_is_no_checkpoint(tmp_path, content):
    save_checkpoint(tmp_path / "x", content)
    with pytest.raises(UserError, match="no state_dict") as error:
        load_weights(nn.Linear(4, 2), tmp_path / "x")
    assert_one_sentence(error)


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (nn.Linear(5, 2), ["weight is (2, 5), expected (2, 4)"]),
        (nn.Linear(4, 2, bias=False), ["bias is missing"]),
        (nn.Sequential(nn.Linear(4, 2)), ["weight is missing", "0.weight is not in the model"]),
    ],
)
def test_weights_that_do_not_fit_are_named_and_leave_the_model_as_it_was(tmp_path, theirs, words):
    save_checkpoint(tmp_path / "x", {"state_dict": theirs.state_dict()})
    model = nn.Linear(4, 2)
    before = model.weight.clone()
    with pytest.raises(UserError) as error:
        load_weights(model, tmp_path / "x")
    assert_one_sentence(error, *words, "use the flags that it was trained with")
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize(
    "prefix",
    ["module.", "model.", "_orig_mod.", "module.model.", "model.module.", "module._orig_mod."],
)
@pytest.mark.parametrize("bare", [True, False])
def test_prefixes_of_wrapped_networks_are_taken_off(tmp_path, prefix, bare):
    saved, model = nn.Linear(4, 2), nn.Linear(4, 2)
    weights = {prefix + name: weight for name, weight in saved.state_dict().items()}
    save_checkpoint(tmp_path / "x", weights if bare else {"state_dict": weights, "epoch": 3})
    content = load_weights(model, tmp_path / "x")
    assert torch.equal(model.weight, saved.weight)
    assert list(content["state_dict"]) == ["weight", "bias"]


def test_a_prefix_that_not_all_names_have_is_part_of_the_names(tmp_path):
    weights = {"module.weight": torch.zeros(2, 4), "bias": torch.zeros(2)}
    save_checkpoint(tmp_path / "x", {"state_dict": weights})
    with pytest.raises(UserError, match=r"weight is missing; module\.weight is not in the model"):
        load_weights(nn.Linear(4, 2), tmp_path / "x")


ODD = {
    "sparse": lambda w: w.to_sparse(),
    "sparse_csr": lambda w: w.to_sparse_csr(),
    "meta": lambda w: w.to("meta"),
    "quantized": lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8),
    "complex": lambda w: w.to(torch.complex64),
    "not finite": lambda w: w.index_fill(0, torch.tensor([0]), float("inf")),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("bare", [True, False])
def test_tensors_of_other_kinds_are_refused_by_name(tmp_path, kind, bare):
    model = nn.Linear(4, 2)
    weights = {**model.state_dict(), "weight": ODD[kind](model.weight.detach().clone())}
    torch.save(weights if bare else {"state_dict": weights}, tmp_path / "x")
    before = model.weight.clone()
    with pytest.raises(UserError, match="weight is a tensor") as error:
        load_weights(model, tmp_path / "x")
    assert_one_sentence(error, str(tmp_path / "x"))
    assert torch.equal(model.weight, before)


def test_half_precision_and_whole_numbers_load(tmp_path):
    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int64):
        weights = {"weight": torch.ones(2, 4, dtype=dtype), "bias": torch.ones(2, dtype=dtype)}
        save_checkpoint(tmp_path / "x", {"state_dict": weights})
        model = nn.Linear(4, 2)
        load_weights(model, tmp_path / "x")
        assert torch.equal(model.weight, torch.ones(2, 4))


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (["B", "A"], "'A' as class 1, now 'B'"),
        (["A", "C"], "'B' as class 2, now 'C'"),
        (["A"], "2 classes, now 1"),
        (["A", "B"], None),
        ([], None),
    ],
)
def test_classes_of_a_checkpoint_are_compared(tmp_path, classes, told):
    model = nn.Linear(4, 2)
    content = {"state_dict": model.state_dict(), "classes": ["A", "B"]}
    save_checkpoint(tmp_path / "x", content)
    if told is None:
        load_weights(model, tmp_path / "x", classes)
        return
    with pytest.raises(UserError, match=told) as error:
        load_weights(model, tmp_path / "x", classes)
    assert_one_sentence(error, str(tmp_path / "x"), "in this order: A, B")
