"""Headless Chromium, driven by its DevTools protocol over a pipe, for docs/pictures.py and tests."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time

PATIENCE_S = 300  # what takes seconds on an idle machine has failed if it takes this long
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe"),
)


def find():
    """Return the path of Chromium, or None if it is not installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Chromium:
    """A browser with one page open. Collects console errors (complaints) and the addresses of requests."""

    def __init__(self, executable):
        self.complaints, self.requests, self._count, self._buffer = [], [], 0, b""
        deep = len(tempfile.gettempdir()) > 50  # its socket's path would not fit in an address
        self._home = tempfile.TemporaryDirectory(dir="/tmp" if deep else None, ignore_cleanup_errors=True)
        (given, self._to), (self._from, told) = os.pipe(), os.pipe()
        # above 9, so that neither is overwritten when both become 3 and 4 in the browser
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (given, told)]
        arguments = [executable, *FLAGS, f"--user-data-dir={self._home.name}", "about:blank"]
        wires = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(ends, 3)]
        wires += [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1, 2)]
        environment = {**os.environ, "HOME": self._home.name, "TMPDIR": self._home.name}
        self._pid = os.posix_spawn(executable, arguments, environment, file_actions=wires, setpgroup=0)
        for end in (given, told, *ends):
            os.close(end)
        self._session = None
        page = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, timeout_s=PATIENCE_S, **parameters):
        """Call a method of the protocol; return its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self, deadline):
        """Return the next message. Note errors and requests."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            assert data, "Chromium does not answer"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        method, about = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"])
        elif method == "Log.entryAdded" or (
            method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert")
        ):
            self.complaints.append(about)
        elif method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        return message

    def open(self, path, width=1280, height=900, dark=False):
        """Open a file in a window of this size. Returns when the page has loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=f"file://{path}")
        self.until("document.readyState === 'complete' && location.protocol === 'file:'")

    def evaluate(self, expression):
        """Return the value of a JavaScript expression, awaited. It counts as an action of the user."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True,
                           userGesture=True)  # fmt: skip
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression, timeout_s=PATIENCE_S):
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + timeout_s
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.02)

    def press(self, key, code=None):
        """Press and release a key."""
        known = {"Tab": 9, "Enter": 13, " ": 32}
        event = {
            "key": key,
            "code": code or key,
            "windowsVirtualKeyCode": known.get(key, ord(key[0].upper())),
        }
        if len(key) == 1 or key == "Enter":
            event["text"] = "\r" if key == "Enter" else key
        self.call("Input.dispatchKeyEvent", type="keyDown", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in event.items() if k != "text"})

    def choose_file(self, selector, path):
        """Choose a file in the file input of a CSS selector."""
        found = self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self.call("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])

    def download_to(self, folder):
        """Allow downloads, into a folder."""
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self, path, whole=False):
        """Write a PNG of the window, or of the entire page."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        """End the browser."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)
        self._home.cleanup()
