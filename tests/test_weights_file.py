"""Weights are found, or fetched whole and verified from a server that may do anything."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from common.errors import UserError
from common.video import weights_file
from common.video.weights_file import fetch, find_weights

CONTENT = bytes(range(256)) * 9000  # more than a block
GOOD = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if name == "missing":
            self.send_error(404)
        elif name == "moved":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.end_headers()
        else:
            self.send_response(200)
            if name != "unannounced":
                more = 10 if name == "cut" else 0
                self.send_header("Content-Length", str(len(CONTENT) + more))
            self.end_headers()
            self.wfile.write(CONTENT[::-1] if name == "other" else CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["whole", "unannounced", "moved"])
def test_what_arrives_whole_is_written(server, tmp_path, name):
    path = tmp_path / "new" / "weights.h5"
    fetch(server + name, path, GOOD)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "answers with HTTP 404"),
        ("cut", rf"broke off \({len(CONTENT)} of {len(CONTENT) + 10} bytes"),
        ("other", f"expected {GOOD}: this is not the file"),
    ],
)
def test_anything_else_leaves_no_trace(server, tmp_path, name, said):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"before")
    with pytest.raises(UserError, match=said):
        fetch(server + name, path, GOOD)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [
        ("weights.h5", b"before")
    ]


def test_a_server_that_never_ends_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(weights_file, "_MOST_BYTES", 1 << 20)
    with pytest.raises(UserError, match="sends more than 1048576 bytes"):
        fetch(server + "unannounced", tmp_path / "weights.h5", GOOD)
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_silent_is_given_up(tmp_path, monkeypatch):
    import socket

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(weights_file, "_SILENT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights"
        with pytest.raises(UserError, match=r"cannot be reached \(timed out\)"):
            fetch(url, tmp_path / "weights.h5", GOOD)
    with pytest.raises(UserError, match=r"cannot be reached \(.*refused"):  # nobody listens now
        fetch(url, tmp_path / "weights.h5", GOOD)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def kept(monkeypatch, tmp_path, server):
    """The folder where Keras would keep its weights, and a server that has them."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(weights_file, "MD5", dict.fromkeys(weights_file.MD5, GOOD))
    monkeypatch.setattr(weights_file, "FOLDER_URL", server)
    return tmp_path / "keras" / "models"


def test_without_weights_the_way_to_them_is_told(kept, tmp_path):
    for path in (None, tmp_path / "mine.h5"):
        with pytest.raises(
            UserError, match=r"expected the weights.*found no such file.*--download"
        ):
            find_weights(path)
    assert not kept.exists()


def test_fetched_once_and_found_again(kept, monkeypatch):
    path = find_weights(download=True)
    assert path == kept / weights_file._FETCHED
    assert path.read_bytes() == CONTENT
    monkeypatch.setattr(weights_file, "fetch", None)
    assert find_weights() == find_weights(download=True) == path


def test_what_keras_has_fetched_is_used(kept):
    kept.mkdir(parents=True)
    path = kept / "resnet152_weights_tf_dim_ordering_tf_kernels.h5"
    path.write_bytes(CONTENT)
    assert find_weights() == path


def test_what_is_damaged_is_fetched_again(kept):
    kept.mkdir(parents=True)
    path = kept / weights_file._FETCHED
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=r"is damaged.*--download"):
        find_weights()
    assert find_weights(download=True) == path
    assert path.read_bytes() == CONTENT


def test_a_file_of_ones_own_is_taken_as_it_is(kept, tmp_path):
    path = tmp_path / "mine.h5"
    path.write_bytes(b"own")
    assert find_weights(path) == find_weights(path, download=True) == path
    assert path.read_bytes() == b"own"
    path = kept / weights_file._FETCHED
    path.parent.mkdir(parents=True)
    path.write_bytes(b"own")  # also where Keras keeps its own
    assert find_weights(path, download=True).read_bytes() == b"own"


def test_a_named_file_that_is_not_there_is_fetched(kept, tmp_path):
    path = find_weights(tmp_path / "mine.h5", download=True)
    assert path.read_bytes() == CONTENT
    assert not kept.exists()


def test_the_checksums_are_those_of_keras():
    """Where Keras is installed, from its own table."""
    table = pytest.importorskip("importlib.util").find_spec("keras")
    if table is None:
        pytest.skip("needs keras, of which only the tests know")
    from pathlib import Path

    text = (Path(table.origin).parent / "src/applications/resnet.py").read_text()
    assert all(md5 in text for md5 in weights_file.MD5.values())
    assert weights_file.FOLDER_URL in text
