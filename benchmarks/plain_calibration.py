"""CALF with players written plainly, as the original works: see `calf_calibration.py`."""

import json
import random
from pathlib import Path

import cv2
import numpy as np
import plain_calf
import torch
from plain_calf import N, P, R, T
from torch import Tensor, nn
from torch.nn import functional as F

from common.calibration.pitch_drawing import large_drawing

W, H = 64, 32


def read_half(boxes: Path, calibration: Path) -> tuple[list, list]:
    """Per frame a list of (box, colour), and (homography, confidence)."""
    predictions = json.loads(boxes.read_text())["predictions"]
    frames = [
        [
            (np.array(box, np.float64), np.array(colour, np.float64))
            for box, colour in zip(entry["bboxes"], entry["colors"], strict=True)
        ]
        for entry in predictions
    ]
    cameras = [
        (np.array(entry[0]["homography"]).reshape(3, 3), entry[0]["confidence"])
        for entry in json.loads(calibration.read_text())["predictions"]
    ]
    return frames, cameras


def render(frames: list, cameras: list, count: int) -> np.ndarray:
    """Field, outline and players of each frame, one box after another: [n, H, W, 3]."""
    images = np.zeros((count, H, W, 3), np.uint8)
    field = cv2.resize(large_drawing(), (60, 30), interpolation=cv2.INTER_CUBIC)
    for i in range(min(count, len(frames))):
        homography, confidence = cameras[i]
        if confidence < 0.75:
            continue
        inverse = np.linalg.inv(homography / homography[2, 2])

        def pixel(u: float, v: float, inverse: np.ndarray = inverse) -> tuple[int, int]:
            x, y, w = inverse @ np.array([u, v, 1.0])
            return int(W * (0.95 * x / w / 105 + 0.525)), int(H * (0.95 * y / w / 68 + 0.525))

        image = images[i]
        image[0:30, 1:61] = field[:, :, None]
        corners = [pixel(*corner) for corner in ((0, 0), (1280, 0), (1280, 720), (0, 720))]
        cv2.polylines(image, [np.array(corners, np.int32)], True, (255, 255, 255))
        for box, colour in frames[i]:
            px, py = pixel(int((box[0] + box[2]) / 2), box[3])
            if px + 1 < W and px - 1 >= 0 and py + 1 < H and py - 1 >= 0:
                image[py - 1 : py + 1, px - 1 : px + 1] = colour.astype(np.uint8)
    return images


class Chunks(plain_calf.Chunks):
    """Chunks with pictures that were drawn before and wait in memory."""

    def __init__(self, features: list, shifts: list, images: list[np.ndarray], length: int) -> None:
        super().__init__(features, shifts, length)
        self.images = images

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        half, frame = random.choice(self.anchors[random.randint(0, len(self.anchors) - 1)])
        start = max(0, frame + np.random.randint(R - T, -R))
        start = min(start, len(self.features[half]) - T - 1)
        labels = self.shifts[half][start : start + T].copy()
        labels[: R // 2], labels[-R // 2 :] = -1, -1
        targets = np.zeros((N, 2 + labels.shape[1]))
        for slot, (j, c) in enumerate(zip(*np.where(labels == 0), strict=True)):
            if slot < N:
                targets[slot, 0], targets[slot, 1], targets[slot, 2 + c] = 1, j / T, 1
        seen = self.images[half][start : start + T] / 127 - 1  # doubles, as there
        return self.features[half][start : start + T], labels, targets, seen


class Network(plain_calf.Network):
    """Both branches of width 2: the picture goes through three-dimensional layers."""

    def __init__(self, features: int, classes: int, players: bool) -> None:
        super().__init__(features, classes)
        width = 2 if players else 4
        self.players = players
        self.conv_1 = nn.Conv2d(1, 64 * width, (1, features))
        self.conv_2 = nn.Conv2d(64 * width, 16 * width, (1, 1))
        taps = [12, 27, 40, 80]
        sizes = [4 * width, 8 * width, 16 * width, 32 * width]
        self.pyramid = nn.ModuleList(
            nn.Conv2d(16 * width, w, (k, 1)) for w, k in zip(sizes, taps, strict=True)
        )
        if players:
            self.r_conv_1, self.r_conv_2 = nn.Conv3d(3, 16, (1, 5, 5)), nn.Conv3d(16, 32, (1, 5, 5))
            self.r_pyramid = nn.ModuleList(
                nn.Conv3d(32, w, (k, 1, 1)) for w, k in zip(sizes, taps, strict=True)
            )
        self.conv_seg = nn.Conv2d(304, P * classes, (3, 1))

    def branches(self, x: Tensor, seen: Tensor) -> Tensor:
        """[B, 1, T, D] and [B, 3, T, H, W] -> [B, 304, T, 1]"""
        a = F.relu(self.conv_2(F.relu(self.conv_1(x))))
        maps = [a] + [
            F.relu(conv(F.pad(a, (0, 0, *pad))))
            for conv, pad in zip(self.pyramid, self.pads, strict=True)
        ]
        if self.players:
            v = F.max_pool3d(F.relu(self.r_conv_1(seen)), (1, 4, 4))
            v = F.max_pool3d(F.relu(self.r_conv_2(v)), (1, 2, 2))  # [B, 32, T, 1, 5]
            around = [
                F.relu(conv(F.pad(v, (0, 0, 0, 0, *pad))))
                for conv, pad in zip(self.r_pyramid, self.pads, strict=True)
            ]
            maps += [F.max_pool3d(m, (1, 1, 5)).squeeze(4) for m in (v, *around)]
        return torch.cat(maps, 1)

    def forward(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Segmentation and spots."""
        return self.head(self.branches(x, seen))
