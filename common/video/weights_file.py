"""Keras' file of ResNet-152: where it is looked for, and how it is fetched and verified."""

import hashlib
import os
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from common.errors import UserError
from common.files import open_file, written_whole

FOLDER_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
# With and without the classifier, which nobody asks here; the checksums are those of Keras.
MD5 = {
    "resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5": "ee4c566cf9a93f14d82f913c2dc6dd0c",
    "resnet152_weights_tf_dim_ordering_tf_kernels.h5": "100835be76be38e30d865e96f2aaae62",
}
_FETCHED = next(iter(MD5))
_BLOCK = 1 << 20
_MOST_BYTES = 1 << 29  # twice the file: what is longer is something else
_SILENT_SECONDS = 60.0  # after which a server is given up


def find_weights(path: Path | None = None, download: bool = False) -> Path:
    """The file of weights.

    Args:
        path: the file; None: where Keras itself keeps it. A named file may hold any weights, the
            other must have Keras' checksum.
        download: fetch it if it is not there, or if the one that Keras keeps is damaged.

    Raises:
        UserError: there is none, and it is not or cannot be fetched.
    """
    fetches = download and (path is None or not path.exists())
    if path is None:
        kept = keras_folder()
        path = next((kept / name for name in MD5 if (kept / name).is_file()), kept / _FETCHED)
        if path.is_file():
            if checksum(path) == MD5[path.name]:
                return path
            if not download:
                raise UserError(
                    f"{path} is damaged: its md5 is not {MD5[path.name]}; fetch it again with "
                    "--download, or name another file with --backbone_weights"
                )
    if not path.exists() and not download:
        raise UserError(
            f"expected the weights of ResNet-152 at {path}, found no such file; fetch them with "
            f"--download (about 235 MB), or get {FOLDER_URL}{_FETCHED} elsewhere and name it with "
            "--backbone_weights; --backbone efficientnet-lite0 needs no download"
        )
    if fetches:
        name = path.name if path.name in MD5 else _FETCHED
        fetch(FOLDER_URL + name, path, MD5[name])
    return path


def keras_folder() -> Path:
    """Where Keras keeps weights that it fetched."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111 - no error
    return Path(home) / "models"


def checksum(path: Path) -> str:
    """The md5 of a file. Raises UserError if it is none."""
    digest = hashlib.md5(usedforsecurity=False)
    with open_file(path, "weights") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def fetch(url: str, path: Path, md5: str) -> None:
    """Fetches a file and writes it if it has this checksum; else nothing is written.

    Raises:
        UserError: the server cannot be reached, refuses, breaks off, or sends something else.
        OSError: the file cannot be written.
    """
    print(f"fetching {url} to {path}")
    digest = hashlib.md5(usedforsecurity=False)
    done = 0
    with _open(url) as answer, written_whole(path) as temporary, temporary.open("wb") as file:
        length = _length(answer.headers)
        with tqdm(total=length, unit="B", unit_scale=True, disable=None) as bar:
            for block in _blocks(answer, url):
                file.write(block)
                digest.update(block)
                done += len(block)
                bar.update(len(block))
        if length is not None and done != length:
            raise _broken_off(url, f"{done} of {length} bytes arrived")
        if digest.hexdigest() != md5:
            raise UserError(
                f"{url} sent {done} bytes of md5 {digest.hexdigest()}, expected {md5}: this is not "
                "the file, or a proxy changed it; fetch it on another way and name it with "
                "--backbone_weights"
            )


def _open(url: str) -> Any:
    """The server's answer, before its body."""
    try:
        request = Request(url, headers={"User-Agent": "soccer-action-spotting"})
        return urlopen(request, timeout=_SILENT_SECONDS)
    except HTTPError as error:
        with error:
            raise UserError(
                f"{url} answers with HTTP {error.code}; run the same command later, or get the "
                "file elsewhere and name it with --backbone_weights"
            ) from None
    except (OSError, HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise UserError(
            f"{url} cannot be reached ({reason}); check connection and proxy, or get the file "
            "elsewhere and name it with --backbone_weights"
        ) from None


def _blocks(answer: Any, url: str) -> Iterator[bytes]:
    done = 0
    while True:
        try:
            block = answer.read(_BLOCK)
        except (OSError, HTTPException) as error:
            raise _broken_off(url, f"{type(error).__name__}: {error}") from None
        if not block:
            return
        done += len(block)
        if done > _MOST_BYTES:
            raise UserError(
                f"{url} sends more than {_MOST_BYTES} bytes: this is not the file; get it "
                "elsewhere and name it with --backbone_weights"
            )
        yield block


def _length(headers: HTTPMessage) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _broken_off(url: str, reason: str) -> UserError:
    return UserError(f"the download of {url} broke off ({reason}); run the same command again")
