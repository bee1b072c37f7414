"""A normalisation in its convolution: the network gives the same."""

import torch
from torch import nn

from common.video.folding import fold


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
