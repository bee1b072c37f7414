"""Flat published names outside, the names of a network's parts inside."""

import pytest
import torch
from torch import nn

from common.errors import UserError
from common.training.checkpoints import load_weights, save_checkpoint
from common.training.published_names import keep_published_names


class Network(nn.Module):
    """Two parts, a running statistic, and an own parameter."""

    def __init__(self, published=None):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(1))
        self.trunk = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
        self.head = nn.ModuleDict({"fc": nn.Linear(3, 2)})
        if published:
            keep_published_names(self, published)

    def forward(self, rows):
        return self.scale * self.head["fc"](self.trunk(rows))


def flat(name):
    return name.removeprefix("trunk.").removeprefix("head.")


FLAT = [
    "scale", "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
    "1.num_batches_tracked", "fc.weight", "fc.bias",
]  # fmt: skip


def test_the_state_speaks_published_names_in_the_networks_order():
    plain, named = Network().state_dict(), Network(flat).state_dict()
    assert list(named) == FLAT == [flat(name) for name in plain]
    assert [name for name, _ in Network(flat).named_parameters()] == [
        name for name, _ in Network().named_parameters()
    ]


def test_what_is_saved_comes_back(tmp_path):
    one, another = Network(flat), Network(flat)
    one(torch.randn(8, 4))  # moves the running statistics
    save_checkpoint(tmp_path / "x", {"state_dict": one.state_dict()})
    load_weights(another, tmp_path / "x")
    rows = torch.randn(5, 4)
    assert torch.equal(one.eval()(rows), another.eval()(rows))
    assert list(another.state_dict()) == FLAT
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, another.state_dict()[name])


def test_a_loaded_state_is_left_as_it_was():
    state = Network(flat).state_dict()
    before = dict(state)
    Network(flat).load_state_dict(state)
    assert list(state) == list(before) == FLAT


def test_parameters_with_their_gradients_are_found_by_published_names():
    model = Network(flat)
    model(torch.randn(8, 4)).square().sum().backward()
    state = model.state_dict(keep_vars=True)
    assert state["fc.weight"] is model.head["fc"].weight
    assert state["0.bias"] is model.trunk[0].bias
    assert all(state[name].grad is not None for name in ("scale", "0.weight", "fc.bias"))


def test_names_that_change_places_are_not_mixed_up():
    def swapped(name):
        first, _, rest = name.partition(".")
        return f"{ ({'a': 'b', 'b': 'a'}[first]) }.{rest}"

    def pair():
        return nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})

    model, other = pair(), pair()
    keep_published_names(model, swapped)
    keep_published_names(other, swapped)
    state = model.state_dict()
    assert list(state) == ["b.weight", "b.bias", "a.weight", "a.bias"]
    assert torch.equal(state["b.weight"], model["a"].weight)
    assert torch.equal(state["a.bias"], model["b"].bias)
    other.load_state_dict(state)
    for name, tensor in model.named_parameters():
        assert torch.equal(tensor, other.get_parameter(name))


def test_a_network_inside_another_keeps_its_names_there():
    outer = nn.ModuleDict({"inner": Network(flat), "last": nn.Linear(2, 2)})
    again = nn.ModuleDict({"inner": Network(flat), "last": nn.Linear(2, 2)})
    state = outer.state_dict()
    assert set(state) == {f"inner.{name}" for name in FLAT} | {"last.weight", "last.bias"}
    again.load_state_dict(state)
    assert torch.equal(again["inner"].trunk[0].weight, outer["inner"].trunk[0].weight)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state | {"conv.weight": state["scale"]}, "conv.weight is not in the model"),
        (lambda state: state | {"head.fc.bias": state["fc.bias"]}, "head.fc.bias is not in the mo"),
        (lambda state: {k: v for k, v in state.items() if k != "0.bias"}, "0.bias is missing"),
        (lambda state: state | {"fc.bias": torch.zeros(7)}, r"fc.bias is \(7,\), expected \(2,\)"),
        (lambda state: Network().state_dict(), "0.weight is missing"),
    ],
)
def test_what_does_not_fit_is_told_in_published_names(tmp_path, change, sentence):
    model = Network(flat)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_checkpoint(tmp_path / "x", {"state_dict": change(dict(Network(flat).state_dict()))})
    with pytest.raises(UserError, match=sentence) as error:
        load_weights(model, tmp_path / "x")
    assert "trunk.0.bias is missing" not in str(error.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_torch_itself_refuses_what_does_not_fit():
    state = Network(flat).state_dict()
    state["conv.weight"] = state.pop("fc.weight")
    with pytest.raises(RuntimeError, match=r"conv\.weight"):
        Network(flat).load_state_dict(state)
