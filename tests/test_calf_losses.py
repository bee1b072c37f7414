"""Both forms of the context-aware loss, matching and spotting loss: recordings and properties."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch

from CALF.loss import Criterion, context_aware_loss
from CALF_Calibration.loss import Criterion as LegacyCriterion
from CALF_Calibration_GCN.loss import Criterion as GraphCriterion
from common.calf.k_parameters import k_frames
from common.calf.legacy_context_loss import legacy_context_loss
from common.calf.spotting_loss import match_predictions, spotting_loss
from common.data.events import V2_NAMES

FORMS = {"calf": context_aware_loss, "calib": legacy_context_loss}
GOAL = torch.tensor([[-40.0], [-20.0], [120.0], [180.0]])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ["all", "visual", "nonvisual", "fps1"])
def test_recorded_segmentation_loss(golden, device, case, form):
    recorded = golden("context_aware_loss.npz")
    score, labels, K = (
        torch.from_numpy(recorded[f"{case}_{what}"]).to(device) for what in ("score", "labels", "K")
    )
    score.requires_grad_()
    loss = FORMS[form](score, labels, K)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(recorded[f"{case}_{form}"]), rel=1e-6)
    expected = torch.from_numpy(recorded[f"{case}_{form}_grad"])
    assert torch.allclose(score.grad.cpu(), expected, rtol=1e-5, atol=1e-5)


def test_finite_where_the_original_is_not(golden, device):
    recorded = golden("context_aware_loss.npz")
    score, labels, K = (
        torch.from_numpy(recorded[f"saturated_{what}"]).to(device)
        for what in ("score", "labels", "K")
    )
    for form, loss in FORMS.items():
        assert not np.isfinite(recorded[f"saturated_{form}"])
        assert torch.isfinite(loss(score, labels, K))


@pytest.mark.parametrize(
    ("form", "score", "values"),
    [
        ("calf", 0.3, (0.25131, 0.05716, 0, 1.09861, 0.32542, 0, 0.05716, 0.24420, 0.25131)),
        ("calib", 0.3, (1.09861, 0.32542, 0, 0.25131, 0, 0, 0.11778, 1.04454, 1.09861)),
        ("calf", 0.8, (1.50408, 0.40547, 0, 0.11778, 0, 0, 0.40547, 1.43954, 1.50408)),
        ("calib", 0.8, (0.11778, 0, 0, 1.50408, 0.25131, 0, 0, 0.09716, 0.11778)),
    ],
)
def test_the_printed_table(device, form, score, values):
    shifts = ((-500, -40), (-30,), (-20, -1), (0,), (60,), (119, 120), (150,), (179,), (180, 400))
    for group, value in zip(shifts, values, strict=True):
        for shift in group:
            one = torch.full((1, 1, 1), float(shift), device=device)
            loss = float(FORMS[form](torch.full_like(one, score), one, GOAL.to(device)))
            assert loss == pytest.approx(value, abs=6e-6), shift


@pytest.mark.parametrize(("form", "total"), [("calf", 4665.2275), ("calib", 4519.2578)])
def test_the_printed_total(printed_noise, device, form, total):
    labels = torch.from_numpy(np.floor(520 * printed_noise("labels", 8160))).view(2, 240, 17)
    score = torch.from_numpy(0.98 * printed_noise("score", 8160) + 0.5).view(2, 240, 17)
    K = torch.from_numpy(k_frames(V2_NAMES, 2))
    loss = FORMS[form](score.to(device), labels.to(device), K.to(device))
    assert float(loss) == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finite_with_finite_gradients_for_every_score_and_shift(form, dtype):
    scores = torch.cat([
        torch.tensor([0.0, 1e-30, 1e-8, 1e-7, 0.5, 1 - 1e-7, 1 - 1e-8, 1.0], dtype=dtype),
        torch.linspace(0, 1, 101, dtype=dtype),
    ])  # fmt: skip
    shifts = torch.arange(-60, 200, dtype=dtype)
    grid = scores[None, :, None].expand(len(shifts), -1, 1).clone().requires_grad_()
    labels = shifts[:, None, None].expand(-1, len(scores), 1)
    loss = FORMS[form](grid, labels, GOAL.to(dtype))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(grid.grad).all()
    assert (grid.grad[(shifts >= -20) & (shifts < 0)] == 0).all()  # just before: no loss


@pytest.mark.parametrize("form", FORMS)
def test_the_loss_is_least_where_the_frame_is_right(form):
    says_action = 1.0 if form == "calf" else 0.0
    for shift, wanted in ((0, says_action), (40, says_action), (-300, 1 - says_action),
                          (300, 1 - says_action)):  # fmt: skip
        label = torch.full((1, 1, 1), float(shift))
        losses = [float(FORMS[form](torch.full_like(label, s), label, GOAL)) for s in (0.0, 1.0)]
        assert losses[int(wanted)] == 0 < losses[1 - int(wanted)]


def test_the_two_forms_are_mirrored_far_from_an_action_and_differ_near_it():
    score = torch.rand(1, 50, 1)
    for shift, equal in ((-500.0, True), (-30.0, True), (-10.0, True), (400.0, True), (60.0, False),
                         (150.0, False)):  # fmt: skip
        label = torch.full_like(score, shift)
        clean = context_aware_loss(score, label, GOAL)
        legacy = legacy_context_loss(1 - score, label, GOAL)
        assert torch.isclose(clean, legacy) == equal


@pytest.mark.parametrize("case", ["full", "small", "ties", "visual"])
def test_recorded_spotting_loss(golden, device, case):
    recorded = golden("spotting_loss.npz")
    targets = torch.from_numpy(recorded[f"{case}_true"]).to(device)
    spots = torch.from_numpy(recorded[f"{case}_pred"]).to(device).requires_grad_()
    order = match_predictions(targets, spots, published=True)
    permuted = spots.gather(1, order.unsqueeze(2).expand_as(spots))
    assert np.array_equal(permuted.detach().cpu(), recorded[f"{case}_permuted"])
    loss = spotting_loss(spots, targets, *recorded[f"{case}_lambda"].tolist(), published=True)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(recorded[f"{case}_loss"]), rel=1e-6)
    assert np.allclose(spots.grad.cpu(), recorded[f"{case}_grad"], rtol=1e-5, atol=1e-6)
    if case != "ties":  # times of exactly 1
        assert torch.equal(match_predictions(targets, spots), order)


def test_the_printed_matching(printed_noise, device):
    conf = torch.from_numpy(printed_noise("conf", 60) + 0.5).view(2, 15, 2)
    named = torch.from_numpy(4 * printed_noise("cls", 510)).view(2, 15, 17).softmax(dim=2)
    spots = torch.cat([conf, named], dim=2)
    targets = torch.zeros_like(spots)
    for chunk, slot, time, event in ((0, 0, 0.2, 3), (0, 1, 0.5, 9), (0, 2, 0.51, 8),
                                     (1, 0, 0.3, 0)):  # fmt: skip
        targets[chunk, slot, :2] = torch.tensor([1, time])
        targets[chunk, slot, 2 + event] = 1
    spots, targets = spots.to(device), targets.to(device)
    assert float(spotting_loss(spots, targets)) == pytest.approx(9.692705, abs=1e-6)
    order = match_predictions(targets, spots)
    assert order[0, :3].tolist() == [7, 0, 14]
    assert int(order[1, 0]) == 10


def literal_matching(times, predicted):
    """The published rounds for one chunk, slot by slot."""
    left_slots, free, order = list(range(len(times))), list(range(len(predicted))), {}
    while left_slots:
        asked = {s: max(free, key=lambda p, s=s: (1 - abs(times[s] - predicted[p]), -p))
                 for s in left_slots}  # fmt: skip
        for prediction in set(asked.values()):
            pickers = [s for s in left_slots if asked[s] == prediction]
            slot = max(pickers, key=lambda s: (1 - abs(times[s] - predicted[prediction]), -s))
            order[slot] = prediction
            left_slots.remove(slot)
        free = [p for p in free if p not in order.values()]
    return [order[slot] for slot in range(len(times))]


@pytest.mark.parametrize("seed", range(5))
def test_matching_is_the_rounds_and_a_permutation(device, seed):
    rng = np.random.default_rng(seed)
    B, N = 40, 15
    targets, spots = np.zeros((B, N, 4)), rng.random((B, N, 4))
    if seed % 2:
        spots[..., 1] = rng.integers(0, 8, (B, N)) / 8  # many equal distances
    for chunk, count in enumerate(rng.integers(0, N + 1, B)):
        targets[chunk, :count, 0] = 1
        targets[chunk, :count, 1] = np.sort(rng.integers(0, 16, count) / 16)
    both = (torch.from_numpy(part).to(device) for part in (targets, spots))
    order = match_predictions(*both).cpu()
    assert np.array_equal(np.sort(order, axis=1), np.tile(np.arange(N), (B, 1)))
    for chunk in range(B):
        count = int(targets[chunk, :, 0].sum())
        expected = literal_matching(targets[chunk, :count, 1], spots[chunk, :, 1])
        assert order[chunk, :count].tolist() == expected


def test_rounds_are_not_the_greedy_order_over_all_pairs():
    targets, spots = torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)
    targets[0, :, 0] = 1
    targets[0, :, 1] = torch.tensor([0.0, 0.45])
    spots[0, :, 1] = torch.tensor([0.2, 0.9])
    # Both ask for 0.2, the first is nearer; the second has to take 0.9.
    assert match_predictions(targets, spots).tolist() == [[0, 1]]


def test_the_loss_does_not_depend_on_the_order_of_predictions():
    torch.manual_seed(0)
    targets, spots = torch.zeros(1, 4, 5), torch.rand(1, 4, 5)
    targets[0, 0] = torch.tensor([1, 0.3, 0, 1, 0])
    losses = {
        round(float(spotting_loss(spots[:, list(order)], targets)), 5)
        for order in itertools.permutations(range(4))
    }
    assert len(losses) == 1


def test_a_perfect_prediction_costs_nothing():
    targets = torch.zeros(2, 3, 5)
    targets[0, 0] = torch.tensor([1, 0.3, 0, 1, 0])
    targets[0, 1] = torch.tensor([1, 0.6, 1, 0, 0])
    assert float(spotting_loss(targets[:, [2, 1, 0]], targets)) == 0


@pytest.mark.parametrize(
    ("criterion", "form"),
    [
        (partial(Criterion, segmentation_loss=context_aware_loss), context_aware_loss),
        (partial(Criterion, segmentation_loss=legacy_context_loss), legacy_context_loss),
        (LegacyCriterion, legacy_context_loss),
        (GraphCriterion, legacy_context_loss),
    ],
    ids=["CALF", "CALF, older form", "CALF_Calibration", "CALF_Calibration_GCN"],
)
def test_the_criterion_weighs_and_names_its_parts(criterion, form):
    torch.manual_seed(0)
    segmentation, shifts = torch.rand(2, 9, 1), torch.randint(-99, 99, (2, 9, 1)).float()
    spots, targets = torch.rand(2, 3, 3), torch.zeros(2, 3, 3)
    losses = criterion(
        k_frames=GOAL,
        weight_segmentation=0.5,
        weight_detection=2.0,
        lambda_coord=7.0,
        lambda_noobj=0.25,
    )((segmentation, spots), (shifts, targets))
    assert list(losses) == ["segmentation", "spotting"]
    assert losses["segmentation"] == 0.5 * form(segmentation, shifts, GOAL)
    assert losses["spotting"] == 2 * spotting_loss(spots, targets, 7.0, 0.25)


@pytest.mark.parametrize(
    "criterion",
    [partial(Criterion, segmentation_loss=context_aware_loss), LegacyCriterion, GraphCriterion],
)
def test_the_criterion_matches_as_the_original_if_it_is_asked_to(criterion):
    torch.manual_seed(0)
    outputs = torch.rand(1, 9, 1), torch.rand(1, 3, 3)
    outputs[1][0, 1, 1] = 1  # which the original takes for a prediction that is taken
    shifts, targets = torch.zeros(1, 9, 1), torch.zeros(1, 3, 3)
    for published in (False, True):
        losses = criterion(k_frames=GOAL, published=published)(outputs, (shifts, targets))
        assert losses["spotting"] == spotting_loss(outputs[1], targets, published=published)
    assert spotting_loss(outputs[1], targets) != spotting_loss(outputs[1], targets, published=True)
