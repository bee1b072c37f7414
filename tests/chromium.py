"""A chromium without a window, driven over the pipe of its own protocol: real keys, real clicks."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--mute-audio", "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe",
)  # fmt: skip
WAIT = 60  # seconds, for an answer
# The protocol is spoken over the descriptors 3 and 4.
_START = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, end in enumerate(ends, 3):
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
_CODES = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowUp": 38, "ArrowDown": 40, "Enter": 13,
          "Escape": 27, "Backspace": 8, " ": 32, "Tab": 9, "Delete": 46}  # fmt: skip
_MODIFIERS = {"Alt": 1, "Ctrl": 2, "Shift": 8}


def installed():
    """Path of a browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """A tab, or a few. `complaints` are exceptions, errors on the console and refused requests."""

    def __init__(self, binary, folder):
        their_in, self._out = os.pipe()
        self._in, their_out = os.pipe()
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        words = [binary, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(their_in), str(their_out), *words],
            pass_fds=(their_in, their_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(their_in)
        os.close(their_out)
        self._number, self._rest, self._session, self.complaints = 0, b"", None, []
        self._downloads, self._names = {}, {}  # how far each file is; names of files on their way
        self._profile = None
        self.forget()

    def forget(self):
        """Goes on in a new tab of a new profile: nothing that a page has kept is there."""
        left, self._session = self._profile, None
        profile = self._profile = self.call("Target.createBrowserContext")
        self.call("Browser.setDownloadBehavior", behavior="allow", eventsEnabled=True,
                  downloadPath=str(self.downloads), **profile)  # fmt: skip
        name = self._new_tab()
        if left:
            self.call("Target.disposeBrowserContext", **left)
        self.turn_to(name)

    def _new_tab(self):
        page = self.call("Target.createTarget", url="about:blank", **self._profile)
        return self.call("Target.attachToTarget", flatten=True, **page)["sessionId"]

    def turn_to(self, name):
        """Goes on in the tab of this name."""
        self._session = name
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def beside(self):
        """Goes on in a second tab of the same profile; returns the names of both, see `turn_to`."""
        left, self._session = self._session, None
        self.turn_to(self._new_tab())
        return left, self._session

    def close(self):
        self._session = None
        try:
            self.call("Browser.close")
            self._process.wait(WAIT)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._in)
            os.close(self._out)

    def call(self, method, **parameters):
        """Sends a command, returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _next(self):
        deadline = time.monotonic() + WAIT
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], deadline - time.monotonic())
            part = os.read(self._in, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError("the browser does not answer")
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        self._listen(message.get("method"), message.get("params", {}))
        return message

    def _listen(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or str(details))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Browser.downloadWillBegin":
            self._names[params["guid"]] = params["suggestedFilename"]
        elif method == "Browser.downloadProgress":
            self._downloads[self._names[params["guid"]]] = params["state"]
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.complaints.append(str(params["args"]))

    def open(self, address, *, width=1280, height=800, dark=False, phone=False):
        """Loads a page in a window of this size."""
        self.complaints.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=phone)  # fmt: skip
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script):
        """The value of an expression in the page, or of the promise that it is."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                          returnByValue=True, userGesture=True)  # fmt: skip
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def wait(self, condition, seconds=WAIT):
        """Waits until an expression is true in the page; returns its value."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(condition)):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.02)
        return value

    def press(self, *keys):
        """Presses keys one after the other: "a", "Shift+U", "Alt+ArrowRight", "?"."""
        for name in keys:
            *held, key = name.split("+") if len(name) > 1 else [name]
            code = _CODES.get(key) or (ord(key.upper()) if key.isalnum() else 0)
            modifiers = sum(_MODIFIERS[each] for each in held)
            text = (
                {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
            )
            common = {"key": key, "modifiers": modifiers, "windowsVirtualKeyCode": code}
            typed = text if not modifiers & 3 else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **common, **typed)
            self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, x, y, to=None):
        """Clicks at a place of the window, or drags from it to another."""
        button = {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **button)
        if to:
            for part in (0.25, 0.5, 0.75, 1):
                at = {"x": x + part * (to[0] - x), "y": y + part * (to[1] - y)}
                self.call("Input.dispatchMouseEvent", type="mouseMoved", buttons=1, **at)
            x, y = to
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, **button)

    def click_on(self, selector):
        """Clicks in the middle of an element."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.click(*box)

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def saved(self, name):
        """Content of a file that the page has saved; the file is gone afterwards."""
        deadline = time.monotonic() + WAIT
        while self._downloads.get(name) != "completed":
            assert time.monotonic() < deadline, f"{name} was not saved, but {self._downloads}"
            time.sleep(0.02)
            self.run("0")  # what happens meanwhile is told before the answer
        del self._downloads[name]
        path = self.downloads / name
        content = path.read_bytes()
        path.unlink()
        return content
