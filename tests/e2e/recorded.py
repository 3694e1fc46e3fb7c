"""The recorded data of tests/data."""
import lzma
import os
import re

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\(.)')


def text(name):
    with lzma.open(os.path.join(DATA, name), "rt", encoding="utf-8") as file:
        return file.read()


def unescape(value):
    return _ESCAPE.sub(lambda m: "\n" if m.group(1) == "n" else m.group(1), value)


def scrapes():
    """[[(labels, time_ms, value)]], one list per scrape."""
    out = []
    known = {}
    for line in text("scrapes.prom.xz").splitlines():
        if line.startswith("#SCRAPE"):
            out.append([])
            continue
        head, value, time_ms = line.rsplit(" ", 2)
        labels = known.get(head)
        if labels is None:
            brace = head.index("{")
            labels = {"__name__": head[:brace]}
            labels.update((n, unescape(v)) for n, v in _LABEL.findall(head[brace:]))
            labels = {n: v for n, v in labels.items() if v}  # an empty label is no label
            known[head] = labels
        out[-1].append((labels, int(time_ms), float(value)))
    return out


def nab():
    """(text, {series: {time_ms: value}}): of two values at one time the later line counts."""
    lines = text("nab.lp.xz")
    series = {}
    for line in lines.splitlines():
        key, value, time_ns = line.split(" ")
        name = key.split("series=")[1]
        series.setdefault(name, {})[int(time_ns) // 1_000_000] = float(value.split("=")[1])
    return lines, series
