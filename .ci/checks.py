"""The steps of .ci/run. Each writes build/ci/<name>.log; a failed one shows the end of it, and the others go on.

    .ci/run                the steps in DEFAULT
    .ci/run asan fuzz      only these
"""
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(TOP, "build", "ci")
# The black-box suites live beside the checkout and not in it.
SUITES = os.path.abspath(os.environ.get("SILVERBACK_SUITES", os.path.join(TOP, "..", "shared")))
FUZZ_SECONDS = 20
# Past this, steps that can wait for the next run are left out, so that a slow machine is done within the hour.
BUDGET_S = 40 * 60
BEGIN = time.monotonic()
# What waits for a clock may fail once on a machine that is busy. It is named as such, and what a sanitizer finds counts
# nevertheless.
PATIENT = ("--repeat", "until-pass:2")
SERVER = os.path.join(TOP, "build/release/silverback") + " --storage.path={dir} --web.listen-address=127.0.0.1:{port}"

passed = 0
failed = 0


def say(text):
    print(text, flush=True)


def count(good, bad=0):
    global passed, failed
    passed += good
    failed += bad


def run(name, command, timeout, environment=None, judge=True):
    """Runs to the end or to the timeout. Returns (exit code, output). judge=False: the code alone says nothing."""
    os.makedirs(LOGS, exist_ok=True)
    path = os.path.join(LOGS, name + ".log")
    begin = time.monotonic()
    with open(path, "wb") as log:
        process = subprocess.Popen(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                   env={**os.environ, **(environment or {})}, start_new_session=True)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = "timeout"
    with open(path, encoding="utf-8", errors="replace") as log:
        output = log.read()
    verdict = "ok  " if code == 0 else "FAIL" if judge else "ran "
    say(f"{verdict}  {name}  {time.monotonic() - begin:.0f} s" + ("" if code == 0 else f"  (exit {code})"))
    return code, output


def show_end(output, lines=40):
    say("\n".join("    " + line for line in output.splitlines()[-lines:]))


def check(name, command, timeout, environment=None):
    """A step that counts as one."""
    code, output = run(name, command, timeout, environment)
    count(int(code == 0), int(code != 0))
    if code != 0:
        show_end(output)
    return code == 0


def build(preset, *targets, options=(), timeout=2400):
    if not check(f"configure.{preset}", ["cmake", "--preset", preset, *options], 120):
        return False
    return check(f"build.{preset}", ["cmake", "--build", f"build/{preset}", *[x for t in targets for x in ("--target", t)]], timeout)


# What a sanitizer says, and nothing else.
FINDING = re.compile(r"(?:ERROR|WARNING): \w+Sanitizer|:\d+:\d+: runtime error: ")


def ctest(preset, *arguments, timeout=1800):
    """Counts the cases inside the programs as well as ctest's own tests."""
    code, output = run(f"ctest.{preset}", ["ctest", "--test-dir", f"build/{preset}", "--verbose", "--timeout", "900",
                                           "-j", str(os.cpu_count()),
                                           *arguments], timeout)
    # The last of each test, which may have run twice.
    cases = sum(map(int, dict(re.findall(r"^(\d+): (?:\[  PASSED  \] |Ran )(\d+) tests?\b", output, re.M)).values()))
    summary = re.search(r"(\d+)% tests passed, (\d+) tests failed out of (\d+)", output)
    if not summary or int(summary.group(3)) == 0:
        count(0, 1)
        show_end(output)
        return
    bad = int(summary.group(2))
    found = [line for line in output.splitlines() if FINDING.search(line)]
    if found:
        count(0, 1)
        say("\n".join("    " + line for line in found[:20]))
    for again in sorted(set(re.findall(r"Test +#\d+: (\S+).*\*\*\*", output))):
        say(f"note  {preset}: {again} failed at least once")
    count(cases + int(summary.group(3)) - bad, bad)
    if code != 0:
        if not bad:
            count(0, 1)
        shown = [line for line in output.splitlines()
                 if re.search(r"Failure|FAILED|FAIL:|ERROR|Error|Sanitizer|\(Failed\)|Timeout", line)]
        say("\n".join("    " + line for line in shown[-60:]))


def late():
    return time.monotonic() - BEGIN > BUDGET_S


# ---- steps

def step_format():
    check("format", ["scripts/format", "--check"], 300)


def step_release():
    if build("release", options=("-DSILVERBACK_TESTS=ON", "-DSILVERBACK_BENCH=ON")):
        ctest("release", *PATIENT)
    check("check-config", ["build/release/silverback", "check", "config", "config/silverback.yml"], 10)


def step_bench():
    for program in sorted(glob.glob(os.path.join(TOP, "build/release/*_bench"))):
        check("bench." + os.path.basename(program), [program, "--benchmark_min_time=0.001"], 300)


def step_asan():
    """The other compiler, its warnings and lock checks, both sanitizers and the fuzz targets: one build for all."""
    if build("asan"):
        ctest("asan", *PATIENT)


