"""The recipes of docs/cookbook, run as they stand there: shell blocks into one bash, text blocks are what must come."""
import concurrent.futures
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import harness

FOLDER = os.path.join(harness.TOP, "docs/cookbook")


def blocks(page):
    """(language, text) of the code blocks of a page, in order."""
    with open(os.path.join(FOLDER, page), encoding="utf-8") as file:
        return re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.M | re.S)


HANDED_OUT = set()
LOCK = threading.Lock()


def free_port():
    """One that no other page has."""
    with LOCK:
        while True:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                port = one.getsockname()[1]
            if port not in HANDED_OUT:
                HANDED_OUT.add(port)
                return str(port)


class Shell:
    """A bash in a directory of its own. What it and its children write is in one file."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="silverback-cookbook-")
        os.symlink(os.path.abspath(harness.BINARY), os.path.join(self.directory, "silverback"))
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SILVERBACK_")}
        clean["PATH"] = self.directory + ":" + clean["PATH"]
        self.path = os.path.join(self.directory, "output")
        with open(self.path, "wb") as output:
            self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=output, stderr=output, env=clean,
                                            cwd=self.directory, start_new_session=True, text=True)
        self.ports = {}
        self.count = self.seen = 0

    def local(self, text):
        """Ports of the page become free ones, the place of the repository this one."""
        for port in re.findall(r"127\.0\.0\.1(?::|[\"'], )(\d+)", text):
            self.ports[port] = self.ports.get(port) or free_port()
        for port, own in self.ports.items():
            text = re.sub(rf"(?<!\d){port}(?!\d)", own, text)
        return text.replace("~/silverback", harness.TOP)

    def output(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def run(self, text):
        self.count += 1
        done = f"block {self.count} is done"
        self.process.stdin.write(self.local(text) + f"\necho '{done}'\n")
        self.process.stdin.flush()
        harness.wait_for(lambda: done in self.output(), 60, lambda: f"{text}\nhas not ended:\n{self.output()}")

    def expect(self, text):
        """Each line comes, in any order, after what was expected before."""
        begin = self.seen
        for line in filter(None, self.local(text).splitlines()):
            words = [r"[ \t]+".join(map(re.escape, part.split())) for part in line.split("...")]
            pattern = re.compile(".*".join(words))
            found = harness.wait_for(lambda: pattern.search(self.output(), begin), 20,
                                     lambda: f"{line}\nis not in:\n{self.output()[begin:]}")
            self.seen = max(self.seen, found.end())

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def follow(page):
    """Runs a page; raises where it says something else than the program."""
    hook = blocks("first-alert.md")[:1] if page != "first-alert.md" else []
    shell = Shell()
    try:
        for language, text in blocks("README.md") + hook + blocks(page):
            if language == "sh":
                shell.run(text.replace("silverback --config", "silverback --web.listen-address=127.0.0.1:9428 --config"))
            elif language == "text":
                shell.expect(text)
    finally:
        shell.close()


@unittest.skipUnless(shutil.which("bash") and shutil.which("curl"), "bash or curl is not installed")
class Cookbook(unittest.TestCase):
    """Pages mostly wait, so they run side by side."""

    NEEDS = {"from-alertmanager.md": "amtool"}

    def test_pages(self):
        pages = sorted(page for page in os.listdir(FOLDER) if page != "README.md")
        pages = [page for page in pages if page not in self.NEEDS or shutil.which(self.NEEDS[page])]
        self.assertIn("first-alert.md", pages)
        with concurrent.futures.ThreadPoolExecutor(len(pages)) as pool:
            for page, run in [(page, pool.submit(follow, page)) for page in pages]:
                with self.subTest(page):
                    run.result()

    def test_the_index_names_every_page(self):
        with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as file:
            named = set(re.findall(r"\]\(([a-z-]+\.md)\)", file.read()))
        self.assertEqual(named, set(os.listdir(FOLDER)) - {"README.md"})


if __name__ == "__main__":
    unittest.main()
