"""The documents: links lead somewhere, files that are named exist, commands are accepted."""

import importlib
import itertools
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from shell import succeeds

from common.errors import UserError
from common.metric.bootstrap import FEW_GAMES_WARNING
from common.results.reading import EVALUATION_FRAMERATE

ROOT = Path(__file__).resolve().parents[1]
TRACKED = subprocess.run(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=False,
).stdout.split("\0")
DOCUMENTS = sorted(name for name in TRACKED if name.endswith(".md"))
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
MADE = ("MeanPooling", "data/")  # what a reader makes

pytestmark = pytest.mark.skipif(not DOCUMENTS, reason="needs a checkout by git")


def text_of(document):
    return (ROOT / document).read_text(encoding="utf-8")


def anchors(document):
    """Those that GitHub makes of the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(document)), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def dead_links(document, text):
    """Relative links of a text that lead nowhere, seen from where the document lies."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / document).parent / name if name else ROOT / document
        named = target.resolve().relative_to(ROOT).as_posix()
        folder = any(file.startswith(f"{named}/") for file in TRACKED)
        there = named in TRACKED or folder
        if not there or (anchor and anchor not in anchors(named)):
            dead.append(link)
    return dead


def splits_read(words):
    """Those that a command of a baseline reads: its flags', else the default ones."""
    read = set()
    defaults = {"train": ["train"], "valid": ["valid"], "test": ["test", "challenge"]}
    if "--test_only" in words:
        defaults = {"test": defaults["test"]}
    for kind, default in defaults.items():
        flag = f"--split_{kind}"
        behind = words[words.index(flag) + 1 :] if flag in words else default
        read |= {*itertools.takewhile(lambda word: not word.startswith("-"), behind)}
    return read


def commands(text):
    """Lines of a text's code blocks that start a program of ours: (module, words)."""
    found = []
    for language, block in FENCE.findall(text):
        if language not in ("", "bash"):
            continue
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            line = re.sub(r"#.*", "", line.strip()).replace("$i", "1")  # of a loop
            program = re.match(r"(?:python|torchrun) .*?(?:-m (\S+)|(\w+)/(\w+)\.py)(.*)", line)
            if program:
                module, folder, file, words = program.groups()
                found.append((module or f"{folder}.{file}", shlex.split(words)))
    return found


ALL_COMMANDS = [
    pytest.param(module, words, id=f"{document} {module} {' '.join(words)[:60]}")
    for document in DOCUMENTS
    for module, words in commands(text_of(document))
    if not module.startswith(MADE)
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    assert dead_links(document, text_of(document)) == []


def test_dead_links_are_noticed():
    text = "[a](nowhere.md) [b](README.md#no-such-heading) [c](https://example.org) [d](README.md)"
    assert dead_links("README.md", text) == ["nowhere.md", "README.md#no-such-heading"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document):
    """Paths of source files in running text: from the root, or from where the document lies."""
    names = re.findall(r"`([\w./]+/[\w./]+\.(?:py|md|toml|txt))`", FENCE.sub("", text_of(document)))
    beside = (ROOT / document).parent.relative_to(ROOT)
    lost = [name for name in names if not {name, (beside / name).as_posix()} & set(TRACKED)]
    assert [name for name in lost if not name.startswith(MADE)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_modules_that_are_named_exist(document):
    """`common.x.y` in running text is a module, or something public in one."""
    for name in set(re.findall(r"`(?:python -m )?(common(?:\.\w+)+)", text_of(document))):
        path = name.replace(".", "/")
        if {f"{path}.py", f"{path}/__init__.py"} & set(TRACKED):
            continue
        module, _, member = name.rpartition(".")
        assert hasattr(importlib.import_module(module), member), name


@pytest.mark.parametrize(("module", "words"), ALL_COMMANDS)
def test_commands_are_accepted(module, words):
    path = module.replace(".", "/")
    if f"{path}/__main__.py" in TRACKED:
        module = f"{module}.__main__"
    if module.startswith("benchmarks."):
        assert (f"{path}.py" in TRACKED, words) == (True, [])
        return
    program = importlib.import_module(module)
    if hasattr(program, "parse_arguments"):
        try:
            program.parse_arguments(words)
        except UserError as error:  # here is no such run
            assert re.match("there is no run to (resume|test) in ", str(error))
    else:
        flags = {word for word in words if word.startswith("-")}
        assert flags <= set(re.findall(r"-[\w-]+", succeeds(ROOT, "-m", module, "--help").stdout))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_trained_on_was_extracted(document):
    """In a block of commands: of all splits that a training reads features were made before."""
    for language, block in FENCE.findall(text_of(document)):
        made = {}  # by data root; None: of all games
        for module, words in commands(f"```{language}\n{block}```"):
            if module == "common.extract_features":
                args = importlib.import_module(module).parse_arguments(words)
                made[args.SoccerNet_path] = args.split
            elif module.endswith(".main") and "--SoccerNet_path" in words:
                root = Path(words[words.index("--SoccerNet_path") + 1])
                if made.get(root) is not None:
                    assert splits_read(words) <= {*made[root]}, block


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_of_commands_can_be_pasted(document):
    """No prompt before them, no output between them, nothing left out or in brackets."""
    for language, block in FENCE.findall(text_of(document)):
        assert not re.search(r"^\$ ", block, re.MULTILINE), block
        if language == "bash":
            assert not re.search(r"…|\[-|\.\.\.", block), block


def test_what_own_data_invents_can_be_invented_again(tmp_path, monkeypatch):
    """Its snippet, of fewer and shorter games, typed twice."""
    (snippet,) = (block for language, block in FENCE.findall(text_of("docs/own_data.md"))
                  if language == "python")  # fmt: skip
    small = snippet.replace("4, 8, 4, 32", "1, 2, 4, 8").replace('"train": 12', '"train": 1')
    assert small.count("1, 2, 4, 8") == 1 and '"train": 1,' in small
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        exec(small, {})
    root = tmp_path / "data" / "water_polo"
    assert len(list(root.rglob("1_Mine.npy"))) == 9 and (root / "splits.json").is_file()


def test_own_data_shows_what_is_printed():
    text = text_of("docs/own_data.md")
    assert FEW_GAMES_WARNING in text  # of three games
    title = f"average-mAP (%), polo, test: 3 games at {EVALUATION_FRAMERATE} frames per second"
    assert title in " ".join(text.split())


def test_commands_are_found():
    text = "```bash\npython -m common.x a \\\n    --b  # why\n  python A/main.py\n```\n"
    assert commands(text) == [("common.x", ["a", "--b"]), ("A.main", [])]
    assert len(ALL_COMMANDS) > 50