def step_tsan():
    """The rooms with threads, and the whole server."""
    wanted = ["storage_tests", "query_tests", "kafka_tests", "alerting_tests", "api_tests", "silverback"]
    if build("tsan", *wanted, options=("-DSILVERBACK_BENCH=OFF",)):
        ctest("tsan", "-R", "^(storage_tests|query_tests|kafka_tests|alerting_tests|api_tests|e2e[.](durability|process|roundtrip|rules))$",
              *PATIENT, timeout=2400)


def step_fuzz():
    programs = sorted(glob.glob(os.path.join(TOP, "build/asan/*_fuzz")))
    if not programs and build("asan"):  # the step asan has not run, or failed
        programs = sorted(glob.glob(os.path.join(TOP, "build/asan/*_fuzz")))
    count(0, int(not programs))

    def fuzz(program):
        name = os.path.basename(program)
        corpus = os.path.join(TOP, "tests/fuzz", name)
        fresh = os.path.join(TOP, "build/asan/corpus", name)
        os.makedirs(fresh, exist_ok=True)
        return run("fuzz." + name, [program, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048",
                                    f"-artifact_prefix={LOGS}/{name}-", fresh, *([corpus] if os.path.isdir(corpus) else [])],
                   FUZZ_SECONDS + 60)

    # Each keeps one core busy.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for code, output in pool.map(fuzz, programs):
            count(int(code == 0), int(code != 0))
            if code != 0:
                show_end(output)


def floors():
    out = {}
    with open(os.path.join(TOP, ".ci", "floors"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, number = line.split()
                out[name] = int(number)
    return out


def hold_floor(name, reached, total):
    floor = floors().get(name, 0)
    good = reached >= floor
    say(f"{'ok  ' if good else 'FAIL'}  {name}: {reached} of {total}, floor {floor}" +
        (f" (raise it to {reached})" if reached > floor else ""))
    count(int(good), int(not good))


def suite(name, *command, timeout):
    """Runs a suite that writes JSON; its exit code says less than its figures do."""
    path = os.path.join(LOGS, name + ".json")
    if os.path.exists(path):
        os.unlink(path)
    _, output = run(name, [*command, "--json", path], timeout, judge=False)
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file), output
    except (OSError, ValueError):
        count(0, 1)
        show_end(output)
        return None, output


def step_suites():
    if not os.path.isdir(SUITES):
        say(f"skip  suites: no {os.path.basename(SUITES)} beside the checkout")
        return
    promql = os.path.join(SUITES, "conformance/promql")
    torture = os.path.join(SUITES, "torture")
    python = [sys.executable, "-B"]
    features = "--enable-feature=promql-experimental-functions,promql-delayed-name-removal"

    doc, _ = suite("promqltest", *python, f"{promql}/promqltest.py", "--server", f"{SERVER} {features} --self-scrape.interval=0s",
                   "-j", "2", *sorted(glob.glob(f"{promql}/testdata/*.test")), timeout=1200)
    if doc:
        plain = [e for e in doc["evals"] if not e["features"]]
        hold_floor("promqltest.all", doc["passed"], doc["total"])
        hold_floor("promqltest.plain", sum(e["ok"] for e in plain), len(plain))

    doc, _ = suite("remotewrite", *python, f"{promql}/remotewrite_receiver.py", "--server", SERVER, timeout=300)
    if doc:
        for version in ("v1", "v2"):
            checks = [c for c in doc if c["version"] == version and c["result"] != "skip"]
            hold_floor(f"remotewrite.{version}", sum(c["result"] == "pass" for c in checks), len(checks))

    if late():
        say("skip  torture: over the time budget")
        return
    template = SERVER.replace("{dir}", "{data}")
    doc, output = suite("crash", *python, f"{torture}/crash.py", "--profile", "silverback", "--cmd", template, "--quick",
                        "--variants", "kill9,term,stopkill,killreplay,killflush,torn", timeout=300)
    if doc:
        hold_floor("crash", int(bool(doc.get("pass"))), 1)
        if not doc.get("pass"):
            show_end(output)
    doc, output = suite("badinput", *python, f"{torture}/badinput.py", "--profile", "silverback", "--cmd", template,
                        "--strict", timeout=900)
    if doc:
        cases = doc.get("results") or doc.get("cases") or []
        hold_floor("badinput", sum(c.get("verdict") == ["ok"] for c in cases), len(cases))


STEPS = {"format": step_format, "release": step_release, "bench": step_bench, "suites": step_suites,
         "asan": step_asan, "tsan": step_tsan, "fuzz": step_fuzz}
# What runs without arguments, in this order.
DEFAULT = ["format", "release", "bench", "suites", "asan", "tsan", "fuzz"]
CAN_WAIT = {"tsan", "fuzz"}


def main():
    wanted = sys.argv[1:] or DEFAULT
    unknown = [name for name in wanted if name not in STEPS]
    if unknown:
        sys.exit(f"no such step: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    for name in wanted:
        if late() and name in CAN_WAIT:
            say(f"skip  {name}: over the time budget")
            continue
        STEPS[name]()
    say(f"{time.monotonic() - BEGIN:.0f} s")
    say(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
