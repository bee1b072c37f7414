"""Networks without passes over their maps give the same."""

import torch
from torch import nn

from common.video.folding import act_in_place, fold, fold_borders


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5)
        self.second, self.other = nn.Conv2d(5, 4, 1), nn.BatchNorm2d(4, eps=0.1)
        self.lone = nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.norm(self.first(x)).relu()
        return self.lone(self.other(self.second(y)).relu())


def test_what_is_named_is_folded_and_nothing_moves(one_thread):
    torch.manual_seed(0)
    network = nn.Sequential(Block())
    network.train()(torch.randn(50, 3, 8, 8))  # statistics of their own
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 2)
            nn.init.uniform_(part.bias)
    x = torch.randn(4, 3, 8, 8)
    expected = network.eval()(x)
    fold(network, [("first", "norm"), ("second", "other"), ("third", "lone")])
    assert torch.allclose(network(x), expected, atol=1e-5)
    kinds = [type(getattr(network[0], name)) for name in ("norm", "other", "lone")]
    assert kinds == [nn.Identity, nn.Identity, nn.BatchNorm2d]


class Bordered(nn.Conv2d):
    def __init__(self, *border):
        super().__init__(3, 3, 3)
        self.border = nn.ZeroPad2d(border)

    def forward(self, x):
        return super().forward(self.border(x))


def test_borders_that_are_alike_are_the_convolutions_own(one_thread):
    network = nn.Sequential(
        Bordered(1, 1, 1, 1), nn.ReLU6(), Bordered(2, 2, 0, 0), nn.ReLU(), Bordered(0, 1, 0, 1)
    )
    x = torch.randn(2, 3, 9, 12)
    expected = network(x)
    fold_borders(network, "border")
    act_in_place(network)
    assert torch.allclose(network(x), expected, atol=1e-6)
    assert [part.padding for part in network[::2]] == [(1, 1), (0, 2), (0, 0)]
    assert network[1].inplace and network[3].inplace
