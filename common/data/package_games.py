"""Data sets that the SoccerNet package's evaluator knows by name: their games and classes."""

from common.data.events import EventClasses
from common.data.games import official_splits
from common.errors import UserError

# Lists of games in the package: data set and task -> how the names of the files begin.
_LISTS = {
    ("SoccerNet", "spotting"): "SoccerNetGames",
    ("SoccerNet", "spotting-ball"): "Ball",
    ("SoccerNet", "caption"): "SoccerNetCaption",
    ("SoccerNet", "camera-changes"): "SoccerNetCameraChanges",
    ("SoccerNet", "frames"): "SoccerNetFrames",
    ("Headers", "spotting"): "Headers",
    ("Headers-headimpacttype", "spotting"): "Headers",
    ("Ball", "spotting"): "Ball",
}
_HEAD_IMPACTS = (
    "1. Purposeful header",
    "2. Header Duel",
    "3. Attempted header",
    "4. Unintentional header",
    "5. Other head impacts",
)
_CLASSES = {
    ("SoccerNet", "caption"): EventClasses(("comments",), "Labels-caption.json"),
    ("Headers", "spotting"): EventClasses(("Header",), "Labels-Header.json"),
    ("Headers-headimpacttype", "spotting"): EventClasses(_HEAD_IMPACTS, "Labels-Header.json"),
    ("Ball", "spotting"): EventClasses(("PASS", "DRIVE"), "Labels-ball.json"),
}


def package_splits(dataset: str, task: str) -> dict[str, list[str]]:
    """Games of each split. Raises UserError for a data set or task that the package has not."""
    lists = _LISTS.get((dataset, task))
    if lists is None:
        known = ", ".join(f"{d} ({t})" for d, t in _LISTS)
        raise UserError(f"unknown dataset {dataset!r} with task {task!r}; choose of {known}")
    return official_splits(lists)


def package_classes(dataset: str, task: str) -> EventClasses | None:
    """Classes of a data set other than SoccerNet-v1 and -v2; None where the package has none."""
    return _CLASSES.get((dataset, task))
